// First values of a table's rows: drawn by original id, so data in popularity order start from the same weights.
#pragma once

#include <cstdint>
#include <optional>

#include "job.h"
#include "status.h"
#include "uniform_rows.h"

namespace fae {

class TableStart {
 public:
  // Maps the table's file of original ids when it has one. `draw`: rows of uniform draws many at a time; null: one by one.
  // Throws FAE_DATA (size), FAE_UNSUPPORTED (normal draws).
  TableStart(const Job& job, uint32_t table, DrawRows draw);
  ~TableStart();
  TableStart(const TableStart&) = delete;
  TableStart& operator=(const TableStart&) = delete;

  // Values of rows [first, first + count), `width` each. Thread-safe. Anonymous memory is zero already: `zeroed` skips zeros.
  void fill(uint32_t first, uint32_t count, float* out, bool zeroed) const;

  // Of rows [first, first + count); the ids themselves where no file tells others. Throws FAE_DATA. Thread-safe.
  void original_ids(uint32_t first, uint32_t count, uint32_t* out) const;

 private:
  const TableSpec& table_;
  const uint32_t width_, seed_, key_;
  const DrawRows draw_;
  const uint32_t* original_ = nullptr;
};

// Leaves the files of mapped tables in place: called when a session has opened. Files of one that could not open are removed.
void keep_mapped_tables(const Job& job);

// What is wrong with the session's mapped tables, if a page of them was lost: nothing computed since then counts.
std::optional<Failure> broken_table(const Job& job);

}  // namespace fae
