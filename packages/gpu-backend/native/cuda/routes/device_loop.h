// Drives batches whose words go to the device as they are: reader threads -> pinned slots -> one copy per batch on a copy
// stream -> a graph per batch. Used by the hot and device routes, and with hooks (null: none) by the mixed route.
#pragma once

#include <vector>

#include "routes/batch_hooks.h"
#include "routes/feeder.h"
#include "routes/route.h"
#include "step/core.h"
#include "step/decode.h"
#include "step/graph.h"
#include "support/handles.h"

namespace fae::cuda {

class DeviceLoop {
 public:
  // At least `least_slots` slots in the rings.
  DeviceLoop(const Job& job, Core& core, uint32_t least_slots = 0);

  const uint32_t* ring() const { return ring_.get(); }
  Feeder& feeder() { return *feeder_; }
  uint32_t slots() const { return slots_; }
  cudaStream_t copies() const { return copies_; }
  void allocate();
  uint64_t host_bytes() const;

  // Runs the batches of `call` through `graph`, or as many as possible through `several`, a graph of `steps_together` steps (null:
  // none; hooks need single steps). Losses per batch; counts `inputs` bytes.
  static constexpr uint32_t steps_together = 4;
  void run(const SegmentCall& call, const Graph& graph, const Graph* several, BatchHooks* hooks, double* losses, double* seconds, uint64_t bytes[FAE_TRAFFIC][2]);
  // Forward passes over the whole source, in order.
  void evaluate(const RowSource& source, const Graph& graph, BatchHooks* hooks, float* scores, fae_evaluation& evaluation, double* seconds);

 private:
  // One part; `scores` null: training.
  void part(const SegmentCall& call, const Graph& graph, const Graph* several, BatchHooks* hooks, double* losses, double* seconds, uint64_t bytes[FAE_TRAFFIC][2],
            float* scores);

  const Job& job_;
  Core& core_;
  uint32_t slots_;
  Buffer<uint32_t> ring_;
  std::unique_ptr<Feeder> feeder_;
  Stream copies_;
  std::vector<Event> copy_begin_, copied_, consumed_;
  Pinned scores_;
};

}  // namespace fae::cuda
