// Hot rows twice: route `hybrid` on the host's copy of all rows, route `hot` on the device's copy of the hot ones. Exactly one copy of
// a hot row is authoritative: rows that one side changed since the last switch are marked there, and a switch copies the marked
// rows with their optimizer state. (Marks and lists of rows that go with a switch are control data and not counted as traffic.)
#include <algorithm>
#include <cstring>

#include "routes/device_loop.h"
#include "routes/hybrid_step.h"
#include "routes/step_recorder.h"
#include "rows/device_rows.h"
#include "support/check.h"

namespace fae::cuda {

namespace {

uint32_t host_threads(const Job& job) { return job.threads ? job.threads : std::min(usable_threads(), 12u); }

class DoubledResidency final : public Residency {
 public:
  explicit DoubledResidency(const Job& job)
      : job_(job), pool_(host_threads(job)), core_(job, true), rows_(job, pool_), hybrid_(job, core_, rows_, pool_) {
    if (job.uses(Route::hot)) {
      hot_ = std::make_unique<Hot>(job, core_);
      dirty_device_ = core_.arena().reserve<uint8_t>(hot_->rows.rows(), "dirty rows");
    }
    core_.allocate();
    hybrid_.allocate();
    for (const TableSpec& table : job.tables) dirty_host_.emplace_back(hot_ ? table.hot_rows : 0, 1);
    if (!hot_) return;
    hot_->loop.allocate();
    hot_->rows.upload();
    hot_->batch.upload();
    host_flags_.resize(hot_->rows.rows());
    staging_ = Pinned(static_cast<size_t>(DeviceRows::piece_rows) * job.width * 4);
  }

  void run(const SegmentCall& call, double* losses, fae_report& report) override {
    if (call.route == Route::hot) {
      report.switched_rows = switch_to_device(report.seconds, report.bytes);
      const DenseEncoding encoding = call.source->spec().encoding;
      const Graph& one = hot_->steps.train(encoding, hot_->loop.ring(), dirty_device_.get());
      const Graph& several = hot_->steps.train(encoding, hot_->loop.ring(), dirty_device_.get(), DeviceLoop::steps_together);
      hot_->loop.run(call, one, &several, nullptr, losses, report.seconds, report.bytes);
      device_dirty_ = true;
      return;
    }
    report.switched_rows = switch_to_host(report.seconds, report.bytes);
    std::vector<uint8_t*> dirty;
    for (auto& flags : dirty_host_) dirty.push_back(flags.data());
    hybrid_.run(call, hot_ ? dirty : std::vector<uint8_t*>{}, losses, report.seconds, report.bytes);
  }

  void evaluate(const RowSource& source, float* scores, fae_evaluation& evaluation) override {
    double seconds[FAE_STAGES] = {};
    switch_to_host(seconds, evaluation.bytes);
    hybrid_.evaluate(source, scores, evaluation);
  }

  // Reading moves nothing for good: rows that the device changed are looked at there.
  void read_rows(uint32_t table, int slot, const uint32_t* rows, uint64_t count, float* out) override {
    rows_.read(table, slot, rows, count, out);
    if (!hot_ || !device_dirty_) return;
    read_flags();
    std::vector<uint32_t> ids;
    std::vector<uint64_t> places;
    const uint8_t* flags = host_flags_.data() + hot_->rows.base(table);
    for (uint64_t i = 0; i < count; i++) {
      const uint32_t id = rows ? rows[i] : static_cast<uint32_t>(i);
      if (id < job_.tables[table].hot_rows && flags[id]) ids.push_back(id), places.push_back(i);
    }
    if (ids.empty()) return;
    const uint32_t n = rows_.columns(slot);
    std::vector<float> values(ids.size() * n);
    hot_->rows.read(table, slot, ids.data(), ids.size(), values.data(), core_.lanes().main());
    for (size_t i = 0; i < ids.size(); i++) std::copy_n(values.data() + i * n, n, out + places[i] * n);
  }

  // The host's copy becomes the authoritative one; other slots of the same rows must be on the host first.
  void write_rows(uint32_t table, int slot, const uint32_t* rows, uint64_t count, const float* in) override {
    double seconds[FAE_STAGES] = {};
    uint64_t bytes[FAE_TRAFFIC][2] = {};
    switch_to_host(seconds, bytes);
    rows_.write(table, slot, rows, count, in);
    if (!hot_) return;
    for (uint64_t i = 0; i < count; i++) {
      const uint32_t id = rows ? rows[i] : static_cast<uint32_t>(i);
      if (id < job_.tables[table].hot_rows) dirty_host_[table][id] = 1;
    }
  }

  void read_param(uint32_t param, int slot, float* out) override { core_.network().parameters().read(param, slot, out, core_.lanes().main()); }
  void write_param(uint32_t param, int slot, const float* in) override { core_.network().parameters().write(param, slot, in, core_.lanes().main()); }
  uint64_t updates() const override { return core_.updates; }
  void set_updates(uint64_t count) override { core_.updates = count; }
  uint64_t host_bytes() const override { return rows_.bytes() + hybrid_.host_bytes() + host_flags_.size() * 2 + (hot_ ? hot_->loop.host_bytes() : 0); }
  uint64_t device_bytes() const override { return core_.device_bytes(); }

