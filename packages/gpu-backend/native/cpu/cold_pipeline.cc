#include "cold_pipeline.h"

#include <algorithm>
#include <cstring>

#include "clock.h"

namespace fae::cpu {

namespace {
// Rows ahead of the one being copied whose cache lines are asked for.
constexpr size_t ahead = 16;
}  // namespace

ColdPipeline::ColdPipeline(const Job& job, const Tables& tables, Arena& host, Arena& device, Bus& bus, uint32_t threads)
    : job_(job), tables_(tables), bus_(bus), inputs_(job.look_ahead + 1), gatherers_(std::clamp(threads / 8, 1u, 4u)) {
  const uint64_t words = static_cast<uint64_t>(job.batch) * job.stride_words;
  staging_ = host.make<uint32_t>(words, "inputs");
  for (uint32_t i = 0; i <= job.look_ahead; i++) device_words_.push_back(device.make<uint32_t>(words, "inputs"));
  for (uint32_t t = 0; t < job.tables.size(); t++) {
    plans_.emplace_back(job, t);
    std::vector<float*> memory;
    for (uint32_t slot = 0; slot < tables.slots(); slot++) {
      memory.push_back(device.make<float>(static_cast<uint64_t>(plans_[t].slots()) * tables[t].widths[slot], "cold rows in flight"));
    }
    slots_.push_back(std::move(memory));
  }
}

ColdPipeline::~ColdPipeline() { end(); }

void ColdPipeline::begin(const RowSource& source, const uint32_t* batches, uint32_t count, uint32_t epoch, bool trains) {
  source_ = &source;
  batches_ = batches;
  count_ = count;
  epoch_ = epoch;
  trains_ = trains;
  planned_ = ready_ = finished_ = 0;
  fetched_ = forwarded_ = 0;
  read_seconds_ = gather_seconds_ = 0;
  failure_ = nullptr;
  stopping_ = false;
  for (ColdTable& plan : plans_) plan.begin();
  thread_ = start_thread([this] { work(); });
}

void ColdPipeline::end() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ColdPipeline::work() {
  for (uint32_t n = 0; n < count_; n++) {
    {
      // Batch n - k - 1 has gone back: its slots are free, and a row of it that is fetched again is current on the host.
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || finished_ + job_.look_ahead >= n; });
      if (stopping_) return;
    }
    try {
      prepare(n);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
    }
    const bool failed = failure_ != nullptr;
    {
      const std::lock_guard lock(mutex_);
      ready_ = n + 1;
    }
    changed_.notify_all();
    if (failed) return;
  }
}

void ColdPipeline::prepare(uint32_t n) {
  const double start = now();
  const uint32_t inputs = source_->copy_batch(batches_[n], epoch_, !trains_, staging_);
  const double read = now();
  read_seconds_ += read - start;
  inputs_[n % inputs_.size()] = inputs;
  const IdLayout layout = IdLayout::of_words(job_, staging_, inputs);
  const uint32_t tables = static_cast<uint32_t>(plans_.size());
  gatherers_.run(tables, [&](uint32_t t, uint32_t) { plans_[t].plan(layout, const_cast<int32_t*>(layout.ids)); });
  {
    const std::lock_guard lock(mutex_);
    planned_ = n + 1;
  }
  changed_.notify_all();
  gatherers_.run(tables, [&](uint32_t t, uint32_t) { fetch(t); });
  for (const ColdTable& plan : plans_) {
    fetched_ += plan.fetch().size();
    forwarded_ += plan.forwarded();
  }
  bus_.copy(traffic_inputs, to_device, device_words_[n % device_words_.size()], staging_, static_cast<uint64_t>(inputs) * job_.stride_words * 4);
  gather_seconds_ += now() - read;
}

void ColdPipeline::fetch(uint32_t t) {
  const std::vector<ColdRow>& rows = plans_[t].fetch();
  for (uint32_t slot = 0; slot < (trains_ ? tables_.slots() : 1); slot++) {
    const uint32_t width = tables_[t].widths[slot];
    float* to = slots_[t][slot];
    for (size_t i = 0; i < rows.size(); i++) {
      if (i + ahead < rows.size()) {
        const float* next = tables_.row(t, static_cast<int>(slot), rows[i + ahead].row);
        for (uint32_t c = 0; c < width; c += 16) __builtin_prefetch(next + c);
      }
      std::memcpy(to + static_cast<uint64_t>(rows[i].slot) * width, tables_.row(t, static_cast<int>(slot), rows[i].row), width * sizeof(float));
    }
    bus_.count(slot == 0 ? traffic_rows : traffic_row_state, to_device, rows.size() * width * sizeof(float));
  }
}

ColdBatch ColdPipeline::take(uint32_t n) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ready_ > n; });
  if (failure_ && ready_ == n + 1) std::rethrow_exception(failure_);
  return {device_words_[n % device_words_.size()], inputs_[n % inputs_.size()]};
}

void ColdPipeline::finish(uint32_t n, ThreadPool& pool) {
  bool failed = false;
  {
    // Whether a row is used again is known when the batches in flight are planned.
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return failure_ || planned_ >= std::min(n + job_.look_ahead + 1, count_); });
    failed = failure_ != nullptr;
  }
  if (trains_ && !failed) {
    pool.run(static_cast<uint32_t>(plans_.size()), [&](uint32_t t, uint32_t) {
      const std::vector<ColdRow> rows = plans_[t].write_back(n);
      for (uint32_t slot = 0; slot < tables_.slots(); slot++) {
        const uint32_t width = tables_[t].widths[slot];
        const float* from = slots_[t][slot];
        for (size_t i = 0; i < rows.size(); i++) {
          if (i + ahead < rows.size()) {
            const float* next = tables_.row(t, static_cast<int>(slot), rows[i + ahead].row);
            for (uint32_t c = 0; c < width; c += 16) __builtin_prefetch(next + c, 1);
          }
          std::memcpy(tables_.row(t, static_cast<int>(slot), rows[i].row), from + static_cast<uint64_t>(rows[i].slot) * width, width * sizeof(float));
        }
        bus_.count(slot == 0 ? traffic_rows : traffic_row_state, to_host, rows.size() * width * sizeof(float));
      }
    });
  }
  {
    const std::lock_guard lock(mutex_);
    finished_ = n + 1;
  }
  changed_.notify_all();
}

}  // namespace fae::cpu
