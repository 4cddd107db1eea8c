// Tables on the host, network on the device: pooled rows, labels and dense features go over, row gradients come back.
#include "routes.h"
#include "step.h"

namespace fae::cpu {

namespace {

StepInput hybrid_input(Session& s, const BatchWords& batch, const RowSource& source) {
  StepInput input;
  input.words = batch.words;
  input.inputs = batch.inputs;
  input.encoding = source.spec().encoding;
  input.places = &s.host_places;
  input.hybrid = true;
  return input;
}

}  // namespace

void run_hybrid(Session& s, SegmentRun& run) {
  switch_to_host(s);
  BatchReader reader(run.source, s.batch.reader, run.segment.batches, run.segment.count, run.segment.epoch, false);
  for (uint32_t i = 0; i < run.segment.count; i++) {
    const BatchWords& batch = next_batch(s, reader);
    StepInput input = hybrid_input(s, batch, run.source);
    input.marks_host = true;
    run.losses[i] = train_step(s, input, run.segment.learning_rates[i], true);
    run.inputs += batch.inputs;
    reader.release();
  }
  s.clock.alone(stage_read, reader.seconds());
}

double evaluate_hybrid(Session& s, RowSource& source, float* scores, uint8_t* labels) {
  switch_to_host(s);
  const std::vector<uint32_t> batches = all_batches(source);
  BatchReader reader(source, s.batch.reader, batches.data(), static_cast<uint32_t>(batches.size()), 0, true);
  double loss = 0;
  for (size_t i = 0; i < batches.size(); i++) {
    const BatchWords& batch = next_batch(s, reader);
    loss += forward_step(s, hybrid_input(s, batch, source), scores + i * s.job.batch, labels + i * s.job.batch);
    reader.release();
  }
  return loss;
}

}  // namespace fae::cpu
