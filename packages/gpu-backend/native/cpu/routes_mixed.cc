// Hot rows live on the device; distinct cold rows are fetched ahead, updated on the device, and written back.
#include "routes.h"
#include "step.h"

namespace fae::cpu {

namespace {

// Ids below hot_rows are rows of the device, others slots of cold rows in flight.
RowPlaces mixed_places(const Session& s) {
  RowPlaces places;
  for (uint32_t t = 0; t < s.job.tables.size(); t++) {
    for (uint32_t slot = 0; slot < s.tables.slots(); slot++) {
      places.slots[slot].push_back({s.tables[t].device[slot], s.cold->slots(t, static_cast<int>(slot)), s.job.tables[t].hot_rows});
    }
  }
  return places;
}

// Ends the look-ahead thread on every way out.
struct Pipeline {
  ColdPipeline& cold;
  ~Pipeline() { cold.end(); }
};

template <class Body>
void each_batch(Session& s, const RowSource& source, uint32_t count, Body&& body) {
  const RowPlaces places = mixed_places(s);
  for (uint32_t i = 0; i < count; i++) {
    const double start = now();
    const ColdBatch batch = s.cold->take(i);
    s.clock.alone(stage_wait, now() - start);
    StepInput input;
    input.words = batch.words;
    input.inputs = batch.inputs;
    input.encoding = source.spec().encoding;
    input.places = &places;
    body(i, input);
    const double done = now();
    s.cold->finish(i, s.pool);
    s.clock.alone(stage_copy, now() - done);
  }
  s.clock.alone(stage_read, s.cold->read_seconds());
  s.clock.alone(stage_gather, s.cold->gather_seconds());
}

}  // namespace

void run_mixed(Session& s, SegmentRun& run) {
  const Pipeline pipeline{*s.cold};
  s.cold->begin(run.source, run.segment.batches, run.segment.count, run.segment.epoch, true);
  each_batch(s, run.source, run.segment.count, [&](uint32_t i, const StepInput& input) {
    run.losses[i] = train_step(s, input, run.segment.learning_rates[i], true);
    run.inputs += input.inputs;
  });
  run.cold_rows = s.cold->fetched();
  run.forwarded_rows = s.cold->forwarded();
}

double evaluate_mixed(Session& s, RowSource& source, float* scores, uint8_t* labels) {
  const std::vector<uint32_t> batches = all_batches(source);
  const Pipeline pipeline{*s.cold};
  s.cold->begin(source, batches.data(), static_cast<uint32_t>(batches.size()), 0, false);
  double loss = 0;
  each_batch(s, source, static_cast<uint32_t>(batches.size()), [&](uint32_t i, const StepInput& input) {
    loss += forward_step(s, input, scores + static_cast<uint64_t>(i) * s.job.batch, labels + static_cast<uint64_t>(i) * s.job.batch);
  });
  return loss;
}

}  // namespace fae::cpu
