// All tables on the device: routes `device` and `hot` on `device` placements. Ids in, everything else stays there.
#include "routes/device_loop.h"
#include "routes/step_recorder.h"
#include "rows/batch_rows.h"
#include "rows/device_rows.h"
#include "support/check.h"

namespace fae::cuda {

namespace {

class DeviceResidency final : public Residency {
 public:
  explicit DeviceResidency(const Job& job)
      : job_(job), core_(job, false), rows_(job, {}, core_.arena()), batch_(job, core_.arena(), rows_.first_rows()), loop_(job, core_),
        steps_(job, core_, rows_, batch_) {
    core_.allocate();
    loop_.allocate();
    rows_.upload();
    batch_.upload();
    rows_.initialise(core_.lanes().main());
  }

  void run(const SegmentCall& call, double* losses, fae_report& report) override {
    const DenseEncoding encoding = call.source->spec().encoding;
    const Graph& one = steps_.train(encoding, loop_.ring(), nullptr);
    loop_.run(call, one, &steps_.train(encoding, loop_.ring(), nullptr, DeviceLoop::steps_together), nullptr, losses, report.seconds, report.bytes);
  }

  void evaluate(const RowSource& source, float* scores, fae_evaluation& evaluation) override {
    double seconds[FAE_STAGES] = {};
    loop_.evaluate(source, steps_.score(source.spec().encoding, loop_.ring()), nullptr, scores, evaluation, seconds);
  }

  void read_rows(uint32_t table, int slot, const uint32_t* rows, uint64_t count, float* out) override {
    rows_.read(table, slot, rows, count, out, core_.lanes().main());
  }
  void write_rows(uint32_t table, int slot, const uint32_t* rows, uint64_t count, const float* in) override {
    rows_.write(table, slot, rows, count, in, core_.lanes().main());
  }
  void read_param(uint32_t param, int slot, float* out) override { core_.network().parameters().read(param, slot, out, core_.lanes().main()); }
  void write_param(uint32_t param, int slot, const float* in) override { core_.network().parameters().write(param, slot, in, core_.lanes().main()); }
  uint64_t updates() const override { return core_.updates; }
  void set_updates(uint64_t count) override { core_.updates = count; }
  uint64_t host_bytes() const override { return loop_.host_bytes(); }
  uint64_t device_bytes() const override { return core_.device_bytes(); }

 private:
  const Job& job_;
  Core core_;
  DeviceRows rows_;
  BatchRows batch_;
  DeviceLoop loop_;
  StepRecorder steps_;
};

}  // namespace

std::unique_ptr<Residency> make_device_residency(const Job& job) { return std::make_unique<DeviceResidency>(job); }

}  // namespace fae::cuda
