#include "routes/mixed_pipeline.h"

#include <algorithm>
#include <cstring>

#include "rows/cold_words.h"
#include "status.h"
#include "support/check.h"

namespace fae::cuda {

namespace {
constexpr uint32_t part_rows = 1024, ahead = 16;
constexpr int spins = 3000;

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}
}  // namespace

template <class Done>
void MixedPipeline::await(std::unique_lock<std::mutex>& lock, Done done) {
  while (!done()) {
    const uint64_t seen = version_.load(std::memory_order_relaxed);
    lock.unlock();
    for (int i = 0; i < spins && version_.load(std::memory_order_acquire) == seen; i++) relax();
    lock.lock();
    if (version_.load(std::memory_order_relaxed) == seen && !done()) {
      changed_.wait_for(lock, std::chrono::milliseconds(100), [&] { return version_.load(std::memory_order_relaxed) != seen; });
    }
  }
}

void MixedPipeline::announce() {
  version_.fetch_add(1, std::memory_order_release);
  changed_.notify_all();
}

std::vector<uint32_t> MixedPipeline::cold_slots(const Job& job) {
  std::vector<uint32_t> slots;
  for (uint32_t t = 0; t < job.tables.size(); t++) slots.push_back(ColdTable(job, t).slots());
  return slots;
}

MixedPipeline::MixedPipeline(const Job& job, Core& core, const HostRows& host, const DeviceRows& rows, uint32_t ring_slots)
    : job_(job), core_(core), host_(host), turns_(new std::atomic<uint32_t>[job.tables.size()]), plans_(ring_slots + job.look_ahead + 1) {
  Arena& arena = core.arena();
  for (uint32_t t = 0; t < job.tables.size(); t++) {
    tables_.emplace_back(job, t);
    const uint64_t ids = static_cast<uint64_t>(job.batch) * job.step_count() * job.tables[t].hotness;
    capacity_ += std::min<uint64_t>(ids, job.tables[t].rows - job.tables[t].hot_rows);
    for (uint32_t l = 0; l < job.tables[t].hotness && job.tables[t].hot_rows < job.tables[t].rows; l++) {
      cold_columns_.push_back(job.tables[t].first_id + l);
      cold_tables_.push_back(t);
      first_cold_.push_back(job.tables[t].hot_rows);
    }
  }
  const uint64_t ids = static_cast<uint64_t>(job.batch) * job.step_count() * job.ids_per_step;
  fetched_list_ = arena.reserve<uint32_t>(ids, "cold rows");
  written_list_ = arena.reserve<uint32_t>(ids, "cold rows");
  lists_.batch = job.batch, lists_.steps = job.step_count(), lists_.features = job.dense_features, lists_.ids = job.ids_per_step;
  lists_.stride_words = job.stride_words, lists_.tables = static_cast<uint32_t>(job.tables.size());
  counts_ = arena.reserve<uint2>(cold_list_blocks(lists_), "cold rows");
  uint64_t at = 0;
  in_.slots = 1 + static_cast<uint32_t>(host.slots());
  for (uint32_t s = 0; s < in_.slots; s++) {
    in_.slot_at[s] = at;
    in_.columns[s] = host.columns(static_cast<int>(s) - 1);
    in_.pitches[s] = rows.pitch(static_cast<int>(s) - 1);
    at += capacity_ * in_.columns[s];
  }
  in_.batch_floats = at;
  in_.bf16 = rows.bf16();
  device_in_ = arena.reserve<float>(at * cold_ring(), "cold rows");
  device_out_ = arena.reserve<float>(at * cold_ring(), "cold rows");
  for (BatchPlan& p : plans_) p.write_by_table.resize(job.tables.size());
}

void MixedPipeline::close() {
  const std::lock_guard lock(mutex_);
  closing_ = true;
  announce();
}

MixedPipeline::~MixedPipeline() {
  close();
  for (std::thread& thread : threads_) thread.join();
}

