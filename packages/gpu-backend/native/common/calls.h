// What the calls on a session name and hand over, found and checked once for both engines.
#pragma once

#include <cstdint>
#include <string>

#include "job.h"

namespace fae {

// A tensor that is read or written by name: names of `Session` in core/src/engine.ts.
struct Tensor {
  enum class Kind { step, table, param } kind = Kind::step;
  uint32_t index = 0;  // of the table or parameter
  int slot = -1;       // of its optimizer state; -1: the values themselves
  uint64_t rows = 1, columns = 1;
};
// Throws FAE_CONFIG for an unknown name.
Tensor find_tensor(const Job& job, const std::string& name);

// Index of a source. Throws FAE_CONFIG for an unknown name.
uint32_t find_source(const Job& job, const std::string& name);

// Of a read or write: every row must exist, and the caller's memory must hold exactly the values of those rows (all of them
// without `rows`). Throws FAE_CONFIG or FAE_SHAPE.
void check_access(const Tensor& tensor, const std::string& name, const uint32_t* rows, uint64_t count, uint64_t values);

// Of an evaluation: the caller's memory must have room for every input. Throws FAE_SHAPE.
void check_room(const SourceSpec& source, uint64_t room);

// Of a run: a route of the plan, batches of the source, learning rates that float32 can hold. Throws FAE_CONFIG.
Route check_segment(const Job& job, const fae_segment& segment);

}  // namespace fae
