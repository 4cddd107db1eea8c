// The ops that only move values: concat and slice, as strided copies between value layouts.
#include <cstring>

#include "network.h"

namespace fae::cpu {

std::vector<ValueLayout> layout_values(const Job& job) {
  std::vector<bool> matrix(job.values.size());
  for (const NodeSpec& node : job.nodes) {
    if (node.op == Op::linear) matrix[node.inputs[0]] = matrix[node.output] = true;
  }
  std::vector<ValueLayout> layouts;
  for (uint32_t v = 0; v < job.values.size(); v++) {
    const ValueSpec& spec = job.values[v];
    ValueLayout layout;
    layout.width = spec.shape.empty() ? 1 : static_cast<uint32_t>(spec.shape.back());
    layout.vectors = layout.width == 0 ? 0 : static_cast<uint32_t>(spec.elements / layout.width);
    layout.stride = layout.width;
    if (matrix[v] && v != dense_value && v != rows_value && layout.width >= 64) {
      layout.stride = (layout.width + 15) / 16 * 16;
      if (layout.width >= 128 && layout.width % 64 == 0) layout.stride += 16;
    }
    layouts.push_back(layout);
  }
  return layouts;
}

namespace {

// Forward copies from part to whole's place; backward copies or adds the other way.
void move(const Kernels& kernels, bool forward, bool add, float* part, size_t part_stride, float* whole, size_t whole_stride, uint32_t count,
          uint32_t width) {
  CopyBlocks copy;
  copy.from = forward ? part : whole;
  copy.from_stride = forward ? part_stride : whole_stride;
  copy.to = forward ? whole : part;
  copy.to_stride = forward ? whole_stride : part_stride;
  copy.count = count;
  copy.width = width;
  copy.add = add;
  kernels.copy_blocks(copy);
}

}  // namespace

void Network::concat(const NodeSpec& node, const BackwardSpec* step, uint32_t from, uint32_t to) const {
  const uint32_t inputs = to - from;
  const Matrix out = step ? gradient(node.output, from) : value(node.output, from);
  size_t at = 0;
  for (size_t i = 0; i < node.inputs.size(); i++) {
    const uint32_t v = node.inputs[i];
    const ValueLayout& layout = layouts_[v];
    const auto& shape = job_.values[v].shape;
    const bool wanted = !step || step->inputs[i] != GradientMode::none;
    const bool add = step && step->inputs[i] == GradientMode::add;
    float* part = wanted ? (step ? gradient(v, from) : value(v, from)).data : nullptr;
    if (node.keep >= shape.size()) {
      // Every element is a group of its own.
      for (uint32_t n = 0; n < inputs * layout.vectors && wanted; n++) {
        move(kernels_, !step, add, part + n * layout.stride, 1, out.data + n * layout.width * out.stride + at, out.stride, layout.width, 1);
      }
      at += 1;
      continue;
    }
    uint32_t groups = 1;
    for (uint32_t axis = 0; axis < node.keep; axis++) groups *= static_cast<uint32_t>(shape[axis]);
    const uint32_t vectors = layout.vectors / groups;
    if (layout.stride == layout.width && wanted) {
      move(kernels_, !step, add, part, vectors * layout.stride, out.data + at, out.stride, inputs * groups, vectors * layout.width);
    } else {
      for (uint32_t n = 0; n < vectors && wanted; n++) {
        move(kernels_, !step, add, part + n * layout.stride, vectors * layout.stride, out.data + at + n * layout.width, out.stride, inputs * groups,
             layout.width);
      }
    }
    at += static_cast<size_t>(vectors) * layout.width;
  }
}

void Network::slice(const NodeSpec& node, const BackwardSpec* step, uint32_t from, uint32_t to) const {
  if (step && step->inputs[0] == GradientMode::none) return;
  const uint32_t v = node.inputs[0], inputs = to - from;
  const ValueLayout &whole = layouts_[v], &part = layouts_[node.output];
  float* x = (step ? gradient(v, from) : value(v, from)).data;
  float* y = (step ? gradient(node.output, from) : value(node.output, from)).data;
  // Backward adds into the kept steps; the others get zero when this is the first to write.
  if (step && step->inputs[0] == GradientMode::write) std::memset(x, 0, inputs * whole.input_stride() * sizeof(float));
  const auto take = [&](size_t x_at, size_t y_at, uint32_t width) {
    CopyBlocks copy;
    copy.from = step ? y + y_at : x + x_at;
    copy.to = step ? x + x_at : y + y_at;
    copy.from_stride = step ? part.input_stride() : whole.input_stride();
    copy.to_stride = step ? whole.input_stride() : part.input_stride();
    copy.count = inputs;
    copy.width = width;
    copy.add = step != nullptr;
    kernels_.copy_blocks(copy);
  };
  const auto& shape = job_.values[v].shape;
  if (shape.size() == 1) return take(node.from, 0, node.to - node.from);
  const uint32_t per_step = whole.vectors / static_cast<uint32_t>(shape[0]);
  for (uint32_t n = 0; n < (node.to - node.from) * per_step; n++) {
    take((node.from * per_step + n) * whole.stride, n * part.stride, whole.width);
  }
}

}  // namespace fae::cpu
