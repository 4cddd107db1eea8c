// Route `server`: host memory owns all rows and the dense parameters, sharded by hash. For every batch the worker pulls the distinct
// rows and the parameters, computes on the device, and pushes their summed gradients; each shard is updated by its own thread.
// With staleness s the pull of batch b sees every push up to batch b - s - 1.
#include <algorithm>
#include <cstring>
#include <deque>
#include <map>

#include "ops/dense_update.h"
#include "routes/hybrid_step.h"
#include "routes/step_recorder.h"
#include "rows/batch_rows.h"
#include "support/check.h"

namespace fae::cuda {

namespace {

constexpr uint64_t block_values = 4096;

uint32_t owner(uint32_t kind, uint32_t number, uint32_t servers) {
  const uint32_t hash = (number + kind * 0x85ebca6bu) * 0x9e3779b1u;
  return (hash >> 16 ^ hash) % servers;
}

class ServerResidency final : public Residency {
 public:
  explicit ServerResidency(const Job& job)
      : job_(job), pool_(std::max(job.servers, job.threads ? job.threads : std::min(usable_threads(), 8u))), core_(job, false), host_(job, pool_),
        batch_(job, core_.arena(), first_rows()), distinct_(job, table_rows(job)), scratch_(pool_.threads()), values_(job.param_elements()) {
    Arena& arena = core_.arena();
    stride_ = core_.network().row_stride();
    words_ = arena.reserve<uint32_t>(static_cast<size_t>(job.batch) * job.stride_words, "input ring");
    rows_ = arena.reserve<float>(firsts_.back() * stride_, "pulled rows");
    sums_ = arena.reserve<float>(firsts_.back() * stride_, "pulled rows");
    dense_gradients_ = arena.reserve<float>(core_.network().parameters().padded_values(), "weight gradients");
    bases_ = arena.reserve<uint32_t>(job.ids_per_step, "ids");
    limits_ = arena.reserve<uint32_t>(job.ids_per_step, "ids");
    bags_ = arena.reserve<uint32_t>(job.tables.size() + 1, "ids");
    core_.allocate();
    batch_.upload();
    upload_tables();
    feeder_ = std::make_unique<Feeder>(std::min(2u, reader_threads(job)), 4, static_cast<size_t>(job.batch) * job.stride_words);
    pinned_rows_ = Pinned(firsts_.back() * job.width * 4);
    pinned_flat_ = Pinned(core_.network().parameters().padded_values() * 4);
    for (size_t s = 0; s < job.optimizer.dense_slots.size(); s++) state_.emplace_back(job.param_elements());
  }

  void run(const SegmentCall& call, double* losses, fae_report& report) override { steps(call, losses, report.seconds, report.bytes, nullptr); }

  void evaluate(const RowSource& source, float* scores, fae_evaluation& evaluation) override {
    double seconds[FAE_STAGES] = {}, sum = 0;
    std::vector<uint32_t> batches(source.batches());
    for (uint32_t b = 0; b < batches.size(); b++) batches[b] = b;
    std::vector<double> losses(batches.size());
    steps({Route::server, &source, 0, batches.data(), nullptr, static_cast<uint32_t>(batches.size())}, losses.data(), seconds, evaluation.bytes, scores);
    for (uint32_t b = 0; b < batches.size(); b++) sum += losses[b] * source.inputs(b);
    evaluation.inputs = source.rows();
    evaluation.loss = source.rows() ? sum / source.rows() : 0;
  }

  void read_rows(uint32_t table, int slot, const uint32_t* rows, uint64_t count, float* out) override { host_.read(table, slot, rows, count, out); }
  void write_rows(uint32_t table, int slot, const uint32_t* rows, uint64_t count, const float* in) override { host_.write(table, slot, rows, count, in); }
  void read_param(uint32_t param, int slot, float* out) override { std::copy_n(values(slot).data() + first_value(param), job_.params[param].elements, out); }
  void write_param(uint32_t param, int slot, const float* in) override { std::copy_n(in, job_.params[param].elements, values(slot).data() + first_value(param)); }
  uint64_t updates() const override { return core_.updates; }
  void set_updates(uint64_t count) override { core_.updates = count; }
  uint64_t host_bytes() const override { return host_.bytes() + pinned_rows_.bytes() + pinned_flat_.bytes() + values_.size() * 4 * (1 + state_.size()); }
  uint64_t device_bytes() const override { return core_.device_bytes(); }

