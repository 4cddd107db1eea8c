// Cold rows of a mixed batch on the device: which slots were fetched or go back, and the copies between slots and staging.
#pragma once

#include "rows/device_rows.h"
#include "step/decode.h"
#include "step/step_state.h"

namespace fae::cuda {

struct ColdLists {
  const uint32_t* ring = nullptr;      // words of the batches, ids marked as cold_words.h says
  uint32_t batch = 0, steps = 1, features = 0, ids = 0, stride_words = 0;
  const uint32_t* row_base = nullptr;  // per id of one step
  const uint32_t* bags = nullptr;      // [tables + 1]
  uint32_t tables = 0;
  StepState* state = nullptr;
  uint32_t* fetched = nullptr;  // row numbers, in the order of the packed rows: table by table, by first occurrence
  uint32_t* written = nullptr;
  uint2* counts = nullptr;      // [cold_list_blocks]
};

uint32_t cold_list_blocks(const ColdLists& lists);
void list_cold_rows(const ColdLists& lists, cudaStream_t stream);

// Packed staging of one batch: [rows, columns] of slot -1, then of each optimizer slot; `capacity` rows of room for each.
struct ColdStaging {
  float* base = nullptr;
  uint64_t batch_floats = 0;  // distance of two batches' staging
  uint64_t slot_at[3] = {0, 0, 0};
  uint32_t columns[3] = {0, 0, 0};
  uint32_t pitches[3] = {0, 0, 0};
  void* rows[3] = {nullptr, nullptr, nullptr};
  uint32_t slots = 1;  // 1 + optimizer slots
  bool bf16 = false;
};
// Staging -> slots for `state->fetched` rows; slots -> staging for `state->written` rows. `cold_slot` of the record picks the batch.
void insert_cold_rows(const ColdStaging& staging, const uint32_t* list, const StepState* state, uint32_t slots, cudaStream_t stream);
void collect_cold_rows(const ColdStaging& staging, const uint32_t* list, const StepState* state, cudaStream_t stream);

}  // namespace fae::cuda