void MixedPipeline::allocate(Feeder& feeder, const DeviceRows& rows) {
  feeder_ = &feeder;
  lists_.row_base = rows.id_bases();
  lists_.bags = rows.all_bags();
  for (uint32_t s = 0; s < in_.slots; s++) in_.rows[s] = rows.array(static_cast<int>(s) - 1);
  staging_in_ = Pinned(device_in_.count * 4);
  staging_out_ = Pinned(device_out_.count * 4);
  returns_ = new_stream();
  for (uint32_t i = 0; i < cold_ring(); i++) {
    computed_.push_back(plain_event());
    returned_.push_back(plain_event());
  }
  const uint32_t cores = job_.threads ? job_.threads : usable_threads();
  const uint32_t gatherers = std::clamp(cores / 4, 1u, 4u);
  // The first brings rows back; the others gather and scatter.
  const auto body = [this](uint32_t number) {
    try {
      number == 0 ? return_rows() : work();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      announce();
    }
  };
  start_threads(threads_, 1 + gatherers, body, [this] { close(); });
}

void MixedPipeline::record_insert(Lanes& lanes, const uint32_t* ring, bool with_state) const {
  ColdLists lists = lists_;
  lists.ring = ring;
  lists.state = core_.state();
  lists.fetched = fetched_list_.get(), lists.written = written_list_.get(), lists.counts = counts_.get();
  list_cold_rows(lists, lanes.rows());
  ColdStaging in = in_;
  in.base = device_in_.get();
  insert_cold_rows(in, fetched_list_.get(), core_.state(), with_state ? in.slots : 1, lanes.rows());
}

void MixedPipeline::record_collect(Lanes& lanes) const {
  ColdStaging out = in_;
  out.base = device_out_.get();
  collect_cold_rows(out, written_list_.get(), core_.state(), lanes.rows());
}

DeviceLoop::Hooks MixedPipeline::begin(uint32_t count, bool training, double* seconds, uint64_t bytes[FAE_TRAFFIC][2]) {
  {
    const std::lock_guard lock(mutex_);
    for (ColdTable& table : tables_) table.begin();
    for (size_t t = 0; t < tables_.size(); t++) turns_[t] = 0;
    planned_flags_.assign(count, 0);
    gathered_.assign(count, 0);
    count_ = count;
    planned_ = offered_ = launched_ = back_ = 0;
    training_ = training;
    failure_ = nullptr;
    running_ = true;
    seconds_ = seconds, bytes_ = bytes;
    gather_seconds_ = update_seconds_ = 0;
    tasks_.clear();
    announce();
  }
  DeviceLoop::Hooks hooks;
  hooks.prepare = [this](uint32_t i, uint32_t inputs, uint32_t* words) { prepare(i, inputs, words); };
  hooks.record = [this](uint32_t i, StepRecord& record) { record.cold_slot = i % cold_ring(); };
  hooks.last_words = [this](uint32_t i) {
    const uint32_t needed = training_ ? std::min(count_, i + job_.look_ahead + 1) : i + 1;
    wait_until([&] { return planned_ >= needed && gathered_[i]; });
  };
  hooks.before_copy = [this](uint32_t i, cudaStream_t copies) { send(i, copies); };
  hooks.after_launch = [this](uint32_t i, cudaStream_t main) { receive(i, main); };
  hooks.finish = [this] { end(); };
  return hooks;
}

void MixedPipeline::list_uses(const IdLayout& layout, std::vector<std::vector<ColdUse>>& uses) const {
  for (auto& list : uses) list.clear();
  const size_t columns = cold_columns_.size();
  for (uint32_t b = 0; b < layout.inputs; b++) {
    for (uint32_t s = 0; s < layout.steps; s++) {
      const uint64_t at = b * layout.input_stride + s * layout.step_stride;
      for (size_t j = 0; j < columns; j++) {
        const int32_t id = layout.ids[at + cold_columns_[j]];
        // Ids are checked already; -1 is no row and not cold.
        if (id >= static_cast<int32_t>(first_cold_[j])) uses[cold_tables_[j]].push_back({static_cast<uint32_t>(id), static_cast<uint32_t>(at + cold_columns_[j])});
      }
    }
  }
}

