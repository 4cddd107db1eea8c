// How the batches of a segment run, one function per kind of route. Each stores `count` losses.
#pragma once

#include "session.h"

namespace fae::cpu {

struct SegmentRun {
  Route route;
  RowSource& source;
  const fae_segment& segment;
  double* losses;
  uint64_t inputs = 0;
  uint64_t cold_rows = 0, forwarded_rows = 0;
};

// host, device, hot: rows are where the network is.
void run_local(Session& session, SegmentRun& run);
void run_hybrid(Session& session, SegmentRun& run);
void run_mixed(Session& session, SegmentRun& run);
void run_server(Session& session, SegmentRun& run);

// Scores of a whole source in row order, into `scores` and `labels`; returns the sum of losses.
double evaluate_local(Session& session, RowSource& source, float* scores, uint8_t* labels);
double evaluate_hybrid(Session& session, RowSource& source, float* scores, uint8_t* labels);
double evaluate_mixed(Session& session, RowSource& source, float* scores, uint8_t* labels);
double evaluate_server(Session& session, RowSource& source, float* scores, uint8_t* labels);

// Batch numbers 0, 1, ... of a source.
std::vector<uint32_t> all_batches(const RowSource& source);

// The next batch of a reader; what this thread waited for it counts as waiting.
const BatchWords& next_batch(Session& session, BatchReader& reader);

// Copies a batch's words to the device.
void upload_words(Session& session, const BatchWords& batch);

}  // namespace fae::cpu
