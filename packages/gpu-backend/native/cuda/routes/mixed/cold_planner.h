// Which cold rows each batch of the mixed route fetches and gives back, from its ids alone. No device, no copies: the plan is
// marked in the batch's words (rows/cold_words.h) and listed for the copies.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "cold_rows.h"
#include "job.h"
#include "routes/word_ring.h"

namespace fae::cuda {

struct RowReference {
  uint32_t table, row;
};

class ColdPlanner {
 public:
  explicit ColdPlanner(const Job& job);

  // Most cold rows that one batch can touch.
  uint64_t capacity() const { return capacity_; }
  // Device slots per table.
  static std::vector<uint32_t> slots(const Job& job);

  // Before the first part. `stopping`: a plan that waits for its turn gives up once this is true.
  void attach(const WordRing& ring, const std::atomic<bool>& stopping);
  // A part of `count` batches begins. Without `training` no row goes back.
  void begin(uint32_t count, bool training);
  // Plans batch i. Called by several threads at once, each batch once; a table takes its batches in order, so tables of
  // different batches are planned at the same time. Throws FAE_ENGINE when it has to give up.
  void plan(uint32_t i, uint32_t inputs, uint32_t* words);

  // Valid once batch i is planned, until its slot of the ring is used again.
  const std::vector<RowReference>& fetched(uint32_t i) const { return batch(i).fetched; }
  // Rows that go back after batch i. Valid once batch i + look-ahead, or the last one, is planned.
  std::vector<RowReference> returned(uint32_t i) const;
  // Rows fetched since the latest `clear_counts`, and cold rows found on the device already.
  uint64_t fetched_rows() const { return fetched_rows_; }
  uint64_t forwarded_rows() const { return forwarded_rows_; }
  void clear_counts() { fetched_rows_ = forwarded_rows_ = 0; }

 private:
  struct BatchPlan {
    std::vector<RowReference> fetched;
    std::vector<std::vector<RowReference>> returned;  // by table
  };
  BatchPlan& batch(uint32_t i) { return plans_[i % plans_.size()]; }
  const BatchPlan& batch(uint32_t i) const { return plans_[i % plans_.size()]; }
  int32_t* ids(uint32_t i) const;
  void list_uses(const IdLayout& layout, std::vector<std::vector<ColdUse>>& uses) const;
  void await_turn(uint32_t table, uint32_t i) const;
  void return_after(uint32_t table, uint32_t n);

  const Job& job_;
  uint64_t capacity_ = 0;
  std::vector<ColdTable> tables_;
  // Of the ids of one step that can be cold: the column, its table, and the first id that is cold.
  std::vector<uint32_t> columns_, column_tables_, first_cold_;
  WordRing ring_;
  const std::atomic<bool>* stopping_ = nullptr;
  std::unique_ptr<std::atomic<uint32_t>[]> turns_;  // per table: the batch that is planned next
  std::vector<BatchPlan> plans_;
  uint32_t count_ = 0;
  bool training_ = false;
  std::atomic<uint64_t> fetched_rows_{0}, forwarded_rows_{0};
};

}  // namespace fae::cuda
