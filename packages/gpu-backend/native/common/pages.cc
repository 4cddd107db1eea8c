#include "pages.h"

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <map>
#include <mutex>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mapped_read.h"
#include "status.h"

namespace fae {

namespace {

constexpr uint64_t huge = 2ull << 20;

uint64_t read_number(const std::string& path) {
  std::ifstream file(path);
  uint64_t n = 0;
  return file >> n ? n : 0;
}

// The number after `key` at the beginning of a line; 0 without one.
uint64_t number_after(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string word; file >> word; std::getline(file, word)) {
    uint64_t n = 0;
    if (word == key) return file >> n ? n : 0;
  }
  return 0;
}

std::string mebibytes(uint64_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; }

constexpr const char* smaller_model = "Use a smaller model or batch, or keep tables in a mapped file.";

[[noreturn]] void out_of_memory(uint64_t need, uint64_t available, const std::string& purpose, const char* fix = smaller_model) {
  fail(FAE_OUT_OF_MEMORY, "Host memory is too small: " + purpose + " needs " + mebibytes(need) + ", " + mebibytes(available) + " are free. " + fix,
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

// A file that was made for a mapping: its watch, and its place among the ones that can be asked for by path. It is removed
// again unless it is kept.
struct Pages::MappedFile {
  MappedFile(std::string path, int file) : path(std::move(path)), file(file) {}
  ~MappedFile() {
    {
      const std::lock_guard lock(mutex);
      const auto found = open_files.find(path);
      if (found != open_files.end() && found->second == this) open_files.erase(found);
    }
    unwatch_mapping(watch);
    if (!kept && is_at_path()) unlink(path.c_str());
    close(file);
  }
  void watch_range(const void* base, uint64_t bytes) {
    watch = watch_mapping(base, bytes);
    const std::lock_guard lock(mutex);
    open_files[path] = this;
  }
  // Whether the path still leads to the file that was made: somebody may have put another one there.
  bool is_at_path() const {
    struct stat made = {}, there = {};
    return fstat(file, &made) == 0 && lstat(path.c_str(), &there) == 0 && made.st_dev == there.st_dev && made.st_ino == there.st_ino;
  }

  const std::string path;
  const int file;
  int watch = -1;
  bool kept = false;

  static inline std::mutex mutex;
  static inline std::map<std::string, MappedFile*> open_files;
};

Pages Pages::mapped(const std::string& path, uint64_t bytes) {
  Pages pages;
  // Only a new file: what is there already may be anything, the rows of another session among them.
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0 && errno == EEXIST) {
    fail(FAE_CONFIG, "'" + path + "' exists already: a mapped table makes its file. Remove it, end the session that uses it, or name another.",
         {fact("path", path)});
  }
  if (file < 0) fail(FAE_DATA, "Cannot create '" + path + "': " + system_error(errno) + ". Check the path.", {fact("path", path)});
  const auto owner = std::make_shared<MappedFile>(path, file);
  // Reserving now turns a full disk into this error; later it would be a fatal signal in the middle of an update.
  const int code = bytes > 0 ? posix_fallocate(file, 0, static_cast<off_t>(bytes)) : 0;
  if (code != 0) {
    fail(FAE_OUT_OF_MEMORY, "Cannot reserve " + mebibytes(bytes) + " for '" + path + "': " + system_error(code) + ". Free disk space.",
         {fact("path", path), fact("needBytes", bytes)});
  }
  void* base = bytes == 0 ? nullptr : mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  const int map_code = errno;
  if (base == MAP_FAILED) fail(FAE_OUT_OF_MEMORY, "Cannot map '" + path + "': " + system_error(map_code) + ".", {fact("path", path)});
  if (base) {
    madvise(base, bytes, MADV_RANDOM);
    owner->watch_range(base, bytes);
  }
  pages.data_ = pages.base_ = base;
  pages.bytes_ = pages.reserved_ = bytes;
  pages.file_ = owner;
  return pages;
}

void Pages::release() {
  if (base_) munmap(base_, reserved_);
  file_.reset();
  base_ = data_ = nullptr;
  bytes_ = reserved_ = 0;
}

bool Pages::is_broken(const std::string& path) {
  const std::lock_guard lock(MappedFile::mutex);
  const auto found = MappedFile::open_files.find(path);
  return found != MappedFile::open_files.end() && mapping_broken(found->second->watch);
}

void Pages::keep(const std::string& path) {
  const std::lock_guard lock(MappedFile::mutex);
  const auto found = MappedFile::open_files.find(path);
  if (found != MappedFile::open_files.end()) found->second->kept = true;
}

uint64_t free_host_bytes(const std::string& root) {
  uint64_t available = number_after(root + "/proc/meminfo", "MemAvailable:") << 10;
  const auto limit_by = [&](const std::string& limit_file, const std::string& used_file, const std::string& stat, const std::string& prefix) {
    const uint64_t limit = read_number(root + limit_file);
    if (limit == 0) return;
    // The page cache counts as used, and gives way to whoever needs memory.
    const uint64_t cache = number_after(root + stat, prefix + "inactive_file") + number_after(root + stat, prefix + "active_file");
    const uint64_t used = read_number(root + used_file), held = used > cache ? used - cache : 0;
    const uint64_t left = held < limit ? limit - held : 0;
    if (available == 0 || left < available) available = left;
  };
  const std::string v2 = "/sys/fs/cgroup", v1 = "/sys/fs/cgroup/memory";
  limit_by(v2 + "/memory.max", v2 + "/memory.current", v2 + "/memory.stat", "");
  limit_by(v1 + "/memory.limit_in_bytes", v1 + "/memory.usage_in_bytes", v1 + "/memory.stat", "total_");
  return available;
}

void require_host_bytes(uint64_t bytes, const std::string& purpose, const char* fix) {
  const uint64_t available = free_host_bytes();
  if (available > 0 && bytes > available) out_of_memory(bytes, available, purpose, fix ? fix : smaller_model);
}

void HostBudget::take(uint64_t bytes, const std::string& purpose) {
  taken_ += bytes;
  if (free_ > 0 && taken_ > free_) out_of_memory(taken_, free_, "the session, up to " + purpose + ",");
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
