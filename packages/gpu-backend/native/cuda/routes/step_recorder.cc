#include "routes/step_recorder.h"

namespace fae::cuda {

DecodeArgs decode_of(const Job& job, const Core& core, DenseEncoding encoding, const uint32_t* ring) {
  DecodeArgs a;
  a.ring = ring;
  a.batch = job.batch, a.steps = job.step_count(), a.features = job.dense_features, a.features_ld = core.network().dense_ld();
  a.ids = job.ids_per_step, a.stride_words = job.stride_words;
  a.encoding = encoding;
  a.state = core.state(), a.arrays = core.arrays();
  a.label = core.label(), a.dense = core.network().dense();
  return a;
}

StepRecorder::StepRecorder(const Job& job, Core& core, const DeviceRows& rows, const BatchRows& batch, WordLayout layout)
    : job_(job), core_(core), rows_(rows), batch_(batch), layout_(layout) {}

DecodeArgs StepRecorder::decode_args(DenseEncoding encoding, const uint32_t* ring) const {
  DecodeArgs a = decode_of(job_, core_, encoding, ring);
  a.layout = layout_;
  a.row_base = rows_.id_bases(), a.row_limit = rows_.id_limits();
  a.index = batch_.index();
  return a;
}

void StepRecorder::record_training(DenseEncoding encoding, const uint32_t* ring, uint8_t* dirty) const {
  Lanes& lanes = core_.lanes();
  const Network& network = core_.network();
  const bool sorted = job_.deterministic || job_.optimizer.name != OptimizerName::sgd || rows_.bf16();
  decode(decode_args(encoding, ring), lanes.main());
  const AnyRows rows = rows_.access(batch_.index(), rows_.bags());
  lanes.after(lanes.rows(), lanes.main());
  if (cold_.insert) cold_.insert();
  const cudaEvent_t inserted = cold_.insert ? lanes.mark(lanes.rows()) : nullptr;
  if (sorted) batch_.sort(lanes);
  network.forward(lanes, &rows, [&] {
    if (inserted) lanes.wait(lanes.main(), inserted);
  });
  network.loss(lanes, true, core_.loss_buffers());
  network.backward(lanes, &rows, [&] {
    batch_.update(lanes, rows_, network.row_gradients(), core_.state(), core_.arrays(), dirty);
    if (cold_.collect) cold_.collect();
  });
  dense_update(network.parameters().update(core_.state(), core_.arrays()), settings_of(job_), lanes.main());
  lanes.after(lanes.main(), lanes.rows());
}

const Graph& StepRecorder::train(DenseEncoding encoding, const uint32_t* ring, uint8_t* dirty, uint32_t steps) {
  const auto known = train_.find({encoding, steps});
  if (known != train_.end()) return known->second;
  Graph graph(core_.lanes(), [&] {
    for (uint32_t i = 0; i < steps; i++) record_training(encoding, ring, dirty);
  });
  return train_.emplace(std::make_pair(encoding, steps), std::move(graph)).first->second;
}

const Graph& StepRecorder::score(DenseEncoding encoding, const uint32_t* ring) {
  const auto known = score_.find(encoding);
  if (known != score_.end()) return known->second;
  Lanes& lanes = core_.lanes();
  const Network& network = core_.network();
  Graph graph(lanes, [&] {
    decode(decode_args(encoding, ring), lanes.main());
    const AnyRows rows = rows_.access(batch_.index(), rows_.bags());
    lanes.after(lanes.rows(), lanes.main());
    if (cold_.insert) cold_.insert();
    lanes.after(lanes.main(), lanes.rows());
    network.forward(lanes, &rows, nullptr);
    network.loss(lanes, false, core_.loss_buffers());
  });
  return score_.emplace(encoding, std::move(graph)).first->second;
}

}  // namespace fae::cuda
