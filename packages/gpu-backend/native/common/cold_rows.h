// Planning of the mixed route: which distinct cold rows of a batch are fetched from the host, which are still on the device
// (forwarded), where each lies there, and which go back after a batch. Exact, deterministic, from the ids alone.
//
// With look-ahead k, batch n of a segment: a cold row that occurred in one of the batches n-k..n-1 is on the device already; all
// others are fetched, which may start as soon as batch n-k-1 has written back. A cold row of batch n goes back after n unless it
// occurs again in n+1..n+k. So a slot given to batch n is never one that batches n-k..n still use.
#pragma once

#include <cstdint>
#include <vector>

#include "distinct.h"
#include "job.h"

namespace fae {

struct ColdRow {
  uint32_t row;   // id in its table
  uint32_t slot;  // device slot, below ColdTable::slots()
  uint32_t place = 0;  // word of its first occurrence in the batch, counted from IdLayout::ids
};

// One cold look-up of a table: its row and the word that names it, counted from IdLayout::ids.
struct ColdUse {
  uint32_t row;
  uint32_t place;
};

// The plan of one table. Tables are independent: each may be planned by another thread, batch by batch in segment order.
class ColdTable {
 public:
  ColdTable(const Job& job, uint32_t table);

  // Device slots this table needs: (k + 1) batches of ids, or fewer when it has fewer cold rows.
  uint32_t slots() const { return slots_; }

  // Starts a segment; nothing may be on the device.
  void begin();
  // Plans the next batch: rewrites cold ids of the table in `ids` (layout as given, words writable) to hot_rows + slot.
  void plan(const IdLayout& layout, int32_t* ids);
  // The same from the batch's cold look-ups of this table alone, in input, step, bag order.
  void plan(const std::vector<ColdUse>& uses, int32_t* ids);
  // Of the batch planned last: rows to fetch, and distinct cold rows that are on the device already.
  const std::vector<ColdRow>& fetch() const { return fetch_; }
  uint32_t forwarded() const { return forwarded_; }
  // Rows that go back after batch `n`: valid once batch n + k, or the last of the segment, is planned, until n + k + 1 is.
  std::vector<ColdRow> write_back(uint32_t n) const;

 private:
  static constexpr uint32_t nothing = ~0u;
  struct Resident {
    uint32_t row = 0;
    uint32_t last = nothing;  // latest planned batch that uses it
    uint32_t place = 0;       // its first occurrence there
  };
  uint32_t home(uint32_t row) const { return (row * 0x9e3779b1u) >> shift_; }
  uint32_t& find(uint32_t row);
  void next_batch();
  uint32_t place_row(uint32_t row, uint32_t place);
  void erase(uint32_t row);

  const uint32_t hot_rows_, first_id_, hotness_, look_ahead_;
  uint32_t slots_ = 0;
  uint32_t mask_ = 0, shift_ = 0;
  uint32_t next_ = 0;  // batch number within the segment
  std::vector<uint32_t> hash_;  // slot, or `nothing`
  std::vector<Resident> residents_;  // by slot
  std::vector<uint32_t> free_;
  std::vector<std::vector<uint32_t>> used_;  // slots of the latest k + 1 batches, by batch % (k + 1)
  std::vector<ColdRow> fetch_;
  uint32_t forwarded_ = 0;
};

}  // namespace fae
