// Drives batches whose words go to the device as they are: reader threads -> pinned slots -> one copy per batch on a copy
// stream -> a graph per batch. Used by the hot and device routes, and with hooks by the mixed route.
#pragma once

#include <functional>
#include <vector>

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

  // What a route adds around a batch; each may be empty.
  struct Hooks {
    std::function<void(uint32_t i, uint32_t inputs, uint32_t* words)> prepare;       // on the reader's thread
    std::function<void(uint32_t i, cudaStream_t copies)> before_copy;                // host side, in batch order
    std::function<void(uint32_t i, StepRecord& record)> record;                      // unused values of the step's record
    std::function<void(uint32_t i, cudaStream_t main)> after_launch;
    std::function<void(uint32_t i)> last_words;                                      // blocks until batch i's words are final
    std::function<void()> finish;                                                    // after the last batch
  };
  // Makes the hooks of a part of `count` batches; null for none. Parts are as long as Core::most_steps allows.
  using HooksOf = std::function<Hooks(uint32_t count)>;
  // Runs the batches of `call` through `graph`, or as many as possible through `several`, a graph of `steps_together` steps (null:
  // none; hooks need single steps). Losses per batch; counts `inputs` bytes.
  static constexpr uint32_t steps_together = 4;
  void run(const SegmentCall& call, const Graph& graph, const Graph* several, const HooksOf& hooks_of, double* losses, double* seconds, uint64_t bytes[FAE_TRAFFIC][2]);
  // Forward passes over the whole source, in order.
  void evaluate(const RowSource& source, const Graph& graph, const HooksOf& hooks_of, float* scores, fae_evaluation& evaluation, double* seconds);

 private:
  // One part; `scores` null: training.
  void part(const SegmentCall& call, const Graph& graph, const Graph* several, const HooksOf& hooks_of, double* losses, double* seconds, uint64_t bytes[FAE_TRAFFIC][2],
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
