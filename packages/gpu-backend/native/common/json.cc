#include "json.h"

#include <charconv>
#include <cmath>

#include "status.h"

namespace fae {

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}

  Json whole() {
    Json value = read("job", 0);
    space();
    if (at_ != text_.size()) wrong("the end");
    return value;
  }

 private:
  [[noreturn]] void wrong(const char* expected) const {
    fail(FAE_CONFIG, "The job is not valid JSON: expected " + std::string(expected) + " at byte " + std::to_string(at_) + ".",
         {fact("byteOffset", static_cast<uint64_t>(at_))});
  }

  void space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) at_++;
  }

  bool take(char c) {
    space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    at_++;
    return true;
  }

  void word(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) wrong("a value");
    at_ += expected.size();
  }

  Json read(std::string path, int depth) {
    if (depth > 64) wrong("at most 64 levels");
    space();
    if (at_ >= text_.size()) wrong("a value");
    Json value;
    value.path_ = std::move(path);
    const char c = text_[at_];
    if (c == '{') {
      read_object(value, depth);
    } else if (c == '[') {
      read_array(value, depth);
    } else if (c == '"') {
      value.kind_ = Json::Kind::string;
      value.string_ = read_string();
    } else if (c == 't' || c == 'f') {
      value.kind_ = Json::Kind::boolean;
      value.boolean_ = c == 't';
      word(c == 't' ? "true" : "false");
    } else if (c == 'n') {
      word("null");
    } else {
      value.kind_ = Json::Kind::number;
      value.number_ = read_number();
    }
    return value;
  }

  void read_object(Json& value, int depth) {
    value.kind_ = Json::Kind::object;
    at_++;
    if (take('}')) return;
    do {
      space();
      if (at_ >= text_.size() || text_[at_] != '"') wrong("a member name");
      std::string name = read_string();
      if (!take(':')) wrong("':'");
      std::string path = value.path_ + "." + name;
      value.object_.emplace_back(std::move(name), read(std::move(path), depth + 1));
    } while (take(','));
    if (!take('}')) wrong("',' or '}'");
  }

  void read_array(Json& value, int depth) {
    value.kind_ = Json::Kind::array;
    at_++;
    if (take(']')) return;
    do {
      value.array_.push_back(read(value.path_ + "[" + std::to_string(value.array_.size()) + "]", depth + 1));
    } while (take(','));
    if (!take(']')) wrong("',' or ']'");
  }

  double read_number() {
    const char* begin = text_.data() + at_;
    const char* end = text_.data() + text_.size();
    double number = 0;
    const auto [stop, code] = std::from_chars(begin, end, number);
    const char first = *begin == '-' && begin + 1 < end ? begin[1] : *begin;
    if (code != std::errc() || first < '0' || first > '9') wrong("a number");
    at_ += static_cast<size_t>(stop - begin);
    return number;
  }

  uint32_t hex4() {
    uint32_t code = 0;
    if (at_ + 4 > text_.size()) wrong("four hex digits");
    const auto [stop, error] = std::from_chars(text_.data() + at_, text_.data() + at_ + 4, code, 16);
    if (error != std::errc() || stop != text_.data() + at_ + 4) wrong("four hex digits");
    at_ += 4;
    return code;
  }

  void append_utf8(std::string& out, uint32_t code) {
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += {static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 0x3f))};
    } else if (code < 0x10000) {
      out += {static_cast<char>(0xe0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 0x3f)), static_cast<char>(0x80 | (code & 0x3f))};
    } else {
      out += {static_cast<char>(0xf0 | code >> 18), static_cast<char>(0x80 | (code >> 12 & 0x3f)),
              static_cast<char>(0x80 | (code >> 6 & 0x3f)), static_cast<char>(0x80 | (code & 0x3f))};
    }
  }

  std::string read_string() {
    std::string out;
    at_++;
    for (;;) {
      if (at_ >= text_.size() || static_cast<unsigned char>(text_[at_]) < 0x20) wrong("'\"'");
      const char c = text_[at_++];
      if (c == '"') return out;
      if (c != '\\') {
        out += c;
        continue;
      }
      if (at_ >= text_.size()) wrong("an escape");
      static constexpr std::string_view escapes = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
      const char escape = text_[at_++];
      if (escape == 'u') {
        uint32_t code = hex4();
        if (code >= 0xd800 && code < 0xdc00 && text_.substr(at_, 2) == "\\u") {
          at_ += 2;
          const uint32_t low = hex4();
          if (low < 0xdc00 || low > 0xdfff) wrong("the second half of a surrogate pair");
          code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
        // Names and paths end at a NUL where they cross fae.h and where files are opened.
        if (code == 0 || (code >= 0xd800 && code <= 0xdfff)) wrong("text without NUL and unpaired surrogates");
        append_utf8(out, code);
      } else if (const size_t i = escapes.find(escape); i != std::string_view::npos) {
        out += meanings[i];
      } else {
        wrong("an escape");
      }
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

Json Json::parse(std::string_view text) { return JsonReader(text).whole(); }

void Json::wrong(const char* expected) const {
  fail(FAE_CONFIG, "The job is wrong at '" + path_ + "': expected " + expected + ".", {fact("option", path_)});
}

bool Json::boolean() const {
  if (kind_ != Kind::boolean) wrong("true or false");
  return boolean_;
}

double Json::number() const {
  if (kind_ != Kind::number) wrong("a number");
  return number_;
}

uint64_t Json::integer(uint64_t most) const {
  if (kind_ != Kind::number || !(number_ >= 0) || number_ > static_cast<double>(most) || number_ != std::floor(number_)) {
    const std::string found = kind_ == Kind::number ? ", found " + std::to_string(number_) : "";
    wrong(("an integer from 0 to " + std::to_string(most) + found).c_str());
  }
  return static_cast<uint64_t>(number_);
}

const std::string& Json::string() const {
  if (kind_ != Kind::string) wrong("a string");
  return string_;
}

const std::vector<Json>& Json::array() const {
  if (kind_ != Kind::array) wrong("an array");
  return array_;
}

const std::vector<std::pair<std::string, Json>>& Json::object() const {
  if (kind_ != Kind::object) wrong("an object");
  return object_;
}

const Json* Json::find(std::string_view name) const {
  for (const auto& [key, value] : object()) {
    if (key == name) return value.is_null() ? nullptr : &value;
  }
  return nullptr;
}

const Json& Json::at(std::string_view name) const {
  const Json* value = find(name);
  if (!value) wrong(("a member '" + std::string(name) + "'").c_str());
  return *value;
}

}  // namespace fae