 private:
  struct Hot {
    Hot(const Job& job, Core& core) : rows(job, {}, core.arena()), batch(job, core.arena(), rows.rows()), loop(job, core), steps(job, core, rows, batch) {}
    DeviceRows rows;
    BatchRows batch;
    DeviceLoop loop;
    StepRecorder steps;
  };

  void read_flags() {
    FAE_CUDA(cudaMemcpyAsync(host_flags_.data(), dirty_device_.get(), host_flags_.size(), cudaMemcpyDeviceToHost, core_.lanes().main()));
    FAE_CUDA(cudaStreamSynchronize(core_.lanes().main()));
  }

  // Rows of a table that are marked; the marks are cleared.
  static std::vector<uint32_t> take_marked(uint8_t* flags, uint32_t count) {
    std::vector<uint32_t> ids;
    for (uint32_t at = 0; at < count;) {
      const void* found = std::memchr(flags + at, 1, count - at);
      if (!found) break;
      at = static_cast<uint32_t>(static_cast<const uint8_t*>(found) - flags);
      ids.push_back(at);
      flags[at++] = 0;
    }
    return ids;
  }

  // Copies listed rows of a table with their state, a pinned piece at a time; host threads gather or scatter.
  uint64_t exchange(uint32_t table, const std::vector<uint32_t>& ids, Direction direction) {
    uint64_t bytes = 0;
    for (int slot = -1; slot < rows_.slots(); slot++) {
      const uint32_t n = rows_.columns(slot);
      for (size_t first = 0; first < ids.size(); first += DeviceRows::piece_rows) {
        const uint32_t count = static_cast<uint32_t>(std::min<size_t>(DeviceRows::piece_rows, ids.size() - first));
        float* staged = staging_.as<float>();
        const auto move = [&](bool to_stage) {
          constexpr uint32_t tile = 2048;
          pool_.run((count + tile - 1) / tile, [&](uint32_t t, uint32_t) {
            for (uint32_t i = t * tile; i < std::min(count, (t + 1) * tile); i++) {
              float *row = rows_.row(table, slot, ids[first + i]), *at = staged + static_cast<size_t>(i) * n;
              if (to_stage) std::copy_n(row, n, at);
              else std::copy_n(at, n, row);
            }
          });
        };
        if (direction == to_device) move(true);
        if (direction == to_device) hot_->rows.write(table, slot, ids.data() + first, count, staged, core_.lanes().main());
        else hot_->rows.read(table, slot, ids.data() + first, count, staged, core_.lanes().main());
        if (direction == to_host) move(false);
        bytes += static_cast<uint64_t>(count) * n * 4;
      }
    }
    return bytes;
  }

  uint64_t switch_to_device(double* seconds, uint64_t bytes[FAE_TRAFFIC][2]) {
    const double begin = now_seconds();
    uint64_t rows = 0;
    for (uint32_t t = 0; t < job_.tables.size(); t++) {
      const std::vector<uint32_t> ids = take_marked(dirty_host_[t].data(), static_cast<uint32_t>(dirty_host_[t].size()));
      bytes[traffic_switch][to_device] += exchange(t, ids, to_device);
      rows += ids.size();
    }
    seconds[stage_switch] += now_seconds() - begin;
    return rows;
  }

  uint64_t switch_to_host(double* seconds, uint64_t bytes[FAE_TRAFFIC][2]) {
    if (!hot_ || !device_dirty_) return 0;
    const double begin = now_seconds();
    read_flags();
    uint64_t rows = 0;
    for (uint32_t t = 0; t < job_.tables.size(); t++) {
      const std::vector<uint32_t> ids = take_marked(host_flags_.data() + hot_->rows.base(t), job_.tables[t].hot_rows);
      bytes[traffic_switch][to_host] += exchange(t, ids, to_host);
      rows += ids.size();
    }
    FAE_CUDA(cudaMemsetAsync(dirty_device_.get(), 0, host_flags_.size(), core_.lanes().main()));
    FAE_CUDA(cudaStreamSynchronize(core_.lanes().main()));
    device_dirty_ = false;
    seconds[stage_switch] += now_seconds() - begin;
    return rows;
  }

  const Job& job_;
  ThreadPool pool_;
  Core core_;
  HostRows rows_;
  HybridStep hybrid_;
  std::unique_ptr<Hot> hot_;
  Buffer<uint8_t> dirty_device_;
  std::vector<std::vector<uint8_t>> dirty_host_;
  std::vector<uint8_t> host_flags_;
  bool device_dirty_ = false;
  Pinned staging_;
};

}  // namespace

std::unique_ptr<Residency> make_doubled_residency(const Job& job) { return std::make_unique<DoubledResidency>(job); }

}  // namespace fae::cuda
