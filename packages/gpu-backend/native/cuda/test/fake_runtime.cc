#include "fake_runtime.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

namespace fake {

namespace {

struct State {
  std::mutex mutex;
  Fault fault;
  uint64_t calls = 0;
  std::string failed;
  bool lost = false;
  Alive alive;
  uint64_t free_bytes = 8ull << 30;
  int driver = 13000, runtime = 13000;
  std::map<const void*, std::string> kernels;
};

State& state() {
  static State all;
  return all;
}

thread_local cudaError_t last = cudaSuccess;
thread_local dim3 grid, block;
thread_local size_t shared_bytes = 0;
thread_local cudaStream_t launch_stream = nullptr;

cudaError_t note(cudaError_t status) {
  if (status != cudaSuccess) last = status;
  return status;
}

// Counts a call; what it has to answer.
cudaError_t enter(const char* name) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.calls++;
  if (s.lost) return note(s.fault.error);
  if (s.fault.at != s.calls) return cudaSuccess;
  s.failed = name;
  s.lost = s.fault.sticky;
  return note(s.fault.error);
}

void count(int64_t Alive::*what, int64_t change) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.alive.*what += change;
}

template <class T>
T handle() {
  return reinterpret_cast<T>(std::malloc(1));
}

template <class T>
void drop(T handle, int64_t Alive::*what) {
  if (!handle) return;
  std::free(reinterpret_cast<void*>(handle));
  count(what, -1);
}

cudaError_t take(void** out, size_t bytes, int64_t Alive::*what) {
  *out = std::calloc(1, bytes);
  if (!*out) return note(cudaErrorMemoryAllocation);
  count(what, 1);
  return cudaSuccess;
}

template <class T>
cudaError_t make(const char* name, T* out, int64_t Alive::*what) {
  if (const cudaError_t status = enter(name)) return status;
  *out = handle<T>();
  count(what, 1);
  return cudaSuccess;
}

}  // namespace

std::string Alive::text() const {
  return std::to_string(device) + " device blocks, " + std::to_string(pinned) + " pinned, " + std::to_string(streams) + " streams, " + std::to_string(events) +
         " events, " + std::to_string(graphs) + " graphs";
}

void reset(const Fault& fault) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.fault = fault;
  s.calls = 0;
  s.failed.clear();
  s.lost = false;
  last = cudaSuccess;
}

uint64_t calls() {
  const std::lock_guard lock(state().mutex);
  return state().calls;
}

std::string failed_call() {
  const std::lock_guard lock(state().mutex);
  return state().failed;
}

Alive alive() {
  const std::lock_guard lock(state().mutex);
  return state().alive;
}

void set_free_memory(uint64_t bytes) { state().free_bytes = bytes; }
void set_versions(int driver, int runtime) { state().driver = driver, state().runtime = runtime; }

}  // namespace fake

using fake::Alive;
using fake::enter;

extern "C" {

cudaError_t cudaGetLastError() {
  const cudaError_t status = fake::last;
  const std::lock_guard lock(fake::state().mutex);
  fake::last = fake::state().lost ? status : cudaSuccess;
  return status;
}
cudaError_t cudaPeekAtLastError() { return fake::last; }
const char* cudaGetErrorName(cudaError_t status) {
  return status == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation" : status == cudaErrorLaunchFailure ? "cudaErrorLaunchFailure" : "cudaErrorOther";
}
const char* cudaGetErrorString(cudaError_t status) {
  return status == cudaErrorMemoryAllocation ? "out of memory" : status == cudaErrorLaunchFailure ? "unspecified launch failure" : "other error";
}

cudaError_t cudaDriverGetVersion(int* version) { return *version = fake::state().driver, cudaSuccess; }
cudaError_t cudaRuntimeGetVersion(int* version) { return *version = fake::state().runtime, cudaSuccess; }
cudaError_t cudaGetDeviceCount(int* count) {
  if (fake::state().driver < fake::state().runtime) return fake::note(cudaErrorInsufficientDriver);
  return *count = 1, cudaSuccess;
}
cudaError_t cudaSetDevice(int) { return enter("cudaSetDevice"); }
// Answered from the thread's own state, whatever happened to the device.
cudaError_t cudaGetDevice(int* device) { return *device = 0, cudaSuccess; }
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  *value = attribute == cudaDevAttrComputeCapabilityMajor ? 9 : attribute == cudaDevAttrMultiProcessorCount ? 132 : 1;
  return enter("cudaDeviceGetAttribute");
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = {};
  std::strcpy(properties->name, "fake");
  properties->major = 9;
  properties->multiProcessorCount = 132;
  properties->totalGlobalMem = 8ull << 30;
  return enter("cudaGetDeviceProperties");
}
cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  *least = 0, *greatest = -5;
  return enter("cudaDeviceGetStreamPriorityRange");
}
cudaError_t cudaDeviceSynchronize() { return enter("cudaDeviceSynchronize"); }

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  *free = fake::state().free_bytes, *total = 8ull << 30;
  return enter("cudaMemGetInfo");
}
cudaError_t cudaMalloc(void** out, size_t bytes) {
  if (const cudaError_t status = enter("cudaMalloc")) return status;
  return fake::take(out, bytes, &Alive::device);
}
cudaError_t cudaFree(void* memory) { return fake::drop(memory, &Alive::device), cudaSuccess; }
cudaError_t cudaHostAlloc(void** out, size_t bytes, unsigned) {
  if (const cudaError_t status = enter("cudaHostAlloc")) return status;
  return fake::take(out, bytes, &Alive::pinned);
}
cudaError_t cudaFreeHost(void* memory) { return fake::drop(memory, &Alive::pinned), cudaSuccess; }