// On a reader's thread: words are in place, now each table in turn.
void MixedPipeline::prepare(uint32_t i, uint32_t inputs, uint32_t* words) {
  const IdLayout layout = IdLayout::of_words(job_, words, inputs);
  thread_local std::vector<std::vector<ColdUse>> uses;
  uses.resize(tables_.size());
  list_uses(layout, uses);
  BatchPlan& mine = plan(i);
  mine.fetch.clear();
  uint64_t forwarded = 0;
  for (uint32_t t = 0; t < tables_.size(); t++) {
    if (job_.tables[t].hot_rows == job_.tables[t].rows) continue;
    for (int waited = 0; turns_[t].load(std::memory_order_acquire) != i; waited++) {
      if (feeder_->stopping()) fail(FAE_ENGINE, "The segment was given up.");
      if (waited > spins) std::this_thread::yield();
      else relax();
    }
    tables_[t].plan(uses[t], ids(i));
    for (const ColdRow& row : tables_[t].fetch()) {
      mine.fetch.push_back({t, row.row});
      ids(i)[row.place] |= static_cast<int32_t>(fetch_bit);
    }
    forwarded += tables_[t].forwarded();
    if (training_) {
      if (i >= job_.look_ahead) finish_table(t, i - job_.look_ahead);
      for (uint32_t n = i + 1 > job_.look_ahead ? i + 1 - job_.look_ahead : 0; i + 1 == count_ && n <= i; n++) finish_table(t, n);
    }
    turns_[t].store(i + 1, std::memory_order_release);
  }
  fetched_ += mine.fetch.size();
  forwarded_ += forwarded;
  publish(i);
}

// Batch `n`'s rows of a table that no later batch in flight uses: marked for the way back.
void MixedPipeline::finish_table(uint32_t table, uint32_t n) {
  std::vector<Reference>& list = plan(n).write_by_table[table];
  list.clear();
  for (const ColdRow& row : tables_[table].write_back(n)) {
    list.push_back({table, row.row});
    ids(n)[row.place] |= static_cast<int32_t>(write_bit);
  }
}

void MixedPipeline::publish(uint32_t i) {
  std::unique_lock lock(mutex_);
  planned_flags_[i] = 1;
  while (planned_ < count_ && planned_flags_[planned_]) planned_++;
  offer_gathers(lock);
  announce();
}

// A batch may be gathered when the host holds what it reads and its pinned slot is free.
void MixedPipeline::offer_gathers(std::unique_lock<std::mutex>&) {
  while (offered_ < planned_) {
    const uint32_t lag = training_ ? job_.look_ahead : cold_ring() - 1;
    if (offered_ > back_ + lag) break;
    offer(offered_, plan(offered_).fetch.size(), true);
    offered_++;
  }
}

void MixedPipeline::offer(uint32_t batch, size_t rows, bool gathers) {
  const uint32_t parts = ceil_div(rows, part_rows);
  plan(batch).parts_left = parts;
  for (uint32_t p = 0; p < parts; p++) {
    tasks_.push_back({batch, p * part_rows, static_cast<uint32_t>(std::min<size_t>(part_rows, rows - static_cast<size_t>(p) * part_rows)), gathers});
  }
  if (parts == 0 && gathers) gathered_[batch] = 1;
}

// Takes the oldest task, works on it without the lock, and tells when its batch is complete.
void MixedPipeline::take_task(std::unique_lock<std::mutex>& lock) {
  const Task task = tasks_.front();
  tasks_.pop_front();
  lock.unlock();
  const double begin = now_seconds();
  carry_out(task);
  const double took = now_seconds() - begin;
  lock.lock();
  (task.gathers ? gather_seconds_ : update_seconds_) += took;
  if (--plan(task.batch).parts_left == 0) {
    if (task.gathers) gathered_[task.batch] = 1;
    announce();
  }
}

void MixedPipeline::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    await(lock, [&] { return closing_ || !tasks_.empty(); });
    if (closing_) return;
    take_task(lock);
  }
}

void MixedPipeline::carry_out(const Task& task) {
  const BatchPlan& p = plan(task.batch);
  const std::vector<Reference>& list = task.gathers ? p.fetch : p.write;
  float* staging = (task.gathers ? staging_in_ : staging_out_).as<float>() + (task.batch % cold_ring()) * in_.batch_floats;
  const uint32_t slots = task.gathers && !training_ ? 1 : in_.slots;
  for (uint32_t s = 0; s < slots; s++) {
    const uint32_t n = in_.columns[s];
    float* packed = staging + in_.slot_at[s] + static_cast<uint64_t>(task.first) * n;
    const auto row = [&](uint32_t i) { return host_.row(list[i].table, static_cast<int>(s) - 1, list[i].row); };
    for (uint32_t i = task.first; i < task.first + task.count; i++, packed += n) {
      if (i + ahead < task.first + task.count) {
        const float* next = row(i + ahead);
        for (uint32_t c = 0; c < n; c += 16) __builtin_prefetch(next + c);
      }
      if (task.gathers) std::memcpy(packed, row(i), n * 4ull);
      else std::memcpy(row(i), packed, n * 4ull);
    }
  }
}

