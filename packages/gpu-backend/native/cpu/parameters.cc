#include "parameters.h"

#include <algorithm>

#include "ops/op.h"

namespace fae::cpu {

namespace {
// Elements that one thread finishes at a time.
constexpr uint64_t part_elements = 16384;
}  // namespace

ParameterOffsets::ParameterOffsets(const Job& job) {
  for (const ParamSpec& param : job.params) {
    first.push_back(total);
    // Each parameter starts on a cache line.
    total += (param.elements + 15) / 16 * 16;
  }
}

ParameterStore::ParameterStore(const Job& job, const ParameterOffsets& offsets, Arena& arena) {
  values = arena.make<float>(offsets.total, "the dense parameters");
  for (size_t slot = 0; slot < job.optimizer.dense_slots.size(); slot++) {
    state[slot] = arena.make<float>(offsets.total, "the optimizer state of dense parameters");
  }
}

NetworkParameters::NetworkParameters(const Job& job, const ParameterOffsets& offsets, const Kernels& kernels, float* values, Arena& arena, bool trains)
    : offsets_(offsets), kernels_(kernels), values_(values), matrices_(job.params.size()) {
  if (trains) gradients_ = arena.make<float>(offsets.total, "the gradients of dense parameters");
  for (const NodeSpec& node : job.nodes) {
    if (find_op(node.op).is_product) matrices_[node.params[0]].used = true;
  }
  const uint32_t panel = kernels.panel;
  for (uint32_t p = 0; p < job.params.size(); p++) {
    const ParamSpec& param = job.params[p];
    Matrix2& matrix = matrices_[p];
    if (!matrix.used) {
      for (uint64_t from = 0; from < param.elements; from += part_elements) {
        parts_.push_back({p, from, std::min(from + part_elements, param.elements), 0, 0});
      }
      continue;
    }
    matrix.rows = static_cast<uint32_t>(param.shape[0]);
    matrix.columns = static_cast<uint32_t>(param.shape[1]);
    const auto panels = [panel](uint64_t n) { return (n + panel - 1) / panel * panel; };
    matrix.straight = arena.make<float>(panels(matrix.columns) * matrix.rows, "packed parameters");
    matrix.transposed = arena.make<float>(panels(matrix.rows) * matrix.columns, "packed parameters");
    const uint32_t rows = std::max<uint32_t>(panel, static_cast<uint32_t>(part_elements / matrix.columns) / panel * panel);
    for (uint32_t row = 0; row < matrix.rows; row += rows) {
      const uint32_t last = std::min(row + rows, matrix.rows);
      parts_.push_back({p, static_cast<uint64_t>(row) * matrix.columns, static_cast<uint64_t>(last) * matrix.columns, row, last});
    }
  }
}

const float* NetworkParameters::forward_panels(uint32_t param, bool transposed) const {
  const Matrix2& matrix = matrices_[param];
  return transposed ? matrix.straight : matrix.transposed;
}

const float* NetworkParameters::backward_panels(uint32_t param, bool transposed) const {
  const Matrix2& matrix = matrices_[param];
  return transposed ? matrix.transposed : matrix.straight;
}

void NetworkParameters::finish(uint32_t index, const ParameterStore* store, const OptimizerStep& step) const {
  const Part& part = parts_[index];
  const uint64_t at = offsets_.first[part.param] + part.from;
  if (store) {
    DenseUpdate update;
    update.step = step;
    update.weights = store->values + at;
    update.gradient = gradients_ + at;
    for (int slot = 0; slot < 2; slot++) update.state[slot] = store->state[slot] ? store->state[slot] + at : nullptr;
    update.count = part.to - part.from;
    kernels_.update_dense(update);
  }
  const Matrix2& matrix = matrices_[part.param];
  if (!matrix.used) return;
  Pack pack;
  pack.w = {values_ + offsets_.first[part.param], matrix.columns};
  pack.rows = matrix.rows;
  pack.columns = matrix.columns;
  pack.from = part.first_row;
  pack.to = part.last_row;
  pack.straight = matrix.straight;
  pack.transposed = matrix.transposed;
  kernels_.pack(pack);
}

}  // namespace fae::cpu
