// The dense part of a program on the device: values, their gradients and the kernels of one step, recorded on lanes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "job.h"
#include "ops/interact.h"
#include "ops/linear.h"
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

class Network {
 public:
  // `keeps_pooled_rows`: some route brings pooled rows from the host, so the value `rows` needs memory of its own.
  Network(const Job& job, Arena& arena, bool keeps_pooled_rows);

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

 private:
  struct Step {
    const NodeSpec* node = nullptr;
    const BackwardSpec* backward = nullptr;
    std::unique_ptr<Linear> linear;
    std::vector<uint32_t> uses;  // per parameter: which use of it this is
    bool masked_by_consumer = false;  // the only consumer of this ReLU applies its derivative
    Buffer<uint32_t> pairs;           // interact
    Buffer<uint8_t> bits;             // linear with ReLU: cuBLASLt's mask
  };

  void plan_values(Arena& arena, bool keeps_pooled_rows);
  void plan_steps(Arena& arena);
  bool can_fuse_head(const NodeSpec& node) const;
  // Consumers of a value among the nodes.
  uint32_t consumers(uint32_t value) const;
  const Step* relu_producer(uint32_t value) const;
  bool masks_input(const NodeSpec& node, size_t input) const;
  LinearOperands operands(const Step& step) const;
  void forward_node(const Step& step, Lanes& lanes, const AnyRows& rows) const;
  void backward_node(const Step& step, Lanes& lanes, const AnyRows& rows) const;
  InteractShape interact_shape(const NodeSpec& node) const;
  uint32_t vectors(uint32_t value) const { return job_.batch * values_[value].vectors; }
  AnyRows rows_of(const NodeSpec& node, const AnyRows& given) const;
  void* workspace(int lane) const;

  const Job& job_;
  std::vector<ValueTensor> values_;
  std::vector<Step> steps_;  // by node
  Parameters parameters_;
  int head_ = -1;                 // node fused with the loss
  bool rows_go_straight_ = false; // the only use of `rows` is one interaction
  uint32_t last_rows_step_ = 0;   // backward step after which the gradient of `rows` is complete
  Buffer<uint8_t> workspaces_;
  mutable int next_side_ = 0;
};

}  // namespace fae::cuda
