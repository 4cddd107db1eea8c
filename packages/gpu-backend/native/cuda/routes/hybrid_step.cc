#include "routes/hybrid_step.h"

#include <algorithm>
#include <cstring>

#include "ops/dense_update.h"
#include "routes/step_recorder.h"
#include "support/check.h"

namespace fae::cuda {

namespace {
float milliseconds(const Event& from, const Event& to) {
  float passed = 0;
  FAE_CUDA(cudaEventElapsedTime(&passed, from, to));
  return passed;
}
}  // namespace

std::vector<uint32_t> table_rows(const Job& job) {
  std::vector<uint32_t> rows;
  for (const TableSpec& table : job.tables) rows.push_back(table.rows);
  return rows;
}

HybridStep::HybridStep(const Job& job, Core& core, const HostRows& rows, ThreadPool& pool)
    : job_(job), core_(core), rows_(rows), pool_(pool), distinct_(job, table_rows(job)), scratch_(pool.threads()) {
  device_words_ = core.arena().reserve<uint32_t>(static_cast<size_t>(job.batch) * sent_words(), "input ring");
}

void HybridStep::allocate() {
  feeder_ = std::make_unique<Feeder>(std::min(2u, reader_threads(job_)), 4, static_cast<size_t>(job_.batch) * job_.stride_words);
  for (Staged& staged : staged_) {
    staged.words = Pinned(static_cast<size_t>(job_.batch) * sent_words() * 4);
    staged.pooled = Pinned(pooled_values(job_.batch) * 4);
    staged.scores = Pinned(job_.batch * 4ull);
    for (Event* event : {&staged.begin, &staged.sent, &staged.scored}) *event = timed_event();
  }
  gradients_ = Pinned(pooled_values(job_.batch) * 4);
  for (Event* event : {&computed_, &back_}) *event = timed_event();
}

uint64_t HybridStep::host_bytes() const {
  return 2 * (staged_[0].words.bytes() + staged_[0].pooled.bytes() + staged_[0].scores.bytes()) + gradients_.bytes();
}

const Graph& HybridStep::graph(DenseEncoding encoding, bool train) {
  const auto known = graphs_.find({encoding, train});
  if (known != graphs_.end()) return known->second;
  Lanes& lanes = core_.lanes();
  const Network& network = core_.network();
  Graph graph(lanes, [&] {
    DecodeArgs a = decode_of(job_, core_, encoding, device_words_.get());
    a.layout = WordLayout::dense_only;
    a.ids = 0;
    a.stride_words = sent_words();
    decode(a, lanes.main());
    network.forward(lanes, nullptr, nullptr);
    network.loss(lanes, train, core_.loss_buffers());
    if (!train) return;
    network.backward(lanes, nullptr, [] {});
    dense_update(network.parameters().update(core_.state(), core_.arrays()), settings_of(job_), lanes.main());
  });
  return graphs_.emplace(std::make_pair(encoding, train), std::move(graph)).first->second;
}

void HybridStep::send(Staged& staged, const uint32_t* words, uint32_t inputs, double* seconds, uint64_t bytes[FAE_TRAFFIC][2]) {
  const double begin = now_seconds();
  const uint32_t f = job_.dense_features, group = f + job_.ids_per_step;
  uint32_t* to = staged.words.as<uint32_t>();
  for (uint32_t i = 0; i < inputs; i++) {
    const uint32_t* input = words + static_cast<size_t>(i) * job_.stride_words;
    *to++ = input[0];
    for (uint32_t s = 0; s < job_.step_count(); s++, to += f) std::memcpy(to, input + 1 + static_cast<size_t>(s) * group, f * 4ull);
  }
  rows_.pool_rows(words, inputs, staged.pooled.as<float>(), pool_);
  seconds[stage_gather] += now_seconds() - begin;
  const cudaStream_t main = core_.lanes().main();
  const size_t sent = static_cast<size_t>(inputs) * sent_words() * 4, row_bytes = pooled_values(inputs) * 4, row = job_.width * 4ull;
  FAE_CUDA(cudaEventRecord(staged.begin, main));
  FAE_CUDA(cudaMemcpyAsync(device_words_.get(), staged.words.as<void>(), sent, cudaMemcpyHostToDevice, main));
  FAE_CUDA(cudaMemcpy2DAsync(core_.network().pooled_rows(), core_.network().row_stride() * 4ull, staged.pooled.as<void>(), row, row, row_bytes / row, cudaMemcpyHostToDevice, main));
  FAE_CUDA(cudaEventRecord(staged.sent, main));
  bytes[traffic_inputs][to_device] += sent;
  bytes[traffic_rows][to_device] += row_bytes;
}

void HybridStep::train(const SegmentCall& call, const std::vector<uint8_t*>& dirty, double* losses, double* seconds, uint64_t bytes[FAE_TRAFFIC][2]) {
  std::vector<StepRecord> records(call.count);
  for (uint32_t i = 0; i < call.count; i++) {
    records[i] = {call.source->inputs(call.batches[i]), 0, static_cast<float>(call.learning_rates[i]), 0, static_cast<double>(core_.updates + i + 1)};
  }
  const Graph& step = graph(call.source->spec().encoding, true);
  core_.begin(records);
  feeder_->start({call.source, call.batches, call.count, call.epoch, false, nullptr});
  const cudaStream_t main = core_.lanes().main();
  const uint64_t first_update = core_.updates;
  const size_t row = job_.width * 4ull;
  Staged& staged = staged_[0];
  double update_seconds = 0;
  try {
    for (uint32_t i = 0; i < call.count; i++) {
      const double begin = now_seconds();
      feeder_->wait(i);
      seconds[stage_wait] += now_seconds() - begin;
      const uint32_t* words = feeder_->words(i);
      const uint32_t inputs = records[i].inputs;
      send(staged, words, inputs, seconds, bytes);
      core_.before_launch(0, 1);
      step.launch(main);
      FAE_CUDA(cudaEventRecord(computed_, main));
      const size_t row_bytes = pooled_values(inputs) * 4;
      FAE_CUDA(cudaMemcpy2DAsync(gradients_.as<void>(), row, core_.network().row_gradients(), core_.network().row_stride() * 4ull, row, row_bytes / row, cudaMemcpyDeviceToHost, main));
      bytes[traffic_rows][to_host] += row_bytes;
      FAE_CUDA(cudaEventRecord(back_, main));
      // Which rows the batch touches is worked out while the device computes.
      const IdLayout ids = IdLayout::of_words(job_, words, inputs);
      pool_.run(static_cast<uint32_t>(job_.tables.size()), [&](uint32_t t, uint32_t worker) { distinct_.fill(t, ids, scratch_[worker]); });
      FAE_CUDA(cudaEventSynchronize(back_));
      const double update_begin = now_seconds();
      rows_.update(distinct_, gradients_.as<float>(), host_step(job_, call.learning_rates[i], records[i].step), dirty, pool_);
      update_seconds += now_seconds() - update_begin;
      core_.updates++;
      seconds[stage_copy] += (milliseconds(staged.begin, staged.sent) + milliseconds(computed_, back_)) * 1e-3;
      feeder_->release(i);
    }
    seconds[stage_read] += feeder_->finish();
  } catch (...) {
    feeder_->finish();
    throw;
  }
  // The device's update stamp has no row update here.
  update_seconds += seconds[stage_update];
  core_.end(call.count, losses, seconds);
  seconds[stage_update] = update_seconds;
  core_.updates = first_update + call.count;
}

// Rows of a batch are gathered while the device computes the one before.
void HybridStep::score(const SegmentCall& call, double* losses, float* scores, double* seconds, uint64_t bytes[FAE_TRAFFIC][2]) {
  std::vector<StepRecord> records(call.count);
  for (uint32_t i = 0; i < call.count; i++) records[i] = {call.source->inputs(call.batches[i]), 0, 0.f, 0, static_cast<double>(core_.updates + i + 1)};
  const Graph& step = graph(call.source->spec().encoding, false);
  core_.begin(records);
  feeder_->start({call.source, call.batches, call.count, call.epoch, true, nullptr});
  const cudaStream_t main = core_.lanes().main();
  const auto keep = [&](uint32_t i) {
    const Staged& staged = staged_[i % 2];
    FAE_CUDA(cudaEventSynchronize(staged.scored));
    std::copy_n(staged.scores.as<float>(), records[i].inputs, scores + static_cast<size_t>(i) * job_.batch);
  };
  try {
    for (uint32_t i = 0; i < call.count; i++) {
      Staged& staged = staged_[i % 2];
      if (i >= 2) keep(i - 2);
      feeder_->wait(i);
      send(staged, feeder_->words(i), records[i].inputs, seconds, bytes);
      feeder_->release(i);
      step.launch(main);
      FAE_CUDA(cudaMemcpyAsync(staged.scores.as<void>(), core_.scores(), records[i].inputs * 4ull, cudaMemcpyDeviceToHost, main));
      FAE_CUDA(cudaEventRecord(staged.scored, main));
    }
    for (uint32_t i = call.count < 2 ? 0 : call.count - 2; i < call.count; i++) keep(i);
    feeder_->finish();
  } catch (...) {
    feeder_->finish();
    throw;
  }
  core_.end(call.count, losses, seconds);
}

void HybridStep::run(const SegmentCall& call, const std::vector<uint8_t*>& dirty, double* losses, double* seconds, uint64_t bytes[FAE_TRAFFIC][2]) {
  for (uint32_t first = 0; first < call.count; first += Core::most_steps) {
    SegmentCall piece = call;
    piece.batches += first, piece.learning_rates += first;
    piece.count = std::min(Core::most_steps, call.count - first);
    train(piece, dirty, losses + first, seconds, bytes);
  }
}

void HybridStep::evaluate(const RowSource& source, float* scores, fae_evaluation& evaluation) {
  double seconds[FAE_STAGES] = {};
  double sum = 0;
  for (uint32_t first = 0; first < source.batches(); first += Core::most_steps) {
    std::vector<uint32_t> batches(std::min(Core::most_steps, source.batches() - first));
    for (uint32_t b = 0; b < batches.size(); b++) batches[b] = first + b;
    std::vector<double> losses(batches.size());
    const SegmentCall call{Route::hybrid, &source, 0, batches.data(), nullptr, static_cast<uint32_t>(batches.size())};
    score(call, losses.data(), scores + static_cast<size_t>(first) * job_.batch, seconds, evaluation.bytes);
    for (uint32_t b = 0; b < batches.size(); b++) sum += losses[b] * source.inputs(batches[b]);
  }
  evaluation.inputs = source.rows();
  evaluation.loss = source.rows() ? sum / source.rows() : 0;
}

}  // namespace fae::cuda
