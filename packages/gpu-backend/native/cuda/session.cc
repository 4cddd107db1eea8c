#include "session.h"

#include <algorithm>

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

// `whole`: the tensor is no table and no parameter.
void check_rows(const uint32_t* rows, uint64_t count, bool whole, uint64_t limit, const std::string& name) {
  if (rows && whole) fail(FAE_CONFIG, "Tensor '" + name + "' has no rows: it is read and written whole. Leave out rows.", {fact("option", "rows")});
  for (uint64_t i = 0; rows && i < count; i++) {
    if (rows[i] >= limit) {
      fail(FAE_CONFIG, "Row " + std::to_string(rows[i]) + " of '" + name + "' does not exist: it has " + std::to_string(limit) + " rows.",
           {fact("found", rows[i]), fact("expected", limit)});
    }
  }
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
}

Session::~Session() {
  // Copies may still read or write the memory that goes now; after a failure nobody has waited for them.
  cudaDeviceSynchronize();
}

bool Session::usable() { return cudaPeekAtLastError() == cudaSuccess && cudaDeviceSynchronize() == cudaSuccess; }

void Session::poison(const Failure& failure) {
  if (!poisoned_) poisoned_ = std::make_unique<Failure>(failure);
}

const RowSource& Session::source(const std::string& name) const {
  for (const auto& source : sources_) {
    if (source->spec().name == name) return *source;
  }
  fail(FAE_CONFIG, "The job has no source '" + name + "'.", {fact("found", name)});
}

Session::Tensor Session::find(const std::string& name) const {
  if (name == "#step") return {Tensor::Kind::step, 0, -1, 1, 2};
  const size_t mark = name.find('#');
  const std::string tensor = name.substr(0, mark), slot_name = mark == std::string::npos ? "" : name.substr(mark + 1);
  const auto slot_of = [&](const std::vector<SlotSpec>& slots) {
    if (mark == std::string::npos) return -1;
    for (size_t s = 0; s < slots.size(); s++) {
      if (slots[s].name == slot_name) return static_cast<int>(s);
    }
    fail(FAE_CONFIG, "The optimizer keeps no state '" + slot_name + "' for '" + tensor + "'.", {fact("found", name)});
  };
  for (uint32_t t = 0; t < job_.tables.size(); t++) {
    if (job_.tables[t].name != tensor) continue;
    const int slot = slot_of(job_.optimizer.row_slots);
    const uint64_t columns = slot < 0 ? job_.width : OptimizerSpec::slot_width(job_.optimizer.row_slots[slot], job_.width);
    return {Tensor::Kind::table, t, slot, job_.tables[t].rows, columns};
  }
  for (uint32_t p = 0; p < job_.params.size(); p++) {
    if (job_.params[p].name != tensor) continue;
    const int slot = slot_of(job_.optimizer.dense_slots);
    const auto& shape = job_.params[p].shape;
    const uint64_t rows = shape.size() > 1 ? shape[0] : 1;
    return {Tensor::Kind::param, p, slot, rows, job_.params[p].elements / rows};
  }
  fail(FAE_CONFIG, "The program has no table or parameter '" + tensor + "'.", {fact("found", name)});
}

void Session::run(const fae_segment& segment, double* losses, fae_report& report) {
  guard([&] {
    const double begin = now_seconds();
    report = {};
    const Route route = route_of(segment.route);
    if (!job_.uses(route)) fail(FAE_CONFIG, std::string("The plan has no route '") + segment.route + "'.", {fact("found", segment.route)});
    const SegmentCall call{route, &source(segment.source), segment.epoch, segment.batches, segment.learning_rates, segment.count};
    for (uint32_t i = 0; i < segment.count; i++) {
      if (segment.batches[i] >= call.source->batches()) {
        fail(FAE_CONFIG, "Source '" + std::string(segment.source) + "' has no batch " + std::to_string(segment.batches[i]) + ": it has " +
                             std::to_string(call.source->batches()) + ".",
             {fact("found", segment.batches[i])});
      }
      report.inputs += call.source->inputs(segment.batches[i]);
    }
    const std::string what = "Segment of " + std::to_string(segment.count) + " batches on route " + segment.route + ", after step " + std::to_string(residency_->updates());
    work(what, [&] { residency_->run(call, losses, report); });
    report.total_seconds = now_seconds() - begin;
  });
}

void Session::evaluate(const char* name, float* scores, uint8_t* labels, fae_evaluation& evaluation) {
  guard([&] {
    const double begin = now_seconds();
    evaluation = {};
    const RowSource& from = source(name);
    work("Evaluation of '" + std::string(name) + "'", [&] {
      residency_->evaluate(from, scores, evaluation);
      from.copy_labels(labels);
    });
    evaluation.seconds = now_seconds() - begin;
  });
}

void Session::shape(const char* name, uint64_t& rows, uint64_t& columns) const {
  require_unpoisoned();
  const Tensor tensor = find(name);
  rows = tensor.rows;
  columns = tensor.columns;
}

void Session::read(const char* name, const uint32_t* rows, uint64_t count, float* out) {
  guard([&] {
    const Tensor tensor = find(name);
    check_rows(rows, count, tensor.kind == Tensor::Kind::step, tensor.rows, name);
    if (tensor.kind == Tensor::Kind::step) {
      put_step(residency_->updates(), out);
    } else if (tensor.kind == Tensor::Kind::table) {
      residency_->read_rows(tensor.index, tensor.slot, rows, rows ? count : tensor.rows, out);
    } else if (!rows) {
      residency_->read_param(tensor.index, tensor.slot, out);
    } else {
      std::vector<float> all(tensor.rows * tensor.columns);
      residency_->read_param(tensor.index, tensor.slot, all.data());
      for (uint64_t i = 0; i < count; i++) std::copy_n(all.data() + rows[i] * tensor.columns, tensor.columns, out + i * tensor.columns);
    }
  });
}

void Session::write(const char* name, const uint32_t* rows, uint64_t count, const float* in) {
  guard([&] {
    const Tensor tensor = find(name);
    check_rows(rows, count, tensor.kind == Tensor::Kind::step, tensor.rows, name);
    if (tensor.kind == Tensor::Kind::step) {
      residency_->set_updates(step_of(in));
    } else if (tensor.kind == Tensor::Kind::table) {
      residency_->write_rows(tensor.index, tensor.slot, rows, rows ? count : tensor.rows, in);
    } else if (!rows) {
      residency_->write_param(tensor.index, tensor.slot, in);
    } else {
      std::vector<float> all(tensor.rows * tensor.columns);
      residency_->read_param(tensor.index, tensor.slot, all.data());
      for (uint64_t i = 0; i < count; i++) std::copy_n(in + i * tensor.columns, tensor.columns, all.data() + rows[i] * tensor.columns);
      residency_->write_param(tensor.index, tensor.slot, all.data());
    }
  });
}

void Session::memory(uint64_t& host_bytes, uint64_t& device_bytes) const {
  require_unpoisoned();
  host_bytes = residency_->host_bytes();
  device_bytes = residency_->device_bytes();
}

}  // namespace fae::cuda
