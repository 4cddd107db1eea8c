#include "routes/mixed/cold_planner.h"

#include <algorithm>
#include <thread>

#include "rows/cold_words.h"
#include "status.h"
#include "support/relax.h"

namespace fae::cuda {

std::vector<uint32_t> ColdPlanner::slots(const Job& job) {
  std::vector<uint32_t> slots;
  for (uint32_t t = 0; t < job.tables.size(); t++) slots.push_back(ColdTable(job, t).slots());
  return slots;
}

ColdPlanner::ColdPlanner(const Job& job) : job_(job), turns_(new std::atomic<uint32_t>[job.tables.size()]) {
  for (uint32_t t = 0; t < job.tables.size(); t++) {
    const TableSpec& table = job.tables[t];
    tables_.emplace_back(job, t);
    const uint64_t ids = static_cast<uint64_t>(job.batch) * job.step_count() * table.hotness;
    capacity_ += std::min<uint64_t>(ids, table.rows - table.hot_rows);
    for (uint32_t l = 0; l < table.hotness && table.hot_rows < table.rows; l++) {
      columns_.push_back(table.first_id + l);
      column_tables_.push_back(t);
      first_cold_.push_back(table.hot_rows);
    }
  }
}

void ColdPlanner::attach(const WordRing& ring, const std::atomic<bool>& stopping) {
  ring_ = ring;
  stopping_ = &stopping;
  plans_.resize(ring.slots + job_.look_ahead + 1);
  for (BatchPlan& plan : plans_) plan.returned.resize(tables_.size());
}

void ColdPlanner::begin(uint32_t count, bool training) {
  for (ColdTable& table : tables_) table.begin();
  for (size_t t = 0; t < tables_.size(); t++) turns_[t] = 0;
  count_ = count;
  training_ = training;
}

int32_t* ColdPlanner::ids(uint32_t i) const { return reinterpret_cast<int32_t*>(ring_.words(i)) + 1 + job_.dense_features; }

// The cold look-ups of a batch by table: one pass over its words.
void ColdPlanner::list_uses(const IdLayout& layout, std::vector<std::vector<ColdUse>>& uses) const {
  for (auto& list : uses) list.clear();
  const size_t columns = columns_.size();
  for (uint32_t b = 0; b < layout.inputs; b++) {
    for (uint32_t s = 0; s < layout.steps; s++) {
      const uint64_t at = b * layout.input_stride + s * layout.step_stride;
      for (size_t j = 0; j < columns; j++) {
        const int32_t id = layout.ids[at + columns_[j]];
        // Ids are checked already; -1 is no row and not cold.
        if (id < static_cast<int32_t>(first_cold_[j])) continue;
        uses[column_tables_[j]].push_back({static_cast<uint32_t>(id), static_cast<uint32_t>(at + columns_[j])});
      }
    }
  }
}

void ColdPlanner::await_turn(uint32_t table, uint32_t i) const {
  for (int waited = 0; turns_[table].load(std::memory_order_acquire) != i; waited++) {
    if (stopping_->load(std::memory_order_relaxed)) fail(FAE_ENGINE, "The segment was given up.");
    if (waited > spins) std::this_thread::yield();
    else relax();
  }
}

void ColdPlanner::plan(uint32_t i, uint32_t inputs, uint32_t* words) {
  thread_local std::vector<std::vector<ColdUse>> uses;
  uses.resize(tables_.size());
  list_uses(IdLayout::of_words(job_, words, inputs), uses);
  const uint32_t ahead = job_.look_ahead;
  std::vector<RowReference>& fetched = batch(i).fetched;
  fetched.clear();
  uint64_t forwarded = 0;
  for (uint32_t t = 0; t < tables_.size(); t++) {
    if (job_.tables[t].hot_rows == job_.tables[t].rows) continue;
    await_turn(t, i);
    ColdTable& table = tables_[t];
    table.plan(uses[t], ids(i));
    for (const ColdRow& row : table.fetch()) {
      fetched.push_back({t, row.row});
      ids(i)[row.place] |= static_cast<int32_t>(fetch_bit);
    }
    forwarded += table.forwarded();
    if (training_) {
      if (i >= ahead) return_after(t, i - ahead);
      // Behind the last batch nothing is in flight any more.
      for (uint32_t n = i + 1 > ahead ? i + 1 - ahead : 0; i + 1 == count_ && n <= i; n++) return_after(t, n);
    }
    turns_[t].store(i + 1, std::memory_order_release);
  }
  fetched_rows_ += fetched.size();
  forwarded_rows_ += forwarded;
}

// Batch n's rows of a table that no later batch in flight uses: marked for the way back.
void ColdPlanner::return_after(uint32_t table, uint32_t n) {
  std::vector<RowReference>& list = batch(n).returned[table];
  list.clear();
  for (const ColdRow& row : tables_[table].write_back(n)) {
    list.push_back({table, row.row});
    ids(n)[row.place] |= static_cast<int32_t>(write_bit);
  }
}

std::vector<RowReference> ColdPlanner::returned(uint32_t i) const {
  std::vector<RowReference> rows;
  for (const auto& list : batch(i).returned) rows.insert(rows.end(), list.begin(), list.end());
  return rows;
}

}  // namespace fae::cuda
