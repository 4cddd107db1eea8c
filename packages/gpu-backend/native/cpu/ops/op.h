// What an op is on this engine. Its file has two halves: `#if defined(FAE_ISA)` the kernels, compiled once per instruction set and
// plain data only (kernels.h says why); `#else` a NodeOp that reads the attributes and calls them. ops/list.cc lists the ops.
#pragma once

#include "../kernels.h"

#if defined(FAE_ISA)
#include "../kernels/simd.h"
#else

#include <memory>
#include <string>

#include "choice.h"
#include "network.h"
#include "node_checks.h"

namespace fae::cpu {

// One function per instruction set.
template <class Call>
struct KernelOf {
  void (*functions[3])(const Call&);
  void operator()(Isa isa, const Call& call) const { functions[static_cast<int>(isa)](call); }
};

// `name_kernel`, made of the functions `name` of every instruction set that is compiled.
#if defined(FAE_X86_KERNELS)
#define FAE_KERNEL(name, Call)        \
  namespace baseline {                \
  void name(const Call&);             \
  }                                   \
  namespace avx2 {                    \
  void name(const Call&);             \
  }                                   \
  namespace avx512 {                  \
  void name(const Call&);             \
  }                                   \
  static constexpr KernelOf<Call> name##_kernel = {{baseline::name, avx2::name, avx512::name}};
#else
#define FAE_KERNEL(name, Call) \
  namespace baseline {         \
  void name(const Call&);      \
  }                            \
  static constexpr KernelOf<Call> name##_kernel = {{baseline::name, nullptr, nullptr}};
#endif

// Inputs [from, to) of a batch, on thread `worker`.
struct Tile {
  uint32_t from, to, worker;
  uint32_t inputs() const { return to - from; }
};

// One node of the program. A tile of inputs runs through all nodes on one thread; weight gradients follow in tasks.
class NodeOp {
 public:
  NodeOp(const Network& network, const NodeSpec& node) : network_(network), node_(node) {}
  virtual ~NodeOp() = default;

  virtual void forward(const Tile& tile) const = 0;
  virtual void backward(const BackwardSpec& step, const Tile& tile) const = 0;

  // Floats of scratch memory per thread.
  virtual uint64_t scratch_floats() const { return 0; }
  // Of an op with parameters: the tasks of their gradients, and one of them over the first `inputs` inputs.
  virtual void plan_tasks(const BackwardSpec&, TaskPlan&) {}
  virtual void run_task(uint32_t, uint32_t) const {}

 protected:
  const Job& job() const { return network_.job(); }
  const ValueLayout& layout(uint32_t v) const { return network_.layout(v); }
  const std::vector<uint64_t>& shape(uint32_t v) const { return job().values[v].shape; }
  Matrix value(uint32_t v, const Tile& tile) const { return network_.value(v, tile.from); }
  Matrix gradient(uint32_t v, const Tile& tile) const { return network_.gradient(v, tile.from); }
  const Kernels& kernels() const { return network_.kernels(); }
  Isa isa() const { return network_.kernels().isa; }
  static bool wanted(const BackwardSpec& step, size_t input) { return step.inputs[input] != GradientMode::none; }
  static bool adds(const BackwardSpec& step, size_t input) { return step.inputs[input] == GradientMode::add; }

  const Network& network_;
  const NodeSpec& node_;
};

struct OpEntry {
  const char* name;
  std::unique_ptr<NodeOp> (*make)(const Network&, const NodeSpec&);
  // The first parameter is a matrix that is kept in packed panels, and the values are padded for the matrix kernels.
  bool is_product = false;
};

template <class Op>
std::unique_ptr<NodeOp> make_op(const Network& network, const NodeSpec& node) {
  return std::make_unique<Op>(network, node);
}

// Throws FAE_CONFIG for an unknown name.
const OpEntry& find_op(const std::string& name);

}  // namespace fae::cpu
#endif
