#include "support/arena.h"

#include <algorithm>

#include "pages.h"
#include "status.h"
#include "support/check.h"

namespace fae::cuda {

namespace {
// Room for graphs and the libraries' own buffers.
constexpr size_t reserve_bytes = 256ull << 20;
}  // namespace

Arena::~Arena() {
  if (base_) cudaFree(base_);
}

size_t Arena::place(size_t bytes, const char* what) {
  constexpr size_t alignment = 512;
  const size_t offset = bytes_;
  bytes_ += (bytes + alignment - 1) / alignment * alignment;
  for (auto& [name, total] : pieces_) {
    if (name == what) {
      total += bytes;
      return offset;
    }
  }
  pieces_.emplace_back(what, bytes);
  return offset;
}

void Arena::refuse(size_t free, const char* why) {
  std::sort(pieces_.begin(), pieces_.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string largest;
  for (size_t i = 0; i < pieces_.size() && i < 4; i++) {
    largest += (i ? ", " : "") + pieces_[i].first + " " + std::to_string(pieces_[i].second >> 20) + " MiB";
  }
  fail(FAE_OUT_OF_MEMORY,
       "The session needs " + std::to_string((bytes_ + reserve_bytes) >> 20) + " MiB of GPU memory, " + std::to_string(free >> 20) + " MiB are free" + why +
           ". Largest: " + largest + ". Use a smaller budget or batch, or a route that keeps tables on the host.",
       {fact("needBytes", static_cast<uint64_t>(bytes_ + reserve_bytes)), fact("freeBytes", static_cast<uint64_t>(free))});
}

void Arena::allocate() {
  size_t free = 0, total = 0;
  FAE_CUDA(cudaMemGetInfo(&free, &total));
  if (bytes_ + reserve_bytes > free) refuse(free, "");
  const size_t bytes = std::max<size_t>(bytes_, 512);
  const cudaError_t status = cudaMalloc(reinterpret_cast<void**>(&base_), bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    FAE_CUDA(cudaMemGetInfo(&free, &total));
    refuse(free, " and could not be taken (cudaErrorMemoryAllocation): another program is taking memory of this GPU");
  }
  check(status, "cudaMalloc");
  FAE_CUDA(cudaMemset(base_, 0, bytes));
}

Pinned::Pinned(size_t bytes) : bytes_(bytes) {
  if (bytes) require_host_bytes(bytes, "page-locked memory");
  if (bytes) FAE_CUDA(cudaHostAlloc(&data_, bytes, cudaHostAllocDefault));
}

Pinned::~Pinned() {
  if (data_) cudaFreeHost(data_);
}

}  // namespace fae::cuda
