// What every route of a session shares on the device: memory, lanes, network, and the arrays that carry a segment's records in
// and its losses out.
#pragma once

#include <memory>
#include <vector>

#include "fae.h"
#include "gemm/lt_gemm.h"
#include "gemm/tuner.h"
#include "job.h"
#include "names.h"
#include "step/lanes.h"
#include "step/network.h"
#include "step/step_state.h"
#include "support/arena.h"
#include "support/trap.h"

namespace fae::cuda {

class Core {
 public:
  // Steps that one upload of records covers; longer segments go in parts.
  static constexpr uint32_t most_steps = 1 << 16;

  Core(const Job& job, bool keeps_pooled_rows);

  Arena& arena() { return arena_; }
  Lanes& lanes() { return lanes_; }
  Network& network() const { return *network_; }
  uint64_t device_bytes() const { return arena_.bytes(); }
  StepState* state() const { return state_.get(); }
  SegmentArrays arrays() const { return {records_.get(), losses_.get(), stamps_.get()}; }
  LossBuffers loss_buffers() const { return {label_.get(), state_.get(), arrays(), partials_.get(), scores_.get()}; }
  float* label() const { return label_.get(); }
  const float* scores() const { return scores_.get(); }

  // Allocates everything reserved so far, chooses matrix kernels.
  void allocate();

  // Updates done: Adam's t counts from here.
  uint64_t updates = 0;

  // Before a graph of the next `count` training steps is launched, `done` of this call being launched: where tests let a kernel fail.
  void before_launch(uint32_t done, uint32_t count) const {
    const uint64_t first = updates + done + 1;
    if (trap_step_ >= first && trap_step_ < first + count) trap_kernel(lanes_.main());
  }
  // Uploads records and starts at the first; `count` <= most_steps.
  void begin(const std::vector<StepRecord>& records);
  // Waits for the main lane; losses of the steps since `begin`, and their seconds. Throws what went wrong on the device.
  void end(uint32_t steps, double* losses, double* stage_seconds);

 private:
  const Job& job_;
  Arena arena_;
  Lanes lanes_;
  std::unique_ptr<LtContext> library_;
  std::unique_ptr<Network> network_;
  Buffer<StepState> state_;
  Buffer<StepRecord> records_;
  Buffer<double> losses_, partials_;
  Buffer<unsigned long long> stamps_;
  Buffer<float> label_, scores_;
  Pinned pinned_;
  const uint64_t trap_step_ = trap_step();
};

}  // namespace fae::cuda
