// The recording half of Network: which kernel runs on which lane.
#include "ops/small_ops.h"
#include "rows/lookup.h"
#include "status.h"
#include "step/network.h"
#include "support/check.h"

namespace fae::cuda {

namespace {

Attention attention_of(const ValueTensor& h, const ValueTensor& q, const ValueTensor& a, uint32_t batch) { return {batch, a.last, q.last, a.ld, h.ld}; }

// Outer index of concat: the batch and the first `keep` axes.
uint32_t outer_per_input(const ValueSpec& spec, uint32_t keep) {
  uint64_t count = 1;
  for (uint32_t i = 0; i < keep && i < spec.shape.size(); i++) count *= spec.shape[i];
  return static_cast<uint32_t>(count);
}

}  // namespace

void Network::forward(Lanes& lanes, const AnyRows* rows, const std::function<void()>& before_rows) const {
  AnyRows access = RowAccess<float>{};
  if (rows) access = *rows;
  else if (rows_go_straight_) {
    const ValueTensor& v = values_[rows_value];
    access = RowAccess<float>{v.data.get(), nullptr, nullptr, 0, static_cast<uint32_t>(job_.tables.size()), v.last, v.ld};
  }
  bool rows_asked = false;
  const auto ask_rows = [&] {
    if (rows_asked) return;
    rows_asked = true;
    if (before_rows) before_rows();
    if (rows && !rows_go_straight_) {
      std::visit([&](const auto& a) { lookup_forward(values_[rows_value].data.get(), a, job_.batch * job_.step_count(), lanes.main()); }, *rows);
    }
  };
  for (size_t n = 0; n < steps_.size(); n++) {
    for (const uint32_t input : steps_[n].node->inputs) {
      if (input == rows_value) ask_rows();
    }
    if (static_cast<int>(n) != head_) forward_node(steps_[n], lanes, access);
  }
}

void Network::forward_node(const Step& step, Lanes& lanes, const AnyRows& rows) const {
  const NodeSpec& node = *step.node;
  const cudaStream_t stream = lanes.main();
  const ValueTensor &in = values_[node.inputs[0]], &out = values_[node.output];
  switch (node.op) {
    case Op::linear: step.linear->forward(workspace(0), stream); break;
    case Op::interact:
      // Straight from the tables, ids were decoded before the first op; otherwise the rows may be what the op before wrote.
      std::visit([&](const auto& a) { interact_forward(out.data.get(), in.data.get(), a, rows_go_straight_ && &step != &steps_.front(), interact_shape(node), stream); },
                 rows_of(node, rows));
      break;
    case Op::concat: {
      const uint32_t outers = outer_per_input(job_.values[node.output], node.keep);
      uint32_t first = 0;
      for (const uint32_t input : node.inputs) {
        const ValueTensor& v = values_[input];
        const uint32_t count = v.vectors * v.last / outers;
        block_copy({out.data.get(), out.last, out.ld, out.vectors / outers, first},
                   {v.data.get(), v.last, v.ld, v.vectors * v.last / outers / v.last, 0}, job_.batch * outers, count, BlockMode::copy, stream);
        first += count;
      }
      break;
    }
    case Op::slice: {
      const uint32_t part = in.vectors * in.last / static_cast<uint32_t>(job_.values[node.inputs[0]].shape[0]);
      block_copy({out.data.get(), out.last, out.ld, out.vectors, 0}, {in.data.get(), in.last, in.ld, in.vectors, node.from * part}, job_.batch,
                 (node.to - node.from) * part, BlockMode::copy, stream);
      break;
    }
    case Op::normalize: normalize_forward(out.data.get(), in.data.get(), vectors(node.output), in.last, in.ld, static_cast<float>(node.epsilon), stream); break;
    case Op::batch_dot: {
      const ValueTensor& q = values_[node.inputs[1]];
      batch_dot(out.data.get(), in.data.get(), q.data.get(), attention_of(in, q, out, job_.batch), stream);
      break;
    }
    case Op::weighted_sum: {
      const ValueTensor& h = values_[node.inputs[1]];
      weighted_sum(out.data.get(), in.data.get(), h.data.get(), attention_of(h, out, in, job_.batch), stream);
      break;
    }
  }
}

void Network::loss(Lanes& lanes, bool train, const LossBuffers& buffers) const {
  const ValueTensor& logit = values_[job_.logit];
  if (head_ < 0) {
    loss_forward(logit.data.get(), static_cast<int>(logit.ld), train ? logit.gradient.get() : nullptr, static_cast<int>(job_.batch), buffers, lanes.main());
    return;
  }
  const Step& step = steps_[head_];
  const NodeSpec& node = *step.node;
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
    head.relu = masks_input(node, 0);
    if (step.backward->inputs[0] != GradientMode::none) head.dh = h.gradient.get();
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
  AnyRows access = RowAccess<float>{};
  if (rows) access = *rows;
  else if (rows_go_straight_) {
    const ValueTensor& v = values_[rows_value];
    access = RowAccess<float>{v.data.get(), nullptr, nullptr, 0, static_cast<uint32_t>(job_.tables.size()), v.last, v.ld};
  }
  next_side_ = 0;
  for (uint32_t b = 0; b < job_.backward.size(); b++) {
    const uint32_t n = job_.backward[b].node;
    if (static_cast<int>(n) != head_) backward_node(steps_[n], lanes, access);
    if (b == last_rows_step_) rows_ready();
  }
  // A lane that was not used is not part of the recording and cannot be waited for.
  for (int i = 0; i < Lanes::side_count && i < next_side_; i++) lanes.after(lanes.main(), lanes.side(i));
}

void Network::backward_node(const Step& step, Lanes& lanes, const AnyRows& rows) const {
  const NodeSpec& node = *step.node;
  const cudaStream_t stream = lanes.main();
  const auto mode = [&](size_t i) { return step.backward->inputs[i]; };
  const auto adds = [&](size_t i) { return mode(i) == GradientMode::add; };
  const auto wanted = [&](size_t i) { return mode(i) != GradientMode::none; };
  const ValueTensor &in = values_[node.inputs[0]], &out = values_[node.output];
  switch (node.op) {
    case Op::linear: {
      if (!step.masked_by_consumer) {
        activation_backward(out.gradient.get(), out.data.get(), static_cast<uint64_t>(vectors(node.output)) * out.ld,
                            static_cast<OutputActivation>(node.activation), stream);
      }
      // Weight gradients only meet again at the update: they take turns on the side lanes.
      const int side = next_side_++ % Lanes::side_count;
      lanes.after(lanes.side(side), stream);
      if (wanted(0)) step.linear->input_gradient(workspace(0), stream);
      step.linear->weight_gradient(workspace(1 + side), lanes.side(side));
      break;
    }
    case Op::interact: {
      InteractGradients gradients;
      if (wanted(0)) gradients.x = in.gradient.get();
      if (wanted(1)) gradients.rows = values_[node.inputs[1]].gradient.get();
      gradients.add_x = adds(0);
      gradients.add_rows = adds(1);
      gradients.relu_x = masks_input(node, 0);
      std::visit([&](const auto& a) { interact_backward(gradients, out.gradient.get(), in.data.get(), a, step.pairs.get(), interact_shape(node), stream); },
                 rows_of(node, rows));
      break;
    }
    case Op::concat: {
      const uint32_t outers = outer_per_input(job_.values[node.output], node.keep);
      uint32_t first = 0;
      for (size_t i = 0; i < node.inputs.size(); i++) {
        const ValueTensor& v = values_[node.inputs[i]];
        const uint32_t count = v.vectors * v.last / outers;
        if (wanted(i)) {
          block_copy({v.gradient.get(), v.last, v.ld, count / v.last, 0}, {out.gradient.get(), out.last, out.ld, out.vectors / outers, first},
                     job_.batch * outers, count, adds(i) ? BlockMode::add : BlockMode::copy, stream);
        }
        first += count;
      }
      break;
    }
    case Op::slice: {
      if (!wanted(0)) break;
      const uint32_t part = in.vectors * in.last / static_cast<uint32_t>(job_.values[node.inputs[0]].shape[0]);
      block_copy({in.gradient.get(), in.last, in.ld, in.vectors, node.from * part}, {out.gradient.get(), out.last, out.ld, out.vectors, 0}, job_.batch,
                 (node.to - node.from) * part, adds(0) ? BlockMode::add : BlockMode::copy_rest0, stream);
      break;
    }
    case Op::normalize:
      if (wanted(0)) {
        normalize_backward(in.gradient.get(), out.gradient.get(), in.data.get(), out.data.get(), vectors(node.output), in.last, in.ld,
                           static_cast<float>(node.epsilon), adds(0), stream);
      }
      break;
    case Op::batch_dot: {
      const ValueTensor& q = values_[node.inputs[1]];
      const Attention shape = attention_of(in, q, out, job_.batch);
      if (wanted(0)) outer_product(in.gradient.get(), out.gradient.get(), q.data.get(), shape, adds(0), stream);
      if (wanted(1)) (adds(1) ? weighted_sum_add : weighted_sum)(q.gradient.get(), out.gradient.get(), in.data.get(), shape, stream);
      break;
    }
    case Op::weighted_sum: {
      const ValueTensor& h = values_[node.inputs[1]];
      const Attention shape = attention_of(h, out, in, job_.batch);
      if (wanted(0)) (adds(0) ? batch_dot_add : batch_dot)(in.gradient.get(), h.data.get(), out.gradient.get(), shape, stream);
      if (wanted(1)) outer_product(h.gradient.get(), in.data.get(), out.gradient.get(), shape, adds(1), stream);
      break;
    }
  }
}

}  // namespace fae::cuda
