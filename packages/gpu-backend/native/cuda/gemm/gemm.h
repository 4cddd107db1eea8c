// One matrix product of the step, as data: C [m, n] (+)= A B in row-major order, with what may be done to C on the way out.
//
//   nt  A [m, k], B [n, k]   forward        Y  = X W'
//   nn  A [m, k], B [k, n]   input gradient dX = dY W
//   tn  A [k, m], B [k, n]   weight gradient dW = dY' X, k = inputs of the batch
//
// Every leading dimension and every dimension that lies along memory is a multiple of 4 floats (support/check.h: pad4).
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace fae::cuda {

enum class Layout { nt, nn, tn };
enum class Arithmetic { float32, tf32, bf16 };
enum class OutputActivation { none, relu, sigmoid };

struct Gemm {
  Layout layout = Layout::nt;
  int m = 0, n = 0, k = 0;
  const float* a = nullptr;
  const float* b = nullptr;
  bool b_settled = false;  // no kernel right before this one on its stream writes B: it may be read while that one still runs
  float* c = nullptr;
  int lda = 0, ldb = 0, ldc = 0;
  bool accumulate = false;  // C += instead of C =
  // nt, nn, with columns > 0: bias is added to each row of C, then the activation; columns from `columns` on are written as 0.
  const float* bias = nullptr;
  OutputActivation activation = OutputActivation::none;
  int columns = 0;
  // nt, nn: C is kept where mask > 0, else 0: the ReLU gradient, mask being the ReLU's output. Same shape as C.
  const float* mask = nullptr;
  int ldmask = 0;
  // tn: sums of the columns of A, [m]: the bias gradient.
  float* column_sums = nullptr;
  // tn: k is cut in `splits` parts; part s writes C + s * split_stride and column_sums + s * sums_stride. Summed by the reader.
  int splits = 1;
  int64_t split_stride = 0, sums_stride = 0;
};

// Own kernels. Tile shapes are numbered 0..tiled_shapes-1; TF32 uses tensor cores, float32 plain FMA (one shape).
constexpr int tiled_shapes = 6;
struct TileShape {
  int m, n;
  const char* name;
};
TileShape tile_shape(int shape);
// The largest two are for weight gradients alone: elsewhere they never won.
bool tile_suits(Layout layout, int shape);
// Raises the shared memory limits of the kernels once per device.
void tiled_gemm_prepare();
void tiled_gemm(const Gemm& gemm, Arithmetic arithmetic, int shape, cudaStream_t stream);

// Own TF32 kernels for small grids (sliced_tf32.cuh), layouts nt and nn: k cut among warps and among the blocks of a cluster.
constexpr int sliced_shapes = 4;
const char* sliced_name(int shape);
// Whether a shape is worth its time: enough of C and of k for its blocks, and clusters where they are asked for.
bool sliced_suits(const Gemm& gemm, int shape);
void sliced_gemm_prepare();
void sliced_gemm(const Gemm& gemm, int shape, cudaStream_t stream);

// Own TF32 kernels by warpgroup instructions (wgmma_tf32.cuh), layouts nt and nn, for compute capability 9.0. nn turns B into `workspace`
// (n * k floats) first.
constexpr int wgmma_shapes = 3;
const char* wgmma_name(int shape);
// Whether this device has them and the shape is worth its time.
bool wgmma_suits(const Gemm& gemm, int shape);
void wgmma_gemm_prepare();
void wgmma_gemm(const Gemm& gemm, int shape, void* workspace, cudaStream_t stream);

}  // namespace fae::cuda
