#include "step/network.h"

#include "ops/linear_node.h"
#include "step/fill.h"
#include "support/check.h"

namespace fae::cuda {

Network::Network(const Job& job, Arena& arena, bool keeps_pooled_rows) : job_(job), parameters_(job, arena) {
  measure_values();
  for (const NodeSpec& node : job.nodes) ops_.push_back(find_op(node.op).make(*this, node));
  reserve_values(arena, keeps_pooled_rows);
  plan_nodes(arena);
  workspaces_ = arena.reserve<uint8_t>(LtContext::workspace_bytes * (1 + Lanes::side_count), "matrix workspaces");
}

Network::~Network() = default;

uint32_t Network::consumers(uint32_t value) const {
  uint32_t count = 0;
  for (const NodeSpec& node : job_.nodes) {
    for (const uint32_t input : node.inputs) count += input == value;
  }
  return count + (job_.logit == value);
}

void Network::measure_values() {
  for (const ValueSpec& spec : job_.values) {
    ValueTensor v;
    v.last = spec.shape.empty() ? 1 : static_cast<uint32_t>(spec.shape.back());
    v.ld = pad4(v.last);
    v.vectors = v.last == 0 ? 0 : static_cast<uint32_t>(spec.elements / v.last);
    values_.push_back(v);
  }
}

void Network::reserve_values(Arena& arena, bool keeps_pooled_rows) {
  uint32_t readers = 0;
  for (const auto& op : ops_) {
    for (size_t i = 0; i < op->node().inputs.size(); i++) {
      if (op->node().inputs[i] != rows_value) continue;
      readers++;
      rows_go_straight_ = op->takes_rows(i);
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
bool Network::can_fuse_head(NodeOp& op) const {
  const NodeSpec& node = op.node();
  if (!op.linear() || node.output != job_.logit || !op.linear()->is_plain()) return false;
  const ValueTensor& h = values_[node.inputs[0]];
  if (consumers(node.output) != 1 || h.vectors != 1 || h.ld > loss_head_most_k) return false;
  if (node.inputs[0] == dense_value || node.inputs[0] == rows_value) return false;
  for (const uint32_t p : node.params) {
    if (parameters_[p].uses != 1) return false;
  }
  return true;
}

void Network::plan_nodes(Arena& arena) {
  std::vector<uint32_t> seen(job_.params.size(), 0);
  for (size_t n = 0; n < ops_.size(); n++) {
    if (can_fuse_head(*ops_[n])) head_ = static_cast<int>(n);
    ops_[n]->reserve(arena);
  }
  for (uint32_t b = 0; b < job_.backward.size(); b++) {
    NodeOp& op = *ops_[job_.backward[b].node];
    op.step = &job_.backward[b];
    for (const uint32_t p : op.node().params) op.uses.push_back(seen[p]++);
    for (const uint32_t input : op.node().inputs) {
      if (input == rows_value) last_rows_step_ = b;
    }
  }
  for (const auto& op : ops_) {
    for (size_t i = 0; i < op->node().inputs.size(); i++) {
      if (masks_input(*op, i)) producer(op->node().inputs[i])->linear()->masked_by_consumer = true;
    }
  }
}

NodeOp* Network::producer(uint32_t value) const {
  for (const auto& op : ops_) {
    if (op->node().output == value) return op.get();
  }
  return nullptr;
}

bool Network::masks_input(const NodeOp& node, size_t input) const {
  const uint32_t value = node.node().inputs[input];
  const NodeOp* made_by = producer(value);
  return made_by && made_by->ends_in_relu() && consumers(value) == 1 && node.can_mask(input);
}

void Network::choose_kernels(Arithmetic arithmetic, const LtContext* library, Tuner& tuner, cudaStream_t stream) {
  for (size_t n = 0; n < ops_.size(); n++) {
    ops_[n]->upload(stream);
    if (LinearNode* linear = ops_[n]->linear(); linear && static_cast<int>(n) != head_) linear->choose(arithmetic, library, tuner, stream);
  }
  if (!library) return;
  for (const auto& op : ops_) {
    LinearNode* linear = op->linear();
    if (!linear || !linear->masked_by_consumer || !linear->kernels()) continue;
    for (const auto& other : ops_) {
      LinearNode* next = other->linear();
      if (!next || !next->kernels() || next->node().inputs[0] != op->node().output) continue;
      if (next->step && next->step->inputs[0] == GradientMode::write) linear->choose_pair(*next, tuner, stream);
    }
  }
}

// In how many parts the last use of each parameter leaves its gradient.
void Network::plan_parts() {
  const int head_parts = loss_head_blocks(static_cast<int>(job_.batch));
  for (const auto& op : ops_) {
    LinearNode* linear = op->linear();
    if (!linear || !op->step) continue;
    for (size_t p = 0; p < op->node().params.size(); p++) {
      const Linear* kernels = linear->kernels();
      const int parts = !kernels ? head_parts : p == 0 ? kernels->weight_parts() : kernels->bias_parts();
      Parameter& parameter = parameters_[op->node().params[p]];
      if (op->uses[p] + 1 == parameter.uses) parameter.last_parts = parts;
    }
  }
}

void Network::prepare(Arithmetic arithmetic, const LtContext* library, Tuner& tuner, Lanes& lanes) {
  // Numbers of an ordinary size: kernels run faster on zeros than on data.
  for (const ValueTensor& v : values_) {
    fill_random(v.data.get(), v.data.count, lanes.main());
    fill_random(v.gradient.get(), v.gradient.count, lanes.main());
  }
  fill_random(parameters_.weights(), parameters_.padded_values(), lanes.main());
  choose_kernels(arithmetic, library, tuner, lanes.main());
  plan_parts();
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

std::string Network::describe() const {
  std::string out;
  for (const auto& op : ops_) {
    const LinearNode* linear = op->linear();
    if (linear && linear->kernels()) out += job_.values[op->node().output].name + " " + linear->kernels()->describe() + "\n";
  }
  return out;
}

}  // namespace fae::cuda
