// A model in training on this engine: all memory, the threads, and what routes need. Members are in order of construction.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "arena.h"
#include "batch_reader.h"
#include "calls.h"
#include "clock.h"
#include "cold_pipeline.h"
#include "distinct.h"
#include "job.h"
#include "kernels.h"
#include "network.h"
#include "parameters.h"
#include "row_source.h"
#include "servers.h"
#include "status.h"
#include "tables.h"
#include "thread_pool.h"

namespace fae::cpu {

// Where each slot of each table's rows lies, for one route: [0] weights, then optimizer state.
struct RowPlaces {
  std::vector<RowSpace> slots[3];
};

// What one batch needs besides the network. Host memory on the host route, device memory on all others.
struct BatchMemory {
  BatchMemory(const Job& job, Arena& host, Arena& device);
  float* labels = nullptr;            // [B], beside the network
  double* losses = nullptr;           // [B]
  uint32_t* device_words = nullptr;   // [B, stride]
  // Hybrid: staging on the host.
  float* host_labels = nullptr;         // [B]
  float* host_dense = nullptr;          // [B, S', F]
  float* host_rows = nullptr;           // [B, S', T, D] pooled
  float* host_row_gradients = nullptr;  // the same
  ReaderBuffers reader;
};

struct Session {
  Session(const char* job_json, const fae_words* memory, uint32_t memory_count);

  Job job;
  const Kernels& kernels;
  ThreadPool pool;
  StageClock clock;
  Bus bus;
  HostBudget budget;
  Arena host{budget}, device{budget};
  std::vector<std::unique_ptr<RowSource>> sources;
  ParameterOffsets offsets;
  // Authoritative parameters: with the network, or on the servers.
  ParameterStore store;
  NetworkParameters parameters;
  Network network;
  Tables tables;
  BatchMemory batch;
  RowPlaces host_places, device_places;
  std::vector<uint32_t> hotness;
  Distinct distinct;
  std::vector<DistinctScratch> distinct_scratch;  // per thread
  std::vector<float*> row_scratch;                // per thread, D values
  std::unique_ptr<ColdPipeline> cold;             // regime split
  std::unique_ptr<Servers> servers;               // regime server
  uint64_t updates = 0;
  uint64_t switched_rows = 0;  // since the last report
  bool panels_current = false;
  std::optional<Failure> poison;

  RowSource& source(const std::string& name);
  // Inputs of a tile: what one thread carries through the network at a time.
  uint32_t tile_inputs() const;
  OptimizerStep optimizer_step(double learning_rate, uint64_t step) const;
  // Packs all parameters when they were written since.
  void refresh_panels();
};

// Segment and evaluation, whatever the route.
void run_segment(Session& session, const fae_segment& segment, double* losses, fae_report& report);
void evaluate(Session& session, const char* source, float* scores, uint8_t* labels, fae_evaluation& evaluation);

// Doubled rows: copies what the other side has not seen. Counts bytes and rows.
void switch_to_device(Session& session);
void switch_to_host(Session& session);

// fae_read and fae_write, of an access that was checked.
void read_tensor(Session& session, const Tensor& tensor, const uint32_t* rows, uint64_t count, float* out);
void write_tensor(Session& session, const Tensor& tensor, const uint32_t* rows, uint64_t count, const float* in);

}  // namespace fae::cpu
