// Named tensors. Reads take each row's authoritative copy and move nothing between the places; writes of doubled rows bring
// what is dirty on the device down first (counted in the next report) and are taken up by the next switch.
#include <cstring>

#include "session.h"
#include "step_values.h"

namespace fae::cpu {

namespace {

// The authoritative copy of a row of a table or its state.
float* row_of(const Session& s, const Tensor& tensor, uint32_t id) {
  const TableMemory& memory = s.tables[tensor.index];
  const bool newer_on_device = memory.dirty_device && id < s.job.tables[tensor.index].hot_rows && memory.dirty_device[id];
  const int slot = tensor.slot + 1;
  if (newer_on_device) return memory.device[slot] + static_cast<uint64_t>(id) * tensor.columns;
  return s.tables.row(tensor.index, slot, id);
}

float* parameter_of(const Session& s, const Tensor& tensor) {
  return (tensor.slot < 0 ? s.store.values : s.store.state[tensor.slot]) + s.offsets.first[tensor.index];
}

}  // namespace

void read_tensor(Session& s, const Tensor& tensor, const uint32_t* rows, uint64_t count, float* out) {
  if (tensor.kind == Tensor::Kind::step) {
    put_step(s.updates, out);
  } else if (tensor.kind == Tensor::Kind::param) {
    std::memcpy(out, parameter_of(s, tensor), tensor.rows * tensor.columns * sizeof(float));
  } else {
    const uint64_t n = rows ? count : tensor.rows;
    for (uint64_t i = 0; i < n; i++) {
      std::memcpy(out + i * tensor.columns, row_of(s, tensor, rows ? rows[i] : static_cast<uint32_t>(i)), tensor.columns * sizeof(float));
    }
  }
}

void write_tensor(Session& s, const Tensor& tensor, const uint32_t* rows, uint64_t count, const float* in) {
  if (tensor.kind == Tensor::Kind::step) {
    s.updates = step_of(in);
  } else if (tensor.kind == Tensor::Kind::param) {
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
