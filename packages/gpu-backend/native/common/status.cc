#include "status.h"

#include <cerrno>
#include <stdexcept>

#include "pages.h"

namespace fae {

std::string json_string(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", c);
      out += escaped;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

void fail(fae_status status, std::string message, std::initializer_list<Fact> facts) {
  std::string details;
  for (const Fact& f : facts) details += (details.empty() ? "{" : ",") + json_string(f.name) + ":" + f.json;
  if (!details.empty()) details += "}";
  throw Failure{status, std::move(message), std::move(details)};
}

namespace {
Failure no_memory() {
  const uint64_t free = free_host_bytes();
  return {FAE_OUT_OF_MEMORY,
          "Host memory could not be had; " + std::to_string(free) + " bytes of the machine are free, and limits of this process (ulimit -v) may be lower. " +
              "Use a smaller batch, fewer rows at a time, or mapped tables.",
          "{\"freeBytes\":" + std::to_string(free) + "}"};
}
}  // namespace

Failure current_failure() {
  try {
    throw;
  } catch (const Failure& failure) {
    return failure;
  } catch (const std::bad_alloc&) {
    return no_memory();
  } catch (const std::length_error&) {
    return no_memory();
  } catch (const std::exception& unexpected) {
    return {FAE_ENGINE, std::string("Unexpected failure: ") + unexpected.what() + ".", ""};
  } catch (...) {
    return {FAE_ENGINE, "Unexpected failure of unknown kind.", ""};
  }
}

std::string system_error(int code) {
  char buffer[256] = "";
#if defined(__GLIBC__) && defined(_GNU_SOURCE)
  return strerror_r(code, buffer, sizeof buffer);
#else
  return strerror_r(code, buffer, sizeof buffer) == 0 ? buffer : "error " + std::to_string(code);
#endif
}

namespace {
void copy_text(char* to, size_t capacity, const std::string& text) {
  size_t length = text.size() < capacity ? text.size() : capacity - 1;
  // A cut inside a UTF-8 sequence would make the text invalid: step back to its first byte.
  while (length < text.size() && length > 0 && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80) length--;
  std::memcpy(to, text.data(), length);
  to[length] = 0;
}
}  // namespace

fae_status fill_current(fae_error* error) noexcept {
  try {
    const Failure failure = current_failure();
    fill_error(error, failure.status, failure.message, failure.details);
    return failure.status;
  } catch (...) {
    if (error) {
      error->status = FAE_OUT_OF_MEMORY;
      std::snprintf(error->message, sizeof error->message, "Host memory ran out: not even a message could be made. Use a smaller batch or mapped tables.");
      error->details[0] = 0;
    }
    return FAE_OUT_OF_MEMORY;
  }
}

void fill_error(fae_error* error, fae_status status, const std::string& message, const std::string& details) {
  if (!error) return;
  error->status = status;
  copy_text(error->message, sizeof error->message, message);
  // Cut JSON cannot be parsed: details that do not fit are left out.
  copy_text(error->details, sizeof error->details, details.size() < sizeof error->details ? details : "");
}

}  // namespace fae
