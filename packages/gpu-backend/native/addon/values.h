// JavaScript values in and out. Node-API is called from C++ without a wrapper of exceptions: every status is looked at, no C++
// exception reaches Node, and none can be made by an environment that is going away.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "fae.h"
#include "status.h"

namespace fae_addon {

// A Node-API call failed: a JavaScript exception is pending, or the environment is going away and takes no more calls.
struct NodeFailure {};
inline void require(napi_status status) {
  if (status != napi_ok) throw NodeFailure{};
}

// Makes JavaScript values. Throws NodeFailure.
class Values {
 public:
  explicit Values(napi_env env) : env(env) {}
  const napi_env env;

  napi_value undefined() const;
  napi_value number(double value) const;
  napi_value text(const std::string& value) const;
  napi_value object() const;
  void set(napi_value object, const char* name, napi_value value) const;
  // An Error with `status` and `details`, as src/native/failure.ts expects them.
  napi_value error(const fae_error& error) const;
  // Typed arrays. Throws FAE_OUT_OF_MEMORY when JavaScript cannot hold so many bytes.
  napi_value array(const std::vector<float>& values) const { return typed("Float32Array", values.data(), values.size(), sizeof(float)); }
  napi_value array(const std::vector<double>& values) const { return typed("Float64Array", values.data(), values.size(), sizeof(double)); }
  napi_value array(const std::vector<uint32_t>& values) const { return typed("Uint32Array", values.data(), values.size(), sizeof(uint32_t)); }
  napi_value array(const std::vector<uint8_t>& values) const { return typed("Uint8Array", values.data(), values.size(), 1); }

 private:
  napi_value typed(const char* type, const void* data, size_t count, size_t each) const;
};

// The arguments of a call, the one place where JavaScript values become C++ ones: everything is copied, and refused with
// FAE_CONFIG, naming it, when it is not of its type or not in its range. Throws Failure and NodeFailure.
class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info);
  const napi_env env;

  napi_value operator[](size_t i) const { return values_[i]; }
  napi_value member(napi_value object, const char* name) const;
  // Text without NUL: fae.h takes C strings.
  std::string text(napi_value value, const char* what) const;
  uint32_t word(napi_value value, const char* what) const { return static_cast<uint32_t>(whole(value, 0xffffffffu, what)); }
  uint64_t whole(napi_value value, uint64_t most, const char* what) const;
  double number(napi_value value, const char* what) const;
  bool is_absent(napi_value value) const;
  std::vector<uint32_t> words(napi_value value, const char* what) const;
  std::vector<float> floats(napi_value value, const char* what) const;
  std::vector<double> doubles(napi_value value, const char* what) const;
  // An array of Uint32Arrays.
  std::vector<std::vector<uint32_t>> lists_of_words(napi_value value, const char* what) const;

 private:
  napi_valuetype type_of(napi_value value) const;
  [[noreturn]] static void wrong(const char* what, const std::string& expected);
  template <class T>
  std::vector<T> copied(napi_value value, napi_typedarray_type type, const char* what, const char* expected) const;

  napi_value values_[6] = {};
};

// Throws the current exception as a JavaScript one; when that cannot be, the environment is going away.
void throw_current(napi_env env) noexcept;

// A function for JavaScript around `body`. Nothing is thrown through Node.
template <napi_value (*body)(const Arguments& arguments)>
napi_value callback(napi_env env, napi_callback_info info) noexcept {
  try {
    return body(Arguments(env, info));
  } catch (...) {
    throw_current(env);
    return nullptr;
  }
}

template <napi_value (*body)(const Arguments& arguments)>
void export_function(const Values& values, napi_value exports, const char* name) {
  napi_value function = nullptr;
  require(napi_create_function(values.env, name, NAPI_AUTO_LENGTH, callback<body>, nullptr, &function));
  values.set(exports, name, function);
}

}  // namespace fae_addon
