#include "gemm/lt_gemm.h"

#include <string>

#include "status.h"

namespace fae::cuda {

namespace {
void accept(int status, const char* what) {
  if (status != 0) fail(FAE_ENGINE, std::string("cuBLASLt failed in ") + what + " with status " + std::to_string(status) + ". Set FAE_CUDA_GEMM=own to use the own kernels.");
}
}  // namespace

LtContext::LtContext() : api_(lt_library().api) { accept(api_->cublasLtCreate(&handle_), "cublasLtCreate"); }

LtContext::~LtContext() {
  if (handle_) api_->cublasLtDestroy(handle_);
}

// cuBLASLt is column-major: row-major C [m, n] is its C' [n, m], so its A is our B and its B our A.
LtGemm::LtGemm(const LtContext& context, const Gemm& g, Arithmetic arithmetic, LtEpilogue epilogue, void* aux, int64_t aux_ld)
    : context_(context), gemm_(g), left_(g.b), right_(g.a) {
  try {
    describe(g, arithmetic, epilogue, aux, aux_ld);
  } catch (...) {
    release();
    throw;
  }
}

void LtGemm::describe(const Gemm& g, Arithmetic arithmetic, LtEpilogue epilogue, void* aux, int64_t aux_ld) {
  const LtApi& api = context_.api();
  const int compute = arithmetic == Arithmetic::float32 ? lt::compute_float32
                      : arithmetic == Arithmetic::tf32  ? lt::compute_tf32
                                                        : lt::compute_bf16;
  accept(api.cublasLtMatmulDescCreate(&desc_, compute, lt::float32_type), "cublasLtMatmulDescCreate");
  const int transpose_left = g.layout == Layout::nt, transpose_right = g.layout == Layout::tn;
  const auto set = [&](int attribute, const auto& value) {
    accept(api.cublasLtMatmulDescSetAttribute(desc_, attribute, &value, sizeof value), "cublasLtMatmulDescSetAttribute");
  };
  set(lt::desc_transpose_a, transpose_left);
  set(lt::desc_transpose_b, transpose_right);
  int code = lt::epilogue_default;
  const void* bias = g.bias;
  if (epilogue == LtEpilogue::bias) code = lt::epilogue_bias;
  if (epilogue == LtEpilogue::relu_bias) code = lt::epilogue_relu_bias;
  if (epilogue == LtEpilogue::relu_aux_bias) code = lt::epilogue_relu_aux_bias;
  if (epilogue == LtEpilogue::drelu) code = lt::epilogue_drelu;
  if (epilogue == LtEpilogue::bgradb) {
    code = lt::epilogue_bgradb;
    bias = g.column_sums;
  }
  set(lt::desc_epilogue, code);
  if (epilogue != LtEpilogue::plain && epilogue != LtEpilogue::drelu) set(lt::desc_bias, bias);
  if (epilogue == LtEpilogue::relu_aux_bias || epilogue == LtEpilogue::drelu) {
    set(lt::desc_aux, aux);
    set(lt::desc_aux_ld, aux_ld);
  }
  // Column-major sizes of the stored operands, before transposition.
  const bool nt = g.layout == Layout::nt, tn = g.layout == Layout::tn;
  const auto layout = [&](void** out, uint64_t rows, uint64_t columns, int64_t ld) {
    accept(api.cublasLtMatrixLayoutCreate(out, lt::float32_type, rows, columns, ld), "cublasLtMatrixLayoutCreate");
  };
  layout(&a_, nt ? g.k : g.n, nt ? g.n : g.k, g.ldb);
  layout(&b_, tn ? g.m : g.k, tn ? g.k : g.m, g.lda);
  layout(&c_, g.n, g.m, g.ldc);

  void* preference = nullptr;
  accept(api.cublasLtMatmulPreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate");
  const size_t most = LtContext::workspace_bytes;
  accept(api.cublasLtMatmulPreferenceSetAttribute(preference, lt::preference_workspace, &most, sizeof most), "cublasLtMatmulPreferenceSetAttribute");
  found_.resize(12);
  int count = 0;
  // An unsupported combination is an answer here, not a failure.
  if (api.cublasLtMatmulAlgoGetHeuristic(context_.handle(), desc_, a_, b_, c_, c_, preference, 12, found_.data(), &count) != 0) count = 0;
  api.cublasLtMatmulPreferenceDestroy(preference);
  found_.resize(count);
}

LtGemm::~LtGemm() { release(); }

void LtGemm::release() {
  const LtApi& api = context_.api();
  if (c_) api.cublasLtMatrixLayoutDestroy(c_);
  if (b_) api.cublasLtMatrixLayoutDestroy(b_);
  if (a_) api.cublasLtMatrixLayoutDestroy(a_);
  if (desc_) api.cublasLtMatmulDescDestroy(desc_);
}

bool LtGemm::run(int algorithm, void* workspace, cudaStream_t stream) const {
  const float alpha = 1.f, beta = gemm_.accumulate ? 1.f : 0.f;
  const LtHeuristic& h = found_[algorithm];
  return context_.api().cublasLtMatmul(context_.handle(), desc_, &alpha, left_, a_, right_, b_, &beta, gemm_.c, c_, gemm_.c, c_, h.algo, workspace,
                                       LtContext::workspace_bytes, stream) == 0;
}

}  // namespace fae::cuda
