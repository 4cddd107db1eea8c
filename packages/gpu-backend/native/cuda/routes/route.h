// A regime of a session: how its tables are held, and the routes that run on them.
#pragma once

#include <memory>
#include <vector>

#include "job.h"
#include "row_source.h"
#include "step/core.h"

namespace fae::cuda {

// One fae_run call with its names resolved.
struct SegmentCall {
  Route route;
  const RowSource* source;
  uint32_t epoch;
  const uint32_t* batches;
  const double* learning_rates;
  uint32_t count;
};

class Residency {
 public:
  virtual ~Residency() = default;
  virtual void run(const SegmentCall& call, double* losses, fae_report& report) = 0;
  // Scores of all rows in order; the mean loss.
  virtual void evaluate(const RowSource& source, float* scores, fae_evaluation& evaluation) = 0;
  // slot -1: the rows themselves. rows null: all.
  virtual void read_rows(uint32_t table, int slot, const uint32_t* rows, uint64_t count, float* out) = 0;
  virtual void write_rows(uint32_t table, int slot, const uint32_t* rows, uint64_t count, const float* in) = 0;
  virtual void read_param(uint32_t param, int slot, float* out) = 0;
  virtual void write_param(uint32_t param, int slot, const float* in) = 0;
  virtual uint64_t updates() const = 0;
  virtual void set_updates(uint64_t count) = 0;
  virtual uint64_t host_bytes() const = 0;
  virtual uint64_t device_bytes() const = 0;
};

std::unique_ptr<Residency> make_device_residency(const Job& job);
std::unique_ptr<Residency> make_split_residency(const Job& job);
std::unique_ptr<Residency> make_doubled_residency(const Job& job);
std::unique_ptr<Residency> make_server_residency(const Job& job);

// Reader threads and slots that suit a batch of the job.
uint32_t reader_threads(const Job& job);
uint32_t feeder_slots(const Job& job);

}  // namespace fae::cuda
