#include "ops/linear.h"

#include "ops/small_ops.h"
#include "status.h"
#include "support/check.h"

namespace fae::cuda {

namespace {
const char* arithmetic_name(Arithmetic a) { return a == Arithmetic::float32 ? "f32" : a == Arithmetic::tf32 ? "tf32" : "bf16"; }
}  // namespace

Linear::Linear(const LinearOperands& operands, Arithmetic arithmetic, const LtContext* library, void* workspace)
    : o_(operands), arithmetic_(arithmetic), library_(library), workspace_(workspace) {}

Gemm Linear::forward_gemm() const {
  Gemm g;
  g.layout = o_.transposed ? Layout::nn : Layout::nt;
  g.m = o_.rows, g.n = o_.m, g.k = o_.k;
  g.a = o_.x, g.lda = o_.k;
  g.b = o_.w, g.ldb = o_.transposed ? o_.m : o_.k;
  g.b_settled = true;  // weights: a step begins with a kernel that does not write them, and ends with their update
  g.c = o_.y, g.ldc = o_.m;
  g.bias = o_.bias, g.activation = o_.activation, g.columns = o_.columns;
  return g;
}

Gemm Linear::input_gemm() const {
  Gemm g;
  g.layout = o_.transposed ? Layout::nt : Layout::nn;
  g.m = o_.rows, g.n = o_.k, g.k = o_.m;
  g.a = o_.dy, g.lda = o_.m;
  g.b = o_.w, g.ldb = o_.transposed ? o_.m : o_.k;
  g.b_settled = true;  // weights: a step begins with a kernel that does not write them, and ends with their update
  g.c = o_.dx, g.ldc = o_.k;
  g.accumulate = o_.add_dx;
  g.mask = o_.mask, g.ldmask = o_.k;
  return g;
}

// W [m, k] is stored by rows of k, so dW = dy' x; read as [k, m] it is x' dy.
Gemm Linear::weight_gemm() const {
  Gemm g;
  g.layout = Layout::tn;
  g.k = o_.rows;
  g.c = o_.dw;
  if (o_.transposed) {
    g.m = o_.k, g.n = o_.m, g.a = o_.x, g.lda = o_.k, g.b = o_.dy, g.ldb = o_.m, g.ldc = o_.m;
  } else {
    g.m = o_.m, g.n = o_.k, g.a = o_.dy, g.lda = o_.m, g.b = o_.x, g.ldb = o_.k, g.ldc = o_.k;
    g.column_sums = o_.db;
  }
  g.split_stride = static_cast<int64_t>(o_.m) * o_.k;
  g.sums_stride = o_.m;
  return g;
}

void Linear::add_library(std::vector<Way>& ways, const Gemm& gemm, LtEpilogue epilogue, const char* name, void* bits, int64_t bits_ld,
                         std::function<void(cudaStream_t)> then) const {
  if (!library_) return;
  const auto product = std::make_shared<LtGemm>(*library_, gemm, arithmetic_, epilogue, bits, bits_ld);
  for (int i = 0; i < product->algorithms(); i++) {
    ways.push_back({std::string("lt ") + name + " " + std::to_string(i), [product, i, then](void* workspace, cudaStream_t stream) {
                      if (!product->run(i, workspace, stream)) return false;
                      if (then) then(stream);
                      return true;
                    }});
  }
}

namespace {
// Own kernels that make sense for the output's size: tiles much larger than the output only waste work.
template <class Add>
void own_shapes(const Gemm& gemm, Arithmetic arithmetic, Add&& add) {
  if (arithmetic == Arithmetic::float32) return add(0, "fma");
  for (int shape = 0; shape < tiled_shapes; shape++) {
    const TileShape tile = tile_shape(shape);
    if (!tile_suits(gemm.layout, shape)) continue;
    if ((tile.m > 32 && tile.m >= 2 * gemm.m) || (tile.n > 32 && tile.n >= 2 * gemm.n)) continue;
    add(shape, tile.name);
  }
}
}  // namespace

void Linear::add_own(std::vector<Way>& ways, const Gemm& g) const {
  own_shapes(g, arithmetic_, [&](int shape, const char* name) {
    ways.push_back({std::string("own ") + name, [g, a = arithmetic_, shape](void*, cudaStream_t stream) {
                      tiled_gemm(g, a, shape, stream);
                      return true;
                    }});
  });
  if (arithmetic_ == Arithmetic::float32) return;
  for (int shape = 0; shape < sliced_shapes; shape++) {
    if (!sliced_suits(g, shape)) continue;
    ways.push_back({std::string("sliced ") + sliced_name(shape), [g, shape](void*, cudaStream_t stream) {
                      sliced_gemm(g, shape, stream);
                      return true;
                    }});
  }
  for (int shape = 0; shape < wgmma_shapes; shape++) {
    if (!wgmma_suits(g, shape)) continue;
    ways.push_back({std::string("wgmma ") + wgmma_name(shape), [g, shape](void* workspace, cudaStream_t stream) {
                      wgmma_gemm(g, shape, workspace, stream);
                      return true;
                    }});
  }
}

std::vector<Linear::Way> Linear::forward_ways(LtEpilogue relu_epilogue, void* bits, int64_t bits_ld) const {
  std::vector<Way> ways;
  const Gemm g = forward_gemm();
  const bool relu = o_.activation == OutputActivation::relu;
  if (relu_epilogue == LtEpilogue::relu_aux_bias) {
    if (relu && o_.bias) add_library(ways, g, relu_epilogue, "relu_aux_bias", bits, bits_ld, nullptr);
    return ways;
  }
  add_own(ways, g);
  const LtEpilogue epilogue = !o_.bias ? LtEpilogue::plain : relu ? LtEpilogue::relu_bias : LtEpilogue::bias;
  const bool finished = o_.activation == OutputActivation::none || epilogue == LtEpilogue::relu_bias;
  std::function<void(cudaStream_t)> then;
  if (!finished) then = [o = o_](cudaStream_t stream) { activation_forward(o.y, o.rows, o.columns, o.m, o.activation, stream); };
  add_library(ways, g, epilogue, "forward", nullptr, 0, then);
  return ways;
}

std::vector<Linear::Way> Linear::input_ways(bool bit_mask, void* bits, int64_t bits_ld) const {
  std::vector<Way> ways;
  const Gemm g = input_gemm();
  if (bit_mask) {
    add_library(ways, g, LtEpilogue::drelu, "drelu", bits, bits_ld, nullptr);
    return ways;
  }
  add_own(ways, g);
  std::function<void(cudaStream_t)> then;
  if (o_.mask) {
    then = [o = o_](cudaStream_t stream) { activation_backward(o.dx, o.mask, static_cast<uint64_t>(o.rows) * o.k, OutputActivation::relu, stream); };
  }
  add_library(ways, g, LtEpilogue::plain, "input", nullptr, 0, then);
  return ways;
}

std::vector<Linear::Way> Linear::weight_ways() const {
  std::vector<Way> ways;
  const Gemm g = weight_gemm();
  std::function<void(cudaStream_t)> sums;
  if (o_.db) sums = [o = o_](cudaStream_t stream) { column_sums(o.db, o.m, o.dy, o.rows, o.m, o.m, stream); };
  // Own: k split so that the blocks fill the chip once or twice.
  own_shapes(g, arithmetic_, [&](int shape, const char* name) {
    const TileShape tile = arithmetic_ == Arithmetic::float32 ? TileShape{64, 64, ""} : tile_shape(shape);
    const unsigned tiles = ceil_div(g.m, tile.m) * ceil_div(g.n, tile.n);
    for (int splits = 1; splits <= most_parts; splits *= 2) {
      const bool too_few = tiles * splits < 96 && splits < most_parts && splits * 64 < g.k;
      const bool too_many = splits > 1 && (tiles * (splits / 2) >= 264 || splits * 32 > g.k);
      if (too_few || too_many) continue;
      Gemm split = g;
      split.splits = splits;
      Way way{std::string("own ") + name + "/" + std::to_string(splits), nullptr, splits, g.column_sums ? splits : static_cast<int>(column_sum_parts)};
      const auto then = g.column_sums ? nullptr : sums;
      way.run = [split, a = arithmetic_, shape, then](void*, cudaStream_t stream) {
        tiled_gemm(split, a, shape, stream);
        if (then) then(stream);
        return true;
      };
      ways.push_back(std::move(way));
    }
  });
  const size_t own = ways.size();
  if (g.column_sums) add_library(ways, g, LtEpilogue::bgradb, "weight_bias", nullptr, 0, nullptr);
  if (ways.size() > own) return ways;
  add_library(ways, g, LtEpilogue::plain, "weight", nullptr, 0, sums);
  for (size_t i = own; i < ways.size(); i++) ways[i].bias_parts = column_sum_parts;
  return ways;
}

std::string Linear::shape_name() const {
  return std::to_string(o_.rows) + "x" + std::to_string(o_.k) + "x" + std::to_string(o_.m) + (o_.transposed ? "t" : "") + " " +
         arithmetic_name(arithmetic_) + (library_ ? "" : " own");
}

Linear::Choice Linear::choose(const char* what, std::vector<Way> ways, Tuner& tuner, cudaStream_t stream) const {
  std::vector<Candidate> candidates;
  for (const Way& way : ways) {
    // The update kernel reads every part of a weight gradient, mostly from the L2 cache. With few inputs it is the end of the
    // critical path while the product is beside it, so parts count twice.
    const double bytes_per_second = o_.rows <= 2048 ? 1.2e12 : 2.5e12;
    const double later = (way.weight_parts - 1) * 4.0 * o_.m * o_.k / bytes_per_second;
    // Own kernels take more of the multiprocessors than cuBLASLt's do for the same time: what runs beside them has less.
    const int rank = way.name.starts_with("lt ") ? 0 : 1;
    candidates.push_back({way.name, [&way, this](cudaStream_t s) { return way.run(workspace_, s); }, later, rank});
  }
  const Tuned tuned = tuner.choose(std::string(what) + " " + shape_name(), candidates, stream);
  return {std::move(ways[tuned.index]), tuned.seconds};
}

void Linear::tune(Tuner& tuner, cudaStream_t stream) {
  const std::string activation = std::string(o_.bias ? " b" : "") + std::to_string(static_cast<int>(o_.activation));
  const Choice forward = choose(("forward" + activation).c_str(), forward_ways(), tuner, stream);
  forward_ = forward.way, forward_seconds_ = forward.seconds;
  if (o_.dx) {
    const Choice input = choose((std::string("input") + (o_.mask ? " mask" : "") + (o_.add_dx ? " add" : "")).c_str(), input_ways(), tuner, stream);
    input_ = input.way, input_seconds_ = input.seconds;
  }
  if (o_.dw) {
    const Choice weight = choose(o_.db ? "weight bias" : "weight", weight_ways(), tuner, stream);
    weight_ = weight.way, weight_seconds_ = weight.seconds;
  }
}

void Linear::tune_pair(Linear& next, void* bits, int64_t bits_ld, Tuner& tuner, cudaStream_t stream) {
  std::vector<Way> ways = forward_ways(LtEpilogue::relu_aux_bias, bits, bits_ld), gradients = next.input_ways(true, bits, bits_ld);
  if (ways.empty() || gradients.empty() || forward_seconds_ == 0 || next.input_seconds_ == 0) return;
  const Choice forward = choose("forward aux", std::move(ways), tuner, stream);
  const Choice input = next.choose("input aux", std::move(gradients), tuner, stream);
  if (forward.seconds + input.seconds >= forward_seconds_ + next.input_seconds_) return;
  forward_ = forward.way, forward_seconds_ = forward.seconds;
  next.input_ = input.way, next.input_seconds_ = input.seconds;
}

void Linear::start(const Way& way, void* workspace, cudaStream_t stream) const {
  // Left out of a graph without a word, it would leave old numbers in its output.
  if (!way.run(workspace, stream)) {
    fail(FAE_ENGINE, "The matrix kernel '" + way.name + "' for " + shape_name() + " does not start, though it did when it was chosen. Set FAE_CUDA_GEMM=own to use the own kernels.",
         {fact("kernel", way.name)});
  }
}

void Linear::forward(void* workspace, cudaStream_t stream) const { start(forward_, workspace, stream); }
void Linear::input_gradient(void* workspace, cudaStream_t stream) const { start(input_, workspace, stream); }
void Linear::weight_gradient(void* workspace, cudaStream_t stream) const { start(weight_, workspace, stream); }

std::string Linear::describe() const {
  const auto part = [](const char* what, const Way& way, double seconds) {
    return way.name.empty() ? std::string() : std::string(what) + " " + way.name + " " + std::to_string(static_cast<int>(seconds * 1e7) / 10.0).substr(0, 6) + " us; ";
  };
  return shape_name() + ": " + part("forward", forward_, forward_seconds_) + part("input", input_, input_seconds_) + part("weight", weight_, weight_seconds_);
}

}  // namespace fae::cuda
