#include "routes/device_loop.h"

#include <algorithm>
#include <cstring>

#include "status.h"
#include "support/check.h"
#include "thread_pool.h"

namespace fae::cuda {

uint32_t reader_threads(const Job& job) {
  const uint32_t cores = job.threads ? job.threads : usable_threads();
  return std::clamp(cores / 3, 1u, 6u);
}

// Deep enough that small batches do not wait for a thread's turn, small enough that large ones stay in the cache.
uint32_t feeder_slots(const Job& job) {
  const uint64_t bytes = static_cast<uint64_t>(job.batch) * job.stride_words * 4;
  return static_cast<uint32_t>(std::clamp<uint64_t>((32ull << 20) / std::max<uint64_t>(bytes, 1), 8, 32));
}

DeviceLoop::DeviceLoop(const Job& job, Core& core, uint32_t least_slots)
    : job_(job), core_(core), slots_(std::max(feeder_slots(job), least_slots)) {
  ring_ = core.arena().reserve<uint32_t>(static_cast<size_t>(slots_) * job.batch * job.stride_words, "input ring");
}

void DeviceLoop::allocate() {
  feeder_ = std::make_unique<Feeder>(reader_threads(job_), slots_, static_cast<size_t>(job_.batch) * job_.stride_words);
  scores_ = Pinned(static_cast<size_t>(slots_) * job_.batch * 4);
  copies_ = new_stream();
  for (uint32_t s = 0; s < slots_; s++) {
    copy_begin_.push_back(timed_event());
    copied_.push_back(timed_event());
    consumed_.push_back(plain_event());
  }
}

uint64_t DeviceLoop::host_bytes() const {
  return static_cast<uint64_t>(slots_) * job_.batch * (job_.stride_words + 1) * 4;
}

void DeviceLoop::run(const SegmentCall& call, const Graph& graph, const Graph* several, BatchHooks* hooks, double* losses, double* seconds, uint64_t bytes[FAE_TRAFFIC][2]) {
  for (uint32_t first = 0; first < call.count; first += Core::most_steps) {
    SegmentCall piece = call;
    piece.batches += first;
    piece.learning_rates += first;
    piece.count = std::min(Core::most_steps, call.count - first);
    part(piece, graph, several, hooks, losses + first, seconds, bytes, nullptr);
  }
}

void DeviceLoop::evaluate(const RowSource& source, const Graph& graph, BatchHooks* hooks, float* scores, fae_evaluation& evaluation, double* seconds) {
  std::vector<uint32_t> batches(source.batches());
  for (uint32_t b = 0; b < batches.size(); b++) batches[b] = b;
  std::vector<double> losses(batches.size());
  double sum = 0;
  for (uint32_t first = 0; first < batches.size(); first += Core::most_steps) {
    const uint32_t count = std::min<uint32_t>(Core::most_steps, static_cast<uint32_t>(batches.size()) - first);
    const SegmentCall call{Route::device, &source, 0, batches.data() + first, nullptr, count};
    part(call, graph, nullptr, hooks, losses.data() + first, seconds, evaluation.bytes, scores + static_cast<size_t>(first) * job_.batch);
  }
  for (uint32_t b = 0; b < batches.size(); b++) sum += losses[b] * source.inputs(b);
  evaluation.inputs = source.rows();
  evaluation.loss = source.rows() ? sum / source.rows() : 0;
}

void DeviceLoop::part(const SegmentCall& call, const Graph& graph, const Graph* several, BatchHooks* hooks, double* losses, double* seconds,
                      uint64_t bytes[FAE_TRAFFIC][2], float* scores) {
  if (call.count == 0) return;
  const bool training = scores == nullptr;
  if (hooks) hooks->begin(call.count);
  const cudaStream_t main = core_.lanes().main();
  const size_t batch_words = static_cast<size_t>(job_.batch) * job_.stride_words;
  std::vector<StepRecord> records(call.count);
  for (uint32_t i = 0; i < call.count; i++) {
    records[i] = {call.source->inputs(call.batches[i]), i % slots_, training ? static_cast<float>(call.learning_rates[i]) : 0.f, 0,
                  static_cast<double>(core_.updates + i + 1)};
    if (hooks) records[i].cold_slot = hooks->cold_slot(i);
  }
  core_.begin(records);
  feeder_->start({call.source, call.batches, call.count, call.epoch, !training, hooks});
  const auto copy_time = [&](uint32_t i) {
    float milliseconds = 0;
    FAE_CUDA(cudaEventSynchronize(copied_[i % slots_]));
    FAE_CUDA(cudaEventElapsedTime(&milliseconds, copy_begin_[i % slots_], copied_[i % slots_]));
    seconds[stage_copy] += milliseconds * 1e-3;
    feeder_->release(i);
  };
  const auto keep_scores = [&](uint32_t i) {
    if (!scores) return;
    FAE_CUDA(cudaEventSynchronize(consumed_[i % slots_]));
    std::memcpy(scores + static_cast<size_t>(i) * job_.batch, scores_.as<float>() + static_cast<size_t>(i % slots_) * job_.batch, records[i].inputs * 4ull);
  };
  // Copies run at most half the ring ahead of the last one known to be done, so readers get their slots back in time.
  const uint32_t behind = slots_ / 2;
  uint32_t launched = 0;
  try {
    for (uint32_t i = 0; i < call.count;) {
      const uint32_t steps = several && call.count - i >= steps_together ? steps_together : 1;
      for (uint32_t n = i; n < i + steps; n++) {
        const uint32_t slot = n % slots_;
        const double begin = now_seconds();
        feeder_->wait(n);
        if (hooks) hooks->await_words(n);
        seconds[stage_wait] += now_seconds() - begin;
        if (n >= slots_) {
          FAE_CUDA(cudaStreamWaitEvent(copies_, consumed_[slot], 0));
          keep_scores(n - slots_);
        }
        FAE_CUDA(cudaEventRecord(copy_begin_[slot], copies_));
        const size_t words = static_cast<size_t>(records[n].inputs) * job_.stride_words;
        FAE_CUDA(cudaMemcpyAsync(ring_.get() + slot * batch_words, feeder_->words(n), words * 4, cudaMemcpyHostToDevice, copies_));
        bytes[traffic_inputs][to_device] += words * 4;
        if (hooks) hooks->before_copy(n, copies_);
        FAE_CUDA(cudaEventRecord(copied_[slot], copies_));
      }
      const uint32_t last = (i + steps - 1) % slots_;
      FAE_CUDA(cudaStreamWaitEvent(main, copied_[last], 0));
      if (training) core_.before_launch(i, steps);
      (steps > 1 ? *several : graph).launch(main);
      launched += steps;
      if (hooks) hooks->after_launch(i, main);
      if (scores) {
        FAE_CUDA(cudaMemcpyAsync(scores_.as<float>() + static_cast<size_t>(last) * job_.batch, core_.scores(), records[i].inputs * 4ull,
                                 cudaMemcpyDeviceToHost, main));
      }
      for (uint32_t n = i; n < i + steps; n++) {
        FAE_CUDA(cudaEventRecord(consumed_[n % slots_], main));
        if (n >= behind) copy_time(n - behind);
      }
      i += steps;
    }
    for (uint32_t i = call.count > behind ? call.count - behind : 0; i < call.count; i++) copy_time(i);
    if (hooks) hooks->finish();
    seconds[stage_read] += feeder_->finish();
  } catch (...) {
    feeder_->finish();
    cudaStreamSynchronize(main);
    if (training) core_.updates += launched;
    throw;
  }
  core_.end(call.count, losses, seconds);
  for (uint32_t i = call.count > slots_ ? call.count - slots_ : 0; i < call.count; i++) keep_scores(i);
  if (training) core_.updates += call.count;
}

}  // namespace fae::cuda
