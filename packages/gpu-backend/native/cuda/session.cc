#include "session.h"

#include "routes/feeder.h"
#include "step_values.h"
#include "support/check.h"

namespace fae::cuda {

namespace {

std::unique_ptr<Residency> make_residency(const Job& job) {
  switch (job.regime) {
    case Regime::device: return make_device_residency(job);
    case Regime::split: return make_split_residency(job);
    case Regime::doubled: return make_doubled_residency(job);
    case Regime::server: return make_server_residency(job);
    case Regime::host: break;
  }
  fail(FAE_UNSUPPORTED, "The CUDA engine does not run route 'host'. Use the cpu engine, or another strategy.", {fact("route", "host")});
}

}  // namespace

Session::Session(Job job, const fae_words* memory) : job_(std::move(job)) {
  if (job_.devices > 1) {
    fail(FAE_UNSUPPORTED, "The plan asks for " + std::to_string(job_.devices) + " GPUs; this engine runs on one. Set devices to 1.", {fact("found", job_.devices)});
  }
  if (job_.width > 512) {
    fail(FAE_UNSUPPORTED, "Rows of " + std::to_string(job_.width) + " columns are wider than the CUDA engine's 512. Use the cpu engine.", {fact("found", job_.width)});
  }
  for (const SourceSpec& spec : job_.sources) sources_.push_back(std::make_unique<RowSource>(job_, spec, memory));
  FAE_CUDA(cudaSetDevice(0));
  residency_ = make_residency(job_);
  keep_mapped_tables(job_);
}

Session::~Session() {
  // Copies may still read or write the memory that goes now; after a failure nobody has waited for them.
  cudaDeviceSynchronize();
}

bool Session::usable() { return cudaPeekAtLastError() == cudaSuccess && cudaDeviceSynchronize() == cudaSuccess; }

void Session::poison(const Failure& failure) {
  if (!poisoned_) poisoned_ = std::make_unique<Failure>(failure);
}

void Session::run(const fae_segment& segment, double* losses, fae_report& report) {
  guard([&] {
    const double begin = now_seconds();
    report = {};
    const Route route = check_segment(job_, segment);
    const SegmentCall call{route, &source(segment.source), segment.epoch, segment.batches, segment.learning_rates, segment.count};
    for (uint32_t i = 0; i < segment.count; i++) report.inputs += call.source->inputs(segment.batches[i]);
    const std::string what = "Segment of " + std::to_string(segment.count) + " batches on route " + segment.route + ", after step " + std::to_string(residency_->updates());
    work(what, [&] { residency_->run(call, losses, report); });
    report.total_seconds = now_seconds() - begin;
  });
}

uint64_t Session::rows(const char* name) const {
  require_unpoisoned();
  return source(name).rows();
}

void Session::evaluate(const char* name, float* scores, uint8_t* labels, uint64_t room, fae_evaluation& evaluation) {
  guard([&] {
    const double begin = now_seconds();
    evaluation = {};
    const RowSource& from = source(name);
    check_room(from.spec(), room);
    work("Evaluation of '" + std::string(name) + "'", [&] {
      residency_->evaluate(from, scores, evaluation);
      from.copy_labels(labels);
    });
    evaluation.seconds = now_seconds() - begin;
  });
}

void Session::shape(const char* name, uint64_t& rows, uint64_t& columns) const {
  require_unpoisoned();
  const Tensor tensor = find_tensor(job_, name);
  rows = tensor.rows;
  columns = tensor.columns;
}

void Session::read(const char* name, const uint32_t* rows, uint64_t count, float* out, uint64_t values) {
  guard([&] {
    const Tensor tensor = find_tensor(job_, name);
    check_access(tensor, name, rows, count, values);
    if (tensor.kind == Tensor::Kind::step) {
      put_step(residency_->updates(), out);
    } else if (tensor.kind == Tensor::Kind::table) {
      residency_->read_rows(tensor.index, tensor.slot, rows, rows ? count : tensor.rows, out);
    } else {
      residency_->read_param(tensor.index, tensor.slot, out);
    }
  });
}

void Session::write(const char* name, const uint32_t* rows, uint64_t count, const float* in, uint64_t values) {
  guard([&] {
    const Tensor tensor = find_tensor(job_, name);
    check_access(tensor, name, rows, count, values);
    if (tensor.kind == Tensor::Kind::step) {
      residency_->set_updates(step_of(in));
    } else if (tensor.kind == Tensor::Kind::table) {
      residency_->write_rows(tensor.index, tensor.slot, rows, rows ? count : tensor.rows, in);
    } else {
      residency_->write_param(tensor.index, tensor.slot, in);
    }
  });
}

void Session::memory(uint64_t& host_bytes, uint64_t& device_bytes) const {
  require_unpoisoned();
  host_bytes = residency_->host_bytes();
  device_bytes = residency_->device_bytes();
}

}  // namespace fae::cuda
