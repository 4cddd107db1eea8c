#include "step/core.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "ops/interact.h"
#include "status.h"
#include "support/check.h"

namespace fae::cuda {

Core::Core(const Job& job, bool keeps_pooled_rows) : job_(job) {
  network_ = std::make_unique<Network>(job, arena_, keeps_pooled_rows);
  state_ = arena_.reserve<StepState>(1, "step records");
  records_ = arena_.reserve<StepRecord>(most_steps, "step records");
  losses_ = arena_.reserve<double>(most_steps, "step records");
  stamps_ = arena_.reserve<unsigned long long>(most_steps * stamp_count, "step records");
  partials_ = arena_.reserve<double>(loss_blocks, "step records");
  label_ = arena_.reserve<float>(job.batch, "step records");
  scores_ = arena_.reserve<float>(job.batch, "step records");
  pinned_ = Pinned(most_steps * std::max(sizeof(StepRecord), sizeof(double) + stamp_count * sizeof(unsigned long long)) + sizeof(StepState));
}

void Core::allocate() {
  arena_.allocate();
  tiled_gemm_prepare();
  sliced_gemm_prepare();
  wgmma_gemm_prepare();
  interact_prepare();
  if (require_lt_setting()) library_ = std::make_unique<LtContext>();
  if (!library_ && job_.matmul == Matmul::bf16) {
    fail(FAE_UNSUPPORTED, "matmul 'bf16' needs cuBLASLt: " + lt_library().fact, {fact("option", "matmul")});
  }
  Tuner tuner;
  const Arithmetic arithmetic = job_.matmul == Matmul::float32 ? Arithmetic::float32 : job_.matmul == Matmul::tf32 ? Arithmetic::tf32 : Arithmetic::bf16;
  network_->prepare(arithmetic, library_.get(), tuner, lanes_);
  // Tuning left numbers in activations, gradients and weights; what was set up before it lies in the plans of the network.
  network_->clear(lanes_.main());
  FAE_CUDA(cudaStreamSynchronize(lanes_.main()));
}

void Core::begin(const std::vector<StepRecord>& records) {
  const size_t bytes = records.size() * sizeof(StepRecord);
  std::memcpy(pinned_.as<void>(), records.data(), bytes);
  FAE_CUDA(cudaMemcpyAsync(records_.get(), pinned_.as<void>(), bytes, cudaMemcpyHostToDevice, lanes_.main()));
  FAE_CUDA(cudaMemsetAsync(state_.get(), 0, sizeof(StepState), lanes_.main()));
  FAE_CUDA(cudaStreamSynchronize(lanes_.main()));
}

void Core::end(uint32_t steps, double* losses, double* seconds) {
  auto* stamps = pinned_.as<unsigned long long>();
  auto* values = reinterpret_cast<double*>(stamps + static_cast<size_t>(most_steps) * stamp_count);
  auto* state = reinterpret_cast<StepState*>(values + most_steps);
  FAE_CUDA(cudaMemcpyAsync(stamps, stamps_.get(), steps * stamp_count * 8ull, cudaMemcpyDeviceToHost, lanes_.main()));
  FAE_CUDA(cudaMemcpyAsync(values, losses_.get(), steps * 8ull, cudaMemcpyDeviceToHost, lanes_.main()));
  FAE_CUDA(cudaMemcpyAsync(state, state_.get(), sizeof(StepState), cudaMemcpyDeviceToHost, lanes_.main()));
  FAE_CUDA(cudaStreamSynchronize(lanes_.main()));
  if (state->bad_id != 0) {
    const uint32_t position = state->bad_id - 1, id_position = position % job_.ids_per_step;
    size_t t = 0;
    while (t + 1 < job_.tables.size() && job_.tables[t + 1].first_id <= id_position) t++;
    fail(FAE_DATA, "Input " + std::to_string(position / (job_.step_count() * job_.ids_per_step)) + " of batch " + std::to_string(state->bad_cursor) +
                       " of the segment names row " + std::to_string(state->bad_value) + " of table '" + job_.tables[t].name +
                       "', which the device does not hold. A hot segment may name hot rows only; pack the data again with this budget.",
         {fact("table", job_.tables[t].name), fact("found", state->bad_value)});
  }
  std::copy_n(values, steps, losses);
  for (uint32_t i = 0; i < steps; i++) {
    if (std::isfinite(losses[i])) continue;
    fail(FAE_DIVERGED, "The loss of batch " + std::to_string(i) + " of the segment is not finite. Lower the learning rate, or look for broken inputs.",
         {fact("step", updates + i + 1)});
  }
  // Clamped at 0: the update of rows runs beside the last weight gradients.
  const auto between = [](unsigned long long from, unsigned long long to) { return to > from ? static_cast<double>(to - from) * 1e-9 : 0.0; };
  for (uint32_t i = 0; i < steps; i++) {
    const unsigned long long* at = stamps + static_cast<size_t>(i) * stamp_count;
    seconds[stage_forward] += between(at[0], at[1]);
    if (at[2] > at[1]) seconds[stage_backward] += between(at[1], at[2]);
    if (at[2] > at[1]) seconds[stage_update] += between(at[2], at[3]);
  }
}

}  // namespace fae::cuda
