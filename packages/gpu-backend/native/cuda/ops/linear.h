// linear: y = act(x W' + b) (or x W), its input gradient and its weight gradient, each by the fastest of the own kernels and
// cuBLASLt's algorithms for its shape. dy comes with the activation's derivative already in it (Network sees to that).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gemm/gemm.h"
#include "gemm/lt_gemm.h"
#include "gemm/tuner.h"

namespace fae::cuda {

struct LinearOperands {
  int rows = 0;              // vectors of the batch
  int k = 0, m = 0;          // padded to 4
  int columns = 0;           // m without its pad
  bool transposed = false;   // W [k, m] instead of [m, k]
  OutputActivation activation = OutputActivation::none;
  const float *x = nullptr, *w = nullptr, *bias = nullptr;
  float* y = nullptr;
  // Training; null: not wanted.
  const float* dy = nullptr;
  float* dx = nullptr;
  bool add_dx = false;
  const float* mask = nullptr;  // dx is kept where mask > 0
  float *dw = nullptr, *db = nullptr;  // [parts][m * k], [parts][m]
};

class Linear {
 public:
  // A weight gradient is left in at most this many parts.
  static constexpr int most_parts = 16;

  Linear(const LinearOperands& operands, Arithmetic arithmetic, const LtContext* library, void* workspace);

  // Chooses the kernels; operands must hold numbers of an ordinary size.
  void tune(Tuner& tuner, cudaStream_t stream);
  // The ReLU between `this` and `next` (whose mask is this output and whose only consumer of it is `next`) as cuBLASLt's bit
  // mask, when that is faster in sum. `bits`: rows * bits_ld / 8 bytes.
  void tune_pair(Linear& next, void* bits, int64_t bits_ld, Tuner& tuner, cudaStream_t stream);

  void forward(void* workspace, cudaStream_t stream) const;
  void input_gradient(void* workspace, cudaStream_t stream) const;
  void weight_gradient(void* workspace, cudaStream_t stream) const;
  int weight_parts() const { return weight_.weight_parts; }
  int bias_parts() const { return weight_.bias_parts; }
  // What was chosen, for reports: "forward own 128x64, ...".
  std::string describe() const;

  // One kernel or several in a row that do a product; false: they cannot.
  struct Way {
    std::string name;
    std::function<bool(void* workspace, cudaStream_t)> run;
    int weight_parts = 1, bias_parts = 1;
  };
  // What the tuner chooses from.
  std::vector<Way> forward_ways() const { return forward_ways(LtEpilogue::plain, nullptr, 0); }
  std::vector<Way> input_ways() const { return input_ways(false, nullptr, 0); }
  std::vector<Way> weight_ways() const;

 private:
  struct Choice {
    Way way;
    double seconds = 0;
  };

  std::vector<Way> forward_ways(LtEpilogue relu_epilogue, void* bits, int64_t bits_ld) const;
  std::vector<Way> input_ways(bool bit_mask, void* bits, int64_t bits_ld) const;
  void add_own(std::vector<Way>& ways, const Gemm& gemm) const;
  void add_library(std::vector<Way>& ways, const Gemm& gemm, LtEpilogue epilogue, const char* name, void* bits, int64_t bits_ld,
                   std::function<void(cudaStream_t)> then) const;
  void start(const Way& way, void* workspace, cudaStream_t stream) const;
  Choice choose(const char* what, std::vector<Way> ways, Tuner& tuner, cudaStream_t stream) const;
  std::string shape_name() const;
  Gemm forward_gemm() const;
  Gemm input_gemm() const;
  Gemm weight_gemm() const;

  LinearOperands o_;
  Arithmetic arithmetic_;
  const LtContext* library_;
  void* workspace_;
  Way forward_, input_, weight_;
  double forward_seconds_ = 0, input_seconds_ = 0, weight_seconds_ = 0;
};

}  // namespace fae::cuda
