// Records the graphs of steps whose rows all lie on the device (device, hot, mixed): one per dense encoding, made when first
// asked for.
#pragma once

#include <functional>
#include <map>

#include "rows/batch_rows.h"
#include "rows/device_rows.h"
#include "step/core.h"
#include "step/decode.h"
#include "step/graph.h"

namespace fae::cuda {

class StepRecorder {
 public:
  // What the mixed route does inside a step: `insert` runs beside the first layers, before rows are read; `collect` after the
  // update. Both record on the rows lane.
  struct ColdRows {
    std::function<void()> insert, collect;
  };

  StepRecorder(const Job& job, Core& core, const DeviceRows& rows, const BatchRows& batch, WordLayout layout = WordLayout::full);

  void set_cold_rows(ColdRows cold) { cold_ = std::move(cold); }
  // `steps` steps one after another in one graph: without hooks between them, launching several at once saves their gaps.
  const Graph& train(DenseEncoding encoding, const uint32_t* ring, uint8_t* dirty, uint32_t steps = 1);
  const Graph& score(DenseEncoding encoding, const uint32_t* ring);

 private:
  void record_training(DenseEncoding encoding, const uint32_t* ring, uint8_t* dirty) const;
  DecodeArgs decode_args(DenseEncoding encoding, const uint32_t* ring) const;

  const Job& job_;
  Core& core_;
  const DeviceRows& rows_;
  const BatchRows& batch_;
  WordLayout layout_;
  ColdRows cold_;
  std::map<std::pair<DenseEncoding, uint32_t>, Graph> train_;
  std::map<DenseEncoding, Graph> score_;
};

// Decode arguments that every route shares; ids and rows still to be filled in.
DecodeArgs decode_of(const Job& job, const Core& core, DenseEncoding encoding, const uint32_t* ring);

}  // namespace fae::cuda
