#include "tables.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "kernels.h"
#include "table_start.h"

namespace fae::cpu {

Tables::Tables(const Job& job, Arena& host, Arena& device, ThreadPool& pool)
    : job_(job),
      tables_(job.tables.size()),
      slots_(1 + static_cast<uint32_t>(job.optimizer.row_slots.size())),
      state_width_(job.optimizer.row_state_width(job.width)) {
  allocate(job, host, device);
  draw(job, pool);
}

void Tables::allocate(const Job& job, Arena& host, Arena& device) {
  uint64_t need = 0;
  for (const TableSpec& spec : job.tables) {
    const uint64_t row_bytes = (job.width + state_width_) * sizeof(float);
    need += spec.hot_rows * row_bytes;
    if (spec.mapped_path.empty()) need += (spec.rows - spec.host_from) * row_bytes;
  }
  require_host_bytes(need, "the tables of " + job.program_name);
  for (uint32_t t = 0; t < job.tables.size(); t++) {
    const TableSpec& spec = job.tables[t];
    TableMemory& memory = tables_[t];
    for (uint32_t slot = 0; slot < slots_; slot++) {
      memory.widths[slot] = slot == 0 ? job.width : OptimizerSpec::slot_width(job.optimizer.row_slots[slot - 1], job.width);
      const uint64_t count = static_cast<uint64_t>(spec.rows - spec.host_from) * memory.widths[slot];
      const std::string purpose = "table '" + spec.name + "'";
      if (count > 0 && spec.mapped_path.empty()) memory.host[slot] = host.make<float>(count, purpose);
      if (count > 0 && !spec.mapped_path.empty()) {
        memory.host[slot] = host.make_mapped(count, slot == 0 ? spec.mapped_path : spec.mapped_path + "." + job.optimizer.row_slots[slot - 1].name);
      }
      const uint64_t hot = static_cast<uint64_t>(spec.hot_rows) * memory.widths[slot];
      if (hot > 0) memory.device[slot] = device.make<float>(hot, purpose);
    }
    if (job.regime == Regime::doubled && spec.hot_rows > 0) {
      memory.dirty_host = host.make<uint8_t>(spec.hot_rows, "dirty rows");
      memory.dirty_device = device.make<uint8_t>(spec.hot_rows, "dirty rows");
      // The device has seen none of them yet.
      std::memset(memory.dirty_host, 1, spec.hot_rows);
    }
  }
}

void Tables::draw(const Job& job, ThreadPool& pool) const {
  constexpr uint32_t chunk = 1 << 15;
  for (uint32_t t = 0; t < job.tables.size(); t++) {
    const TableSpec& spec = job.tables[t];
    const TableStart start(job, t, choose_kernels().uniform_rows);
    if (spec.init.kind == InitSpec::Kind::zeros) continue;
    pool.run((spec.rows + chunk - 1) / chunk, [&](uint32_t tile, uint32_t) {
      const uint32_t from = tile * chunk, to = std::min(spec.rows, from + chunk);
      if (from < spec.host_from) {
        start.fill(from, std::min(to, spec.host_from) - from, tables_[t].device[0] + static_cast<uint64_t>(from) * job.width, true);
      }
      if (to > spec.host_from) {
        const uint32_t first = std::max(from, spec.host_from);
        start.fill(first, to - first, tables_[t].host[0] + static_cast<uint64_t>(first - spec.host_from) * job.width, true);
      }
    });
  }
}

float* Tables::row(uint32_t t, int slot, uint32_t id) const {
  const TableMemory& memory = tables_[t];
  const uint32_t host_from = job_.tables[t].host_from;
  return id >= host_from ? memory.host[slot] + static_cast<uint64_t>(id - host_from) * memory.widths[slot]
                         : memory.device[slot] + static_cast<uint64_t>(id) * memory.widths[slot];
}

}  // namespace fae::cpu