 private:
  // Gradients of one batch on their way to the shards.
  struct Push {
    std::vector<uint32_t> first;     // per table, into ids
    std::vector<uint32_t> ids;
    std::vector<float> sums;         // [ids, D]
    std::vector<float> parameters;
    cpu::OptimizerStep step;
  };

  std::vector<float>& values(int slot) { return slot < 0 ? values_ : state_[slot]; }
  uint64_t first_value(uint32_t param) const {
    uint64_t at = 0;
    for (uint32_t p = 0; p < param; p++) at += job_.params[p].elements;
    return at;
  }

  // Where each table's pulled rows start on the device; the last entry is their total room.
  const std::vector<uint64_t>& first_rows() {
    uint64_t at = 0;
    for (const TableSpec& table : job_.tables) {
      firsts_.push_back(at);
      at += static_cast<uint64_t>(job_.batch) * job_.step_count() * table.hotness;
    }
    firsts_.push_back(at);
    return firsts_;
  }

  void upload_tables() {
    std::vector<uint32_t> bases, limits, bags;
    for (size_t t = 0; t < job_.tables.size(); t++) {
      bags.push_back(static_cast<uint32_t>(bases.size()));
      one_hot_ = one_hot_ && job_.tables[t].hotness == 1;
      bases.insert(bases.end(), job_.tables[t].hotness, static_cast<uint32_t>(firsts_[t]));
      limits.insert(limits.end(), job_.tables[t].hotness, static_cast<uint32_t>(firsts_[t + 1] - firsts_[t]));
    }
    bags.push_back(static_cast<uint32_t>(bases.size()));
    FAE_CUDA(cudaMemcpy(bases_.get(), bases.data(), bases.size() * 4, cudaMemcpyHostToDevice));
    FAE_CUDA(cudaMemcpy(limits_.get(), limits.data(), limits.size() * 4, cudaMemcpyHostToDevice));
    FAE_CUDA(cudaMemcpy(bags_.get(), bags.data(), bags.size() * 4, cudaMemcpyHostToDevice));
  }

  const Graph& graph(DenseEncoding encoding, bool train) {
    const auto known = graphs_.find({encoding, train});
    if (known != graphs_.end()) return known->second;
    Lanes& lanes = core_.lanes();
    Network& network = core_.network();
    RowAccess<float> access;
    access.rows = rows_.get(), access.index = batch_.index(), access.bags = one_hot_ ? nullptr : bags_.get();
    access.ids = job_.ids_per_step, access.tables = static_cast<uint32_t>(job_.tables.size()), access.width = job_.width, access.stride = stride_;
    const AnyRows rows = access;
    Graph graph(lanes, [&] {
      DecodeArgs a = decode_of(job_, core_, encoding, words_.get());
      a.row_base = bases_.get(), a.row_limit = limits_.get(), a.index = batch_.index();
      decode(a, lanes.main());
      if (train) batch_.sort(lanes);
      network.forward(lanes, &rows, nullptr);
      network.loss(lanes, train, core_.loss_buffers());
      if (!train) return;
      network.backward(lanes, &rows, [&] { batch_.sum(lanes, sums_.get(), network.row_gradients(), job_.width, stride_, core_.state()); });
      DenseUpdate gradients = network.parameters().update(core_.state(), core_.arrays());
      gradients.gradients = dense_gradients_.get();
      dense_update(gradients, settings_of(job_), lanes.main());
      lanes.after(lanes.main(), lanes.rows());
    });
    return graphs_.emplace(std::make_pair(encoding, train), std::move(graph)).first->second;
  }

