// Named tensors. Reads take each row's authoritative copy and move nothing between the places; writes of doubled rows bring
// what is dirty on the device down first (counted in the next report) and are taken up by the next switch.
#include <cstring>

#include "session.h"
#include "step_values.h"

namespace fae::cpu {

namespace {

struct Tensor {
  enum class Kind { step, table, parameter } kind = Kind::step;
  uint32_t index = 0;
  uint32_t slot = 0;  // 0: the values themselves
  uint64_t rows = 1, columns = 1;
};

Tensor find(const Session& s, const std::string& name) {
  Tensor tensor;
  if (name == "#step") return {Tensor::Kind::step, 0, 0, 1, 2};
  const size_t hash = name.find('#');
  const std::string base = name.substr(0, hash), state = hash == std::string::npos ? "" : name.substr(hash + 1);
  const auto slot_of = [&](const std::vector<SlotSpec>& slots) -> int {
    if (hash == std::string::npos) return 0;
    for (size_t i = 0; i < slots.size(); i++) {
      if (slots[i].name == state) return static_cast<int>(i) + 1;
    }
    return -1;
  };
  for (uint32_t t = 0; t < s.job.tables.size(); t++) {
    const int slot = slot_of(s.job.optimizer.row_slots);
    if (s.job.tables[t].name != base || slot < 0) continue;
    return {Tensor::Kind::table, t, static_cast<uint32_t>(slot), s.job.tables[t].rows, s.tables[t].widths[slot]};
  }
  for (uint32_t p = 0; p < s.job.params.size(); p++) {
    const int slot = slot_of(s.job.optimizer.dense_slots);
    const ParamSpec& param = s.job.params[p];
    if (param.name != base || slot < 0) continue;
    const uint64_t rows = param.shape.empty() ? 1 : param.shape[0];
    return {Tensor::Kind::parameter, p, static_cast<uint32_t>(slot), rows, rows == 0 ? 0 : param.elements / rows};
  }
  std::string slots;
  for (const SlotSpec& slot : s.job.optimizer.dense_slots) slots += ", <name>#" + slot.name;
  fail(FAE_CONFIG, "The session has no tensor '" + name + "'. Tensors are the program's tables and parameters" + slots + " and #step.",
       {fact("option", "name"), fact("found", name)});
}

void check_rows(const std::string& name, const Tensor& tensor, const uint32_t* rows, uint64_t count) {
  if (!rows) return;
  if (tensor.kind != Tensor::Kind::table) {
    fail(FAE_CONFIG, "Tensor '" + name + "' has no rows: it is read and written whole. Leave out rows.", {fact("option", "rows")});
  }
  for (uint64_t i = 0; i < count; i++) {
    if (rows[i] < tensor.rows) continue;
    fail(FAE_CONFIG, "Tensor '" + name + "' has no row " + std::to_string(rows[i]) + ": it has " + std::to_string(tensor.rows) + ". Use rows 0 to " +
                         std::to_string(tensor.rows - 1) + ".",
         {fact("option", "rows"), fact("found", rows[i]), fact("expected", tensor.rows)});
  }
}

// The authoritative copy of a row of a table or its state.
float* row_of(const Session& s, const Tensor& tensor, uint32_t id) {
  const TableMemory& memory = s.tables[tensor.index];
  const bool newer_on_device = memory.dirty_device && id < s.job.tables[tensor.index].hot_rows && memory.dirty_device[id];
  if (newer_on_device) return memory.device[tensor.slot] + static_cast<uint64_t>(id) * tensor.columns;
  return s.tables.row(tensor.index, static_cast<int>(tensor.slot), id);
}

float* parameter_of(const Session& s, const Tensor& tensor) {
  return (tensor.slot == 0 ? s.store.values : s.store.state[tensor.slot - 1]) + s.offsets.first[tensor.index];
}

}  // namespace

void tensor_shape(Session& s, const std::string& name, uint64_t& rows, uint64_t& columns) {
  const Tensor tensor = find(s, name);
  rows = tensor.rows;
  columns = tensor.columns;
}

void read_tensor(Session& s, const std::string& name, const uint32_t* rows, uint64_t count, float* out) {
  const Tensor tensor = find(s, name);
  check_rows(name, tensor, rows, count);
  if (tensor.kind == Tensor::Kind::step) {
    put_step(s.updates, out);
  } else if (tensor.kind == Tensor::Kind::parameter) {
    std::memcpy(out, parameter_of(s, tensor), tensor.rows * tensor.columns * sizeof(float));
  } else {
    const uint64_t n = rows ? count : tensor.rows;
    for (uint64_t i = 0; i < n; i++) {
      std::memcpy(out + i * tensor.columns, row_of(s, tensor, rows ? rows[i] : static_cast<uint32_t>(i)), tensor.columns * sizeof(float));
    }
  }
}

void write_tensor(Session& s, const std::string& name, const uint32_t* rows, uint64_t count, const float* in) {
  const Tensor tensor = find(s, name);
  check_rows(name, tensor, rows, count);
  if (tensor.kind == Tensor::Kind::step) {
    if (!(in[0] >= 0 && in[1] >= 0)) fail(FAE_CONFIG, "#step must be 0 or more.", {fact("option", "#step")});
    s.updates = step_of(in);
  } else if (tensor.kind == Tensor::Kind::parameter) {
    std::memcpy(parameter_of(s, tensor), in, tensor.rows * tensor.columns * sizeof(float));
    s.panels_current = false;
  } else {
    switch_to_host(s);
    uint8_t* dirty = s.tables[tensor.index].dirty_host;
    const uint64_t n = rows ? count : tensor.rows;
    for (uint64_t i = 0; i < n; i++) {
      const uint32_t id = rows ? rows[i] : static_cast<uint32_t>(i);
      std::memcpy(row_of(s, tensor, id), in + i * tensor.columns, tensor.columns * sizeof(float));
      if (dirty && id < s.job.tables[tensor.index].hot_rows) dirty[id] = 1;
    }
  }
}

}  // namespace fae::cpu
