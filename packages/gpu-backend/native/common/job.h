// The job as C++ data: core's Job with a compiled program (engine.ts, compile.ts), names resolved to indices and checked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fae.h"
#include "json.h"

namespace fae {

enum class GradientMode { write, add, none };
enum class Route { host, hybrid, server, hot, mixed, device };
constexpr const char* route_names[] = {"host", "hybrid", "server", "hot", "mixed", "device"};
enum class Place { host, device, split };
// How the tables are held; same meaning as `Regime` of core/src/residency.ts.
enum class Regime { host, server, split, doubled, device };
// `optimizers` of core; names at their enumerators' places (common/names.h).
enum class OptimizerName { sgd, adagrad, rowwise_adagrad, adam };
constexpr const char* optimizer_names[] = {"sgd", "adagrad", "rowwise-adagrad", "adam"};
enum class DenseEncoding { float32, int32_log1p };
enum class Matmul { float32, tf32, bf16 };
enum class RowType { float32, bf16 };

const char* route_name(Route route);
// Throws FAE_CONFIG for an unknown name.
Route route_of(const std::string& name);

// A value of the program; index 0 is always `dense`, 1 always `rows`. Shapes and elements are without B.
struct ValueSpec {
  std::string name;
  std::vector<uint64_t> shape;
  uint64_t elements = 1;
};
constexpr uint32_t dense_value = 0;
constexpr uint32_t rows_value = 1;

struct InitSpec {
  enum class Kind { uniform, normal, zeros } kind = Kind::zeros;
  double scale = 0;  // bound or deviation
};

struct ParamSpec {
  std::string name;
  std::vector<uint64_t> shape;
  uint64_t elements = 1;
};

// One op application. The file of the op on each engine reads and checks the attributes; their meaning: core/src/ops.
struct NodeSpec {
  std::string op;
  uint32_t output = 0;
  std::vector<uint32_t> inputs;  // values
  std::vector<uint32_t> params;  // indices into Job::params
  Json attributes;
};

struct BackwardSpec {
  uint32_t node = 0;
  std::vector<GradientMode> inputs;
  std::vector<GradientMode> params;
};

struct TableSpec {
  std::string name;
  uint32_t rows = 0;
  InitSpec init;
  Place place = Place::host;
  // The device holds rows [0, hot_rows); host memory holds rows [host_from, rows): both hold the hot ones when `doubled`.
  uint32_t hot_rows = 0;
  uint32_t host_from = 0;
  // L: ids of this table per step, and where they start among the ids of one step.
  uint32_t hotness = 1;
  uint32_t first_id = 0;
  std::string original_ids_path;  // "" : id itself
  std::string mapped_path;        // "" : anonymous memory
};

// Optimizer state of a tensor: `per_row` 0 is one value per element.
struct SlotSpec {
  std::string name;
  uint32_t per_row = 0;
};

struct OptimizerSpec {
  OptimizerName name = OptimizerName::sgd;
  double epsilon = 0, beta1 = 0, beta2 = 0;
  std::vector<SlotSpec> row_slots, dense_slots;
  // Values of state per row of a table of width D, all slots together, and of one slot.
  uint32_t row_state_width(uint32_t width) const;
  static uint32_t slot_width(const SlotSpec& slot, uint32_t width) { return slot.per_row ? slot.per_row : width; }
};

struct SourceSpec {
  std::string name;
  DenseEncoding encoding = DenseEncoding::float32;
  uint32_t rows = 0;
  bool is_file = false;
  std::string path;       // of a file
  uint32_t memory = 0;    // index among the memory sources
  bool shuffled = false;
  uint32_t shuffle_seed = 0;
};

struct Job {
  std::string program_name;
  uint32_t dense_features = 0;  // F
  uint32_t steps = 0;           // S, 0 without a sequence
  uint32_t width = 0;           // D
  std::vector<TableSpec> tables;
  std::vector<ParamSpec> params;
  std::vector<ValueSpec> values;
  std::vector<NodeSpec> nodes;
  std::vector<BackwardSpec> backward;
  uint32_t logit = 0;  // value of shape [1]

  std::string strategy;
  std::vector<Route> routes;
  Regime regime = Regime::host;
  uint32_t devices = 1, look_ahead = 0, servers = 1, staleness = 0;

  OptimizerSpec optimizer;
  std::vector<SourceSpec> sources;
  uint32_t batch = 0;  // B
  uint32_t seed = 0;
  uint32_t threads = 0;
  Matmul matmul = Matmul::float32;
  RowType row_type = RowType::float32;
  bool deterministic = true;

  // S' = max(1, S).
  uint32_t step_count() const { return steps == 0 ? 1 : steps; }
  // Ids per step over all tables, and 32-bit words of one input (batch.ts).
  uint32_t ids_per_step = 0;
  uint32_t stride_words = 0;
  // Values of all dense parameters together.
  uint64_t param_elements() const;
  bool uses(Route route) const;
  const SourceSpec* find_source(const std::string& name) const;
};

// Parses and checks. Throws FAE_CONFIG naming the member that is wrong. `memory_count`: memory sources handed over beside.
Job parse_job(const char* json, uint32_t memory_count);

}  // namespace fae
