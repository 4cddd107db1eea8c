// Routes whose rows are where the network is: `host` on the host; `device` and `hot` on the device, where only inputs cross.
#include "routes.h"
#include "step.h"

namespace fae::cpu {

namespace {

// Every id of the batch must be on the device.
void require_hot(const Session& s, const BatchWords& batch) {
  const IdLayout ids = IdLayout::of_words(s.job, batch.words, batch.inputs);
  for (uint32_t t = 0; t < s.job.tables.size(); t++) {
    const TableSpec& table = s.job.tables[t];
    if (table.hot_rows == table.rows) continue;
    const int64_t hot = table.hot_rows;
    for (uint32_t b = 0; b < ids.inputs; b++) {
      for (uint32_t step = 0; step < ids.steps; step++) {
        for (uint32_t l = 0; l < table.hotness; l++) {
          const int32_t id = ids.ids[b * ids.input_stride + step * ids.step_stride + table.first_id + l];
          if (id < hot) continue;
          fail(FAE_DATA, "Batch " + std::to_string(batch.number) + " is not hot: row " + std::to_string(id) + " of table '" + table.name +
                             "' is not among its " + std::to_string(hot) +
                             " hot rows. Run it on route hybrid or mixed, or use the pack that the plan was made for.",
               {fact("batch", batch.number), fact("table", table.name), fact("found", id), fact("hotRows", table.hot_rows)});
        }
      }
    }
  }
}

StepInput local_input(Session& s, const BatchWords& batch, const RowSource& source) {
  StepInput input;
  input.inputs = batch.inputs;
  input.encoding = source.spec().encoding;
  if (s.job.regime == Regime::host) {
    input.words = batch.words;
    input.places = &s.host_places;
  } else {
    upload_words(s, batch);
    input.words = s.batch.device_words;
    input.places = &s.device_places;
  }
  return input;
}

}  // namespace

std::vector<uint32_t> all_batches(const RowSource& source) {
  std::vector<uint32_t> batches(source.batches());
  for (uint32_t i = 0; i < batches.size(); i++) batches[i] = i;
  return batches;
}

const BatchWords& next_batch(Session& s, BatchReader& reader) {
  const double start = now();
  const BatchWords& batch = reader.next();
  s.clock.alone(stage_wait, now() - start);
  return batch;
}

void upload_words(Session& s, const BatchWords& batch) {
  const double start = now();
  s.bus.copy(traffic_inputs, to_device, s.batch.device_words, batch.words, static_cast<uint64_t>(batch.inputs) * s.job.stride_words * 4);
  s.clock.alone(stage_copy, now() - start);
}

void run_local(Session& s, SegmentRun& run) {
  if (run.route == Route::hot) switch_to_device(s);
  BatchReader reader(run.source, s.batch.reader, run.segment.batches, run.segment.count, run.segment.epoch, false);
  for (uint32_t i = 0; i < run.segment.count; i++) {
    const BatchWords& batch = next_batch(s, reader);
    if (run.route == Route::hot) require_hot(s, batch);
    StepInput input = local_input(s, batch, run.source);
    input.marks_device = run.route == Route::hot && s.job.regime == Regime::doubled;
    run.losses[i] = train_step(s, input, run.segment.learning_rates[i], true);
    run.inputs += batch.inputs;
    reader.release();
  }
  s.clock.alone(stage_read, reader.seconds());
}

double evaluate_local(Session& s, RowSource& source, float* scores, uint8_t* labels) {
  const std::vector<uint32_t> batches = all_batches(source);
  BatchReader reader(source, s.batch.reader, batches.data(), static_cast<uint32_t>(batches.size()), 0, true);
  double loss = 0;
  for (size_t i = 0; i < batches.size(); i++) {
    const BatchWords& batch = next_batch(s, reader);
    loss += forward_step(s, local_input(s, batch, source), scores + i * s.job.batch, labels + i * s.job.batch);
    reader.release();
  }
  return loss;
}

}  // namespace fae::cpu
