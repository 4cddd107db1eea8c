// The program on float32 memory. A tile of inputs runs through the whole program, forward and back, on one thread: its values
// stay in that thread's cache and no thread waits for another. Weight gradients follow in tasks of their own, over the whole
// batch, split by output elements and never over inputs. So no sum depends on tiles or threads.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "arena.h"
#include "job.h"
#include "kernels.h"
#include "parameters.h"

namespace fae::cpu {

class NodeOp;

// A value [B, shape] in memory: `vectors` vectors of `width` per input, `stride` floats apart.
struct ValueLayout {
  uint32_t width = 1, vectors = 1;
  size_t stride = 1;
  size_t input_stride() const { return vectors * stride; }
};
// Padding puts long vectors on cache lines, and keeps power-of-two ones from falling into the same cache sets; `dense` and
// `rows` are never padded.
std::vector<ValueLayout> layout_values(const Job& job);

// Part `index` of the parameter gradients of one node; `cost` says which ones take longest.
struct GradientTask {
  const NodeOp* op;
  uint32_t index;
  uint64_t cost;
};

// Collects tasks: those of one level are independent, levels follow each other.
class TaskPlan {
 public:
  explicit TaskPlan(size_t params) : writers_(params) {}
  // The level at which the caller may write the gradient of a parameter: behind those that asked before.
  uint32_t next_level(uint32_t param) { return writers_[param]++; }
  void push(uint32_t level, const GradientTask& task) {
    if (level >= levels_.size()) levels_.resize(level + 1);
    levels_[level].push_back(task);
  }
  // Long tasks first: threads then finish together.
  std::vector<std::vector<GradientTask>> levels() &&;

 private:
  std::vector<uint32_t> writers_;
  std::vector<std::vector<GradientTask>> levels_;
};

class Network {
 public:
  // Memory for `batch` inputs from `arena`; `trains` adds gradients. `scratches`: number of threads.
  Network(const Job& job, const Kernels& kernels, const NetworkParameters& parameters, Arena& arena, uint32_t scratches, bool trains);
  ~Network();
  Network(const Network&) = delete;  // nodes keep a reference

  const Job& job() const { return job_; }
  const Kernels& kernels() const { return kernels_; }
  const NetworkParameters& parameters() const { return parameters_; }

  // First vector of value `v` of input `input`.
  Matrix value(uint32_t v, uint32_t input) const { return {values_[v] + input * layouts_[v].input_stride(), layouts_[v].stride}; }
  Matrix gradient(uint32_t v, uint32_t input) const { return {gradients_[v] + input * layouts_[v].input_stride(), layouts_[v].stride}; }
  const ValueLayout& layout(uint32_t v) const { return layouts_[v]; }
  // As much as the op that needs most.
  float* scratch(uint32_t worker) const { return scratch_[worker]; }

  // Inputs [from, to). `dense` and `rows` must be filled; backward also needs the gradient of the last value.
  void forward(uint32_t from, uint32_t to, uint32_t worker) const;
  void backward(uint32_t from, uint32_t to, uint32_t worker) const;

  // Weight gradients over `inputs` inputs.
  uint32_t levels() const { return static_cast<uint32_t>(tasks_.size()); }
  uint32_t tasks(uint32_t level) const { return static_cast<uint32_t>(tasks_[level].size()); }
  void run_task(uint32_t level, uint32_t task, uint32_t inputs) const;

 private:
  const Job& job_;
  const Kernels& kernels_;
  const NetworkParameters& parameters_;
  std::vector<ValueLayout> layouts_;
  std::vector<float*> values_, gradients_;
  std::vector<std::unique_ptr<NodeOp>> ops_;  // by node
  std::vector<float*> scratch_;               // per thread
  std::vector<std::vector<GradientTask>> tasks_;
};

}  // namespace fae::cpu
