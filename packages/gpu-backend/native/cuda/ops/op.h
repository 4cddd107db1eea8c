// What an op is on this engine: its file (.cu, or .cc over shared kernels) binds a node to kernels and reads its attributes.
// ops/list.cc lists the ops.
#pragma once

#include <memory>
#include <string>

#include "choice.h"
#include "node_checks.h"
#include "step/network.h"

namespace fae::cuda {

class LinearNode;

// One node of the program, recorded on lanes.
class NodeOp {
 public:
  NodeOp(const Network& network, const NodeSpec& node) : network_(network), node_(node) {}
  virtual ~NodeOp() = default;

  // Before memory is allocated: what the node needs besides its values.
  virtual void reserve(Arena&) {}
  // After: constants are copied. Synchronous.
  virtual void upload(cudaStream_t) {}
  // `rows`: how an op that takes them straight from the tables finds them.
  virtual void forward(Lanes& lanes, const AnyRows& rows) const = 0;
  virtual void backward(Lanes& lanes, const AnyRows& rows) const = 0;

  // What neighbours may leave to each other.
  virtual bool ends_in_relu() const { return false; }
  // Its gradient of this input can apply the derivative of the ReLU that made it.
  virtual bool can_mask(size_t) const { return false; }
  // It can read this input straight from the tables.
  virtual bool takes_rows(size_t) const { return false; }
  virtual LinearNode* linear() { return nullptr; }

  const NodeSpec& node() const { return node_; }
  // Null: no gradient passes here.
  const BackwardSpec* step = nullptr;
  std::vector<uint32_t> uses;  // per parameter: which use of it this is, in backward order

 protected:
  const Job& job() const { return network_.job(); }
  const ValueTensor& value(uint32_t v) const { return network_.value(v); }
  const ValueTensor& in(size_t i) const { return value(node_.inputs[i]); }
  const ValueTensor& out() const { return value(node_.output); }
  const std::vector<uint64_t>& shape(uint32_t v) const { return job().values[v].shape; }
  bool wanted(size_t input) const { return step && step->inputs[input] != GradientMode::none; }
  bool adds(size_t input) const { return step && step->inputs[input] == GradientMode::add; }

  const Network& network_;
  const NodeSpec& node_;
};

struct OpEntry {
  const char* name;
  std::unique_ptr<NodeOp> (*make)(const Network&, const NodeSpec&);
};

template <class Op>
std::unique_ptr<NodeOp> make_op(const Network& network, const NodeSpec& node) {
  return std::make_unique<Op>(network, node);
}

// Throws FAE_CONFIG for an unknown name.
const OpEntry& find_op(const std::string& name);

}  // namespace fae::cuda
