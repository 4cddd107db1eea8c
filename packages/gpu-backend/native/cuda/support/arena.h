// All device memory of a session: reserved piece by piece, then allocated at once, so that "does it fit" is answered before
// the first byte is taken and nothing is allocated while training.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace fae::cuda {

class Arena;

// A piece of the arena; `get` is valid after `allocate`.
template <class T>
struct Buffer {
  const Arena* arena = nullptr;
  size_t offset = 0;
  size_t count = 0;
  T* get() const;
  explicit operator bool() const { return count != 0; }
};

class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  // `what` names the piece in the message when memory is short.
  template <class T>
  Buffer<T> reserve(size_t count, const char* what) {
    return {this, place(count * sizeof(T), what), count};
  }

  size_t bytes() const { return bytes_; }
  // One allocation, zeroed. Throws FAE_OUT_OF_MEMORY with the bytes needed, the bytes free and the largest pieces.
  void allocate();
  char* base() const { return base_; }

 private:
  size_t place(size_t bytes, const char* what);
  [[noreturn]] void refuse(size_t free, const char* why);

  size_t bytes_ = 0;
  char* base_ = nullptr;
  std::vector<std::pair<std::string, size_t>> pieces_;
};

template <class T>
T* Buffer<T>::get() const {
  return count == 0 ? nullptr : reinterpret_cast<T*>(arena->base() + offset);
}

// Page-locked host memory, freed with its owner.
class Pinned {
 public:
  Pinned() = default;
  explicit Pinned(size_t bytes);
  Pinned(Pinned&& other) noexcept : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Pinned& operator=(Pinned&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Pinned();
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace fae::cuda
