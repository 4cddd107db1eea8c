#include "ops/linear_node.h"

#include "ops/small_ops.h"

namespace fae::cuda {

namespace {

OutputActivation read_activation(const Json& json) {
  static constexpr const char* names[] = {"none", "relu", "sigmoid"};
  return choice<OutputActivation>(json, names, "activation");
}

}  // namespace

LinearNode::LinearNode(const Network& network, const NodeSpec& node)
    : NodeOp(network, node), activation_(read_activation(node.attributes.at("activation"))), transposed_(node.attributes.at("transposed").boolean()) {
  check_operands(job(), node, 1, 1, 2);
}

void LinearNode::reserve(Arena& arena) {
  if (ends_in_relu()) bits_ = arena.reserve<uint8_t>(bits_ld() / 8 * network_.vectors(node_.output), "activations");
}

LinearOperands LinearNode::operands() const {
  const ValueTensor &x = in(0), &y = out();
  const Parameters& parameters = network_.parameters();
  LinearOperands o;
  o.rows = static_cast<int>(network_.vectors(node_.inputs[0]));
  o.k = x.ld, o.m = y.ld, o.columns = y.last;
  o.transposed = transposed_;
  o.activation = activation_;
  o.x = x.data.get(), o.y = y.data.get();
  o.w = parameters.weights(node_.params[0]);
  if (node_.params.size() > 1) o.bias = parameters.weights(node_.params[1]);
  if (!step) return o;
  o.dy = y.gradient.get();
  if (wanted(0)) {
    o.dx = x.gradient.get();
    o.add_dx = adds(0);
    if (network_.masks_input(*this, 0)) o.mask = x.data.get();
  }
  o.dw = parameters[node_.params[0]].gradient_of(uses[0]);
  if (node_.params.size() > 1) o.db = parameters[node_.params[1]].gradient_of(uses[1]);
  return o;
}

void LinearNode::choose(Arithmetic arithmetic, const LtContext* library, Tuner& tuner, cudaStream_t stream) {
  linear_ = std::make_unique<Linear>(operands(), arithmetic, library, network_.workspace(0));
  linear_->tune(tuner, stream);
}

void LinearNode::choose_pair(LinearNode& next, Tuner& tuner, cudaStream_t stream) {
  linear_->tune_pair(*next.linear_, bits_.get(), bits_ld(), tuner, stream);
}

void LinearNode::forward(Lanes& lanes, const AnyRows&) const { linear_->forward(network_.workspace(0), lanes.main()); }

void LinearNode::backward(Lanes& lanes, const AnyRows&) const {
  const cudaStream_t stream = lanes.main();
  if (!masked_by_consumer) {
    activation_backward(out().gradient.get(), out().data.get(), static_cast<uint64_t>(network_.vectors(node_.output)) * out().ld, activation_, stream);
  }
  // Weight gradients only meet again at the update: they take turns on the side lanes.
  const int side = network_.next_side();
  lanes.after(lanes.side(side), stream);
  if (wanted(0)) linear_->input_gradient(network_.workspace(0), stream);
  linear_->weight_gradient(network_.workspace(1 + side), lanes.side(side));
}

extern const OpEntry linear_op = {"linear", make_op<LinearNode>};

}  // namespace fae::cuda
