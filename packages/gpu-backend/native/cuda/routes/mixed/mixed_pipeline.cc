#include "routes/mixed/mixed_pipeline.h"

#include <algorithm>

#include "status.h"
#include "thread_pool.h"

namespace fae::cuda {

namespace {
// Batches whose rows are between host and device: k ahead, the current one, and two on their way.
uint32_t batches_in_flight(const Job& job) { return job.look_ahead + 3; }
}  // namespace

MixedPipeline::MixedPipeline(const Job& job, Core& core, const HostRows& host, const DeviceRows& rows)
    : job_(job), core_(core), planner_(job), staging_(host, rows, batches_in_flight(job), planner_.capacity(), core.arena()),
      pool_(host, staging_, planner_, progress_), returns_(staging_, pool_, progress_) {
  Arena& arena = core.arena();
  const uint64_t ids = static_cast<uint64_t>(job.batch) * job.step_count() * job.ids_per_step;
  fetched_list_ = arena.reserve<uint32_t>(ids, "cold rows");
  written_list_ = arena.reserve<uint32_t>(ids, "cold rows");
  lists_.batch = job.batch, lists_.steps = job.step_count(), lists_.features = job.dense_features, lists_.ids = job.ids_per_step;
  lists_.stride_words = job.stride_words, lists_.tables = static_cast<uint32_t>(job.tables.size());
  counts_ = arena.reserve<uint2>(cold_list_blocks(lists_), "cold rows");
}

MixedPipeline::~MixedPipeline() {
  progress_.close();
  for (std::thread& thread : threads_) thread.join();
}

void MixedPipeline::allocate(Feeder& feeder, const DeviceRows& rows) {
  feeder_ = &feeder;
  planner_.attach(feeder.ring(), feeder.stop_flag());
  staging_.allocate(rows);
  returns_.allocate();
  lists_.row_base = rows.id_bases();
  lists_.bags = rows.all_bags();
  const uint32_t cores = job_.threads ? job_.threads : usable_threads();
  const uint32_t gatherers = std::clamp(cores / 4, 1u, 4u);
  const auto body = [this](uint32_t number) {
    try {
      number == 0 ? returns_.work() : pool_.work();
    } catch (...) {
      progress_.fail();
    }
  };
  start_threads(threads_, 1 + gatherers, body, [this] { progress_.close(); });
}

void MixedPipeline::record_insert(Lanes& lanes, const uint32_t* ring, bool with_state) const {
  ColdLists lists = lists_;
  lists.ring = ring;
  lists.state = core_.state();
  lists.fetched = fetched_list_.get(), lists.written = written_list_.get(), lists.counts = counts_.get();
  list_cold_rows(lists, lanes.rows());
  insert_cold_rows(staging_.view(to_device), fetched_list_.get(), core_.state(), with_state ? staging_.slots() : 1, lanes.rows());
}

void MixedPipeline::record_collect(Lanes& lanes) const {
  collect_cold_rows(staging_.view(to_host), written_list_.get(), core_.state(), lanes.rows());
}

void MixedPipeline::report_to(bool training, double* seconds, uint64_t bytes[FAE_TRAFFIC][2]) {
  seconds_ = seconds, bytes_ = bytes;
  planner_.clear_counts();
  const std::lock_guard lock(progress_.mutex);
  progress_.training = training;
  progress_.lag = training ? job_.look_ahead : staging_.ring() - 1;
}

void MixedPipeline::begin(uint32_t count) {
  const std::lock_guard lock(progress_.mutex);
  planner_.begin(count, progress_.training);
  pool_.begin();
  count_ = count;
  is_planned_.assign(count, 0);
  progress_.planned = progress_.offered = progress_.launched = progress_.back = 0;
  progress_.failure = nullptr;
  progress_.running = true;
  progress_.changed.announce();
}

void MixedPipeline::prepare(uint32_t i, uint32_t inputs, uint32_t* words) {
  planner_.plan(i, inputs, words);
  publish(i);
}

void MixedPipeline::publish(uint32_t i) {
  const std::lock_guard lock(progress_.mutex);
  is_planned_[i] = 1;
  while (progress_.planned < count_ && is_planned_[progress_.planned]) progress_.planned++;
  pool_.offer_gathers();
  progress_.changed.announce();
}

// Marks for the way back are final once the batch k later, or the last one, is planned.
void MixedPipeline::await_words(uint32_t i) {
  wait_until([&] {
    const uint32_t needed = progress_.training ? std::min(count_, i + job_.look_ahead + 1) : i + 1;
    return progress_.planned >= needed && pool_.is_gathered(i);
  });
}

void MixedPipeline::before_copy(uint32_t i, cudaStream_t copies) {
  staging_.copy(to_device, i, planner_.fetched(i).size(), progress_.training ? staging_.slots() : 1, copies, bytes_);
}

void MixedPipeline::after_launch(uint32_t i, cudaStream_t main) {
  returns_.send(i, progress_.training ? planner_.returned(i) : std::vector<RowReference>(), main, bytes_);
}

template <class Done>
void MixedPipeline::wait_until(Done done) {
  std::unique_lock lock(progress_.mutex);
  progress_.changed.await(lock, [&] { return progress_.failure || done() || feeder_->stopping(); });
  if (progress_.failure) std::rethrow_exception(progress_.failure);
  if (done()) return;
  // A reader that failed will never plan its batch: the feeder says why.
  lock.unlock();
  feeder_->rethrow();
  fail(FAE_ENGINE, "The segment was given up.");
}

void MixedPipeline::finish() {
  wait_until([&] { return progress_.back == progress_.launched; });
  const std::lock_guard lock(progress_.mutex);
  progress_.running = false;
  seconds_[stage_gather] += pool_.seconds(to_device);
  seconds_[stage_copy] += pool_.seconds(to_host);
}

}  // namespace fae::cuda