// Driver: fetched rows and their state to the device, on the copy stream.
void MixedPipeline::send(uint32_t i, cudaStream_t copies) {
  const uint64_t rows = plan(i).fetch.size(), at = (i % cold_ring()) * in_.batch_floats;
  const uint32_t slots = training_ ? in_.slots : 1;
  for (uint32_t s = 0; s < slots && rows > 0; s++) {
    const uint64_t bytes = rows * in_.columns[s] * 4, offset = at + in_.slot_at[s];
    FAE_CUDA(cudaMemcpyAsync(device_in_.get() + offset, staging_in_.as<float>() + offset, bytes, cudaMemcpyHostToDevice, copies));
    bytes_[s == 0 ? traffic_rows : traffic_row_state][to_device] += bytes;
  }
}

// Driver: after the step, rows that go back start on their way.
void MixedPipeline::receive(uint32_t i, cudaStream_t main) {
  const uint32_t ring = i % cold_ring();
  FAE_CUDA(cudaEventRecord(computed_[ring], main));
  FAE_CUDA(cudaStreamWaitEvent(returns_, computed_[ring], 0));
  if (training_) {
    BatchPlan& p = plan(i);
    p.write.clear();
    for (const auto& list : p.write_by_table) p.write.insert(p.write.end(), list.begin(), list.end());
    for (uint32_t s = 0; s < in_.slots && !p.write.empty(); s++) {
      const uint64_t bytes = p.write.size() * in_.columns[s] * 4, offset = ring * in_.batch_floats + in_.slot_at[s];
      FAE_CUDA(cudaMemcpyAsync(staging_out_.as<float>() + offset, device_out_.get() + offset, bytes, cudaMemcpyDeviceToHost, returns_));
      bytes_[s == 0 ? traffic_rows : traffic_row_state][to_host] += bytes;
    }
  }
  FAE_CUDA(cudaEventRecord(returned_[ring], returns_));
  const std::lock_guard lock(mutex_);
  launched_ = i + 1;
  announce();
}

// The returns thread. It helps with the tasks it hands out: small batches never wait for another thread.
void MixedPipeline::return_rows() {
  std::unique_lock lock(mutex_);
  while (true) {
    await(lock, [&] { return closing_ || (running_ && !failure_ && back_ < launched_); });
    if (closing_) return;
    const uint32_t i = back_;
    lock.unlock();
    const cudaError_t status = cudaEventSynchronize(returned_[i % cold_ring()]);
    lock.lock();
    if (status != cudaSuccess) {
      try {
        check(status, "the copy of cold rows back to the host");
      } catch (...) {
        failure_ = std::current_exception();
      }
      announce();
      continue;
    }
    if (training_ && !plan(i).write.empty()) {
      offer(i, plan(i).write.size(), false);
      announce();
      while (!tasks_.empty() && plan(i).parts_left > 0) take_task(lock);
      await(lock, [&] { return closing_ || plan(i).parts_left == 0; });
      if (closing_) return;
    }
    back_ = i + 1;
    const uint32_t offered = offered_;
    offer_gathers(lock);
    announce();
    while (offered_ > offered && !tasks_.empty()) take_task(lock);
  }
}

void MixedPipeline::wait_until(const std::function<bool()>& done) {
  std::unique_lock lock(mutex_);
  await(lock, [&] { return failure_ || done() || feeder_->stopping(); });
  if (failure_) std::rethrow_exception(failure_);
  if (done()) return;
  // A reader that failed will never plan its batch: let the feeder say why.
  lock.unlock();
  feeder_->rethrow();
  fail(FAE_ENGINE, "The segment was given up.");
}

void MixedPipeline::end() {
  wait_until([&] { return back_ == launched_; });
  const std::lock_guard lock(mutex_);
  running_ = false;
  seconds_[stage_gather] += gather_seconds_;
  seconds_[stage_copy] += update_seconds_;
}

}  // namespace fae::cuda
