// Hot rows on the device only, cold rows on the host only: route `mixed` for any batch, route `hot` for hot ones.
#include <cstring>

#include "routes/device_loop.h"
#include "routes/mixed/mixed_pipeline.h"
#include "routes/step_recorder.h"
#include "rows/device_rows.h"

namespace fae::cuda {

namespace {

uint32_t host_threads(const Job& job) { return job.threads ? job.threads : std::min(usable_threads(), 8u); }

class SplitResidency final : public Residency {
 public:
  explicit SplitResidency(const Job& job)
      : job_(job), pool_(host_threads(job)), core_(job, false), host_(job, pool_), rows_(job, ColdPlanner::slots(job), core_.arena()),
        batch_(job, core_.arena(), rows_.first_rows()), loop_(job, core_, 2 * (job.look_ahead + 3)), pipeline_(job, core_, host_, rows_),
        mixed_(job, core_, rows_, batch_, WordLayout::translated), score_(job, core_, rows_, batch_, WordLayout::translated), hot_(job, core_, rows_, batch_) {
    core_.allocate();
    loop_.allocate();
    rows_.upload();
    batch_.upload();
    rows_.initialise(core_.lanes().main());
    pipeline_.allocate(loop_.feeder(), rows_);
    mixed_.set_cold_rows({[this] { pipeline_.record_insert(core_.lanes(), loop_.ring(), true); }, [this] { pipeline_.record_collect(core_.lanes()); }});
    score_.set_cold_rows({[this] { pipeline_.record_insert(core_.lanes(), loop_.ring(), false); }, nullptr});
  }

  void run(const SegmentCall& call, double* losses, fae_report& report) override {
    if (call.route == Route::hot) {
      const DenseEncoding encoding = call.source->spec().encoding;
      const Graph& one = hot_.train(encoding, loop_.ring(), nullptr);
      loop_.run(call, one, &hot_.train(encoding, loop_.ring(), nullptr, DeviceLoop::steps_together), nullptr, losses, report.seconds, report.bytes);
      return;
    }
    pipeline_.report_to(true, report.seconds, report.bytes);
    loop_.run(call, mixed_.train(call.source->spec().encoding, loop_.ring(), nullptr), nullptr, &pipeline_, losses, report.seconds, report.bytes);
    report.cold_rows = pipeline_.fetched();
    report.forwarded_rows = pipeline_.forwarded();
  }

  void evaluate(const RowSource& source, float* scores, fae_evaluation& evaluation) override {
    double seconds[FAE_STAGES] = {};
    pipeline_.report_to(false, seconds, evaluation.bytes);
    loop_.evaluate(source, score_.score(source.spec().encoding, loop_.ring()), &pipeline_, scores, evaluation, seconds);
  }

  void read_rows(uint32_t table, int slot, const uint32_t* rows, uint64_t count, float* out) override {
    exchange(table, rows, count, [&](bool device, const std::vector<uint32_t>& ids, const std::vector<uint64_t>& places) {
      const uint32_t n = host_.columns(slot);
      std::vector<float> values(ids.size() * n);
      if (device) rows_.read(table, slot, ids.data(), ids.size(), values.data(), core_.lanes().main());
      else host_.read(table, slot, ids.data(), ids.size(), values.data());
      for (size_t i = 0; i < ids.size(); i++) std::memcpy(out + places[i] * n, values.data() + i * n, n * 4ull);
    });
  }

  void write_rows(uint32_t table, int slot, const uint32_t* rows, uint64_t count, const float* in) override {
    exchange(table, rows, count, [&](bool device, const std::vector<uint32_t>& ids, const std::vector<uint64_t>& places) {
      const uint32_t n = host_.columns(slot);
      std::vector<float> values(ids.size() * n);
      for (size_t i = 0; i < ids.size(); i++) std::memcpy(values.data() + i * n, in + places[i] * n, n * 4ull);
      if (device) rows_.write(table, slot, ids.data(), ids.size(), values.data(), core_.lanes().main());
      else host_.write(table, slot, ids.data(), ids.size(), values.data());
    });
  }

  void read_param(uint32_t param, int slot, float* out) override { core_.network().parameters().read(param, slot, out, core_.lanes().main()); }
  void write_param(uint32_t param, int slot, const float* in) override { core_.network().parameters().write(param, slot, in, core_.lanes().main()); }
  uint64_t updates() const override { return core_.updates; }
  void set_updates(uint64_t count) override { core_.updates = count; }
  uint64_t host_bytes() const override { return host_.bytes() + loop_.host_bytes() + pipeline_.host_bytes(); }
  uint64_t device_bytes() const override { return core_.device_bytes(); }

 private:
  // Calls act for the hot and for the cold ones among the rows, in bounded pieces.
  template <class Act>
  void exchange(uint32_t table, const uint32_t* rows, uint64_t count, Act&& act) {
    constexpr uint64_t piece = 1 << 16;
    for (uint64_t first = 0; first < count; first += piece) {
      std::vector<uint32_t> ids[2];
      std::vector<uint64_t> places[2];
      for (uint64_t i = first; i < std::min(count, first + piece); i++) {
        const uint32_t id = rows ? rows[i] : static_cast<uint32_t>(i);
        const bool hot = id < job_.tables[table].hot_rows;
        ids[hot].push_back(id);
        places[hot].push_back(i);
      }
      for (const bool hot : {false, true}) {
        if (!ids[hot].empty()) act(hot, ids[hot], places[hot]);
      }
    }
  }

  const Job& job_;
  ThreadPool pool_;
  Core core_;
  HostRows host_;
  DeviceRows rows_;
  BatchRows batch_;
  DeviceLoop loop_;
  MixedPipeline pipeline_;
  StepRecorder mixed_, score_, hot_;
};

}  // namespace

std::unique_ptr<Residency> make_split_residency(const Job& job) { return std::make_unique<SplitResidency>(job); }

}  // namespace fae::cuda
