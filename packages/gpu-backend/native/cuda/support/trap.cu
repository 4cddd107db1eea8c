#include "support/trap.h"

#include <cstdlib>
#include <string>

#include "status.h"
#include "support/check.h"

namespace fae::cuda {

namespace {
__global__ void trap_at_step() { asm volatile("trap;"); }
}  // namespace

uint64_t trap_step() {
  const char* setting = std::getenv("FAE_CUDA_TRAP_AT_STEP");
  if (!setting) return 0;
  char* end = nullptr;
  const uint64_t step = std::strtoull(setting, &end, 10);
  if (end == setting || *end != 0) {
    fail(FAE_CONFIG, std::string("FAE_CUDA_TRAP_AT_STEP is '") + setting + "', expected the number of a step. Unset it: it is for tests.",
         {fact("found", setting)});
  }
  return step;
}

void trap_kernel(cudaStream_t stream) {
  trap_at_step<<<1, 1, 0, stream>>>();
  check_launch("trap_at_step");
}

}  // namespace fae::cuda
