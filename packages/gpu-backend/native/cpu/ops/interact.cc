// Pairwise dots of one input's F = tables + 1 vectors: Z = V V' of which the lower triangle is kept; gradient dV = (G + G') V.
// One input at a time: its vectors (27 x 16 floats for Criteo) and the square of dots stay in the first-level cache.
#include "ops/op.h"

namespace fae::cpu {

// x [count][d], rows [count][tables][d], y [count]: `y` rows hold d + pairs values. Meaning: core/src/ops/interact.ts.
struct Interact {
  Matrix x, rows, y;  // rows.stride: from one of the `tables` vectors to the next
  uint32_t count = 0, tables = 0, d = 0;
  bool self = false;
  float* scratch = nullptr;  // interact_scratch(tables, d) floats
  // Backward only: y holds its gradient.
  Matrix dx, drows;
  bool x_add = false, rows_add = false, x_wanted = false, rows_wanted = false;
};

// Floats of scratch: stacked and transposed vectors, and a square of dots.
static constexpr size_t interact_scratch(size_t tables, size_t d) {
  return padded(tables + 1) * padded(d) * 2 + (tables + 1 + 16) * padded(tables + 1) + 64;
}

}  // namespace fae::cpu

#if defined(FAE_ISA)
#include "../kernels/multiply.h"

namespace fae::cpu::FAE_ISA {

namespace {

struct Scratch {
  float* stacked;     // [F][stride]
  float* transposed;  // [d][square]
  float* dots;        // [F][square]
  size_t stride, square;
};

Scratch split(const Interact& p) {
  const size_t vectors = p.tables + 1;
  Scratch s;
  s.stride = padded(p.d);
  s.square = padded(vectors);
  s.stacked = p.scratch;
  s.transposed = s.stacked + padded(vectors) * s.stride;
  s.dots = s.transposed + s.square * s.stride;
  return s;
}

void stack(const Interact& p, uint32_t n, const Scratch& s) {
  for (uint32_t f = 0; f <= p.tables; f++) {
    const float* from = f == 0 ? p.x.data + n * p.x.stride : p.rows.data + (static_cast<size_t>(n) * p.tables + f - 1) * p.rows.stride;
    float* to = s.stacked + f * s.stride;
    for (uint32_t c = 0; c < p.d; c++) to[c] = from[c];
  }
}

// out[i][j] = sum over k < inner of left[i][k] right[k][j] for i < rows and the vectors that cover j < columns(i).
template <uint32_t rows, uint32_t vectors>
void square_tile(const float* left, size_t left_stride, const float* right, size_t right_stride, uint32_t inner, float* out, size_t out_stride) {
  Vector sums[rows][vectors];
  multiply<rows, vectors>(left, left_stride, 1, right, right_stride, inner, sums);
  for (uint32_t i = 0; i < rows; i++) {
    for (uint32_t v = 0; v < vectors; v++) store(out + i * out_stride + v * lanes, sums[i][v]);
  }
}

template <uint32_t rows>
void square_rows(const float* left, size_t left_stride, const float* right, size_t right_stride, uint32_t inner, uint32_t columns, float* out,
                 size_t out_stride) {
  uint32_t j = 0;
  for (; j + lanes < columns; j += 2 * lanes) square_tile<rows, 2>(left, left_stride, right + j, right_stride, inner, out + j, out_stride);
  if (j < columns) square_tile<rows, 1>(left, left_stride, right + j, right_stride, inner, out + j, out_stride);
}

}  // namespace

void interact(const Interact& p) {
  const Scratch s = split(p);
  const uint32_t vectors = p.tables + 1, kept = p.self ? 1 : 0;
  for (uint32_t k = 0; k < p.d; k++) {
    for (size_t f = vectors; f < s.square; f++) s.transposed[k * s.square + f] = 0;
  }
  for (uint32_t n = 0; n < p.count; n++) {
    stack(p, n, s);
    for (uint32_t f = 0; f < vectors; f++) {
      for (uint32_t k = 0; k < p.d; k++) s.transposed[k * s.square + f] = s.stacked[f * s.stride + k];
    }
    uint32_t i = 0;
    for (; i + 4 <= vectors; i += 4) {
      square_rows<4>(s.stacked + i * s.stride, s.stride, s.transposed, s.square, p.d, i + 3 + kept, s.dots + i * s.square, s.square);
    }
    for (; i < vectors; i++) square_rows<1>(s.stacked + i * s.stride, s.stride, s.transposed, s.square, p.d, i + kept, s.dots + i * s.square, s.square);
    float* y = p.y.data + n * p.y.stride;
    for (uint32_t c = 0; c < p.d; c++) y[c] = s.stacked[c];
    y += p.d;
    for (uint32_t f = 0; f < vectors; f++) {
      for (uint32_t j = 0; j < f + kept; j++) *y++ = s.dots[f * s.square + j];
    }
  }
}

void interact_backward(const Interact& p) {
  const Scratch s = split(p);
  const uint32_t vectors = p.tables + 1, kept = p.self ? 1 : 0;
  float* gradient = s.transposed;  // [F][stride]: dV
  for (size_t i = 0; i < vectors * s.stride; i++) s.stacked[i] = 0;
  for (uint32_t n = 0; n < p.count; n++) {
    stack(p, n, s);
    const float* dy = p.y.data + n * p.y.stride;
    const float* g = dy + p.d;
    for (uint32_t f = 0; f < vectors; f++) {
      float* row = s.dots + f * s.square;
      row[f] = 0;
      for (uint32_t j = 0; j < f + kept; j++) {
        row[j] = *g;
        s.dots[j * s.square + f] = *g++;
      }
      // d(v.v) = 2 v: the diagonal counts twice.
      if (kept) row[f] *= 2;
    }
    uint32_t i = 0;
    for (; i + 4 <= vectors; i += 4) square_rows<4>(s.dots + i * s.square, s.square, s.stacked, s.stride, vectors, p.d, gradient + i * s.stride, s.stride);
    for (; i < vectors; i++) square_rows<1>(s.dots + i * s.square, s.square, s.stacked, s.stride, vectors, p.d, gradient + i * s.stride, s.stride);
    if (p.x_wanted) {
      float* dx = p.dx.data + n * p.dx.stride;
      for (uint32_t c = 0; c < p.d; c++) {
        const float sum = gradient[c] + dy[c];
        dx[c] = p.x_add ? dx[c] + sum : sum;
      }
    }
    if (p.rows_wanted) {
      for (uint32_t t = 0; t < p.tables; t++) {
        float* drow = p.drows.data + (static_cast<size_t>(n) * p.tables + t) * p.drows.stride;
        const float* from = gradient + (t + 1) * s.stride;
        for (uint32_t c = 0; c < p.d; c++) drow[c] = p.rows_add ? drow[c] + from[c] : from[c];
      }
    }
  }
}

}  // namespace fae::cpu::FAE_ISA

