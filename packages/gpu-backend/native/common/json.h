// A strict JSON reader for the job: whole text, no comments, no trailing commas, numbers as double.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fae {

class Json {
 public:
  enum class Kind { null, boolean, number, string, array, object };

  // Throws FAE_CONFIG with the byte offset of the first mistake.
  static Json parse(std::string_view text);

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::null; }

  // Each throws FAE_CONFIG, naming this value's path, when the kind or range is wrong.
  bool boolean() const;
  double number() const;
  uint64_t integer(uint64_t most = 1ull << 53) const;
  uint32_t u32() const { return static_cast<uint32_t>(integer(0xffffffffull)); }
  const std::string& string() const;
  const std::vector<Json>& array() const;
  const std::vector<std::pair<std::string, Json>>& object() const;

  // Member of an object; `at` throws when it is absent, `find` gives nullptr (also for null).
  const Json& at(std::string_view name) const;
  const Json* find(std::string_view name) const;

 private:
  friend class JsonReader;
  [[noreturn]] void wrong(const char* expected) const;

  Kind kind_ = Kind::null;
  bool boolean_ = false;
  double number_ = 0;
  std::string string_;
  std::vector<Json> array_;
  std::vector<std::pair<std::string, Json>> object_;
  std::string path_;
};

}  // namespace fae
