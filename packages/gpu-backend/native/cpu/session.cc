#include "session.h"

#include <algorithm>
#include <cmath>

#include "table_start.h"

namespace fae::cpu {

namespace {

constexpr uint32_t everywhere = ~0u;
constexpr uint32_t reader_depth = 3;

Job checked_job(const char* json, uint32_t memory_count) {
  Job job = parse_job(json, memory_count);
  if (job.devices > 1) {
    fail(FAE_UNSUPPORTED, "The cpu engine has one device, the plan uses " + std::to_string(job.devices) + ". Use the cuda engine.",
         {fact("found", job.devices)});
  }
  if (job.matmul != Matmul::float32) fail(FAE_UNSUPPORTED, "The cpu engine computes in float32 only. Leave out matmul or use the cuda engine.");
  if (job.row_type != RowType::float32) fail(FAE_UNSUPPORTED, "The cpu engine keeps rows in float32 only. Leave out rowType or use the cuda engine.");
  return job;
}

Arena& beside_network(const Job& job, Arena& host, Arena& device) { return job.regime == Regime::host ? host : device; }

// The network reads the store itself, except where servers own it.
float* network_values(const Job& job, const ParameterOffsets& offsets, const ParameterStore& store, Arena& device) {
  return job.regime == Regime::server ? device.make<float>(offsets.total, "the dense parameters") : store.values;
}

// Ids that the distinct pass meets: device slots stand for cold rows on the mixed route.
std::vector<uint32_t> id_limits(const Job& job) {
  std::vector<uint32_t> limits;
  for (uint32_t t = 0; t < job.tables.size(); t++) {
    limits.push_back(job.regime == Regime::split ? job.tables[t].hot_rows + ColdTable(job, t).slots() : job.tables[t].rows);
  }
  return limits;
}

}  // namespace

BatchMemory::BatchMemory(const Job& job, Arena& host, Arena& device) {
  Arena& beside = beside_network(job, host, device);
  const uint64_t words = static_cast<uint64_t>(job.batch) * job.stride_words, steps = static_cast<uint64_t>(job.batch) * job.step_count();
  labels = beside.make<float>(job.batch, "labels");
  losses = beside.make<double>(job.batch, "losses");
  for (uint32_t i = 0; i < reader_depth; i++) reader.words.push_back(host.make<uint32_t>(words, "inputs"));
  if (job.regime != Regime::host) device_words = device.make<uint32_t>(words, "inputs");
  if (!job.uses(Route::hybrid)) return;
  host_labels = host.make<float>(job.batch, "labels");
  host_dense = host.make<float>(steps * job.dense_features, "dense features");
  host_rows = host.make<float>(steps * job.tables.size() * job.width, "pooled rows");
  host_row_gradients = host.make<float>(steps * job.tables.size() * job.width, "row gradients");
}

Session::Session(const char* job_json, const fae_words* memory, uint32_t memory_count)
    : job(checked_job(job_json, memory_count)),
      kernels(choose_kernels()),
      pool(job.threads),
      clock(pool.threads()),
      sources([&] {
        std::vector<std::unique_ptr<RowSource>> opened;
        for (const SourceSpec& spec : job.sources) opened.push_back(std::make_unique<RowSource>(job, spec, memory));
        return opened;
      }()),
      offsets(job),
      store(job, offsets, job.regime == Regime::server ? host : beside_network(job, host, device)),
      parameters(job, offsets, kernels, network_values(job, offsets, store, device), beside_network(job, host, device), true),
      network(job, kernels, parameters, beside_network(job, host, device), pool.threads(), true),
      tables(job, host, device, pool),
      batch(job, host, device),
      distinct(job, id_limits(job)),
      distinct_scratch(pool.threads()) {
  for (const TableSpec& table : job.tables) hotness.push_back(table.hotness);
  for (uint32_t i = 0; i < pool.threads(); i++) row_scratch.push_back(beside_network(job, host, device).make<float>(job.width, "scratch memory"));
  for (uint32_t t = 0; t < job.tables.size(); t++) {
    for (uint32_t slot = 0; slot < tables.slots(); slot++) {
      host_places.slots[slot].push_back({tables[t].host[slot], nullptr, everywhere});
      device_places.slots[slot].push_back({tables[t].device[slot], nullptr, everywhere});
    }
  }
  if (job.regime == Regime::split) cold = std::make_unique<ColdPipeline>(job, tables, host, device, bus, pool.threads());
  if (job.regime == Regime::server) servers = std::make_unique<Servers>(job, kernels, offsets, store, tables, host_places.slots, device, bus);
  keep_mapped_tables(job);
}

RowSource& Session::source(const std::string& name) {
  return *sources[find_source(job, name)];
}

uint32_t Session::tile_inputs() const {
  // About 64 rows fill the register tiles and leave room in the cache; fewer where threads would otherwise have nothing to do.
  const uint32_t share = (job.batch + 2 * pool.threads() - 1) / (2 * pool.threads());
  const uint32_t inputs = std::clamp((share + 7) / 8 * 8, 8u, 64u);
  return std::max(4u, inputs / job.step_count());
}

OptimizerStep Session::optimizer_step(double learning_rate, uint64_t step) const {
  const OptimizerSpec& spec = job.optimizer;
  OptimizerStep result;
  result.name = static_cast<Optimizer>(static_cast<int>(spec.name));
  result.rate = static_cast<float>(learning_rate);
  result.epsilon = static_cast<float>(spec.epsilon);
  result.beta1 = static_cast<float>(spec.beta1);
  result.beta2 = static_cast<float>(spec.beta2);
  if (spec.name == OptimizerName::adam) {
    result.rate = static_cast<float>(learning_rate / (1 - std::pow(spec.beta1, static_cast<double>(step))));
    result.correction = static_cast<float>(std::sqrt(1 - std::pow(spec.beta2, static_cast<double>(step))));
  }
  return result;
}

void Session::refresh_panels() {
  if (panels_current) return;
  pool.run(parameters.parts(), [&](uint32_t part, uint32_t) { parameters.finish(part, nullptr, {}); });
  panels_current = true;
}

}  // namespace fae::cpu
