#include "routes/host_rows.h"

#include <algorithm>
#include <cmath>

#include "table_start.h"

namespace fae::cuda {

cpu::OptimizerStep host_step(const Job& job, double learning_rate, double step) {
  const OptimizerSpec& o = job.optimizer;
  cpu::OptimizerStep s;
  s.name = static_cast<cpu::Optimizer>(o.name);
  s.rate = static_cast<float>(learning_rate);
  s.epsilon = static_cast<float>(o.epsilon);
  if (o.name == OptimizerName::adam) {
    s.beta1 = static_cast<float>(o.beta1);
    s.beta2 = static_cast<float>(o.beta2);
    s.rate = static_cast<float>(learning_rate / (1 - std::pow(o.beta1, step)));
    s.correction = static_cast<float>(std::sqrt(1 - std::pow(o.beta2, step)));
  }
  return s;
}

HostRows::HostRows(const Job& job, ThreadPool& pool) : job_(job), kernels_(cpu::choose_kernels()) {
  widths_.push_back(job.width);
  for (const SlotSpec& slot : job.optimizer.row_slots) widths_.push_back(OptimizerSpec::slot_width(slot, job.width));
  base_.assign(widths_.size(), std::vector<float*>(job.tables.size(), nullptr));
  uint64_t need = 0;
  for (const TableSpec& table : job.tables) {
    hotness_.push_back(table.hotness);
    for (const uint32_t width : widths_) need += table.mapped_path.empty() ? static_cast<uint64_t>(table.rows - table.host_from) * width * 4 : 0;
  }
  require_host_bytes(need, "the tables of " + job.program_name);
  for (size_t s = 0; s < widths_.size(); s++) {
    for (size_t t = 0; t < job.tables.size(); t++) {
      const TableSpec& table = job.tables[t];
      const uint64_t bytes = static_cast<uint64_t>(table.rows - table.host_from) * widths_[s] * 4;
      if (bytes == 0) continue;
      const std::string suffix = s == 0 ? "" : "." + job.optimizer.row_slots[s - 1].name;
      pages_.push_back(table.mapped_path.empty() ? Pages::anonymous(bytes, "table '" + table.name + "'") : Pages::mapped(table.mapped_path + suffix, bytes));
      base_[s][t] = pages_.back().as<float>();
    }
  }
  constexpr uint32_t piece = 1 << 15;
  for (uint32_t t = 0; t < job.tables.size(); t++) {
    const TableSpec& table = job.tables[t];
    if (table.host_from == table.rows) continue;
    const TableStart start(job, t, kernels_.uniform_rows);
    pool.run((table.rows - table.host_from + piece - 1) / piece, [&](uint32_t tile, uint32_t) {
      const uint32_t first = table.host_from + tile * piece;
      start.fill(first, std::min(piece, table.rows - first), row(t, -1, first), true);
    });
  }
}

uint64_t HostRows::bytes() const {
  uint64_t total = 0;
  for (const Pages& pages : pages_) total += pages.bytes();
  return total;
}

cpu::RowSpace HostRows::space(uint32_t table, int slot) const { return {nullptr, base_[slot + 1][table], job_.tables[table].host_from}; }

void HostRows::pool_rows(const uint32_t* words, uint32_t inputs, float* out, ThreadPool& pool) const {
  std::vector<cpu::RowSpace> spaces;
  for (uint32_t t = 0; t < job_.tables.size(); t++) spaces.push_back(space(t, -1));
  const uint64_t out_stride = static_cast<uint64_t>(job_.step_count()) * job_.tables.size() * job_.width;
  constexpr uint32_t tile_inputs = 64;
  pool.run((inputs + tile_inputs - 1) / tile_inputs, [&](uint32_t tile, uint32_t) {
    const uint32_t first = tile * tile_inputs;
    const IdLayout ids = IdLayout::of_words(job_, words + static_cast<uint64_t>(first) * job_.stride_words, std::min(tile_inputs, inputs - first));
    cpu::Pool p;
    p.spaces = spaces.data();
    p.hotness = hotness_.data();
    p.ids = ids.ids;
    p.input_stride = ids.input_stride, p.step_stride = ids.step_stride;
    p.inputs = ids.inputs, p.steps = ids.steps, p.tables = static_cast<uint32_t>(job_.tables.size()), p.width = job_.width;
    p.out = out + first * out_stride;
    kernels_.pool(p);
  });
}

cpu::RowUpdate HostRows::update_of(uint32_t table, const cpu::OptimizerStep& step) const {
  cpu::RowUpdate u;
  u.step = step;
  u.rows = space(table, -1);
  for (int s = 0; s < slots(); s++) {
    u.state[s] = space(table, s);
    u.state_width[s] = columns(s);
  }
  u.width = job_.width;
  return u;
}

void HostRows::update(const Distinct& distinct, const float* gradients, const cpu::OptimizerStep& step, const std::vector<uint8_t*>& dirty, ThreadPool& pool) const {
  struct Tile {
    uint32_t table, from, to;
  };
  std::vector<Tile> tiles;
  constexpr uint32_t tile_rows = 512;
  for (uint32_t t = 0; t < job_.tables.size(); t++) {
    for (uint32_t from = 0; from < distinct.count(t); from += tile_rows) tiles.push_back({t, from, std::min(from + tile_rows, distinct.count(t))});
  }
  const uint32_t tables = static_cast<uint32_t>(job_.tables.size());
  pool.run(static_cast<uint32_t>(tiles.size()), [&](uint32_t i, uint32_t) {
    const Tile& tile = tiles[i];
    float scratch[512];
    cpu::RowUpdate u = update_of(tile.table, step);
    u.ids = distinct.ids(tile.table), u.begins = distinct.begins(tile.table), u.places = distinct.places(tile.table);
    u.from = tile.from, u.to = tile.to;
    u.gradients = gradients + static_cast<uint64_t>(tile.table) * job_.width;
    u.place_stride = static_cast<size_t>(tables) * job_.width;
    u.scratch = scratch;
    if (!dirty.empty()) u.dirty = dirty[tile.table], u.dirty_below = job_.tables[tile.table].hot_rows;
    kernels_.update_rows(u);
  });
}

void HostRows::update_listed(uint32_t table, const uint32_t* ids, uint32_t count, const float* sums, const cpu::OptimizerStep& step) const {
  float scratch[512];
  cpu::RowUpdate u = update_of(table, step);
  u.ids = ids;
  u.to = count;
  u.summed = sums;
  u.scratch = scratch;
  kernels_.update_rows(u);
}

void HostRows::read(uint32_t table, int slot, const uint32_t* rows, uint64_t count, float* out) const {
  const uint32_t n = columns(slot), first = job_.tables[table].host_from;
  for (uint64_t i = 0; i < count; i++) std::copy_n(row(table, slot, rows ? rows[i] : first + static_cast<uint32_t>(i)), n, out + i * n);
}

void HostRows::write(uint32_t table, int slot, const uint32_t* rows, uint64_t count, const float* in) const {
  const uint32_t n = columns(slot), first = job_.tables[table].host_from;
  for (uint64_t i = 0; i < count; i++) std::copy_n(in + i * n, n, row(table, slot, rows ? rows[i] : first + static_cast<uint32_t>(i)));
}

}  // namespace fae::cuda
