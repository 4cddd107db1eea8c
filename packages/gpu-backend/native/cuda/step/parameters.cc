#include "step/parameters.h"

#include <algorithm>

#include "ops/linear.h"
#include "ops/loss.h"
#include "status.h"
#include "support/check.h"

namespace fae::cuda {

Parameters::Parameters(const Job& job, Arena& arena) {
  for (const ParamSpec& spec : job.params) {
    if (spec.shape.empty() || spec.shape.size() > 2) {
      fail(FAE_UNSUPPORTED, "Parameter '" + spec.name + "' has " + std::to_string(spec.shape.size()) +
                                " axes; the CUDA engine takes 1 or 2. Use the cpu engine for this program.",
           {fact("parameter", spec.name)});
    }
    Parameter p;
    p.rows = spec.shape.size() == 2 ? static_cast<uint32_t>(spec.shape[0]) : 1;
    p.columns = static_cast<uint32_t>(spec.shape.back());
    p.ld = pad4(p.columns);
    p.padded = (spec.shape.size() == 2 ? pad4(p.rows) : 1) * p.ld;
    p.at = static_cast<uint32_t>(total_);
    total_ += (p.padded + 31) / 32 * 32;
    all_.push_back(std::move(p));
  }
  for (const BackwardSpec& step : job.backward) {
    for (const uint32_t p : job.nodes[step.node].params) all_[p].uses++;
  }
  uint32_t most_pieces = 0;
  for (Parameter& p : all_) {
    // Enough for the splits of a product, the shares of a column sum and the blocks of the fused head.
    const uint32_t head = p.padded <= 4 * loss_head_most_k ? loss_head_blocks(static_cast<int>(job.batch)) : 0;
    p.most_parts = std::max<uint32_t>(Linear::most_parts, head);
    p.gradient = arena.reserve<float>(static_cast<size_t>(p.uses) * p.most_parts * p.padded, "weight gradients");
    most_pieces += p.padded / 64 + 2;
  }
  state_count_ = static_cast<uint32_t>(job.optimizer.dense_slots.size());
  weights_ = arena.reserve<float>(total_, "dense parameters");
  for (uint32_t s = 0; s < state_count_; s++) state_[s] = arena.reserve<float>(total_, "optimizer state of dense parameters");
  pieces_ = arena.reserve<DensePiece>(most_pieces, "dense parameters");
}

void Parameters::plan_update() {
  std::vector<DensePiece> pieces;
  for (const Parameter& p : all_) {
    if (p.uses > 0) add_pieces(pieces, p.gradient.get(), p.padded, (p.uses - 1) * p.most_parts + p.last_parts, p.at, p.padded);
  }
  if (pieces.size() > pieces_.count) fail(FAE_ENGINE, "The update of the dense parameters has more pieces than planned.");
  piece_count_ = static_cast<uint32_t>(pieces.size());
  FAE_CUDA(cudaMemcpy(pieces_.get(), pieces.data(), pieces.size() * sizeof(DensePiece), cudaMemcpyHostToDevice));
}

void Parameters::clear(cudaStream_t stream) {
  const auto zero = [&](const Buffer<float>& b) {
    if (b.count > 0) FAE_CUDA(cudaMemsetAsync(b.get(), 0, b.count * sizeof(float), stream));
  };
  zero(weights_);
  for (const Buffer<float>& state : state_) zero(state);
  for (const Parameter& p : all_) zero(p.gradient);
}

DenseUpdate Parameters::update(StepState* state, const SegmentArrays& arrays) const {
  DenseUpdate u;
  u.pieces = pieces_.get();
  u.count = piece_count_;
  u.weights = weights_.get();
  for (uint32_t s = 0; s < state_count_; s++) u.state[s] = state_[s].get();
  u.step = state;
  u.arrays = arrays;
  return u;
}

void Parameters::read(uint32_t p, int slot, float* out, cudaStream_t stream) const {
  const Parameter& q = all_[p];
  FAE_CUDA(cudaMemcpy2DAsync(out, q.columns * 4, array(slot) + q.at, q.ld * 4, q.columns * 4, q.rows, cudaMemcpyDeviceToHost, stream));
  FAE_CUDA(cudaStreamSynchronize(stream));
}

void Parameters::write(uint32_t p, int slot, const float* in, cudaStream_t stream) {
  const Parameter& q = all_[p];
  FAE_CUDA(cudaMemcpy2DAsync(array(slot) + q.at, q.ld * 4, in, q.columns * 4, q.columns * 4, q.rows, cudaMemcpyHostToDevice, stream));
  FAE_CUDA(cudaStreamSynchronize(stream));
}

void Parameters::unpack(float* packed, const float* flat) const {
  for (const Parameter& q : all_) {
    for (uint32_t r = 0; r < q.rows; r++, packed += q.columns) std::copy_n(flat + q.at + static_cast<uint64_t>(r) * q.ld, q.columns, packed);
  }
}

void Parameters::pack(float* flat, const float* packed) const {
  for (const Parameter& q : all_) {
    for (uint32_t r = 0; r < q.rows; r++, packed += q.columns) std::copy_n(packed, q.columns, flat + q.at + static_cast<uint64_t>(r) * q.ld);
  }
}

}  // namespace fae::cuda
