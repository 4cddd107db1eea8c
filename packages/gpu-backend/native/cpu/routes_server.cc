// Rows and dense parameters on servers: the worker pulls what a batch needs and pushes gradients.
#include "routes.h"
#include "step.h"

namespace fae::cpu {

namespace {

// Ids of the batch become positions among its distinct rows, which the servers then copy over.
StepInput pull(Session& s, const BatchWords& batch, const RowSource& source, uint32_t n, const RowPlaces& places) {
  const double start = now();
  const IdLayout ids = IdLayout::of_words(s.job, batch.words, batch.inputs);
  s.pool.run(static_cast<uint32_t>(s.job.tables.size()), [&](uint32_t t, uint32_t worker) {
    s.distinct.fill(t, ids, s.distinct_scratch[worker], const_cast<int32_t*>(ids.ids));
  });
  upload_words(s, batch);
  s.servers->pull(n, s.distinct, s.parameters.all_values());
  s.panels_current = false;
  s.refresh_panels();
  s.clock.alone(stage_gather, now() - start);
  StepInput input;
  input.words = s.batch.device_words;
  input.inputs = batch.inputs;
  input.encoding = source.spec().encoding;
  input.places = &places;
  input.sums = s.servers->sums();
  return input;
}

RowPlaces pulled_places(const Session& s) {
  RowPlaces places;
  for (uint32_t t = 0; t < s.job.tables.size(); t++) places.slots[0].push_back({nullptr, s.servers->rows(t), 0});
  return places;
}

// Pushes that are still waiting when a segment fails belong to no one.
struct Pushes {
  Servers& servers;
  bool done = false;
  ~Pushes() {
    if (!done) servers.abandon();
  }
};

}  // namespace

void run_server(Session& s, SegmentRun& run) {
  const RowPlaces places = pulled_places(s);
  Pushes pushes{*s.servers};
  BatchReader reader(run.source, s.batch.reader, run.segment.batches, run.segment.count, run.segment.epoch, false);
  for (uint32_t i = 0; i < run.segment.count; i++) {
    const BatchWords& batch = next_batch(s, reader);
    const StepInput input = pull(s, batch, run.source, i, places);
    const OptimizerStep step = s.optimizer_step(run.segment.learning_rates[i], s.updates + 1);
    run.losses[i] = train_step(s, input, run.segment.learning_rates[i], false);
    const double start = now();
    s.servers->push(i, s.parameters.gradients(), step, s.pool);
    s.clock.alone(stage_copy, now() - start);
    run.inputs += batch.inputs;
    reader.release();
  }
  s.servers->drain();
  pushes.done = true;
  s.clock.alone(stage_update, s.servers->update_seconds());
  s.clock.alone(stage_read, reader.seconds());
}

double evaluate_server(Session& s, RowSource& source, float* scores, uint8_t* labels) {
  const RowPlaces places = pulled_places(s);
  const std::vector<uint32_t> batches = all_batches(source);
  BatchReader reader(source, s.batch.reader, batches.data(), static_cast<uint32_t>(batches.size()), 0, true);
  double loss = 0;
  for (size_t i = 0; i < batches.size(); i++) {
    const BatchWords& batch = next_batch(s, reader);
    // Nothing is pushed: every pull is the first of its kind.
    loss += forward_step(s, pull(s, batch, source, 0, places), scores + i * s.job.batch, labels + i * s.job.batch);
    reader.release();
  }
  return loss;
}

}  // namespace fae::cpu
