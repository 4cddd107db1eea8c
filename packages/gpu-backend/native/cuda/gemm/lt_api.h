// cuBLASLt, opened at run time: no header and no link-time dependency. Prototypes and values as cuBLAS 12 and 13 have them.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace fae::cuda {

struct LtHeuristic {
  uint64_t algo[8];
  size_t workspaceSize;
  int state;
  float wavesCount;
  int reserved[4];
};

namespace lt {
constexpr int float32_type = 0, compute_float32 = 68, compute_bf16 = 75, compute_tf32 = 77;
constexpr int desc_transpose_a = 3, desc_transpose_b = 4, desc_epilogue = 7, desc_bias = 8, desc_aux = 11, desc_aux_ld = 12;
constexpr int preference_workspace = 1;
constexpr int epilogue_default = 1, epilogue_bias = 4, epilogue_relu_bias = 6, epilogue_relu_aux_bias = 134, epilogue_drelu = 136,
              epilogue_bgradb = 512;
}  // namespace lt

struct LtApi {
  using H = void*;
  int (*cublasLtCreate)(H*);
  int (*cublasLtDestroy)(H);
  size_t (*cublasLtGetVersion)();
  int (*cublasLtMatmulDescCreate)(H*, int, int);
  int (*cublasLtMatmulDescDestroy)(H);
  int (*cublasLtMatmulDescSetAttribute)(H, int, const void*, size_t);
  int (*cublasLtMatrixLayoutCreate)(H*, int, uint64_t, uint64_t, int64_t);
  int (*cublasLtMatrixLayoutDestroy)(H);
  int (*cublasLtMatmulPreferenceCreate)(H*);
  int (*cublasLtMatmulPreferenceSetAttribute)(H, int, const void*, size_t);
  int (*cublasLtMatmulPreferenceDestroy)(H);
  int (*cublasLtMatmulAlgoGetHeuristic)(H, H, H, H, H, H, H, int, LtHeuristic*, int*);
  int (*cublasLtMatmul)(H, H, const void*, const void*, H, const void*, H, const void*, const void*, H, void*, H, const uint64_t*, void*, size_t,
                        cudaStream_t);
};

// What was found, with the reason when it was not: `fae doctor` prints `fact`.
struct LtLibrary {
  const LtApi* api = nullptr;
  size_t version = 0;
  std::string fact;
  std::string asked;  // FAE_CUDA_GEMM
};

// Opened once per process. Searches FAE_CUDA_LIBRARY_PATH, the loader's own path, the CUDA toolkit and Python's site-packages.
const LtLibrary& lt_library();

// The library, or null where own kernels do its work. FAE_CUDA_GEMM: `auto`, `own`, or `cublaslt`, which throws FAE_UNAVAILABLE when it is
// missing; anything else throws FAE_CONFIG.
const LtApi* require_lt_setting();

// Opens the first of `names` (separated by spaces) found on the same search path; `tried` collects why not.
void* open_cuda_library(const char* names, std::string& found, std::string& tried);

}  // namespace fae::cuda
