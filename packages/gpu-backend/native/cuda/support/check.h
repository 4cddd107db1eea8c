// CUDA status codes become Failures that name the call; a kernel launch is checked where it is made.
#pragma once

#include <cuda_runtime.h>

namespace fae::cuda {

// Throws FAE_ENGINE (FAE_OUT_OF_MEMORY for allocations) with the runtime's own text.
void check(cudaError_t status, const char* what);

// The launch error of the kernel just started; nothing waits.
inline void check_launch(const char* kernel) { check(cudaPeekAtLastError(), kernel); }

constexpr unsigned ceil_div(unsigned long long a, unsigned long long b) { return static_cast<unsigned>((a + b - 1) / b); }
// Vectors are padded to 16 bytes on the device; pads are zero and stay zero.
constexpr unsigned pad4(unsigned long long n) { return static_cast<unsigned>((n + 3) / 4 * 4); }

}  // namespace fae::cuda

#define FAE_CUDA(call) ::fae::cuda::check((call), #call)