  void apply(const Push& push) {
    pool_.run(job_.servers, [&](uint32_t server, uint32_t) {
      std::vector<uint32_t> ids;
      std::vector<float> sums;
      for (uint32_t t = 0; t < job_.tables.size(); t++) {
        ids.clear();
        sums.clear();
        for (uint32_t i = push.first[t]; i < push.first[t + 1]; i++) {
          if (owner(t, push.ids[i], job_.servers) != server) continue;
          ids.push_back(push.ids[i]);
          sums.insert(sums.end(), push.sums.begin() + static_cast<int64_t>(i) * job_.width, push.sums.begin() + static_cast<int64_t>(i + 1) * job_.width);
        }
        if (!ids.empty()) host_.update_listed(t, ids.data(), static_cast<uint32_t>(ids.size()), sums.data(), push.step);
      }
      const cpu::Kernels& kernels = cpu::choose_kernels();
      for (uint64_t first = 0; first < values_.size(); first += block_values) {
        if (owner(~0u, static_cast<uint32_t>(first / block_values), job_.servers) != server) continue;
        cpu::DenseUpdate u;
        u.step = push.step;
        u.weights = values_.data() + first;
        u.gradient = push.parameters.data() + first;
        for (size_t s = 0; s < state_.size(); s++) u.state[s] = state_[s].data() + first;
        u.count = std::min<uint64_t>(block_values, values_.size() - first);
        kernels.update_dense(u);
      }
    });
  }

  // Distinct rows and parameters to the device; ids in `words` become positions among the distinct rows of their table.
  void pull(uint32_t* words, uint32_t inputs, double* seconds, uint64_t bytes[FAE_TRAFFIC][2]) {
    const double begin = now_seconds();
    const IdLayout ids = IdLayout::of_words(job_, words, inputs);
    pool_.run(static_cast<uint32_t>(job_.tables.size()), [&](uint32_t t, uint32_t worker) {
      distinct_.fill(t, ids, scratch_[worker], const_cast<int32_t*>(ids.ids));
      for (uint32_t i = 0; i < distinct_.count(t); i++) {
        std::memcpy(pinned_rows_.as<float>() + (firsts_[t] + i) * job_.width, host_.row(t, -1, distinct_.ids(t)[i]), job_.width * 4ull);
      }
    });
    Parameters& parameters = core_.network().parameters();
    parameters.pack(pinned_flat_.as<float>(), values_.data());
    seconds[stage_gather] += now_seconds() - begin;
    const cudaStream_t main = core_.lanes().main();
    const size_t row = job_.width * 4ull, sent = static_cast<size_t>(inputs) * job_.stride_words * 4;
    FAE_CUDA(cudaMemcpyAsync(words_.get(), words, sent, cudaMemcpyHostToDevice, main));
    for (uint32_t t = 0; t < job_.tables.size(); t++) {
      if (distinct_.count(t) == 0) continue;
      FAE_CUDA(cudaMemcpy2DAsync(rows_.get() + firsts_[t] * stride_, stride_ * 4ull, pinned_rows_.as<float>() + firsts_[t] * job_.width, row, row, distinct_.count(t),
                                 cudaMemcpyHostToDevice, main));
      bytes[traffic_rows][to_device] += distinct_.count(t) * row;
    }
    FAE_CUDA(cudaMemcpyAsync(parameters.weights(), pinned_flat_.as<void>(), parameters.padded_values() * 4, cudaMemcpyHostToDevice, main));
    bytes[traffic_inputs][to_device] += sent;
    bytes[traffic_parameters][to_device] += job_.param_elements() * 4;
  }

  // Summed gradients back to the host; waits.
  Push collect(double learning_rate, double step, uint64_t bytes[FAE_TRAFFIC][2]) {
    const cudaStream_t main = core_.lanes().main();
    const size_t row = job_.width * 4ull;
    Push push;
    push.step = host_step(job_, learning_rate, step);
    for (uint32_t t = 0; t < job_.tables.size(); t++) {
      const uint32_t count = distinct_.count(t);
      push.first.push_back(static_cast<uint32_t>(push.ids.size()));
      push.ids.insert(push.ids.end(), distinct_.ids(t), distinct_.ids(t) + count);
      if (count == 0) continue;
      FAE_CUDA(cudaMemcpy2DAsync(pinned_rows_.as<float>() + firsts_[t] * job_.width, row, sums_.get() + firsts_[t] * stride_, stride_ * 4ull, row, count,
                                 cudaMemcpyDeviceToHost, main));
      bytes[traffic_rows][to_host] += count * row;
    }
    push.first.push_back(static_cast<uint32_t>(push.ids.size()));
    FAE_CUDA(cudaMemcpyAsync(pinned_flat_.as<void>(), dense_gradients_.get(), core_.network().parameters().padded_values() * 4, cudaMemcpyDeviceToHost, main));
    bytes[traffic_parameters][to_host] += job_.param_elements() * 4;
    FAE_CUDA(cudaStreamSynchronize(main));
    push.parameters.resize(values_.size());
    core_.network().parameters().unpack(push.parameters.data(), pinned_flat_.as<float>());
    push.sums.resize(push.ids.size() * static_cast<size_t>(job_.width));
    for (uint32_t t = 0; t < job_.tables.size(); t++) {
      std::memcpy(push.sums.data() + static_cast<size_t>(push.first[t]) * job_.width, pinned_rows_.as<float>() + firsts_[t] * job_.width, distinct_.count(t) * row);
    }
    return push;
  }

