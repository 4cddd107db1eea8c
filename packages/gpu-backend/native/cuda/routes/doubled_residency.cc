// Hot rows twice: route `hybrid` on the host's copy of all rows, route `hot` on the device's copy of the hot ones. Exactly one copy of
// a hot row is authoritative: rows that one side changed since the last switch are marked there, and a switch copies the marked
// rows with their optimizer state. (Marks and lists of rows that go with a switch are control data and not counted as traffic.)
#include <algorithm>

#include "routes/device_loop.h"
#include "routes/hybrid_step.h"
#include "routes/row_exchange.h"
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
      hot_ = std::make_unique<Hot>(job, core_, rows_, pool_);
      dirty_device_ = core_.arena().reserve<uint8_t>(hot_->rows.rows(), "dirty rows");
    }
    core_.allocate();
    hybrid_.allocate();
    if (!hot_) return;
    dirty_host_.assign(hot_->rows.rows(), 1);
    hot_->loop.allocate();
    hot_->rows.upload();
    hot_->batch.upload();
    hot_->exchange.allocate();
    device_flags_ = Pinned(hot_->rows.rows());
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
    for (uint32_t t = 0; hot_ && t < job_.tables.size(); t++) dirty.push_back(dirty_host_.data() + hot_->rows.base(t));
    hybrid_.run(call, dirty, losses, report.seconds, report.bytes);
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
    const uint8_t* flags = device_flags_.as<uint8_t>() + hot_->rows.base(table);
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
      if (id < job_.tables[table].hot_rows) dirty_host_[hot_->rows.base(table) + id] = 1;
    }
  }

  void read_param(uint32_t param, int slot, float* out) override { core_.network().parameters().read(param, slot, out, core_.lanes().main()); }
  void write_param(uint32_t param, int slot, const float* in) override { core_.network().parameters().write(param, slot, in, core_.lanes().main()); }
  uint64_t updates() const override { return core_.updates; }
  void set_updates(uint64_t count) override { core_.updates = count; }
  uint64_t host_bytes() const override { return rows_.bytes() + hybrid_.host_bytes() + (hot_ ? hot_->rows.rows() * 2 + hot_->exchange.host_bytes() + hot_->loop.host_bytes() : 0); }
  uint64_t device_bytes() const override { return core_.device_bytes(); }

 private:
  struct Hot {
    Hot(const Job& job, Core& core, const HostRows& host, ThreadPool& pool)
        : rows(job, {}, core.arena()), batch(job, core.arena(), rows.first_rows()), loop(job, core), steps(job, core, rows, batch), exchange(job, rows, host, pool, core.arena()) {}
    DeviceRows rows;
    BatchRows batch;
    DeviceLoop loop;
    StepRecorder steps;
    RowExchange exchange;
  };

  void read_flags() {
    FAE_CUDA(cudaMemcpyAsync(device_flags_.as<uint8_t>(), dirty_device_.get(), device_flags_.bytes(), cudaMemcpyDeviceToHost, core_.lanes().main()));
    FAE_CUDA(cudaStreamSynchronize(core_.lanes().main()));
  }

  uint64_t switch_to_device(double* seconds, uint64_t bytes[FAE_TRAFFIC][2]) {
    const double begin = now_seconds();
    const std::vector<uint32_t> rows = take_marked(dirty_host_.data(), dirty_host_.size(), pool_);
    bytes[traffic_switch][to_device] += hot_->exchange.run(rows, to_device, core_.lanes().main());
    seconds[stage_switch] += now_seconds() - begin;
    return rows.size();
  }

  uint64_t switch_to_host(double* seconds, uint64_t bytes[FAE_TRAFFIC][2]) {
    if (!hot_ || !device_dirty_) return 0;
    const double begin = now_seconds();
    read_flags();
    const std::vector<uint32_t> rows = take_marked(device_flags_.as<uint8_t>(), device_flags_.bytes(), pool_);
    bytes[traffic_switch][to_host] += hot_->exchange.run(rows, to_host, core_.lanes().main());
    FAE_CUDA(cudaMemsetAsync(dirty_device_.get(), 0, device_flags_.bytes(), core_.lanes().main()));
    FAE_CUDA(cudaStreamSynchronize(core_.lanes().main()));
    device_dirty_ = false;
    seconds[stage_switch] += now_seconds() - begin;
    return rows.size();
  }

  const Job& job_;
  ThreadPool pool_;
  Core core_;
  HostRows rows_;
  HybridStep hybrid_;
  std::unique_ptr<Hot> hot_;
  Buffer<uint8_t> dirty_device_;
  // Per hot row as DeviceRows numbers them: the host changed it since the last switch; the same of the device, as last read.
  std::vector<uint8_t> dirty_host_;
  Pinned device_flags_;
  bool device_dirty_ = false;
};

}  // namespace

std::unique_ptr<Residency> make_doubled_residency(const Job& job) { return std::make_unique<DoubledResidency>(job); }

}  // namespace fae::cuda
