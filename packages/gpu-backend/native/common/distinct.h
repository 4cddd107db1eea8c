// Distinct ids of a batch per table, with the places where each occurs. Deterministic: ids in order of first occurrence,
// places in input, step, bag order: the order in which row gradients are summed.
#pragma once

#include <cstdint>
#include <vector>

#include "job.h"

namespace fae {

// Where the ids of a batch lie: id of (input b, step s, position j among the step's ids) is
// `ids[b * input_stride + s * step_stride + j]`.
struct IdLayout {
  const int32_t* ids = nullptr;
  uint64_t input_stride = 0;
  uint64_t step_stride = 0;
  uint32_t inputs = 0;
  uint32_t steps = 1;  // S'

  // Ids inside the words of whole inputs, and ids decoded by `decode_ids`.
  static IdLayout of_words(const Job& job, const uint32_t* words, uint32_t inputs);
  static IdLayout of_ids(const Job& job, const int32_t* ids, uint32_t inputs);
};

// Working memory of one thread.
struct DistinctScratch {
  std::vector<uint64_t> hash;      // id + 1 in the high half, index in the low half
  std::vector<uint32_t> direct;    // index + 1 by id, for small tables
  std::vector<uint32_t> index_of;  // index per look-up
};

class Distinct {
 public:
  // Reserves for batches of `job`. `capacity` limits ids: table t holds ids below `id_limits[t]`.
  Distinct(const Job& job, const std::vector<uint32_t>& id_limits);

  // Fills table `t`; different tables may be filled at the same time with different scratch. `index_of`, when given, receives
  // for each id position of the table (b, s, l) its index among the table's distinct ids, or `none`; laid out like the ids.
  void fill(uint32_t t, const IdLayout& layout, DistinctScratch& scratch, int32_t* index_of = nullptr);
  static constexpr int32_t none = -1;

  uint32_t count(uint32_t t) const { return counts_[t]; }
  // Distinct ids of table t, `count(t)` of them.
  const uint32_t* ids(uint32_t t) const { return ids_.data() + first_[t]; }
  // Pooled rows p = b * S' + s in which distinct id i occurs: places(t)[begins(t)[i]] up to places(t)[begins(t)[i + 1]].
  const uint32_t* begins(uint32_t t) const { return begins_.data() + first_[t] + t; }
  const uint32_t* places(uint32_t t) const { return places_.data() + first_[t]; }
  // Ids of the tables before t in a full batch: where t's share begins in an array with room for every id of a batch.
  uint64_t first(uint32_t t) const { return first_[t]; }
  // Over all tables.
  uint64_t total() const;

 private:
  const Job& job_;
  std::vector<uint32_t> limits_;
  std::vector<uint64_t> first_;  // per table, into ids_ and places_
  std::vector<uint32_t> counts_, ids_, begins_, places_;
};

}  // namespace fae
