// y = activation(x W' + b), or x W when transposed. The matrix kernels that do it are shared: kernels/products.cc.
#include "ops/op.h"

#if !defined(FAE_ISA)
#include <algorithm>

namespace fae::cpu {

namespace {

// Rows and columns of a weight gradient that one task computes.
constexpr uint32_t task_rows = 96, task_columns = 256;

Activation read_activation(const Json& json) {
  static constexpr const char* names[] = {"none", "relu", "sigmoid"};
  return choice<Activation>(json, names, "activation");
}

class LinearOp final : public NodeOp {
 public:
  LinearOp(const Network& network, const NodeSpec& node)
      : NodeOp(network, node), activation_(read_activation(node.attributes.at("activation"))), transposed_(node.attributes.at("transposed").boolean()) {
    check_operands(job(), node, 1, 1, 2);
  }

  void forward(const Tile& tile) const override {
    Product product;
    product.x = value(node_.inputs[0], tile);
    product.y = value(node_.output, tile);
    product.packed = network_.parameters().forward_panels(node_.params[0], transposed_);
    product.bias = node_.params.size() > 1 ? network_.parameters().values(node_.params[1]) : nullptr;
    product.rows = tile.inputs() * layout(node_.output).vectors;
    product.inner = layout(node_.inputs[0]).width;
    product.columns = layout(node_.output).width;
    product.activation = activation_;
    kernels().product(product);
  }

  void backward(const BackwardSpec& step, const Tile& tile) const override {
    const uint32_t rows = tile.inputs() * layout(node_.output).vectors;
    const Matrix dy = gradient(node_.output, tile);
    // All that wanted dy has been added by now; the weight gradients read it from here, before the activation.
    if (activation_ != Activation::none) {
      kernels().activation_gradient(dy, value(node_.output, tile), rows, layout(node_.output).width, activation_);
    }
    if (!wanted(step, 0)) return;
    Product product;
    product.x = dy;
    product.y = gradient(node_.inputs[0], tile);
    product.packed = network_.parameters().backward_panels(node_.params[0], transposed_);
    product.rows = rows;
    product.inner = layout(node_.output).width;
    product.columns = layout(node_.inputs[0]).width;
    product.add = adds(step, 0);
    kernels().product(product);
  }

  void plan_tasks(const BackwardSpec& step, TaskPlan& plan) override {
    const uint32_t m = layout(node_.output).width, k = layout(node_.inputs[0]).width;
    const uint32_t rows = transposed_ ? k : m, columns = transposed_ ? m : k;
    const uint64_t inner = layout(node_.output).vectors;
    const bool weight = step.params[0] != GradientMode::none, bias = step.params.size() > 1 && step.params[1] != GradientMode::none;
    const bool weight_add = step.params[0] == GradientMode::add, bias_add = bias && step.params[1] == GradientMode::add;
    const uint32_t weight_level = weight ? plan.next_level(node_.params[0]) : 0, bias_level = bias ? plan.next_level(node_.params[1]) : 0;
    // Together the gradients of the outputs are read once; parameters shared between nodes may have to wait for different ones.
    const bool together = weight && bias && weight_level == bias_level;
    const auto push = [&](uint32_t level, const Task& task, uint64_t cost) {
      plan.push(level, {this, static_cast<uint32_t>(tasks_.size()), cost});
      tasks_.push_back(task);
    };
    for (uint32_t i = 0; i < rows && weight; i += task_rows) {
      for (uint32_t j = 0; j < columns; j += task_columns) {
        const uint32_t i_to = std::min(i + task_rows, rows), j_to = std::min(j + task_columns, columns);
        const bool first = transposed_ ? i == 0 : j == 0;
        push(weight_level, {true, weight_add, together && first, bias_add, i, i_to, j, j_to}, inner * (i_to - i) * (j_to - j));
      }
    }
    for (uint32_t i = 0; i < m && bias && !together; i += task_rows) {
      push(bias_level, {false, false, true, bias_add, i, std::min(i + task_rows, m), 0, 0}, inner * task_rows);
    }
  }

  void run_task(uint32_t index, uint32_t inputs) const override {
    const Task& task = tasks_[index];
    const uint32_t rows = inputs * layout(node_.output).vectors;
    const Matrix dy = network_.gradient(node_.output, 0);
    if (task.bias) {
      const bool by_columns = task.weight && transposed_;
      const uint32_t from = by_columns ? task.j_from : task.i_from, to = by_columns ? task.j_to : task.i_to;
      kernels().column_sums({dy.data + from, dy.stride}, rows, to - from, network_.parameters().gradient(node_.params[1]) + from, task.bias_add);
    }
    if (!task.weight) return;
    const Matrix x = network_.value(node_.inputs[0], 0);
    OuterProduct outer;
    outer.a = transposed_ ? x : dy;
    outer.b = transposed_ ? dy : x;
    outer.out = {network_.parameters().gradient(node_.params[0]), transposed_ ? layout(node_.output).width : layout(node_.inputs[0]).width};
    outer.rows = rows;
    outer.i_from = task.i_from;
    outer.i_to = task.i_to;
    outer.j_from = task.j_from;
    outer.j_to = task.j_to;
    outer.add = task.weight_add;
    kernels().outer_product(outer);
  }

 private:
  // Rows [i_from, i_to) and columns [j_from, j_to) of the weight gradient, and the part of the bias gradient that comes from
  // the same outputs. Without `weight` the bias alone, for outputs [i_from, i_to).
  struct Task {
    bool weight, weight_add;
    bool bias, bias_add;
    uint32_t i_from, i_to, j_from, j_to;
  };
  const Activation activation_;
  const bool transposed_;
  std::vector<Task> tasks_;
};

}  // namespace

extern const OpEntry linear_op = {"linear", make_op<LinearOp>, true};

}  // namespace fae::cpu
#endif
