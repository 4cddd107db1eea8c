// The streams on which a step is recorded: a main lane for the critical path, and lanes for what may run beside it.
#pragma once

#include <cuda_runtime.h>

#include <array>

#include "support/handles.h"

namespace fae::cuda {

class Lanes {
 public:
  static constexpr int side_count = 2;

  Lanes();

  cudaStream_t main() const { return streams_[0]; }
  // Sorting and updating rows.
  cudaStream_t rows() const { return streams_[1]; }
  // Weight gradients.
  cudaStream_t side(int i) const { return streams_[2 + i]; }

  // Whatever is enqueued on `later` from now on waits for what is on `earlier` now.
  void after(cudaStream_t later, cudaStream_t earlier);
  // The same in two halves; one mark at a time.
  cudaEvent_t mark(cudaStream_t earlier);
  void wait(cudaStream_t later, cudaEvent_t mark);

 private:
  std::array<Stream, 2 + side_count> streams_;
  Event event_, mark_;
};

}  // namespace fae::cuda
