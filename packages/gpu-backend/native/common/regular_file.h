// Files that are mapped: opened without waiting, and refused unless they are regular.
#pragma once

#include <cstdint>
#include <string>

namespace fae {

// An open file, closed with its owner.
class RegularFile {
 public:
  // `fix` says whose file it is and what to do. Throws FAE_DATA.
  RegularFile(const std::string& path, const std::string& fix);
  ~RegularFile();
  RegularFile(const RegularFile&) = delete;
  RegularFile& operator=(const RegularFile&) = delete;

  int descriptor() const { return file_; }
  uint64_t bytes() const { return bytes_; }

 private:
  int file_;
  uint64_t bytes_ = 0;
};

}  // namespace fae
