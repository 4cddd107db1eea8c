// Fills with small random numbers of both signs; used to time kernels on data like the real ones.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace fae::cuda {
void fill_random(float* values, uint64_t count, cudaStream_t stream);
}  // namespace fae::cuda
