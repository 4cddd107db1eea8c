// Look-up with pooling, and the row update. Both are bound by the latency of random rows: addresses are known from the ids, so
// rows are prefetched while earlier ones are worked on. A row is updated once per batch with the sum of its gradients, taken in
// the order of its places.
#include "optimizers.h"

namespace fae::cpu::FAE_ISA {

namespace {

inline float* address(const RowSpace& space, uint32_t id, uint32_t width) {
  return id < space.split ? space.low + static_cast<size_t>(id) * width : space.high + static_cast<size_t>(id - space.split) * width;
}

inline void prefetch(const float* row, uint32_t width) {
  for (uint32_t c = 0; c < width; c += 16) __builtin_prefetch(row + c);
}

inline void prefetch_write(const float* row, uint32_t width) {
  for (uint32_t c = 0; c < width; c += 16) __builtin_prefetch(row + c, 1);
}

void prefetch_bags(const Pool& p, const int32_t* ids) {
  for (uint32_t t = 0; t < p.tables; t++) {
    for (uint32_t l = 0; l < p.hotness[t]; l++, ids++) {
      if (*ids >= 0) prefetch(address(p.spaces[t], static_cast<uint32_t>(*ids), p.width), p.width);
    }
  }
}

inline void copy_row(float* __restrict to, const float* __restrict from, uint32_t width) {
  for (uint32_t c = 0; c < width; c++) to[c] = from[c];
}

inline void add_row(float* __restrict to, const float* __restrict from, uint32_t width) {
  for (uint32_t c = 0; c < width; c++) to[c] += from[c];
}

void pool_bags(const Pool& p, const int32_t* ids, float* out) {
  for (uint32_t t = 0; t < p.tables; t++, out += p.width) {
    bool first = true;
    for (uint32_t l = 0; l < p.hotness[t]; l++, ids++) {
      if (*ids < 0) continue;
      const float* row = address(p.spaces[t], static_cast<uint32_t>(*ids), p.width);
      if (first) copy_row(out, row, p.width);
      else add_row(out, row, p.width);
      first = false;
    }
    for (uint32_t c = 0; c < p.width && first; c++) out[c] = 0;
  }
}

inline void update_row(const RowUpdate& p, uint32_t id, const float* gradient) {
  float* row = address(p.rows, id, p.width);
  switch (p.step.name) {
    case optimizer_sgd: apply_sgd(row, gradient, p.step.rate, p.width); break;
    case optimizer_adagrad: apply_adagrad(row, gradient, address(p.state[0], id, p.width), p.step, p.width); break;
    case optimizer_rowwise_adagrad: apply_rowwise_adagrad(row, gradient, address(p.state[0], id, 1), p.step, p.width); break;
    case optimizer_adam: apply_adam(row, gradient, address(p.state[0], id, p.width), address(p.state[1], id, p.width), p.step, p.width); break;
  }
}

}  // namespace

void pool(const Pool& p) {
  const uint32_t groups = p.inputs * p.steps;
  const auto ids_of = [&](uint32_t group) { return p.ids + group / p.steps * p.input_stride + group % p.steps * p.step_stride; };
  if (groups > 0) prefetch_bags(p, ids_of(0));
  for (uint32_t group = 0; group < groups; group++) {
    if (group + 1 < groups) prefetch_bags(p, ids_of(group + 1));
    pool_bags(p, ids_of(group), p.out + static_cast<size_t>(group) * p.tables * p.width);
  }
}

void update_rows(const RowUpdate& p) {
  constexpr uint32_t ahead = 12;
  for (uint32_t i = p.from; i < p.to; i++) {
    if (!p.out && i + ahead < p.to) {
      const uint32_t id = p.ids[i + ahead];
      prefetch_write(address(p.rows, id, p.width), p.width);
      for (int slot = 0; slot < 2; slot++) {
        if (p.state_width[slot]) prefetch_write(address(p.state[slot], id, p.state_width[slot]), p.state_width[slot]);
      }
    }
    const float* gradient = p.summed ? p.summed + static_cast<size_t>(i) * p.width : p.scratch;
    if (!p.summed) {
      float* sum = p.out ? p.out + static_cast<size_t>(i) * p.width : p.scratch;
      copy_row(sum, p.gradients + p.places[p.begins[i]] * p.place_stride, p.width);
      for (uint32_t n = p.begins[i] + 1; n < p.begins[i + 1]; n++) add_row(sum, p.gradients + p.places[n] * p.place_stride, p.width);
    }
    if (p.out) continue;
    update_row(p, p.ids[i], gradient);
    if (p.dirty && p.ids[i] < p.dirty_below) p.dirty[p.ids[i]] = 1;
  }
}

void update_dense(const DenseUpdate& p) {
  switch (p.step.name) {
    case optimizer_sgd: apply_sgd(p.weights, p.gradient, p.step.rate, p.count); break;
    case optimizer_adagrad:
    case optimizer_rowwise_adagrad: apply_adagrad(p.weights, p.gradient, p.state[0], p.step, p.count); break;
    case optimizer_adam: apply_adam(p.weights, p.gradient, p.state[0], p.state[1], p.step, p.count); break;
  }
}

}  // namespace fae::cpu::FAE_ISA
