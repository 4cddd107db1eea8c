#include "support/arena.h"

#include <algorithm>

#include "status.h"
#include "support/check.h"

namespace fae::cuda {

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

void Arena::allocate() {
  size_t free = 0, total = 0;
  FAE_CUDA(cudaMemGetInfo(&free, &total));
  // Room for graphs and the libraries' own buffers.
  constexpr size_t reserve = 256ull << 20;
  if (bytes_ + reserve > free) {
    std::sort(pieces_.begin(), pieces_.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    std::string largest;
    for (size_t i = 0; i < pieces_.size() && i < 4; i++) {
      largest += (i ? ", " : "") + pieces_[i].first + " " + std::to_string(pieces_[i].second >> 20) + " MiB";
    }
    fail(FAE_OUT_OF_MEMORY,
         "The session needs " + std::to_string((bytes_ + reserve) >> 20) + " MiB of GPU memory, " + std::to_string(free >> 20) +
             " MiB are free. Largest: " + largest + ". Use a smaller budget or batch, or a route that keeps tables on the host.",
         {fact("needBytes", static_cast<uint64_t>(bytes_ + reserve)), fact("freeBytes", static_cast<uint64_t>(free))});
  }
  FAE_CUDA(cudaMalloc(reinterpret_cast<void**>(&base_), std::max<size_t>(bytes_, 512)));
  FAE_CUDA(cudaMemset(base_, 0, std::max<size_t>(bytes_, 512)));
}

Pinned::Pinned(size_t bytes) : bytes_(bytes) {
  if (bytes) FAE_CUDA(cudaHostAlloc(&data_, bytes, cudaHostAllocDefault));
}

Pinned::~Pinned() {
  if (data_) cudaFreeHost(data_);
}

}  // namespace fae::cuda
