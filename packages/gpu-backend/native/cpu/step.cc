#include "step.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace fae::cpu {

namespace {

// Distinct rows that one thread updates at a time.
constexpr uint32_t row_chunk = 256;
constexpr double log_clamp = -100;

// Mean binary cross entropy from the logit, as core/src/loss.ts.
double log_score(double logit) { return std::min(logit, 0.0) - std::log1p(std::exp(-std::fabs(logit))); }
double clamped(double x) { return x < log_clamp ? log_clamp : x; }  // NaN stays NaN
double cross_entropy(double logit, double label) { return -(label * clamped(log_score(logit)) + (1 - label) * clamped(log_score(-logit))); }
double score(double logit) { return 1 / (1 + std::exp(-logit)); }

// Fills `dense`, `rows` and the labels of inputs [from, to).
void prepare_tile(Session& s, const StepInput& in, uint32_t from, uint32_t to, uint32_t worker) {
  const Job& job = s.job;
  const uint32_t count = to - from, tables = static_cast<uint32_t>(job.tables.size());
  const uint32_t* words = in.words + static_cast<uint64_t>(from) * job.stride_words;
  float* network_dense = s.network.value(dense_value, from).data;
  float* network_rows = s.network.value(rows_value, from).data;
  float* labels = s.batch.labels + from;
  const uint64_t dense_at = static_cast<uint64_t>(from) * job.step_count() * job.dense_features;
  const uint64_t rows_at = static_cast<uint64_t>(from) * job.step_count() * tables * job.width;

  const double start = now();
  float* decoded_labels = in.hybrid ? s.batch.host_labels + from : labels;
  float* decoded_dense = in.hybrid ? s.batch.host_dense + dense_at : network_dense;
  decode_labels(job, words, count, decoded_labels);
  decode_dense(job, in.encoding, words, count, decoded_dense);
  const double decoded = now();
  s.clock.share(worker, stage_read, decoded - start);

  const IdLayout ids = IdLayout::of_words(job, words, count);
  Pool pool;
  pool.spaces = in.places->slots[0].data();
  pool.hotness = s.hotness.data();
  pool.ids = ids.ids;
  pool.input_stride = ids.input_stride;
  pool.step_stride = ids.step_stride;
  pool.inputs = count;
  pool.steps = ids.steps;
  pool.tables = tables;
  pool.width = job.width;
  pool.out = in.hybrid ? s.batch.host_rows + rows_at : network_rows;
  s.kernels.pool(pool);
  const double gathered = now();
  s.clock.share(worker, stage_gather, gathered - decoded);

  if (!in.hybrid) return;
  s.bus.copy(traffic_inputs, to_device, labels, decoded_labels, count * sizeof(float));
  s.bus.copy(traffic_inputs, to_device, network_dense, decoded_dense, static_cast<uint64_t>(count) * job.step_count() * job.dense_features * sizeof(float));
  s.bus.copy(traffic_rows, to_device, network_rows, pool.out, static_cast<uint64_t>(count) * job.step_count() * tables * job.width * sizeof(float));
  s.clock.share(worker, stage_copy, now() - gathered);
}

void train_tile(Session& s, const StepInput& in, uint32_t from, uint32_t to, uint32_t worker) {
  prepare_tile(s, in, from, to, worker);
  const double prepared = now();
  s.network.forward(from, to, worker);
  for (uint32_t i = from; i < to; i++) {
    const double logit = s.network.value(s.job.logit, i).data[0], label = s.batch.labels[i];
    s.batch.losses[i] = cross_entropy(logit, label);
    s.network.gradient(s.job.logit, i).data[0] = static_cast<float>((score(logit) - label) / in.inputs);
  }
  const double forwarded = now();
  s.clock.share(worker, stage_forward, forwarded - prepared);
  s.network.backward(from, to, worker);
  const double done = now();
  s.clock.share(worker, stage_backward, done - forwarded);
  if (!in.hybrid) return;
  const uint64_t width = static_cast<uint64_t>(s.job.step_count()) * s.job.tables.size() * s.job.width;
  s.bus.copy(traffic_rows, to_host, s.batch.host_row_gradients + from * width, s.network.gradient(rows_value, from).data,
             (to - from) * width * sizeof(float));
  s.clock.share(worker, stage_copy, now() - done);
}

// Largest Euclidean norm of a table's rows on either side; a norm that is no number counts as infinite.
double largest_row_norm(Session& s, uint32_t t) {
  const TableSpec& spec = s.job.tables[t];
  const uint32_t width = s.job.width;
  std::vector<double> largest(s.pool.threads());
  const auto scan = [&](const float* rows, uint64_t count) {
    constexpr uint64_t chunk = 1 << 16;
    s.pool.run(static_cast<uint32_t>((count + chunk - 1) / chunk), [&](uint32_t tile, uint32_t worker) {
      for (uint64_t row = tile * chunk; row < std::min(count, (tile + 1) * chunk); row++) {
        double square = 0;
        for (uint32_t c = 0; c < width; c++) square += static_cast<double>(rows[row * width + c]) * rows[row * width + c];
        if (!(square <= largest[worker])) largest[worker] = std::isnan(square) ? HUGE_VAL : square;
      }
    });
  };
  scan(s.tables[t].host[0], spec.rows - spec.host_from);
  scan(s.tables[t].device[0], spec.hot_rows);
  return std::sqrt(*std::max_element(largest.begin(), largest.end()));
}

std::string json_number(double x) { return std::isfinite(x) ? std::to_string(x) : "null"; }

[[noreturn]] void diverged(Session& s, double loss) {
  // A server may still apply the push before: rows stand still while they are looked at.
  if (s.servers) s.servers->abandon();
  uint32_t worst = 0;
  double norm = -1;
  for (uint32_t t = 0; t < s.job.tables.size(); t++) {
    const double found = largest_row_norm(s, t);
    if (found > norm) {
      norm = found;
      worst = t;
    }
  }
  char text[64], largest[64];
  std::snprintf(text, sizeof text, std::isnan(loss) ? "NaN" : "%g", loss);
  std::snprintf(largest, sizeof largest, "%g", norm);
  const uint64_t step = s.updates + 1;
  fail(FAE_DIVERGED, "The loss of step " + std::to_string(step) + " is " + text + ". The largest row norm is " + largest + ", in table '" +
                         s.job.tables[worst].name + "'. Lower the learning rate or check the data.",
       {fact("step", step), fact("table", s.job.tables[worst].name), {"norm", json_number(norm)}, {"loss", json_number(loss)}});
}

struct RowTask {
  uint32_t table, from, to;
};

void update_rows(Session& s, const StepInput& in, const OptimizerStep& step, const RowTask& task, uint32_t worker) {
  const uint32_t t = task.table, width = s.job.width, tables = static_cast<uint32_t>(s.job.tables.size());
  const TableMemory& memory = s.tables[t];
  RowUpdate update;
  update.step = step;
  update.width = width;
  update.ids = s.distinct.ids(t);
  update.begins = s.distinct.begins(t);
  update.places = s.distinct.places(t);
  update.from = task.from;
  update.to = task.to;
  update.gradients = (in.hybrid ? s.batch.host_row_gradients : s.network.gradient(rows_value, 0).data) + static_cast<uint64_t>(t) * width;
  update.place_stride = static_cast<size_t>(tables) * width;
  update.scratch = s.row_scratch[worker];
  if (in.sums) {
    update.out = in.sums + s.distinct.first(t) * width;
  } else {
    update.rows = in.places->slots[0][t];
    for (uint32_t slot = 1; slot < s.tables.slots(); slot++) {
      update.state[slot - 1] = in.places->slots[slot][t];
      update.state_width[slot - 1] = memory.widths[slot];
    }
    update.dirty = in.marks_host ? memory.dirty_host : in.marks_device ? memory.dirty_device : nullptr;
    update.dirty_below = update.dirty ? s.job.tables[t].hot_rows : 0;
  }
  s.kernels.update_rows(update);
}

}  // namespace

