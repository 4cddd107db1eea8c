// What an op checks of its node, whatever the engine. TypeScript has checked the program already (core/src/ops): these keep a
// wrong job from reading beyond a tensor.
#pragma once

#include "job.h"
#include "status.h"

namespace fae {

// Throws FAE_CONFIG naming the node, with what was expected and found.
[[noreturn]] inline void wrong_node(const Job& job, const NodeSpec& node, const std::string& expected, const std::string& found) {
  const std::string& name = job.values[node.output].name;
  fail(FAE_CONFIG, "Node '" + name + "' (" + node.op + ") needs " + expected + ", found " + found + ". Compile the program again.",
       {fact("node", name), fact("op", node.op)});
}

// Throws FAE_CONFIG unless the node has so many inputs and parameters.
inline void check_operands(const Job& job, const NodeSpec& node, size_t inputs, size_t least_params = 0, size_t most_params = 0) {
  if (node.inputs.size() != inputs) wrong_node(job, node, std::to_string(inputs) + " inputs", std::to_string(node.inputs.size()));
  if (node.params.size() < least_params || node.params.size() > most_params) {
    wrong_node(job, node, std::to_string(least_params) + " to " + std::to_string(most_params) + " parameters", std::to_string(node.params.size()));
  }
}

// Throws FAE_CONFIG unless all inputs and the output have one shape.
inline void check_same_shapes(const Job& job, const NodeSpec& node) {
  for (const uint32_t input : node.inputs) {
    if (job.values[input].shape != job.values[node.output].shape) {
      wrong_node(job, node, "operands of one shape", "another one in '" + job.values[input].name + "'");
    }
  }
}

// Throws FAE_CONFIG unless [from, to) are steps of that axis of the only input.
inline void check_slice(const Job& job, const NodeSpec& node, uint32_t axis, uint32_t from, uint32_t to) {
  const std::vector<uint64_t>& x = job.values[node.inputs[0]].shape;
  if (axis >= x.size()) wrong_node(job, node, "an axis of its input", std::to_string(axis));
  if (from >= to || to > x[axis]) wrong_node(job, node, "steps within its input", std::to_string(from) + " to " + std::to_string(to));
}

}  // namespace fae
