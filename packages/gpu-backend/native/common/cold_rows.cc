#include "cold_rows.h"

#include <algorithm>

namespace fae {

ColdTable::ColdTable(const Job& job, uint32_t table)
    : hot_rows_(job.tables[table].hot_rows),
      first_id_(job.tables[table].first_id),
      hotness_(job.tables[table].hotness),
      look_ahead_(job.look_ahead),
      used_(job.look_ahead + 1) {
  const TableSpec& spec = job.tables[table];
  const uint64_t in_flight = static_cast<uint64_t>(job.batch) * job.step_count() * spec.hotness * (look_ahead_ + 1);
  slots_ = static_cast<uint32_t>(std::min<uint64_t>(in_flight, spec.rows - spec.hot_rows));
  uint32_t bits = 4;
  while ((1ull << bits) < 2ull * slots_) bits++;
  mask_ = static_cast<uint32_t>((1ull << bits) - 1);
  shift_ = 32 - bits;
  hash_.assign(slots_ > 0 ? 1ull << bits : 0, nothing);
  residents_.resize(slots_);
  begin();
}

void ColdTable::begin() {
  std::fill(hash_.begin(), hash_.end(), nothing);
  free_.clear();
  for (uint32_t slot = slots_; slot-- > 0;) free_.push_back(slot);
  for (auto& used : used_) used.clear();
  next_ = 0;
}

// The hash entry that holds `row`, or the empty one where it belongs.
uint32_t& ColdTable::find(uint32_t row) {
  uint32_t at = home(row);
  while (hash_[at] != nothing && residents_[hash_[at]].row != row) at = (at + 1) & mask_;
  return hash_[at];
}

// Removes `row` and closes the gap, so that no search ever passes a deleted entry.
void ColdTable::erase(uint32_t row) {
  uint32_t gap = static_cast<uint32_t>(&find(row) - hash_.data());
  for (uint32_t at = (gap + 1) & mask_; hash_[at] != nothing; at = (at + 1) & mask_) {
    const uint32_t wanted = home(residents_[hash_[at]].row);
    if (((at - wanted) & mask_) >= ((at - gap) & mask_)) {
      hash_[gap] = hash_[at];
      gap = at;
    }
  }
  hash_[gap] = nothing;
}

// Entry n % (k + 1) still lists batch n - k - 1: rows not used since have gone back, their slots are free.
void ColdTable::next_batch() {
  const uint32_t n = next_++;
  std::vector<uint32_t>& mine = used_[n % used_.size()];
  for (const uint32_t slot : mine) {
    Resident& resident = residents_[slot];
    if (resident.last + look_ahead_ + 1 != n) continue;
    erase(resident.row);
    resident.last = nothing;
    free_.push_back(slot);
  }
  mine.clear();
  fetch_.clear();
  forwarded_ = 0;
}

// The slot of a row that the current batch uses.
uint32_t ColdTable::place_row(uint32_t row, uint32_t place) {
  const uint32_t n = next_ - 1;
  std::vector<uint32_t>& mine = used_[n % used_.size()];
  uint32_t& entry = find(row);
  if (entry == nothing) {
    entry = free_.back();
    free_.pop_back();
    residents_[entry] = {row, n, place};
    mine.push_back(entry);
    fetch_.push_back({row, entry, place});
  } else if (residents_[entry].last != n) {
    residents_[entry].last = n;
    residents_[entry].place = place;
    mine.push_back(entry);
    forwarded_++;
  }
  return entry;
}

void ColdTable::plan(const IdLayout& layout, int32_t* ids) {
  next_batch();
  for (uint32_t b = 0; b < layout.inputs; b++) {
    for (uint32_t s = 0; s < layout.steps; s++) {
      const uint64_t at = b * layout.input_stride + s * layout.step_stride + first_id_;
      for (uint32_t l = 0; l < hotness_; l++) {
        const int32_t id = ids[at + l];
        if (id < 0 || static_cast<uint32_t>(id) < hot_rows_) continue;
        ids[at + l] = static_cast<int32_t>(hot_rows_ + place_row(static_cast<uint32_t>(id), static_cast<uint32_t>(at + l)));
      }
    }
  }
}

void ColdTable::plan(const std::vector<ColdUse>& uses, int32_t* ids) {
  constexpr size_t ahead = 8;
  next_batch();
  for (size_t i = 0; i < uses.size(); i++) {
    if (i + ahead < uses.size()) __builtin_prefetch(&hash_[home(uses[i + ahead].row)]);
    ids[uses[i].place] = static_cast<int32_t>(hot_rows_ + place_row(uses[i].row, uses[i].place));
  }
}

std::vector<ColdRow> ColdTable::write_back(uint32_t n) const {
  std::vector<ColdRow> rows;
  for (const uint32_t slot : used_[n % used_.size()]) {
    if (residents_[slot].last == n) rows.push_back({residents_[slot].row, slot, residents_[slot].place});
  }
  return rows;
}

}  // namespace fae
