// The dense part of a program on the device: values, their gradients and the kernels of one step, recorded on lanes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "gemm/gemm.h"
#include "gemm/lt_gemm.h"
#include "gemm/tuner.h"
#include "job.h"
#include "ops/loss.h"
#include "ops/row_access.h"
#include "step/lanes.h"
#include "step/parameters.h"
#include "support/arena.h"

namespace fae::cuda {

using AnyRows = std::variant<RowAccess<float>, RowAccess<__nv_bfloat16>>;

// One value of the program: [batch * vectors, last], rows `ld` apart, pads zero.
struct ValueTensor {
  uint32_t vectors = 1, last = 0, ld = 0;
  Buffer<float> data, gradient;
};

class NodeOp;

class Network {
 public:
  // `keeps_pooled_rows`: some route brings pooled rows from the host, so the value `rows` needs memory of its own.
  Network(const Job& job, Arena& arena, bool keeps_pooled_rows);
  ~Network();
  Network(const Network&) = delete;  // nodes keep a reference

  // After the arena is allocated: chooses kernels. Leaves rubbish in values and gradients; call `clear` afterwards.
  void prepare(Arithmetic arithmetic, const LtContext* library, Tuner& tuner, Lanes& lanes);

  // Zeroes values, gradients and parameters, as they are before the first step.
  void clear(cudaStream_t stream);

  // Records. `rows`: straight from the tables, or nothing: pooled rows are in `pooled_rows()` already. `before_rows` runs
  // when the forward pass first needs them.
  void forward(Lanes& lanes, const AnyRows* rows, const std::function<void()>& before_rows) const;
  // Loss, and without gradients when `train` is false.
  void loss(Lanes& lanes, bool train, const LossBuffers& buffers) const;
  // `rows_ready` runs once the gradient of the rows is complete. Ends with every weight gradient done on the main lane.
  void backward(Lanes& lanes, const AnyRows* rows, const std::function<void()>& rows_ready) const;

  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }
  float* dense() const { return values_[dense_value].data.get(); }
  uint32_t dense_ld() const { return values_[dense_value].ld; }
  float* pooled_rows() const { return values_[rows_value].data.get(); }
  float* row_gradients() const { return values_[rows_value].gradient.get(); }
  // D padded to 4: distance of rows everywhere on the device.
  uint32_t row_stride() const { return values_[rows_value].ld; }
  std::string describe() const;

  // For the nodes.
  const Job& job() const { return job_; }
  const ValueTensor& value(uint32_t v) const { return values_[v]; }
  // Vectors of a whole batch.
  uint32_t vectors(uint32_t v) const { return job_.batch * values_[v].vectors; }
  void* workspace(int lane) const { return workspaces_.get() + LtContext::workspace_bytes * lane; }
  int next_side() const { return next_side_++ % Lanes::side_count; }
  // The only use of `rows` is one node that takes them from the tables.
  bool rows_go_straight() const { return rows_go_straight_; }
  // Straight from the tables, ids were decoded before the first node; otherwise the rows may be what the node before wrote.
  bool rows_settled(const NodeOp& node) const { return rows_go_straight_ && &node != ops_.front().get(); }
  // The node's gradient of this input applies the derivative of the ReLU that made it: nobody else reads it.
  bool masks_input(const NodeOp& node, size_t input) const;

 private:
  void measure_values();
  void reserve_values(Arena& arena, bool keeps_pooled_rows);
  void plan_nodes(Arena& arena);
  void choose_kernels(Arithmetic arithmetic, const LtContext* library, Tuner& tuner, cudaStream_t stream);
  void plan_parts();
  bool can_fuse_head(NodeOp& op) const;
  // Consumers of a value among the nodes and the loss.
  uint32_t consumers(uint32_t value) const;
  NodeOp* producer(uint32_t value) const;
  AnyRows access(const AnyRows* rows) const;

  const Job& job_;
  std::vector<ValueTensor> values_;
  std::vector<std::unique_ptr<NodeOp>> ops_;  // by node
  Parameters parameters_;
  int head_ = -1;                 // node fused with the loss
  bool rows_go_straight_ = false;
  uint32_t last_rows_step_ = 0;   // backward step after which the gradient of `rows` is complete
  Buffer<uint8_t> workspaces_;
  mutable int next_side_ = 0;
};

}  // namespace fae::cuda
