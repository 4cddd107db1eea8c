#include "regular_file.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "status.h"

namespace fae {

RegularFile::RegularFile(const std::string& path, const std::string& fix)
    // Without waiting: a pipe would keep the thread until somebody writes to it.
    : file_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (file_ < 0) fail(FAE_DATA, "Cannot open '" + path + "': " + system_error(errno) + ". " + fix, {fact("path", path)});
  struct stat info = {};
  const int code = fstat(file_, &info) == 0 ? 0 : errno;
  if (code == 0 && S_ISREG(info.st_mode)) {
    bytes_ = static_cast<uint64_t>(info.st_size);
    return;
  }
  close(file_);
  const std::string why = code ? system_error(code) : "pipes, devices and folders cannot be mapped";
  fail(FAE_DATA, "'" + path + "' is not a regular file: " + why + ". " + fix, {fact("path", path)});
}

RegularFile::~RegularFile() { close(file_); }

}  // namespace fae
