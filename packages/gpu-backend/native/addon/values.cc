#include "values.h"

#include <cmath>
#include <cstdio>

#include "pages.h"

namespace fae_addon {

using fae::fact;
using fae::fail;

namespace {
// From here on it is worth asking whether the bytes are there before they are taken.
constexpr uint64_t large = 64ull << 20;
}  // namespace

napi_value Values::undefined() const {
  napi_value made = nullptr;
  require(napi_get_undefined(env, &made));
  return made;
}

napi_value Values::number(double value) const {
  napi_value made = nullptr;
  require(napi_create_double(env, value, &made));
  return made;
}

napi_value Values::text(const std::string& value) const {
  napi_value made = nullptr;
  require(napi_create_string_utf8(env, value.data(), value.size(), &made));
  return made;
}

napi_value Values::object() const {
  napi_value made = nullptr;
  require(napi_create_object(env, &made));
  return made;
}

void Values::set(napi_value object, const char* name, napi_value value) const { require(napi_set_named_property(env, object, name, value)); }

napi_value Values::error(const fae_error& error) const {
  napi_value made = nullptr;
  require(napi_create_error(env, nullptr, text(error.message), &made));
  set(made, "status", number(error.status));
  set(made, "details", text(error.details));
  return made;
}

// Made by JavaScript's own constructor, which throws what Node-API would end the process with.
napi_value Values::typed(const char* type, const void* data, size_t count, size_t each) const {
  napi_value global = nullptr, constructor = nullptr, array = nullptr;
  const napi_value length = number(static_cast<double>(count));
  require(napi_get_global(env, &global));
  require(napi_get_named_property(env, global, type, &constructor));
  if (napi_new_instance(env, constructor, 1, &length, &array) != napi_ok) {
    bool is_pending = false;
    napi_value thrown = nullptr;
    require(napi_is_exception_pending(env, &is_pending));
    if (!is_pending) throw NodeFailure{};
    require(napi_get_and_clear_last_exception(env, &thrown));
    fail(FAE_OUT_OF_MEMORY, "JavaScript cannot hold the " + std::to_string(count * each) + " bytes of the result in one array. Read fewer rows at a time.",
         {fact("needBytes", static_cast<uint64_t>(count * each))});
  }
  void* to = nullptr;
  size_t made = 0;
  bool is_typed = false;
  require(napi_is_typedarray(env, array, &is_typed));
  if (!is_typed) throw NodeFailure{};
  napi_typedarray_type kind;
  require(napi_get_typedarray_info(env, array, &kind, &made, &to, nullptr, nullptr));
  // A replaced constructor gives anything.
  const size_t made_each = kind == napi_float64_array ? 8 : kind == napi_float32_array || kind == napi_uint32_array ? 4 : 1;
  if (made != count || made_each != each) throw NodeFailure{};
  if (count > 0) std::memcpy(to, data, count * each);
  return array;
}

Arguments::Arguments(napi_env env, napi_callback_info info) : env(env) {
  size_t count = sizeof values_ / sizeof *values_;
  require(napi_get_cb_info(env, info, &count, values_, nullptr, nullptr));
}

void Arguments::wrong(const char* what, const std::string& expected) {
  fail(FAE_CONFIG, std::string("'") + what + "' must be " + expected + ".", {fact("option", what), fact("expected", expected)});
}

napi_valuetype Arguments::type_of(napi_value value) const {
  napi_valuetype type;
  require(napi_typeof(env, value, &type));
  return type;
}

napi_value Arguments::member(napi_value object, const char* name) const {
  if (type_of(object) != napi_object) wrong(name, "a member of an object");
  napi_value value = nullptr;
  require(napi_get_named_property(env, object, name, &value));
  return value;
}

std::string Arguments::text(napi_value value, const char* what) const {
  if (type_of(value) != napi_string) wrong(what, "a string");
  size_t length = 0;
  require(napi_get_value_string_utf8(env, value, nullptr, 0, &length));
  std::string text(length, '\0');
  require(napi_get_value_string_utf8(env, value, text.data(), length + 1, &length));
  if (text.find('\0') != std::string::npos) wrong(what, "text without NUL");
  return text;
}

double Arguments::number(napi_value value, const char* what) const {
  if (type_of(value) != napi_number) wrong(what, "a number");
  double number = 0;
  require(napi_get_value_double(env, value, &number));
  return number;
}

uint64_t Arguments::whole(napi_value value, uint64_t most, const char* what) const {
  const double found = number(value, what);
  if (!(found >= 0 && found <= static_cast<double>(most)) || found != std::floor(found)) {
    char shown[40];
    std::snprintf(shown, sizeof shown, "%.17g", found);
    wrong(what, "an integer from 0 to " + std::to_string(most) + ", found " + shown);
  }
  return static_cast<uint64_t>(found);
}

bool Arguments::is_absent(napi_value value) const {
  const napi_valuetype type = type_of(value);
  return type == napi_null || type == napi_undefined;
}

template <class T>
std::vector<T> Arguments::copied(napi_value value, napi_typedarray_type type, const char* what, const char* expected) const {
  bool is_typed = false;
  require(napi_is_typedarray(env, value, &is_typed));
  napi_typedarray_type found = napi_int8_array;
  size_t count = 0;
  void* data = nullptr;
  if (is_typed) require(napi_get_typedarray_info(env, value, &found, &count, &data, nullptr, nullptr));
  if (!is_typed || found != type) wrong(what, expected);
  const T* from = static_cast<const T*>(data);
  if (count * sizeof(T) >= large) fae::require_host_bytes(count * sizeof(T), std::string("the copy of '") + what + "'", "Write fewer rows at a time, or use a smaller source.");
  return std::vector<T>(from, from + count);
}

std::vector<uint32_t> Arguments::words(napi_value value, const char* what) const {
  return copied<uint32_t>(value, napi_uint32_array, what, "a Uint32Array");
}

std::vector<float> Arguments::floats(napi_value value, const char* what) const {
  return copied<float>(value, napi_float32_array, what, "a Float32Array");
}

std::vector<double> Arguments::doubles(napi_value value, const char* what) const {
  return copied<double>(value, napi_float64_array, what, "a Float64Array");
}

std::vector<std::vector<uint32_t>> Arguments::lists_of_words(napi_value value, const char* what) const {
  bool is_array = false;
  require(napi_is_array(env, value, &is_array));
  if (!is_array) wrong(what, "an array of Uint32Arrays");
  uint32_t count = 0;
  require(napi_get_array_length(env, value, &count));
  std::vector<std::vector<uint32_t>> lists;
  for (uint32_t i = 0; i < count; i++) {
    napi_value list = nullptr;
    require(napi_get_element(env, value, i, &list));
    lists.push_back(words(list, what));
  }
  return lists;
}

void throw_current(napi_env env) noexcept {
  fae_error error = {};
  try {
    throw;
  } catch (const NodeFailure&) {
    bool is_pending = false;
    if (napi_is_exception_pending(env, &is_pending) != napi_ok || is_pending) return;
    fae::fill_error(&error, FAE_ENGINE, "Node refused a call of the native engine: the thread is ending.", "");
  } catch (...) {
    fae::fill_current(&error);
  }
  try {
    napi_throw(env, Values(env).error(error));
  } catch (...) {
    // Node takes no more calls: there is nobody left to tell.
  }
}

}  // namespace fae_addon
