// The recording half of Network: which kernel runs on which lane.
#include "ops/op.h"
#include "rows/lookup.h"
#include "status.h"
#include "step/network.h"
#include "support/check.h"

namespace fae::cuda {

AnyRows Network::access(const AnyRows* rows) const {
  if (rows) return *rows;
  if (!rows_go_straight_) return RowAccess<float>{};
  const ValueTensor& v = values_[rows_value];
  return RowAccess<float>{v.data.get(), nullptr, nullptr, 0, static_cast<uint32_t>(job_.tables.size()), v.last, v.ld};
}

void Network::forward(Lanes& lanes, const AnyRows* rows, const std::function<void()>& before_rows) const {
  const AnyRows given = access(rows);
  bool rows_asked = false;
  const auto ask_rows = [&] {
    if (rows_asked) return;
    rows_asked = true;
    if (before_rows) before_rows();
    if (rows && !rows_go_straight_) {
      std::visit([&](const auto& a) { lookup_forward(values_[rows_value].data.get(), a, job_.batch * job_.step_count(), lanes.main()); }, *rows);
    }
  };
  for (size_t n = 0; n < ops_.size(); n++) {
    for (const uint32_t input : ops_[n]->node().inputs) {
      if (input == rows_value) ask_rows();
    }
    if (static_cast<int>(n) != head_) ops_[n]->forward(lanes, given);
  }
}

void Network::loss(Lanes& lanes, bool train, const LossBuffers& buffers) const {
  const ValueTensor& logit = values_[job_.logit];
  if (head_ < 0) {
    loss_forward(logit.data.get(), static_cast<int>(logit.ld), train ? logit.gradient.get() : nullptr, static_cast<int>(job_.batch), buffers, lanes.main());
    return;
  }
  const NodeOp& op = *ops_[head_];
  const NodeSpec& node = op.node();
  const ValueTensor& h = values_[node.inputs[0]];
  LossHead head;
  head.h = h.data.get();
  head.w = parameters_.weights(node.params[0]);
  head.bias = node.params.size() > 1 ? parameters_.weights(node.params[1]) : nullptr;
  head.batch = static_cast<int>(job_.batch);
  head.k = static_cast<int>(h.last);
  head.k_ld = static_cast<int>(h.ld);
  head.train = train;
  if (train) {
    head.relu = masks_input(op, 0);
    if (op.step->inputs[0] != GradientMode::none) head.dh = h.gradient.get();
    const Parameter& w = parameters_[node.params[0]];
    head.dw = w.gradient_of(0);
    head.dw_stride = static_cast<int>(w.padded);
    if (node.params.size() > 1) {
      const Parameter& b = parameters_[node.params[1]];
      head.db = b.gradient_of(0);
      head.db_stride = static_cast<int>(b.padded);
    }
  }
  loss_head(head, buffers, lanes.main());
}

void Network::backward(Lanes& lanes, const AnyRows* rows, const std::function<void()>& rows_ready) const {
  const AnyRows given = access(rows);
  next_side_ = 0;
  for (uint32_t b = 0; b < job_.backward.size(); b++) {
    const uint32_t n = job_.backward[b].node;
    if (static_cast<int>(n) != head_) ops_[n]->backward(lanes, given);
    if (b == last_rows_step_) rows_ready();
  }
  // A lane that was not used is not part of the recording and cannot be waited for.
  for (int i = 0; i < Lanes::side_count && i < next_side_; i++) lanes.after(lanes.main(), lanes.side(i));
}

}  // namespace fae::cuda
