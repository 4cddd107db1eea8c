#include "pages.h"

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <sys/mman.h>
#include <unistd.h>

#include "status.h"

namespace fae {

namespace {

constexpr uint64_t huge = 2ull << 20;

uint64_t read_number(const char* path) {
  std::ifstream file(path);
  uint64_t n = 0;
  return file >> n ? n : 0;
}

std::string mebibytes(uint64_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; }

[[noreturn]] void out_of_memory(uint64_t need, uint64_t available, const std::string& purpose) {
  fail(FAE_OUT_OF_MEMORY, "Host memory is too small: " + purpose + " needs " + mebibytes(need) + ", " + mebibytes(available) +
                              " are free. Use a smaller model or keep tables in a mapped file.",
       {fact("needBytes", need), fact("freeBytes", available)});
}

}  // namespace

Pages Pages::anonymous(uint64_t bytes, const std::string& purpose) {
  Pages pages;
  pages.bytes_ = bytes;
  if (bytes == 0) return pages;
  const bool large = bytes >= huge;
  pages.reserved_ = large ? bytes + huge : (bytes + 4095) / 4096 * 4096;
  void* base = mmap(nullptr, pages.reserved_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) {
    pages.reserved_ = 0;
    out_of_memory(bytes, free_host_bytes(), purpose);
  }
  pages.base_ = base;
  const uint64_t address = reinterpret_cast<uint64_t>(base);
  pages.data_ = large ? reinterpret_cast<void*>((address + huge - 1) / huge * huge) : base;
  // Random rows miss the TLB on 4 KiB pages; refusal (mode "never") only costs speed.
  if (large) madvise(pages.data_, bytes, MADV_HUGEPAGE);
  return pages;
}

Pages Pages::mapped(const std::string& path, uint64_t bytes) {
  Pages pages;
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) fail(FAE_DATA, "Cannot create '" + path + "': " + system_error(errno) + ". Check the path.", {fact("path", path)});
  // Reserving now turns a full disk into this error; later it would be a fatal signal in the middle of an update.
  const int code = bytes == 0 ? 0 : posix_fallocate(file, 0, static_cast<off_t>(bytes));
  if (code != 0) {
    close(file);
    unlink(path.c_str());
    fail(FAE_OUT_OF_MEMORY, "Cannot reserve " + mebibytes(bytes) + " for '" + path + "': " + system_error(code) + ". Free disk space.",
         {fact("path", path), fact("needBytes", bytes)});
  }
  void* base = bytes == 0 ? nullptr : mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  const int map_code = errno;
  close(file);
  if (base == MAP_FAILED) fail(FAE_OUT_OF_MEMORY, "Cannot map '" + path + "': " + system_error(map_code) + ".", {fact("path", path)});
  if (base) madvise(base, bytes, MADV_RANDOM);
  pages.data_ = pages.base_ = base;
  pages.bytes_ = pages.reserved_ = bytes;
  return pages;
}

void Pages::release() {
  if (base_) munmap(base_, reserved_);
  base_ = data_ = nullptr;
  bytes_ = reserved_ = 0;
}

uint64_t free_host_bytes() {
  uint64_t available = 0;
  std::ifstream file("/proc/meminfo");
  for (std::string key, unit; file >> key;) {
    if (key == "MemAvailable:") {
      file >> available;
      available <<= 10;
      break;
    }
    std::getline(file, unit);
  }
  const uint64_t limit = read_number("/sys/fs/cgroup/memory.max");
  if (limit > 0) {
    const uint64_t used = read_number("/sys/fs/cgroup/memory.current");
    const uint64_t left = used < limit ? limit - used : 0;
    if (available == 0 || left < available) available = left;
  }
  return available;
}

void require_host_bytes(uint64_t bytes, const std::string& purpose) {
  const uint64_t available = free_host_bytes();
  if (available > 0 && bytes > available) out_of_memory(bytes, available, purpose);
}

std::string huge_page_mode() {
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string word;
  while (file >> word) {
    if (word.front() == '[' && word.back() == ']') return word.substr(1, word.size() - 2);
  }
  return "unknown";
}

}  // namespace fae
