// The program on float32 memory. A tile of inputs runs through the whole program, forward and back, on one thread: its values
// stay in that thread's cache and no thread waits for another. Weight gradients follow in tasks of their own, over the whole
// batch, split by output elements and never over inputs. So no sum depends on tiles or threads.
#pragma once

#include <cstdint>
#include <vector>

#include "arena.h"
#include "job.h"
#include "kernels.h"
#include "parameters.h"

namespace fae::cpu {

// A value [B, shape] in memory: `vectors` vectors of `width` per input, `stride` floats apart.
struct ValueLayout {
  uint32_t width = 1, vectors = 1;
  size_t stride = 1;
  size_t input_stride() const { return vectors * stride; }
};
// Padding puts long vectors on cache lines, and keeps power-of-two ones from falling into the same cache sets; `dense` and
// `rows` are never padded.
std::vector<ValueLayout> layout_values(const Job& job);

class Network {
 public:
  // Memory for `batch` inputs from `arena`; `trains` adds gradients. `scratches`: number of threads.
  Network(const Job& job, const Kernels& kernels, const NetworkParameters& parameters, Arena& arena, uint32_t scratches, bool trains);

  // First vector of value `v` of input `input`.
  Matrix value(uint32_t v, uint32_t input) const { return {values_[v] + input * layouts_[v].input_stride(), layouts_[v].stride}; }
  Matrix gradient(uint32_t v, uint32_t input) const { return {gradients_[v] + input * layouts_[v].input_stride(), layouts_[v].stride}; }
  const ValueLayout& layout(uint32_t v) const { return layouts_[v]; }

  // Inputs [from, to). `dense` and `rows` must be filled; backward also needs the gradient of the last value.
  void forward(uint32_t from, uint32_t to, uint32_t worker) const;
  void backward(uint32_t from, uint32_t to, uint32_t worker) const;

  // Weight gradients over `inputs` inputs: tasks of one level are independent, levels follow each other.
  uint32_t levels() const { return static_cast<uint32_t>(tasks_.size()); }
  uint32_t tasks(uint32_t level) const { return static_cast<uint32_t>(tasks_[level].size()); }
  void run_task(uint32_t level, uint32_t task, uint32_t inputs) const;

 private:
  // Rows [i_from, i_to) and columns [j_from, j_to) of one weight gradient, and the part of the bias gradient that comes from
  // the same outputs. Without `weight` the bias alone, for outputs [i_from, i_to).
  struct Task {
    uint32_t node;
    bool weight, weight_add;
    bool bias, bias_add;
    uint32_t i_from, i_to, j_from, j_to;
    uint64_t cost;
  };
  void plan_tasks();
  void forward_node(const NodeSpec& node, uint32_t from, uint32_t to, uint32_t worker) const;
  void backward_node(const BackwardSpec& step, uint32_t from, uint32_t to, uint32_t worker) const;
  void linear_backward(const NodeSpec& node, const BackwardSpec& step, uint32_t from, uint32_t to) const;
  void interact(const NodeSpec& node, const BackwardSpec* step, uint32_t from, uint32_t to, uint32_t worker) const;
  void concat(const NodeSpec& node, const BackwardSpec* step, uint32_t from, uint32_t to) const;
  void slice(const NodeSpec& node, const BackwardSpec* step, uint32_t from, uint32_t to) const;
  void attention(const NodeSpec& node, const BackwardSpec* step, uint32_t from, uint32_t to) const;
  void normalize(const NodeSpec& node, const BackwardSpec* step, uint32_t from, uint32_t to) const;

  const Job& job_;
  const Kernels& kernels_;
  const NetworkParameters& parameters_;
  std::vector<ValueLayout> layouts_;
  std::vector<float*> values_, gradients_;
  std::vector<float*> scratch_;  // per thread, for interact
  std::vector<std::vector<Task>> tasks_;
};

}  // namespace fae::cpu
