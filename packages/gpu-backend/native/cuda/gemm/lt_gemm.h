// Matrix products by cuBLASLt: descriptors built once, every algorithm the heuristic offers a candidate of its own.
#pragma once

#include <memory>
#include <vector>

#include "gemm/gemm.h"
#include "gemm/lt_api.h"

namespace fae::cuda {

// What the product does on its way out beyond `Gemm`: cuBLASLt keeps a ReLU as a bit mask of its own layout.
enum class LtEpilogue { plain, bias, relu_bias, relu_aux_bias, drelu, bgradb };

// One handle and one workspace per stream that runs products at the same time.
class LtContext {
 public:
  LtContext();
  ~LtContext();
  LtContext(const LtContext&) = delete;
  LtContext& operator=(const LtContext&) = delete;
  const LtApi& api() const { return *api_; }
  void* handle() const { return handle_; }
  static constexpr size_t workspace_bytes = 32ull << 20;

 private:
  const LtApi* api_;
  void* handle_ = nullptr;
};

class LtGemm {
 public:
  // `aux`: the bit mask, `aux_ld` bits per row of C, a multiple of 128. `sums`: bgradb's output [m]. Splits must be 1.
  LtGemm(const LtContext& context, const Gemm& gemm, Arithmetic arithmetic, LtEpilogue epilogue, void* aux, int64_t aux_ld);
  ~LtGemm();
  LtGemm(const LtGemm&) = delete;
  LtGemm& operator=(const LtGemm&) = delete;

  // 0 when the library cannot do this combination.
  int algorithms() const { return static_cast<int>(found_.size()); }
  // False when the library refuses to start it.
  bool run(int algorithm, void* workspace, cudaStream_t stream) const;

 private:
  void describe(const Gemm& gemm, Arithmetic arithmetic, LtEpilogue epilogue, void* aux, int64_t aux_ld);
  void release();

  const LtContext& context_;
  Gemm gemm_;
  void *desc_ = nullptr, *a_ = nullptr, *b_ = nullptr, *c_ = nullptr;
  const float *left_ = nullptr, *right_ = nullptr;
  std::vector<LtHeuristic> found_;
};

}  // namespace fae::cuda
