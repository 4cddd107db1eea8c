// fae.h for CUDA.
#include <cuda_runtime.h>

#include <cstdio>
#include <string>

#include "gemm/lt_api.h"
#include "names.h"
#include "ops/list.h"
#include "pages.h"
#include "session.h"
#include "support/check.h"
#include "thread_pool.h"

struct fae_session {
  fae::cuda::Session session;
};

namespace {

using fae::guarded;
using fae::json_string;

std::string version_text(int version) { return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10); }

// Why no GPU can be used, or "" when one can.
std::string why_no_device(int& count) {
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) return "";
  cudaGetLastError();
  count = 0;
  int driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  if (driver == 0) return "no NVIDIA driver found on this machine";
  if (driver < runtime) {
    return "the NVIDIA driver supports CUDA " + version_text(driver) + ", this build needs " + version_text(runtime) + " (driver 580 or newer)";
  }
  return std::string("no usable GPU: ") + cudaGetErrorString(status);
}

std::string machine_json() {
  int count = 0;
  const std::string reason = why_no_device(count);
  std::string devices, description = reason.empty() ? "" : "no GPU: " + reason;
  for (int d = 0; d < count; d++) {
    cudaDeviceProp properties;
    FAE_CUDA(cudaGetDeviceProperties(&properties, d));
    devices += (d ? "," : "") + ("{\"name\":" + json_string(properties.name)) + ",\"memoryBytes\":" + std::to_string(properties.totalGlobalMem) + "}";
    if (d == 0) {
      description = std::string(properties.name) + ", compute " + std::to_string(properties.major) + "." + std::to_string(properties.minor) + ", " +
                    std::to_string(properties.multiProcessorCount) + " multiprocessors" + (fae::cuda::lt_library().api ? "" : ", own matrix kernels (no cuBLASLt)");
    }
  }
  int driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  std::string found, tried;
  void* nccl = fae::cuda::open_cuda_library("libnccl.so.2", found, tried);
  std::string facts = "\"gpu\":" + json_string(reason.empty() ? description : reason);
  facts += ",\"driver\":" + json_string(driver ? "supports CUDA " + version_text(driver) : "not found");
  facts += ",\"runtime\":" + json_string("CUDA " + version_text(runtime) + ", linked in");
  facts += ",\"cublasLt\":" + json_string(fae::cuda::lt_library().fact);
  facts += ",\"nccl\":" + json_string(nccl ? found + " (one GPU is used; NCCL is not needed)" : "not found (" + tried + "); one GPU is used, it is not needed");
  facts += ",\"hugePages\":" + json_string(fae::huge_page_mode());
  return "{\"engine\":\"cuda\",\"description\":" + json_string(description) + ",\"threads\":" + std::to_string(fae::usable_threads()) + ",\"devices\":[" + devices +
         "],\"facts\":{" + facts + "}}";
}

}  // namespace

extern "C" {

int32_t fae_abi(void) { return FAE_ABI; }

fae_status fae_machine(char* json, size_t capacity, fae_error* error) {
  return guarded(error, [&] {
    const std::string text = machine_json();
    if (text.size() >= capacity) fae::fail(FAE_CONFIG, "The buffer for the machine's description is too small.");
    std::snprintf(json, capacity, "%s", text.c_str());
  });
}

fae_status fae_names(char* json, size_t capacity, fae_error* error) {
  return guarded(error, [&] {
    const std::string text = fae::names_json(fae::cuda::op_names());
    if (text.size() >= capacity) fae::fail(FAE_CONFIG, "The buffer for the engine's names is too small.");
    std::snprintf(json, capacity, "%s", text.c_str());
  });
}

fae_status fae_open(const char* job_json, const fae_words* memory, uint32_t memory_count, fae_session** session, fae_error* error) {
  *session = nullptr;
  return guarded(error, [&] {
    fae::Job job = fae::parse_job(job_json, memory_count);
    int count = 0;
    const std::string reason = why_no_device(count);
    if (!reason.empty()) {
      int driver = 0, runtime = 0;
      cudaDriverGetVersion(&driver);
      cudaRuntimeGetVersion(&runtime);
      fae::fail(FAE_UNAVAILABLE, "The CUDA engine cannot run: " + reason + ". Use the cpu engine, or a machine with an NVIDIA GPU.", {fae::fact("reason", reason), fae::fact("driver", version_text(driver)), fae::fact("runtime", version_text(runtime))});
    }
    *session = new fae_session{fae::cuda::Session(std::move(job), memory)};
  });
}

fae_status fae_run(fae_session* session, const fae_segment* segment, double* losses, fae_report* report, fae_error* error) {
  return guarded(error, [&] { session->session.run(*segment, losses, *report); });
}

fae_status fae_rows(fae_session* session, const char* source, uint64_t* rows, fae_error* error) {
  return guarded(error, [&] { *rows = session->session.rows(source); });
}

fae_status fae_evaluate(fae_session* session, const char* source, float* scores, uint8_t* labels, uint64_t room, fae_evaluation* evaluation,
                        fae_error* error) {
  return guarded(error, [&] { session->session.evaluate(source, scores, labels, room, *evaluation); });
}

fae_status fae_shape(fae_session* session, const char* name, uint64_t* rows, uint64_t* columns, fae_error* error) {
  return guarded(error, [&] { session->session.shape(name, *rows, *columns); });
}

fae_status fae_read(fae_session* session, const char* name, const uint32_t* rows, uint64_t count, float* out, uint64_t values, fae_error* error) {
  return guarded(error, [&] { session->session.read(name, rows, count, out, values); });
}

fae_status fae_write(fae_session* session, const char* name, const uint32_t* rows, uint64_t count, const float* in, uint64_t values, fae_error* error) {
  return guarded(error, [&] { session->session.write(name, rows, count, in, values); });
}

fae_status fae_memory(fae_session* session, uint64_t* host_bytes, uint64_t* device_bytes, fae_error* error) {
  return guarded(error, [&] { session->session.memory(*host_bytes, *device_bytes); });
}

void fae_close(fae_session* session) { delete session; }

}  // extern "C"
