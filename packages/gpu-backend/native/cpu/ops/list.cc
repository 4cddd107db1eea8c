// Every op of this engine: one line each.
#include "ops/op.h"
#include "ops/list.h"

#define FAE_OPS(OP) \
  OP(linear)        \
  OP(interact)      \
  OP(concat)        \
  OP(slice)         \
  OP(normalize)     \
  OP(batch_dot)     \
  OP(weighted_sum)  \
  OP(multiply)      \
  OP(add)           \
  OP(activation)    \
  OP(reduce_sum)

namespace fae::cpu {

#define FAE_DECLARE(op) extern const OpEntry op##_op;
FAE_OPS(FAE_DECLARE)

namespace {
#define FAE_ENTRY(op) &op##_op,
const OpEntry* const entries[] = {FAE_OPS(FAE_ENTRY)};
}  // namespace

const OpEntry& find_op(const std::string& name) { return named(entries, name, "op"); }

std::vector<std::string> op_names() {
  std::vector<std::string> names;
  for (const OpEntry* entry : entries) names.push_back(entry->name);
  return names;
}

}  // namespace fae::cpu