// Only used on fresh memory, which is zero already: touching all of it would take most of the time.
cudaError_t cudaMemset(void*, int, size_t) { return enter("cudaMemset"); }
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t) {
  if (const cudaError_t status = enter("cudaMemsetAsync")) return status;
  return std::memset(to, value, bytes), cudaSuccess;
}
cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind) {
  if (const cudaError_t status = enter("cudaMemcpy")) return status;
  return std::memcpy(to, from, bytes), cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t) {
  if (const cudaError_t status = enter("cudaMemcpyAsync")) return status;
  return std::memcpy(to, from, bytes), cudaSuccess;
}
cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width, size_t height, cudaMemcpyKind, cudaStream_t) {
  if (const cudaError_t status = enter("cudaMemcpy2DAsync")) return status;
  for (size_t y = 0; y < height; y++) std::memcpy(static_cast<char*>(to) + y * to_pitch, static_cast<const char*>(from) + y * from_pitch, width);
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) { return fake::make("cudaStreamCreateWithFlags", stream, &Alive::streams); }
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned, int) { return fake::make("cudaStreamCreateWithPriority", stream, &Alive::streams); }
cudaError_t cudaStreamDestroy(cudaStream_t stream) { return fake::drop(stream, &Alive::streams), cudaSuccess; }
cudaError_t cudaStreamSynchronize(cudaStream_t) { return enter("cudaStreamSynchronize"); }
cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) { return enter("cudaStreamWaitEvent"); }
cudaError_t cudaEventCreate(cudaEvent_t* event) { return fake::make("cudaEventCreate", event, &Alive::events); }
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) { return fake::make("cudaEventCreateWithFlags", event, &Alive::events); }
cudaError_t cudaEventDestroy(cudaEvent_t event) { return fake::drop(event, &Alive::events), cudaSuccess; }
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) { return enter("cudaEventRecord"); }
cudaError_t cudaEventSynchronize(cudaEvent_t) { return enter("cudaEventSynchronize"); }
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t, cudaEvent_t) {
  *milliseconds = 0.001f;
  return enter("cudaEventElapsedTime");
}

cudaError_t cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode) { return enter("cudaStreamBeginCapture"); }
cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t* graph) { return fake::make("cudaStreamEndCapture", graph, &Alive::graphs); }
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t, unsigned long long) {
  return fake::make("cudaGraphInstantiate", executable, &Alive::graphs);
}
cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) { return enter("cudaGraphUpload"); }
cudaError_t cudaGraphLaunch(cudaGraphExec_t, cudaStream_t) { return enter("cudaGraphLaunch"); }
cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return fake::drop(graph, &Alive::graphs), cudaSuccess; }
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) { return fake::drop(executable, &Alive::graphs), cudaSuccess; }

cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int) { return enter("cudaFuncSetAttribute"); }
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void*) {
  *attributes = {};
  attributes->ptxVersion = attributes->binaryVersion = 90;
  return enter("cudaFuncGetAttributes");
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, const void*, int, size_t, unsigned) {
  *blocks = 2;
  return enter("cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags");
}
cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t*, const void*, void**) { return enter("cudaLaunchKernelExC"); }

// What nvcc's launches and its registration of kernels call.
unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream) {
  fake::grid = grid, fake::block = block, fake::shared_bytes = shared_bytes, fake::launch_stream = stream;
  return 0;
}
cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, size_t* shared_bytes, void* stream) {
  *grid = fake::grid, *block = fake::block, *shared_bytes = fake::shared_bytes;
  *static_cast<cudaStream_t*>(stream) = fake::launch_stream;
  return cudaSuccess;
}
cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* function) {
  *kernel = reinterpret_cast<cudaKernel_t>(const_cast<void*>(function));
  return cudaSuccess;
}
cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3, dim3, void**, size_t, cudaStream_t) {
  if (const cudaError_t status = enter("a kernel launch")) return status;
  fake::State& s = fake::state();
  const std::lock_guard lock(s.mutex);
  // The launch itself succeeds; the context is lost when the kernel runs.
  if (s.kernels[reinterpret_cast<const void*>(kernel)].find("trap_at_step") != std::string::npos) {
    s.fault.error = cudaErrorLaunchFailure;
    s.lost = true;
  }
  return cudaSuccess;
}
void** __cudaRegisterFatBinary(void*) {
  static void* registered = nullptr;
  return &registered;
}
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}
void __cudaRegisterFunction(void**, const char* function, char*, const char* name, int, uint3*, uint3*, dim3*, dim3*, int*) {
  fake::state().kernels[function] = name;
}
void __cudaRegisterVar(void**, char*, char*, const char*, int, size_t, int, int) {}

}  // extern "C"
