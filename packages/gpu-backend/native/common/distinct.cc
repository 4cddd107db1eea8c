#include "distinct.h"

#include <algorithm>

namespace fae {

namespace {

uint32_t log2_ceil(uint64_t n) {
  uint32_t bits = 0;
  while ((1ull << bits) < n) bits++;
  return bits;
}

}  // namespace

IdLayout IdLayout::of_words(const Job& job, const uint32_t* words, uint32_t inputs) {
  return {reinterpret_cast<const int32_t*>(words) + 1 + job.dense_features, job.stride_words, job.dense_features + job.ids_per_step, inputs,
          job.step_count()};
}

IdLayout IdLayout::of_ids(const Job& job, const int32_t* ids, uint32_t inputs) {
  return {ids, static_cast<uint64_t>(job.step_count()) * job.ids_per_step, job.ids_per_step, inputs, job.step_count()};
}

Distinct::Distinct(const Job& job, const std::vector<uint32_t>& id_limits) : job_(job), limits_(id_limits), counts_(job.tables.size()) {
  uint64_t total = 0;
  for (const TableSpec& table : job.tables) {
    first_.push_back(total);
    total += static_cast<uint64_t>(job.batch) * job.step_count() * table.hotness;
  }
  ids_.resize(total);
  places_.resize(total);
  begins_.resize(total + job.tables.size());
}

void Distinct::fill(uint32_t t, const IdLayout& layout, DistinctScratch& scratch, int32_t* index_of) {
  const TableSpec& table = job_.tables[t];
  const uint32_t hotness = table.hotness;
  const uint32_t lookups = layout.inputs * layout.steps * hotness;
  uint32_t* ids = ids_.data() + first_[t];
  uint32_t* begins = begins_.data() + first_[t] + t;
  uint32_t* places = places_.data() + first_[t];
  if (scratch.index_of.size() < lookups) scratch.index_of.resize(lookups);
  uint32_t* index = scratch.index_of.data();
  uint32_t distinct = 0;

  // begins[i + 1] counts the occurrences of distinct id i while the ids are read.
  const auto each = [&](auto&& find) {
    uint32_t n = 0;
    for (uint32_t b = 0; b < layout.inputs; b++) {
      for (uint32_t s = 0; s < layout.steps; s++) {
        const uint64_t at = b * layout.input_stride + s * layout.step_stride + table.first_id;
        for (uint32_t l = 0; l < hotness; l++, n++) {
          const int32_t id = layout.ids[at + l];
          const uint32_t i = id < 0 ? ~0u : find(static_cast<uint32_t>(id));
          index[n] = i;
          if (i != ~0u) begins[i + 1]++;
          if (index_of) index_of[at + l] = static_cast<int32_t>(i);
        }
      }
    }
  };
  const auto add = [&](uint32_t id) {
    ids[distinct] = id;
    begins[distinct + 1] = 0;
    return distinct++;
  };

  if (limits_[t] <= 4096 || limits_[t] <= 2 * static_cast<uint64_t>(lookups)) {
    if (scratch.direct.size() < limits_[t]) scratch.direct.resize(limits_[t]);
    uint32_t* direct = scratch.direct.data();
    std::fill_n(direct, limits_[t], 0u);
    each([&](uint32_t id) {
      if (direct[id] == 0) direct[id] = add(id) + 1;
      return direct[id] - 1;
    });
  } else {
    const uint32_t bits = std::max(6u, log2_ceil(2 * static_cast<uint64_t>(lookups)));
    if (scratch.hash.size() < (1ull << bits)) scratch.hash.resize(1ull << bits);
    uint64_t* hash = scratch.hash.data();
    std::fill_n(hash, 1ull << bits, 0ull);
    const uint32_t mask = (1u << bits) - 1, shift = 32 - bits;
    each([&](uint32_t id) {
      const uint64_t key = static_cast<uint64_t>(id) + 1;
      for (uint32_t at = (id * 0x9e3779b1u) >> shift;; at = (at + 1) & mask) {
        if (hash[at] >> 32 == key) return static_cast<uint32_t>(hash[at]);
        if (hash[at] == 0) {
          const uint32_t i = add(id);
          hash[at] = key << 32 | i;
          return i;
        }
      }
    });
  }
  counts_[t] = distinct;

  begins[0] = 0;
  // Exclusive sums, shifted by one: begins[i + 1] is where id i starts until its places are written, then where it ends.
  uint32_t sum = 0;
  for (uint32_t i = 0; i < distinct; i++) {
    const uint32_t n = begins[i + 1];
    begins[i + 1] = sum;
    sum += n;
  }
  uint32_t n = 0;
  for (uint32_t p = 0; p < layout.inputs * layout.steps; p++) {
    for (uint32_t l = 0; l < hotness; l++, n++) {
      if (index[n] != ~0u) places[begins[index[n] + 1]++] = p;
    }
  }
}

uint64_t Distinct::total() const {
  uint64_t total = 0;
  for (const uint32_t n : counts_) total += n;
  return total;
}

}  // namespace fae
