// Look-up with pooling, and the row update. Both are bound by the latency of random rows: addresses are known from the ids, so
// rows are prefetched while earlier ones are worked on. A row is updated once per batch with the sum of its gradients, taken in
// the order of its places.
#include "optimizers.h"

namespace fae::cpu::FAE_ISA {

namespace {

// Widths that most models have are compiled in: whole rows then stay in registers. 0 stands for any other.
#define FAE_FOR_WIDTH(width, call)  \
  switch (width) {                  \
    case 8: return call<8>(p);      \
    case 16: return call<16>(p);    \
    case 32: return call<32>(p);    \
    case 64: return call<64>(p);    \
    case 128: return call<128>(p);  \
    default: return call<0>(p);     \
  }

inline float* address(const RowSpace& space, uint32_t id, uint32_t width) {
  return id < space.split ? space.low + static_cast<size_t>(id) * width : space.high + static_cast<size_t>(id - space.split) * width;
}

// GCC takes a function that does nothing but prefetch for one without effect and drops the calls; the empty asm keeps them.
template <bool written>
void prefetch(const float* row, uint32_t width) {
  for (uint32_t c = 0; c < width; c += 16) __builtin_prefetch(row + c, written);
  asm volatile("");
}

inline void copy_row(float* __restrict to, const float* __restrict from, uint32_t width) {
  for (uint32_t c = 0; c < width; c++) to[c] = from[c];
}

inline void add_row(float* __restrict to, const float* __restrict from, uint32_t width) {
  for (uint32_t c = 0; c < width; c++) to[c] += from[c];
}

template <uint32_t fixed>
void prefetch_bags(const Pool& p, const int32_t* ids) {
  const uint32_t width = fixed ? fixed : p.width;
  for (uint32_t t = 0; t < p.tables; t++) {
    for (uint32_t l = 0; l < p.hotness[t]; l++, ids++) {
      if (*ids >= 0) prefetch<false>(address(p.spaces[t], static_cast<uint32_t>(*ids), width), width);
    }
  }
}

template <uint32_t fixed>
void pool_bags(const Pool& p, const int32_t* ids, float* out) {
  const uint32_t width = fixed ? fixed : p.width;
  for (uint32_t t = 0; t < p.tables; t++, out += width) {
    bool first = true;
    for (uint32_t l = 0; l < p.hotness[t]; l++, ids++) {
      if (*ids < 0) continue;
      const float* row = address(p.spaces[t], static_cast<uint32_t>(*ids), width);
      if (first) copy_row(out, row, width);
      else add_row(out, row, width);
      first = false;
    }
    for (uint32_t c = 0; c < width && first; c++) out[c] = 0;
  }
}

template <uint32_t fixed>
void pool_width(const Pool& p) {
  const uint32_t groups = p.inputs * p.steps;
  const auto ids_of = [&](uint32_t group) { return p.ids + group / p.steps * p.input_stride + group % p.steps * p.step_stride; };
  if (groups > 0) prefetch_bags<fixed>(p, ids_of(0));
  for (uint32_t group = 0; group < groups; group++) {
    if (group + 1 < groups) prefetch_bags<fixed>(p, ids_of(group + 1));
    pool_bags<fixed>(p, ids_of(group), p.out + static_cast<size_t>(group) * p.tables * p.width);
  }
}

inline void update_row(const RowUpdate& p, uint32_t id, const float* gradient, uint32_t width) {
  float* row = address(p.rows, id, width);
  switch (p.step.name) {
    case optimizer_sgd: apply_sgd(row, gradient, p.step.rate, width); break;
    case optimizer_adagrad: apply_adagrad(row, gradient, address(p.state[0], id, width), p.step, width); break;
    case optimizer_rowwise_adagrad: apply_rowwise_adagrad(row, gradient, address(p.state[0], id, 1), p.step, width); break;
    case optimizer_adam: apply_adam(row, gradient, address(p.state[0], id, width), address(p.state[1], id, width), p.step, width); break;
  }
}

// Places of gradients and rows of the table that are on their way to the cache while earlier ones are summed and updated.
constexpr uint32_t places_ahead = 24, rows_ahead = 16;

// out = sum of the gradients of distinct row i; `last` ends the places that may be prefetched.
template <uint32_t fixed>
void sum_places(const RowUpdate& p, uint32_t i, uint32_t last, float* out) {
  const uint32_t width = fixed ? fixed : p.width, end = p.begins[i + 1];
  const auto gradient = [&](uint32_t place) {
    if (place + places_ahead < last) prefetch<false>(p.gradients + p.places[place + places_ahead] * p.place_stride, width);
    return p.gradients + p.places[place] * p.place_stride;
  };
  uint32_t place = p.begins[i];
  if constexpr (fixed == 0 || fixed % lanes != 0 || fixed > 8 * lanes) {
    copy_row(out, gradient(place), width);
    for (place++; place < end; place++) add_row(out, gradient(place), width);
  } else {
    constexpr uint32_t vectors = fixed / lanes;
    Vector sum[vectors];
    const float* row = gradient(place);
    for (uint32_t v = 0; v < vectors; v++) sum[v] = load(row + v * lanes);
    for (place++; place < end; place++) {
      row = gradient(place);
      for (uint32_t v = 0; v < vectors; v++) sum[v] += load(row + v * lanes);
    }
    for (uint32_t v = 0; v < vectors; v++) store(out + v * lanes, sum[v]);
  }
}

template <uint32_t fixed>
void update_width(const RowUpdate& p) {
  const uint32_t width = fixed ? fixed : p.width, last = p.begins ? p.begins[p.to] : 0;
  const auto prefetch_row = [&](uint32_t id) {
    prefetch<true>(address(p.rows, id, width), width);
    for (int slot = 0; slot < 2; slot++) {
      if (p.state_width[slot]) prefetch<true>(address(p.state[slot], id, p.state_width[slot]), p.state_width[slot]);
    }
  };
  for (uint32_t i = p.from; i < p.to && i < p.from + rows_ahead && !p.out; i++) prefetch_row(p.ids[i]);
  for (uint32_t i = p.from; i < p.to; i++) {
    if (p.out) {
      sum_places<fixed>(p, i, last, p.out + static_cast<size_t>(i) * width);
      continue;
    }
    if (i + rows_ahead < p.to) prefetch_row(p.ids[i + rows_ahead]);
    if (!p.summed) sum_places<fixed>(p, i, last, p.scratch);
    update_row(p, p.ids[i], p.summed ? p.summed + static_cast<size_t>(i) * width : p.scratch, width);
    if (p.dirty && p.ids[i] < p.dirty_below) p.dirty[p.ids[i]] = 1;
  }
}

}  // namespace

void pool(const Pool& p) { FAE_FOR_WIDTH(p.width, pool_width) }

void update_rows(const RowUpdate& p) { FAE_FOR_WIDTH(p.width, update_width) }

void update_dense(const DenseUpdate& p) {
  switch (p.step.name) {
    case optimizer_sgd: apply_sgd(p.weights, p.gradient, p.step.rate, p.count); break;
    case optimizer_adagrad:
    case optimizer_rowwise_adagrad: apply_adagrad(p.weights, p.gradient, p.state[0], p.step, p.count); break;
    case optimizer_adam: apply_adam(p.weights, p.gradient, p.state[0], p.state[1], p.step, p.count); break;
  }
}

}  // namespace fae::cpu::FAE_ISA
