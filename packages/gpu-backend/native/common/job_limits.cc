#include "job_limits.h"

#include <algorithm>
#include <string>

#include "status.h"

namespace fae {

void check_size(const char* what, const std::string& name, uint64_t found, uint64_t limit) {
  if (found <= limit) return;
  fail(FAE_CONFIG, std::string(what) + (name.empty() ? "" : " '" + name + "'") + " is too large: " + (found == ~0ull ? "more than 2^64" : std::to_string(found)) +
                       ", at most " + std::to_string(limit) + ". Use a smaller model or batch.",
       {fact("option", what), fact("expected", limit)});
}

namespace {

void check_plan(const Job& job) {
  const auto in_range = [](const char* name, uint32_t found, uint32_t least, uint32_t most) {
    if (found >= least && found <= most) return;
    fail(FAE_CONFIG, std::string(name) + " must be in " + std::to_string(least) + ".." + std::to_string(most) + ", found " + std::to_string(found) +
                         ". Let a strategy make the plan.",
         {fact("option", name), fact("found", found)});
  };
  // The ranges of `planRanges` (core/src/residency.ts).
  in_range("devices", job.devices, 0, 1024);
  if (job.regime == Regime::split) in_range("lookAhead", job.look_ahead, 0, 4);
  if (job.regime == Regime::server) {
    in_range("servers", job.servers, 1, 1024);
    in_range("staleness", job.staleness, 0, 1024);
  }
  in_range("threads", job.threads, 0, 1024);
}

}  // namespace

void check_limits(const Job& job) {
  check_plan(job);
  check_size("The batch", "", job.batch, largest_size);
  // Places of ids among the words of a batch are counted in 32 bits.
  check_size("The number of words of a batch", "", product(job.batch, job.stride_words), 0xffffffff);
  check_size("The number of row values of a batch", "", product(product(job.batch, job.stride_words), job.width), largest_array);
  for (const TableSpec& table : job.tables) {
    const uint64_t columns = std::max<uint64_t>(job.width, job.optimizer.row_state_width(1) * static_cast<uint64_t>(job.width));
    check_size("The number of values of table", table.name, product(table.rows, columns), largest_array);
  }
  for (const ValueSpec& value : job.values) {
    // Only dense features may be none: engines divide by the other sizes.
    if (value.elements == 0 && &value != &job.values[dense_value]) {
      fail(FAE_CONFIG, "Value '" + value.name + "' of the program has no elements. Give every axis at least 1.", {fact("name", value.name)});
    }
    check_size("The size of value", value.name, value.elements, largest_size);
    check_size("The size over a batch of value", value.name, product(job.batch, value.elements), largest_array);
  }
  uint64_t total = 0;
  for (const ParamSpec& param : job.params) check_size("The number of parameters", "", total += param.elements, largest_array);
}

}  // namespace fae
