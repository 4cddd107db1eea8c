#include "network.h"

#include <algorithm>
#include <cstring>

namespace fae::cpu {

namespace {

// Rows and columns of a weight gradient that one task computes.
constexpr uint32_t task_rows = 96, task_columns = 256;

Activate activate_of(Activation activation) { return static_cast<Activate>(static_cast<int>(activation)); }

}  // namespace

Network::Network(const Job& job, const Kernels& kernels, const NetworkParameters& parameters, Arena& arena, uint32_t scratches, bool trains)
    : job_(job), kernels_(kernels), parameters_(parameters), layouts_(layout_values(job)) {
  uint64_t scratch = 0;
  for (const ValueLayout& layout : layouts_) {
    values_.push_back(arena.make<float>(job.batch * layout.input_stride(), "values of the network"));
    gradients_.push_back(trains ? arena.make<float>(job.batch * layout.input_stride(), "gradients of the network") : nullptr);
  }
  for (const NodeSpec& node : job.nodes) {
    if (node.op != Op::interact) continue;
    const auto& rows = job.values[node.inputs[1]].shape;
    scratch = std::max<uint64_t>(scratch, interact_scratch(rows[rows.size() - 2], rows.back()));
  }
  for (uint32_t i = 0; i < scratches; i++) scratch_.push_back(arena.make<float>(scratch, "scratch memory"));
  if (trains) plan_tasks();
}

void Network::plan_tasks() {
  std::vector<uint32_t> writers(job_.params.size());
  const auto push = [&](uint32_t level, const Task& task) {
    if (level >= tasks_.size()) tasks_.resize(level + 1);
    tasks_[level].push_back(task);
  };
  for (const BackwardSpec& step : job_.backward) {
    const NodeSpec& node = job_.nodes[step.node];
    if (node.op != Op::linear) continue;
    const uint32_t m = layouts_[node.output].width, k = layouts_[node.inputs[0]].width;
    const uint32_t rows = node.transposed ? k : m, columns = node.transposed ? m : k;
    const uint64_t inner = layouts_[node.output].vectors;
    const bool weight = step.params[0] != GradientMode::none, bias = step.params.size() > 1 && step.params[1] != GradientMode::none;
    const bool weight_add = step.params[0] == GradientMode::add, bias_add = bias && step.params[1] == GradientMode::add;
    const uint32_t weight_level = weight ? writers[node.params[0]]++ : 0, bias_level = bias ? writers[node.params[1]]++ : 0;
    // Together the gradients of the outputs are read once; parameters shared between nodes may have to wait for different ones.
    const bool together = weight && bias && weight_level == bias_level;
    for (uint32_t i = 0; i < rows && weight; i += task_rows) {
      for (uint32_t j = 0; j < columns; j += task_columns) {
        const uint32_t i_to = std::min(i + task_rows, rows), j_to = std::min(j + task_columns, columns);
        const bool first = node.transposed ? i == 0 : j == 0;
        push(weight_level, {step.node, true, weight_add, together && first, bias_add, i, i_to, j, j_to, inner * (i_to - i) * (j_to - j)});
      }
    }
    for (uint32_t i = 0; i < m && bias && !together; i += task_rows) {
      push(bias_level, {step.node, false, false, true, bias_add, i, std::min(i + task_rows, m), 0, 0, inner * task_rows});
    }
  }
  // Long tasks first: threads then finish together.
  for (auto& level : tasks_) {
    std::stable_sort(level.begin(), level.end(), [](const Task& a, const Task& b) { return a.cost > b.cost; });
  }
}

void Network::run_task(uint32_t level, uint32_t index, uint32_t inputs) const {
  const Task& task = tasks_[level][index];
  const NodeSpec& node = job_.nodes[task.node];
  const uint32_t rows = inputs * layouts_[node.output].vectors;
  const Matrix dy = gradient(node.output, 0);
  if (task.bias) {
    const bool by_columns = task.weight && node.transposed;
    const uint32_t from = by_columns ? task.j_from : task.i_from, to = by_columns ? task.j_to : task.i_to;
    kernels_.column_sums({dy.data + from, dy.stride}, rows, to - from, parameters_.gradient(node.params[1]) + from, task.bias_add);
  }
  if (!task.weight) return;
  const Matrix x = value(node.inputs[0], 0);
  OuterProduct outer;
  outer.a = node.transposed ? x : dy;
  outer.b = node.transposed ? dy : x;
  outer.out = {parameters_.gradient(node.params[0]), node.transposed ? layouts_[node.output].width : layouts_[node.inputs[0]].width};
  outer.rows = rows;
  outer.i_from = task.i_from;
  outer.i_to = task.i_to;
  outer.j_from = task.j_from;
  outer.j_to = task.j_to;
  outer.add = task.weight_add;
  kernels_.outer_product(outer);
}

void Network::forward(uint32_t from, uint32_t to, uint32_t worker) const {
  for (const NodeSpec& node : job_.nodes) forward_node(node, from, to, worker);
}

void Network::backward(uint32_t from, uint32_t to, uint32_t worker) const {
  for (const BackwardSpec& step : job_.backward) backward_node(step, from, to, worker);
}

void Network::forward_node(const NodeSpec& node, uint32_t from, uint32_t to, uint32_t worker) const {
  switch (node.op) {
    case Op::linear: {
      Product product;
      product.x = value(node.inputs[0], from);
      product.y = value(node.output, from);
      product.packed = parameters_.forward_panels(node);
      product.bias = node.params.size() > 1 ? parameters_.values(node.params[1]) : nullptr;
      product.rows = (to - from) * layouts_[node.output].vectors;
      product.inner = layouts_[node.inputs[0]].width;
      product.columns = layouts_[node.output].width;
      product.activation = activate_of(node.activation);
      kernels_.product(product);
      return;
    }
    case Op::interact: return interact(node, nullptr, from, to, worker);
    case Op::concat: return concat(node, nullptr, from, to);
    case Op::slice: return slice(node, nullptr, from, to);
    case Op::normalize: return normalize(node, nullptr, from, to);
    case Op::batch_dot:
    case Op::weighted_sum: return attention(node, nullptr, from, to);
  }
}

void Network::backward_node(const BackwardSpec& step, uint32_t from, uint32_t to, uint32_t worker) const {
  const NodeSpec& node = job_.nodes[step.node];
  switch (node.op) {
    case Op::linear: return linear_backward(node, step, from, to);
    case Op::interact: return interact(node, &step, from, to, worker);
    case Op::concat: return concat(node, &step, from, to);
    case Op::slice: return slice(node, &step, from, to);
    case Op::normalize: return normalize(node, &step, from, to);
    case Op::batch_dot:
    case Op::weighted_sum: return attention(node, &step, from, to);
  }
}

void Network::linear_backward(const NodeSpec& node, const BackwardSpec& step, uint32_t from, uint32_t to) const {
  const uint32_t rows = (to - from) * layouts_[node.output].vectors;
  const Matrix dy = gradient(node.output, from);
  // All that wanted dy has been added by now; the weight gradients read it from here, before the activation.
  if (node.activation != Activation::none) {
    kernels_.activation_gradient(dy, value(node.output, from), rows, layouts_[node.output].width, activate_of(node.activation));
  }
  if (step.inputs[0] == GradientMode::none) return;
  Product product;
  product.x = dy;
  product.y = gradient(node.inputs[0], from);
  product.packed = parameters_.backward_panels(node);
  product.rows = rows;
  product.inner = layouts_[node.output].width;
  product.columns = layouts_[node.inputs[0]].width;
  product.add = step.inputs[0] == GradientMode::add;
  kernels_.product(product);
}

void Network::interact(const NodeSpec& node, const BackwardSpec* step, uint32_t from, uint32_t to, uint32_t worker) const {
  const uint32_t x = node.inputs[0], rows = node.inputs[1];
  Interact call;
  call.x = value(x, from);
  call.rows = value(rows, from);
  call.count = (to - from) * layouts_[x].vectors;
  call.tables = layouts_[rows].vectors / layouts_[x].vectors;
  call.d = layouts_[x].width;
  call.self = node.self;
  call.scratch = scratch_[worker];
  if (!step) {
    call.y = value(node.output, from);
    kernels_.interact(call);
    return;
  }
  call.y = gradient(node.output, from);
  call.x_wanted = step->inputs[0] != GradientMode::none;
  call.rows_wanted = step->inputs[1] != GradientMode::none;
  call.x_add = step->inputs[0] == GradientMode::add;
  call.rows_add = step->inputs[1] == GradientMode::add;
  call.dx = gradient(x, from);
  call.drows = gradient(rows, from);
  kernels_.interact_backward(call);
}

void Network::normalize(const NodeSpec& node, const BackwardSpec* step, uint32_t from, uint32_t to) const {
  const uint32_t x = node.inputs[0];
  Normalize call;
  call.x = value(x, from);
  call.y = value(node.output, from);
  call.count = (to - from) * layouts_[x].vectors;
  call.k = layouts_[x].width;
  call.epsilon = static_cast<float>(node.epsilon);
  if (!step) {
    kernels_.normalize(call);
  } else if (step->inputs[0] != GradientMode::none) {
    call.dy = gradient(node.output, from);
    call.dx = gradient(x, from);
    call.add = step->inputs[0] == GradientMode::add;
    kernels_.normalize_backward(call);
  }
}

void Network::attention(const NodeSpec& node, const BackwardSpec* step, uint32_t from, uint32_t to) const {
  const uint32_t first = node.inputs[0], second = node.inputs[1];
  const bool wanted[] = {step && step->inputs[0] != GradientMode::none, step && step->inputs[1] != GradientMode::none};
  const bool adds[] = {step && step->inputs[0] == GradientMode::add, step && step->inputs[1] == GradientMode::add};
  const Matrix out = step ? gradient(node.output, from) : value(node.output, from);
  if (node.op == Op::batch_dot) {
    BatchDot call;
    call.h = value(first, from);
    call.q = value(second, from);
    call.a = out;
    call.count = to - from;
    call.r = layouts_[first].vectors;
    call.k = layouts_[first].width;
    if (!step) return kernels_.batch_dot(call);
    call.dh = gradient(first, from);
    call.dq = gradient(second, from);
    call.h_wanted = wanted[0];
    call.q_wanted = wanted[1];
    call.h_add = adds[0];
    call.q_add = adds[1];
    return kernels_.batch_dot_backward(call);
  }
  WeightedSum call;
  call.y = value(first, from);
  call.h = value(second, from);
  call.c = out;
  call.count = to - from;
  call.r = layouts_[second].vectors;
  call.k = layouts_[second].width;
  if (!step) return kernels_.weighted_sum(call);
  call.dy = gradient(first, from);
  call.dh = gradient(second, from);
  call.y_wanted = wanted[0];
  call.h_wanted = wanted[1];
  call.y_add = adds[0];
  call.h_add = adds[1];
  kernels_.weighted_sum_backward(call);
}

}  // namespace fae::cpu
