#include "step/network.h"

#include "ops/small_ops.h"
#include "rows/lookup.h"
#include "status.h"
#include "step/fill.h"
#include "support/check.h"

namespace fae::cuda {

Network::Network(const Job& job, Arena& arena, bool keeps_pooled_rows) : job_(job), parameters_(job, arena) {
  plan_values(arena, keeps_pooled_rows);
  plan_steps(arena);
  workspaces_ = arena.reserve<uint8_t>(LtContext::workspace_bytes * (1 + Lanes::side_count), "matrix workspaces");
}

uint32_t Network::consumers(uint32_t value) const {
  uint32_t count = 0;
  for (const NodeSpec& node : job_.nodes) {
    for (const uint32_t input : node.inputs) count += input == value;
  }
  return count + (job_.logit == value);
}

void Network::plan_values(Arena& arena, bool keeps_pooled_rows) {
  for (const ValueSpec& spec : job_.values) {
    ValueTensor v;
    v.last = spec.shape.empty() ? 1 : static_cast<uint32_t>(spec.shape.back());
    v.ld = pad4(v.last);
    v.vectors = v.last == 0 ? 0 : static_cast<uint32_t>(spec.elements / v.last);
    values_.push_back(v);
  }
  uint32_t readers = 0;
  for (const NodeSpec& node : job_.nodes) {
    for (size_t i = 0; i < node.inputs.size(); i++) {
      if (node.inputs[i] != rows_value) continue;
      readers++;
      rows_go_straight_ = node.op == Op::interact && i == 1;
    }
  }
  rows_go_straight_ = rows_go_straight_ && readers == 1;
  std::vector<bool> has_gradient(values_.size(), false);
  has_gradient[rows_value] = true;
  for (const BackwardSpec& step : job_.backward) has_gradient[job_.nodes[step.node].output] = true;
  for (size_t v = 0; v < values_.size(); v++) {
    const size_t count = static_cast<size_t>(job_.batch) * values_[v].vectors * values_[v].ld;
    const bool pooled = v != rows_value || !rows_go_straight_ || keeps_pooled_rows;
    if (pooled) values_[v].data = arena.reserve<float>(count, "activations");
    if (has_gradient[v]) values_[v].gradient = arena.reserve<float>(count, "activation gradients");
  }
}

// The last layer z = h . w + b can run together with the loss when nothing else needs its pieces.
bool Network::can_fuse_head(const NodeSpec& node) const {
  if (node.op != Op::linear || node.output != job_.logit || node.transposed || node.activation != Activation::none) return false;
  const ValueTensor& h = values_[node.inputs[0]];
  if (consumers(node.output) != 1 || h.vectors != 1 || h.ld > loss_head_most_k) return false;
  if (node.inputs[0] == dense_value || node.inputs[0] == rows_value) return false;
  for (const uint32_t p : node.params) {
    if (parameters_[p].uses != 1) return false;
  }
  return true;
}

void Network::plan_steps(Arena& arena) {
  std::vector<uint32_t> seen(job_.params.size(), 0);
  for (const NodeSpec& node : job_.nodes) {
    Step step;
    step.node = &node;
    if (can_fuse_head(node)) head_ = static_cast<int>(steps_.size());
    if (node.op == Op::interact) step.pairs = arena.reserve<uint32_t>(interact_shape(node).pairs(), "activations");
    if (node.op == Op::linear && node.activation == Activation::relu) {
      const uint64_t ld = (values_[node.output].ld + 127) / 128 * 128;
      step.bits = arena.reserve<uint8_t>(ld / 8 * vectors(node.output), "activations");
    }
    steps_.push_back(std::move(step));
  }
  for (uint32_t b = 0; b < job_.backward.size(); b++) {
    const BackwardSpec& backward = job_.backward[b];
    Step& step = steps_[backward.node];
    step.backward = &backward;
    for (const uint32_t p : step.node->params) step.uses.push_back(seen[p]++);
    for (const uint32_t input : step.node->inputs) {
      if (input == rows_value) last_rows_step_ = b;
    }
  }
  for (Step& step : steps_) {
    for (size_t i = 0; i < step.node->inputs.size(); i++) {
      if (!masks_input(*step.node, i)) continue;
      for (Step& producer : steps_) {
        if (producer.node->output == step.node->inputs[i]) producer.masked_by_consumer = true;
      }
    }
  }
}

const Network::Step* Network::relu_producer(uint32_t value) const {
  for (const Step& step : steps_) {
    if (step.node->output == value && step.node->op == Op::linear && step.node->activation == Activation::relu) return &step;
  }
  return nullptr;
}

// Ops whose input gradient can apply the derivative of the ReLU that made their only-here-used input.
bool Network::masks_input(const NodeSpec& node, size_t input) const {
  const uint32_t value = node.inputs[input];
  if (!relu_producer(value) || consumers(value) != 1) return false;
  return node.op == Op::linear || (node.op == Op::interact && input == 0);
}

InteractShape Network::interact_shape(const NodeSpec& node) const {
  const ValueTensor &x = values_[node.inputs[0]], &rows = values_[node.inputs[1]], &out = values_[node.output];
  const uint32_t tables = rows.vectors / (x.vectors ? x.vectors : 1);
  const InteractShape shape{job_.batch * x.vectors, tables, x.last, x.ld, node.self, out.ld};
  if (interact_shared_bytes(shape) * (shape.tables < 4 ? 8 : shape.tables < 12 ? 4 : 1) > interact_shared_limit) {
    fail(FAE_UNSUPPORTED, "An interaction of " + std::to_string(tables) + " tables with " + std::to_string(x.last) +
                              " columns is too large for one GPU block. Use the cpu engine for this program.");
  }
  return shape;
}

LinearOperands Network::operands(const Step& step) const {
  const NodeSpec& node = *step.node;
  const uint32_t in = node.inputs[0], out = node.output;
  const ValueTensor &x = values_[in], &y = values_[out];
  LinearOperands o;
  o.rows = static_cast<int>(vectors(in));
  o.k = x.ld, o.m = y.ld, o.columns = y.last;
  o.transposed = node.transposed;
  o.activation = static_cast<OutputActivation>(node.activation);
  o.x = x.data.get(), o.y = y.data.get();
  o.w = parameters_.weights(node.params[0]);
  if (node.params.size() > 1) o.bias = parameters_.weights(node.params[1]);
  if (!step.backward) return o;
  o.dy = y.gradient.get();
  if (step.backward->inputs[0] != GradientMode::none) {
    o.dx = x.gradient.get();
    o.add_dx = step.backward->inputs[0] == GradientMode::add;
    if (masks_input(node, 0)) o.mask = x.data.get();
  }
  o.dw = parameters_[node.params[0]].gradient_of(step.uses[0]);
  if (node.params.size() > 1) o.db = parameters_[node.params[1]].gradient_of(step.uses[1]);
  return o;
}

void* Network::workspace(int lane) const { return workspaces_.get() + LtContext::workspace_bytes * lane; }

void Network::prepare(Arithmetic arithmetic, const LtContext* library, Tuner& tuner, Lanes& lanes) {
  // Numbers of an ordinary size: kernels run faster on zeros than on data.
  for (const ValueTensor& v : values_) {
    fill_random(v.data.get(), v.data.count, lanes.main());
    fill_random(v.gradient.get(), v.gradient.count, lanes.main());
  }
  fill_random(parameters_.weights(), parameters_.padded_values(), lanes.main());
  for (size_t n = 0; n < steps_.size(); n++) {
    Step& step = steps_[n];
    if (step.node->op == Op::interact) {
      std::vector<uint32_t> pairs(step.pairs.count);
      for (uint32_t p = 0; p < pairs.size(); p++) pairs[p] = interact_pair(p, step.node->self);
      FAE_CUDA(cudaMemcpyAsync(step.pairs.get(), pairs.data(), pairs.size() * 4, cudaMemcpyHostToDevice, lanes.main()));
      FAE_CUDA(cudaStreamSynchronize(lanes.main()));
    }
    if (step.node->op != Op::linear || static_cast<int>(n) == head_) continue;
    step.linear = std::make_unique<Linear>(operands(step), arithmetic, library, workspace(0));
    step.linear->tune(tuner, lanes.main());
  }
  if (library) {
    for (Step& step : steps_) {
      if (!step.masked_by_consumer || !step.linear) continue;
      for (size_t n = 0; n < steps_.size(); n++) {
        Step& next = steps_[n];
        if (!next.linear || next.node->inputs[0] != step.node->output || !next.backward || next.backward->inputs[0] != GradientMode::write) continue;
        step.linear->tune_pair(*next.linear, step.bits.get(), (values_[step.node->output].ld + 127) / 128 * 128, tuner, lanes.main());
      }
    }
  }
  for (size_t n = 0; n < steps_.size(); n++) {
    const Step& step = steps_[n];
    if (step.node->op != Op::linear || !step.backward) continue;
    const int head_parts = loss_head_blocks(static_cast<int>(job_.batch));
    for (size_t p = 0; p < step.node->params.size(); p++) {
      const int parts = !step.linear ? head_parts : p == 0 ? step.linear->weight_parts() : step.linear->bias_parts();
      Parameter& parameter = parameters_[step.node->params[p]];
      if (step.uses[p] + 1 == parameter.uses) parameter.last_parts = parts;
    }
  }
  parameters_.plan_update();
  FAE_CUDA(cudaStreamSynchronize(lanes.main()));
  tuner.save();
}

void Network::clear(cudaStream_t stream) {
  const auto zero = [&](const Buffer<float>& b) {
    if (b.count > 0) FAE_CUDA(cudaMemsetAsync(b.get(), 0, b.count * sizeof(float), stream));
  };
  for (const ValueTensor& v : values_) {
    zero(v.data);
    zero(v.gradient);
  }
  parameters_.clear(stream);
}

AnyRows Network::rows_of(const NodeSpec& node, const AnyRows& given) const {
  if (rows_go_straight_) return given;
  const ValueTensor& v = values_[node.inputs[1]];
  RowAccess<float> access;
  access.rows = v.data.get();
  access.tables = interact_shape(node).tables;
  access.width = v.last;
  access.stride = v.ld;
  return access;
}

std::string Network::describe() const {
  std::string out;
  for (const Step& step : steps_) {
    if (step.linear) out += job_.values[step.node->output].name + " " + step.linear->describe() + "\n";
  }
  return out;
}

}  // namespace fae::cuda
