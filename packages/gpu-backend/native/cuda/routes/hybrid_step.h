// Hybrid batches: pooled rows from host memory over, network on the device, row gradients back, update on host threads.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "routes/feeder.h"
#include "routes/host_rows.h"
#include "routes/route.h"
#include "step/core.h"
#include "step/decode.h"
#include "step/graph.h"
#include "support/handles.h"

namespace fae::cuda {

class HybridStep {
 public:
  HybridStep(const Job& job, Core& core, const HostRows& rows, ThreadPool& pool);
  void allocate();
  uint64_t host_bytes() const;

  // dirty: per table bytes of its hot rows to mark, or empty.
  void run(const SegmentCall& call, const std::vector<uint8_t*>& dirty, double* losses, double* seconds, uint64_t bytes[FAE_TRAFFIC][2]);
  void evaluate(const RowSource& source, float* scores, fae_evaluation& evaluation);

 private:
  uint32_t sent_words() const { return 1 + job_.step_count() * job_.dense_features; }
  uint64_t pooled_values(uint32_t inputs) const { return static_cast<uint64_t>(inputs) * job_.step_count() * job_.tables.size() * job_.width; }
  const Graph& graph(DenseEncoding encoding, bool train);
  // What crosses with one batch.
  struct Staged {
    Pinned words, pooled, scores;
    Event begin, sent, scored;
  };
  // Up to Core::most_steps batches.
  void train(const SegmentCall& call, const std::vector<uint8_t*>& dirty, double* losses, double* seconds, uint64_t bytes[FAE_TRAFFIC][2]);
  void score(const SegmentCall& call, double* losses, float* scores, double* seconds, uint64_t bytes[FAE_TRAFFIC][2]);
  // Labels, dense features and pooled rows of a batch to the device.
  void send(Staged& staged, const uint32_t* words, uint32_t inputs, double* seconds, uint64_t bytes[FAE_TRAFFIC][2]);

  const Job& job_;
  Core& core_;
  const HostRows& rows_;
  ThreadPool& pool_;
  Distinct distinct_;
  std::vector<DistinctScratch> scratch_;
  Buffer<uint32_t> device_words_;
  std::unique_ptr<Feeder> feeder_;
  // Training uses one, evaluation both in turn.
  Staged staged_[2];
  Pinned gradients_;
  std::map<std::pair<DenseEncoding, bool>, Graph> graphs_;
  Event computed_, back_;
};

// Cardinalities of the tables, for Distinct.
std::vector<uint32_t> table_rows(const Job& job);

}  // namespace fae::cuda
