// The exception type used inside an engine and its way out through the C ABI. Nothing else may cross fae.h.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <new>
#include <string>
#include <utility>

#include "fae.h"

namespace fae {

// Thrown on purpose: `message` says what failed with which values, then the fix; `details` is a JSON object or "".
struct Failure {
  fae_status status;
  std::string message;
  std::string details;
};

// One typed fact of a failure: `json` is a JSON value already.
struct Fact {
  const char* name;
  std::string json;
};

std::string json_string(const std::string& text);
inline Fact fact(const char* name, const std::string& text) { return {name, json_string(text)}; }
inline Fact fact(const char* name, const char* text) { return {name, json_string(text)}; }
inline Fact fact(const char* name, uint64_t n) { return {name, std::to_string(n)}; }
inline Fact fact(const char* name, uint32_t n) { return {name, std::to_string(n)}; }
inline Fact fact(const char* name, int64_t n) { return {name, std::to_string(n)}; }
inline Fact fact(const char* name, int32_t n) { return {name, std::to_string(n)}; }

[[noreturn]] void fail(fae_status status, std::string message, std::initializer_list<Fact> facts = {});

// errno as text, thread-safe.
std::string system_error(int code);

// Copies into the fixed buffers of `fae_error`, cut at a UTF-8 boundary.
void fill_error(fae_error* error, fae_status status, const std::string& message, const std::string& details);

// Inside a catch block: what is being thrown, as a Failure.
Failure current_failure();
// The same written to `error`, also where there is no memory for a message.
fae_status fill_current(fae_error* error) noexcept;

// Runs `body` and turns whatever it throws into a status.
template <class Body>
fae_status guarded(fae_error* error, Body&& body) noexcept {
  try {
    std::forward<Body>(body)();
    if (error) fill_error(error, FAE_OK, "", "");
    return FAE_OK;
  } catch (...) {
    return fill_current(error);
  }
}

}  // namespace fae
