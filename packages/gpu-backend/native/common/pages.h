// Large aligned memory: anonymous on huge pages, or a mapped file; owned, and counted as host or device bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace fae {

class Pages {
 public:
  Pages() = default;
  // Zeroed anonymous memory; 2 MiB aligned with transparent huge pages from 2 MiB on. Throws FAE_OUT_OF_MEMORY.
  static Pages anonymous(uint64_t bytes, const std::string& purpose);
  // A new file of exactly `bytes`, its blocks reserved, removed at the end unless it is kept (`keep`). A page of it that is lost while
  // in use (file cut short, disk error) becomes zeros and is told by `is_broken`. Throws FAE_DATA, FAE_CONFIG when there is a file
  // already, or FAE_OUT_OF_MEMORY.
  static Pages mapped(const std::string& path, uint64_t bytes);
  ~Pages() { release(); }
  Pages(Pages&& other) noexcept { swap(other); }
  Pages& operator=(Pages&& other) noexcept {
    Pages taken(std::move(other));
    swap(taken);
    return *this;
  }

  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  uint64_t bytes() const { return bytes_; }
  // Whether a mapped file of this process has lost a page.
  static bool is_broken(const std::string& path);
  // Leaves a mapped file of this process in place when it is no longer used.
  static void keep(const std::string& path);

 private:
  struct MappedFile;

  void release();
  void swap(Pages& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(base_, other.base_);
    std::swap(reserved_, other.reserved_);
    std::swap(file_, other.file_);
  }

  void* data_ = nullptr;
  uint64_t bytes_ = 0;
  void* base_ = nullptr;
  uint64_t reserved_ = 0;
  std::shared_ptr<MappedFile> file_;
};

// Bytes that this process may still take: MemAvailable, and less where a cgroup (either version) limits it. 0 when unknown.
// `root`: where tests keep the files that say it.
uint64_t free_host_bytes(const std::string& root = "");
// Throws FAE_OUT_OF_MEMORY with both numbers when `bytes` do not fit. `fix`: what to do, when it is not a smaller model.
void require_host_bytes(uint64_t bytes, const std::string& purpose, const char* fix = nullptr);

// What a session reserves while it opens, against what was free when it began: pages are had when they are touched, so a
// reservation alone fails too late.
class HostBudget {
 public:
  // Throws FAE_OUT_OF_MEMORY when all that was taken does not fit together.
  void take(uint64_t bytes, const std::string& purpose);

 private:
  const uint64_t free_ = free_host_bytes();
  uint64_t taken_ = 0;
};

// "always", "madvise", "never" or "unknown".
std::string huge_page_mode();

}  // namespace fae
