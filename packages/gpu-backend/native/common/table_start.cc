#include "table_start.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>

#include <numeric>
#include <vector>

#include "mapped_read.h"
#include "pages.h"
#include "random.h"
#include "regular_file.h"

namespace fae {

TableStart::TableStart(const Job& job, uint32_t table, DrawRows draw)
    : table_(job.tables[table]), width_(job.width), seed_(job.seed), key_(name_key(table_.name)), draw_(job.width % 4 == 0 ? draw : nullptr) {
  if (table_.init.kind == InitSpec::Kind::normal) {
    fail(FAE_UNSUPPORTED, "Table '" + table_.name + "' starts with normal draws, which native engines do not make. Write its rows after open.",
         {fact("table", table_.name)});
  }
  const std::string& path = table_.original_ids_path;
  if (path.empty()) return;
  const RegularFile file(path, "It should hold the original ids of table '" + table_.name + "': pack the data set again.");
  const uint64_t expected = static_cast<uint64_t>(table_.rows) * 4;
  if (file.bytes() != expected) {
    fail(FAE_DATA, "The original ids of table '" + table_.name + "' at '" + path + "' have " + std::to_string(file.bytes()) + " bytes, expected " +
                       std::to_string(expected) + ". Pack the data set again.",
         {fact("path", path), fact("table", table_.name), fact("found", file.bytes()), fact("expected", expected)});
  }
  void* mapped = expected > 0 ? mmap(nullptr, expected, PROT_READ, MAP_PRIVATE, file.descriptor(), 0) : nullptr;
  const int code = errno;
  if (mapped == MAP_FAILED) fail(FAE_DATA, "Cannot map '" + path + "': " + system_error(code) + ".", {fact("path", path)});
  original_ = static_cast<const uint32_t*>(mapped);
}

TableStart::~TableStart() {
  if (original_) munmap(const_cast<uint32_t*>(original_), static_cast<size_t>(table_.rows) * 4);
}

void TableStart::fill(uint32_t first, uint32_t count, float* out, bool zeroed) const {
  if (table_.init.kind == InitSpec::Kind::zeros) {
    if (!zeroed) std::memset(out, 0, static_cast<size_t>(count) * width_ * sizeof(float));
    return;
  }
  std::vector<uint32_t> original(original_ ? count : 0);
  if (original_) original_ids(first, count, original.data());
  if (draw_) return draw_({out, width_, count, first, original_ ? original.data() : nullptr, seed_, stream_table, key_, table_.init.scale});
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t row = original_ ? original[i] : first + i;
    uniform_row(out + static_cast<size_t>(i) * width_, width_, seed_, key_, row, table_.init.scale);
  }
}

void TableStart::original_ids(uint32_t first, uint32_t count, uint32_t* out) const {
  if (!original_) return std::iota(out, out + count, first);
  if (mapped_read([&] { std::memcpy(out, original_ + first, count * sizeof(uint32_t)); })) return;
  fail(FAE_DATA, "Cannot read the original ids of table '" + table_.name + "' at '" + table_.original_ids_path +
                     "': the disk failed or the file was cut short while it was in use. Check the disk, pack the data set again.",
       {fact("path", table_.original_ids_path), fact("table", table_.name)});
}

namespace {
// The files of a table that is mapped: its rows and their optimizer state.
std::vector<std::string> mapped_files(const Job& job, const TableSpec& table) {
  if (table.mapped_path.empty()) return {};
  std::vector<std::string> paths = {table.mapped_path};
  for (const SlotSpec& slot : job.optimizer.row_slots) paths.push_back(table.mapped_path + "." + slot.name);
  return paths;
}
}  // namespace

void keep_mapped_tables(const Job& job) {
  for (const TableSpec& table : job.tables) {
    for (const std::string& path : mapped_files(job, table)) Pages::keep(path);
  }
}

std::optional<Failure> broken_table(const Job& job) {
  for (const TableSpec& table : job.tables) {
    for (const std::string& path : mapped_files(job, table)) {
      if (!Pages::is_broken(path)) continue;
      return Failure{FAE_DATA,
                     "Rows of table '" + table.name + "' are lost: '" + path +
                         "' was cut short while it was in use, or its disk failed. Check the disk, go on from the last checkpoint.",
                     "{\"path\":" + json_string(path) + ",\"table\":" + json_string(table.name) + "}"};
    }
  }
  return std::nullopt;
}

}  // namespace fae
