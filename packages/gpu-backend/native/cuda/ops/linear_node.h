// The node of `linear`: its operands on the device, and what it may leave to its neighbours: the derivative of its ReLU to the only
// consumer, its product to the loss when it is the last layer.
#pragma once

#include "ops/linear.h"
#include "ops/op.h"

namespace fae::cuda {

class LinearNode final : public NodeOp {
 public:
  LinearNode(const Network& network, const NodeSpec& node);

  void reserve(Arena& arena) override;
  void forward(Lanes& lanes, const AnyRows& rows) const override;
  void backward(Lanes& lanes, const AnyRows& rows) const override;
  bool ends_in_relu() const override { return activation_ == OutputActivation::relu; }
  bool can_mask(size_t) const override { return true; }
  LinearNode* linear() override { return this; }

  // z = h . w + b, as the loss can compute it along with itself.
  bool is_plain() const { return !transposed_ && activation_ == OutputActivation::none; }
  // Chooses the kernels; operands must hold numbers of an ordinary size.
  void choose(Arithmetic arithmetic, const LtContext* library, Tuner& tuner, cudaStream_t stream);
  // The ReLU between this and `next` as a bit mask of cuBLASLt, when that is faster in sum.
  void choose_pair(LinearNode& next, Tuner& tuner, cudaStream_t stream);
  // Null when the loss computes it.
  const Linear* kernels() const { return linear_.get(); }
  bool masked_by_consumer = false;  // the only consumer of this ReLU applies its derivative

 private:
  LinearOperands operands() const;
  int64_t bits_ld() const { return (out().ld + 127) / 128 * 128; }

  const OutputActivation activation_;
  const bool transposed_;
  std::unique_ptr<Linear> linear_;
  Buffer<uint8_t> bits_;  // cuBLASLt's mask of the ReLU
};

}  // namespace fae::cuda
