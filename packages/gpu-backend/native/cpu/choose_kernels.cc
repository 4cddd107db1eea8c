#include <cstdlib>
#include <cstring>

#include "kernels.h"

namespace fae::cpu {

namespace {

struct Candidate {
  const Kernels& (*kernels)();
  bool supported;
};

#if defined(FAE_X86_KERNELS)
bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}
#endif

}  // namespace

const Kernels& choose_kernels() {
  const Candidate candidates[] = {
#if defined(FAE_X86_KERNELS)
      {avx512::kernels, has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
                            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")},
      {avx2::kernels, has_avx2()},
#endif
      {baseline::kernels, true},
  };
  const char* wanted = std::getenv("FAE_CPU_KERNELS");
  for (const Candidate& candidate : candidates) {
    if (candidate.supported && wanted && std::strcmp(candidate.kernels().name, wanted) == 0) return candidate.kernels();
  }
  for (const Candidate& candidate : candidates) {
    if (candidate.supported) return candidate.kernels();
  }
  return baseline::kernels();
}

}  // namespace fae::cpu
