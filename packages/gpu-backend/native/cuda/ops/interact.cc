// The node of `interact`: rows straight from the tables where they can be, kernels in interact.cu.
#include "ops/interact.h"

#include "ops/op.h"
#include "support/check.h"

namespace fae::cuda {

namespace {

class InteractNode final : public NodeOp {
 public:
  InteractNode(const Network& network, const NodeSpec& node) : NodeOp(network, node), self_(node.attributes.at("self").boolean()) {
    check_operands(job(), node, 2);
  }

  void reserve(Arena& arena) override { pairs_ = arena.reserve<uint32_t>(sizes().pairs(), "activations"); }

  void upload(cudaStream_t stream) override {
    std::vector<uint32_t> pairs(pairs_.count);
    for (uint32_t p = 0; p < pairs.size(); p++) pairs[p] = interact_pair(p, self_);
    FAE_CUDA(cudaMemcpyAsync(pairs_.get(), pairs.data(), pairs.size() * 4, cudaMemcpyHostToDevice, stream));
    FAE_CUDA(cudaStreamSynchronize(stream));
  }

  void forward(Lanes& lanes, const AnyRows& rows) const override {
    std::visit([&](const auto& a) { interact_forward(out().data.get(), in(0).data.get(), a, network_.rows_settled(*this), sizes(), lanes.main()); },
               rows_of(rows));
  }

  void backward(Lanes& lanes, const AnyRows& rows) const override {
    InteractGradients gradients;
    if (wanted(0)) gradients.x = in(0).gradient.get();
    if (wanted(1)) gradients.rows = in(1).gradient.get();
    gradients.add_x = adds(0);
    gradients.add_rows = adds(1);
    gradients.relu_x = network_.masks_input(*this, 0);
    std::visit([&](const auto& a) { interact_backward(gradients, out().gradient.get(), in(0).data.get(), a, pairs_.get(), sizes(), lanes.main()); },
               rows_of(rows));
  }

  bool can_mask(size_t input) const override { return input == 0; }
  bool takes_rows(size_t input) const override { return input == 1; }

 private:
  InteractShape sizes() const {
    const ValueTensor &x = in(0), &rows = in(1);
    const uint32_t tables = rows.vectors / (x.vectors ? x.vectors : 1);
    const InteractShape shape{job().batch * x.vectors, tables, x.last, x.ld, self_, out().ld};
    if (interact_shared_bytes(shape) * (shape.tables < 4 ? 8 : shape.tables < 12 ? 4 : 1) > interact_shared_limit) {
      fail(FAE_UNSUPPORTED, "An interaction of " + std::to_string(tables) + " tables with " + std::to_string(x.last) +
                                " columns is too large for one GPU block. Use the cpu engine for this program.");
    }
    return shape;
  }

  AnyRows rows_of(const AnyRows& given) const {
    if (network_.rows_go_straight()) return given;
    RowAccess<float> access;
    access.rows = in(1).data.get();
    access.tables = sizes().tables;
    access.width = in(1).last;
    access.stride = in(1).ld;
    return access;
  }

  const bool self_;
  Buffer<uint32_t> pairs_;
};

}  // namespace

extern const OpEntry interact_op = {"interact", make_op<InteractNode>};

}  // namespace fae::cuda
