#include <limits>

#include "routes.h"

namespace fae::cpu {

namespace {

// A failure inside a segment or evaluation leaves the model between two states: every later call repeats its cause.
template <class Body>
void poisoning(Session& s, Body&& body) {
  try {
    body();
  } catch (...) {
    s.poison = current_failure();
    throw *s.poison;
  }
}

}  // namespace

void run_segment(Session& s, const fae_segment& segment, double* losses, fae_report& report) {
  const Route route = check_segment(s.job, segment);
  RowSource& source = s.source(segment.source);
  const double start = now();
  s.clock.clear();
  SegmentRun run{route, source, segment, losses};
  poisoning(s, [&] {
    switch (route) {
      case Route::hybrid: return run_hybrid(s, run);
      case Route::mixed: return run_mixed(s, run);
      case Route::server: return run_server(s, run);
      case Route::host:
      case Route::hot:
      case Route::device: return run_local(s, run);
    }
  });
  report = {};
  report.inputs = run.inputs;
  report.total_seconds = now() - start;
  s.clock.report(report.seconds);
  s.bus.report(report.bytes);
  report.cold_rows = run.cold_rows;
  report.forwarded_rows = run.forwarded_rows;
  report.switched_rows = s.switched_rows;
  s.bus.clear();
  s.switched_rows = 0;
}

void evaluate(Session& s, const char* name, float* scores, uint8_t* labels, fae_evaluation& evaluation) {
  RowSource& source = s.source(name);
  const double start = now();
  double loss = 0;
  poisoning(s, [&] {
    switch (s.job.regime) {
      case Regime::server: loss = evaluate_server(s, source, scores, labels); return;
      case Regime::split: loss = evaluate_mixed(s, source, scores, labels); return;
      case Regime::doubled: loss = evaluate_hybrid(s, source, scores, labels); return;
      case Regime::host:
      case Regime::device: loss = evaluate_local(s, source, scores, labels); return;
    }
  });
  evaluation = {};
  evaluation.inputs = source.rows();
  evaluation.loss = source.rows() == 0 ? std::numeric_limits<double>::quiet_NaN() : loss / source.rows();
  evaluation.seconds = now() - start;
  s.bus.report(evaluation.bytes);
  s.bus.clear();
  s.switched_rows = 0;
}

}  // namespace fae::cpu
