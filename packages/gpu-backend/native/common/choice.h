// Names in a job: one of an enumeration, or one of the entries that an engine lists.
#pragma once

#include <string>

#include "json.h"
#include "status.h"

namespace fae {

[[noreturn]] inline void unknown_name(const char* what, const std::string& found, const std::string& known) {
  fail(FAE_CONFIG, std::string("Unknown ") + what + " '" + found + "'. Known: " + known + ".", {fact("found", found)});
}

// The enumerator whose name stands at its place of `names`. Throws FAE_CONFIG with the names that there are.
template <class E, size_t N>
E choice(const Json& json, const char* const (&names)[N], const char* what) {
  std::string known;
  for (size_t i = 0; i < N; i++) {
    if (json.string() == names[i]) return static_cast<E>(i);
    known += (i ? ", " : "") + std::string(names[i]);
  }
  unknown_name(what, json.string(), known);
}

// The entry of a list whose member `name` is the given one. Throws FAE_CONFIG with the names that there are.
template <class Entry, size_t N>
const Entry& named(const Entry* const (&entries)[N], const std::string& name, const char* what) {
  std::string known;
  for (const Entry* entry : entries) {
    if (name == entry->name) return *entry;
    known += (known.empty() ? "" : ", ") + std::string(entry->name);
  }
  unknown_name(what, name, known);
}

}  // namespace fae