  void steps(const SegmentCall& call, double* losses, double* seconds, uint64_t bytes[FAE_TRAFFIC][2], float* scores) {
    for (uint32_t first = 0; first < call.count; first += Core::most_steps) {
      SegmentCall piece = call;
      piece.batches += first;
      piece.learning_rates += scores ? 0 : first;
      piece.count = std::min(Core::most_steps, call.count - first);
      part(piece, losses + first, seconds, bytes, scores ? scores + static_cast<size_t>(first) * job_.batch : nullptr);
    }
  }

  void part(const SegmentCall& call, double* losses, double* seconds, uint64_t bytes[FAE_TRAFFIC][2], float* scores) {
    const bool training = scores == nullptr;
    std::vector<StepRecord> records(call.count);
    for (uint32_t i = 0; i < call.count; i++) {
      records[i] = {call.source->inputs(call.batches[i]), 0, training ? static_cast<float>(call.learning_rates[i]) : 0.f, 0, static_cast<double>(core_.updates + i + 1)};
    }
    const Graph& step = graph(call.source->spec().encoding, training);
    core_.begin(records);
    feeder_->start({call.source, call.batches, call.count, call.epoch, !training, nullptr});
    const cudaStream_t main = core_.lanes().main();
    std::deque<Push> waiting;
    const auto apply_oldest = [&] {
      const double begin = now_seconds();
      apply(waiting.front());
      waiting.pop_front();
      core_.updates++;
      seconds[stage_update] += now_seconds() - begin;
    };
    try {
      for (uint32_t i = 0; i < call.count; i++) {
        const double begin = now_seconds();
        feeder_->wait(i);
        seconds[stage_wait] += now_seconds() - begin;
        while (waiting.size() > job_.staleness) apply_oldest();
        pull(feeder_->words(i), records[i].inputs, seconds, bytes);
        if (training) core_.before_launch(static_cast<uint32_t>(waiting.size()), 1);
        step.launch(main);
        if (training) {
          waiting.push_back(collect(call.learning_rates[i], records[i].step, bytes));
        } else {
          FAE_CUDA(cudaMemcpyAsync(scores + static_cast<size_t>(i) * job_.batch, core_.scores(), records[i].inputs * 4ull, cudaMemcpyDeviceToHost, main));
          FAE_CUDA(cudaStreamSynchronize(main));
        }
        feeder_->release(i);
      }
      seconds[stage_read] += feeder_->finish();
    } catch (...) {
      feeder_->finish();
      throw;
    }
    while (!waiting.empty()) apply_oldest();
    const double host_update = seconds[stage_update];
    core_.end(call.count, losses, seconds);
    seconds[stage_update] = host_update;
  }

  const Job& job_;
  ThreadPool pool_;
  Core core_;
  HostRows host_;
  std::vector<uint64_t> firsts_;
  BatchRows batch_;
  Distinct distinct_;
  std::vector<DistinctScratch> scratch_;
  std::vector<float> values_;
  std::vector<std::vector<float>> state_;
  uint32_t stride_ = 0;
  bool one_hot_ = true;
  Buffer<uint32_t> words_, bases_, limits_, bags_;
  Buffer<float> rows_, sums_, dense_gradients_;
  std::unique_ptr<Feeder> feeder_;
  Pinned pinned_rows_, pinned_flat_;
  std::map<std::pair<DenseEncoding, bool>, Graph> graphs_;
};

}  // namespace

std::unique_ptr<Residency> make_server_residency(const Job& job) { return std::make_unique<ServerResidency>(job); }

}  // namespace fae::cuda