double train_step(Session& s, const StepInput& in, double learning_rate, bool updates_parameters) {
  s.refresh_panels();
  const uint32_t tile = s.tile_inputs(), tiles = (in.inputs + tile - 1) / tile, tables = static_cast<uint32_t>(s.job.tables.size());
  const IdLayout ids = IdLayout::of_words(s.job, in.words, in.inputs);
  s.pool.run(tiles + tables, [&](uint32_t index, uint32_t worker) {
    if (index < tiles) return train_tile(s, in, index * tile, std::min(in.inputs, (index + 1) * tile), worker);
    const double start = now();
    s.distinct.fill(index - tiles, ids, s.distinct_scratch[worker]);
    s.clock.share(worker, stage_update, now() - start);
  });
  double loss = 0;
  for (uint32_t i = 0; i < in.inputs; i++) loss += s.batch.losses[i];
  loss /= in.inputs;
  if (!std::isfinite(loss)) diverged(s, loss);

  const OptimizerStep step = s.optimizer_step(learning_rate, s.updates + 1);
  std::vector<RowTask> rows;
  for (uint32_t t = 0; t < tables; t++) {
    for (uint32_t from = 0; from < s.distinct.count(t); from += row_chunk) rows.push_back({t, from, std::min(from + row_chunk, s.distinct.count(t))});
  }
  // Rows and weight gradients do not depend on each other. Long tasks first.
  for (uint32_t level = 0; level < std::max(1u, s.network.levels()); level++) {
    const uint32_t weights = s.network.levels() > 0 ? s.network.tasks(level) : 0;
    const uint32_t others = level == 0 ? static_cast<uint32_t>(rows.size()) : 0;
    s.pool.run(weights + others, [&](uint32_t index, uint32_t worker) {
      const double start = now();
      if (index < weights) s.network.run_task(level, index, in.inputs);
      else update_rows(s, in, step, rows[index - weights], worker);
      s.clock.share(worker, index < weights ? stage_backward : stage_update, now() - start);
    });
  }
  if (updates_parameters) {
    s.pool.run(s.parameters.parts(), [&](uint32_t part, uint32_t worker) {
      const double start = now();
      s.parameters.finish(part, &s.store, step);
      s.clock.share(worker, stage_update, now() - start);
    });
  }
  s.updates++;
  return loss;
}

double forward_step(Session& s, const StepInput& in, float* scores, uint8_t* labels) {
  s.refresh_panels();
  const uint32_t tile = s.tile_inputs(), tiles = (in.inputs + tile - 1) / tile;
  s.pool.run(tiles, [&](uint32_t index, uint32_t worker) {
    const uint32_t from = index * tile, to = std::min(in.inputs, from + tile);
    prepare_tile(s, in, from, to, worker);
    const double start = now();
    s.network.forward(from, to, worker);
    for (uint32_t i = from; i < to; i++) {
      const double logit = s.network.value(s.job.logit, i).data[0];
      s.batch.losses[i] = cross_entropy(logit, s.batch.labels[i]);
      scores[i] = static_cast<float>(score(logit));
      labels[i] = static_cast<uint8_t>(s.batch.labels[i]);
    }
    s.clock.share(worker, stage_forward, now() - start);
  });
  double loss = 0;
  for (uint32_t i = 0; i < in.inputs; i++) loss += s.batch.losses[i];
  return loss;
}

}  // namespace fae::cpu
