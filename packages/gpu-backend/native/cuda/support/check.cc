#include "support/check.h"

#include <cstdlib>
#include <string>

#include "status.h"
#include "support/launch.h"

namespace fae::cuda {

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  // A pending error that does no lasting harm must not be blamed on the thread's next kernel.
  cudaGetLastError();
  const std::string call = std::string(what).substr(0, std::string(what).find('('));
  const std::string text = std::string(cudaGetErrorName(status)) + " (" + cudaGetErrorString(status) + ")";
  if (status == cudaErrorMemoryAllocation) {
    fail(FAE_OUT_OF_MEMORY, "The GPU or pinned host memory ran out in " + call + ": " + text +
                                ". Use a smaller batch or budget, or stop other programs on this GPU.",
         {fact("cuda", cudaGetErrorName(status))});
  }
  fail(FAE_ENGINE, "CUDA failed in " + call + ": " + text + ". This process may have lost the GPU: start a new one, from the last checkpoint.",
       {fact("cuda", cudaGetErrorName(status)), fact("call", call)});
}

bool has_clusters() {
  static const bool has = [] {
    int device = 0, major = 0;
    FAE_CUDA(cudaGetDevice(&device));
    FAE_CUDA(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device));
    return major >= 9;
  }();
  return has;
}

bool overlaps_launches() {
  const char* setting = std::getenv("FAE_CUDA_OVERLAP");
  static const bool allowed = has_clusters() && !(setting && std::string(setting) == "off");
  return allowed;
}

}  // namespace fae::cuda