#else

namespace fae::cpu {

FAE_KERNEL(interact, Interact)
FAE_KERNEL(interact_backward, Interact)

namespace {

class InteractOp final : public NodeOp {
 public:
  InteractOp(const Network& network, const NodeSpec& node) : NodeOp(network, node), self_(node.attributes.at("self").boolean()) {
    check_operands(job(), node, 2);
  }

  uint64_t scratch_floats() const override { return interact_scratch(tables(), layout(node_.inputs[0]).width); }

  void forward(const Tile& tile) const override {
    Interact c = call(tile);
    c.y = value(node_.output, tile);
    interact_kernel(isa(), c);
  }

  void backward(const BackwardSpec& step, const Tile& tile) const override {
    Interact c = call(tile);
    c.y = gradient(node_.output, tile);
    c.x_wanted = wanted(step, 0);
    c.rows_wanted = wanted(step, 1);
    c.x_add = adds(step, 0);
    c.rows_add = adds(step, 1);
    c.dx = gradient(node_.inputs[0], tile);
    c.drows = gradient(node_.inputs[1], tile);
    interact_backward_kernel(isa(), c);
  }

 private:
  uint32_t tables() const { return layout(node_.inputs[1]).vectors / layout(node_.inputs[0]).vectors; }

  Interact call(const Tile& tile) const {
    Interact c;
    c.x = value(node_.inputs[0], tile);
    c.rows = value(node_.inputs[1], tile);
    c.count = tile.inputs() * layout(node_.inputs[0]).vectors;
    c.tables = tables();
    c.d = layout(node_.inputs[0]).width;
    c.self = self_;
    c.scratch = network_.scratch(tile.worker);
    return c;
  }

  const bool self_;
};

}  // namespace

extern const OpEntry interact_op = {"interact", make_op<InteractOp>};

}  // namespace fae::cpu
#endif
