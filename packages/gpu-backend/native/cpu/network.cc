#include "network.h"

#include <algorithm>

#include "ops/op.h"

namespace fae::cpu {

std::vector<ValueLayout> layout_values(const Job& job) {
  std::vector<bool> matrix(job.values.size());
  for (const NodeSpec& node : job.nodes) {
    if (find_op(node.op).is_product) matrix[node.inputs[0]] = matrix[node.output] = true;
  }
  std::vector<ValueLayout> layouts;
  for (uint32_t v = 0; v < job.values.size(); v++) {
    const ValueSpec& spec = job.values[v];
    ValueLayout layout;
    layout.width = spec.shape.empty() ? 1 : static_cast<uint32_t>(spec.shape.back());
    layout.vectors = layout.width == 0 ? 0 : static_cast<uint32_t>(spec.elements / layout.width);
    layout.stride = layout.width;
    if (matrix[v] && v != dense_value && v != rows_value && layout.width >= 64) {
      layout.stride = (layout.width + 15) / 16 * 16;
      if (layout.width >= 128 && layout.width % 64 == 0) layout.stride += 16;
    }
    layouts.push_back(layout);
  }
  return layouts;
}

std::vector<std::vector<GradientTask>> TaskPlan::levels() && {
  for (auto& level : levels_) {
    std::stable_sort(level.begin(), level.end(), [](const GradientTask& a, const GradientTask& b) { return a.cost > b.cost; });
  }
  return std::move(levels_);
}

Network::Network(const Job& job, const Kernels& kernels, const NetworkParameters& parameters, Arena& arena, uint32_t scratches, bool trains)
    : job_(job), kernels_(kernels), parameters_(parameters), layouts_(layout_values(job)) {
  for (const ValueLayout& layout : layouts_) {
    values_.push_back(arena.make<float>(job.batch * layout.input_stride(), "values of the network"));
    gradients_.push_back(trains ? arena.make<float>(job.batch * layout.input_stride(), "gradients of the network") : nullptr);
  }
  uint64_t scratch = 0;
  for (const NodeSpec& node : job.nodes) {
    ops_.push_back(find_op(node.op).make(*this, node));
    scratch = std::max(scratch, ops_.back()->scratch_floats());
  }
  for (uint32_t i = 0; i < scratches; i++) scratch_.push_back(arena.make<float>(scratch, "scratch memory"));
  if (!trains) return;
  TaskPlan plan(job.params.size());
  for (const BackwardSpec& step : job.backward) ops_[step.node]->plan_tasks(step, plan);
  tasks_ = std::move(plan).levels();
}

Network::~Network() = default;

void Network::forward(uint32_t from, uint32_t to, uint32_t worker) const {
  for (const auto& op : ops_) op->forward({from, to, worker});
}

void Network::backward(uint32_t from, uint32_t to, uint32_t worker) const {
  for (const BackwardSpec& step : job_.backward) ops_[step.node]->backward(step, {from, to, worker});
}

void Network::run_task(uint32_t level, uint32_t index, uint32_t inputs) const {
  const GradientTask& task = tasks_[level][index];
  task.op->run_task(task.index, inputs);
}

}  // namespace fae::cpu
