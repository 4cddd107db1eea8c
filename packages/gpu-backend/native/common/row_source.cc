#include "row_source.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <sys/mman.h>

#include "mapped_read.h"
#include "random.h"
#include "regular_file.h"
#include "status.h"

namespace fae {

namespace {

// The exponent of a float32 that is NaN or infinite.
constexpr uint32_t not_finite = 0x7f800000;

// Maps a whole file read-only after checking that it holds exactly `expected` bytes.
const uint32_t* map_file(const SourceSpec& spec, uint64_t expected, uint32_t stride_bytes) {
  const RegularFile file(spec.path, "Check the path of source '" + spec.name + "'.");
  if (file.bytes() != expected) {
    fail(FAE_DATA, "'" + spec.path + "' has " + std::to_string(file.bytes()) + " bytes, expected " + std::to_string(expected) + " (" +
                       std::to_string(spec.rows) + " rows of " + std::to_string(stride_bytes) + "). Prepare the data set again.",
         {fact("path", spec.path), fact("found", file.bytes()), fact("expected", expected)});
  }
  void* mapped = expected == 0 ? nullptr : mmap(nullptr, expected, PROT_READ, MAP_SHARED, file.descriptor(), 0);
  const int code = errno;
  if (mapped == MAP_FAILED) fail(FAE_DATA, "Cannot map '" + spec.path + "': " + system_error(code) + ".", {fact("path", spec.path)});
  if (mapped && spec.shuffled) madvise(mapped, expected, MADV_RANDOM);
  return static_cast<const uint32_t*>(mapped);
}

}  // namespace

RowSource::RowSource(const Job& job, const SourceSpec& spec, const fae_words* memory) : job_(job), spec_(spec) {
  const uint64_t words = static_cast<uint64_t>(spec.rows) * job.stride_words;
  for (const TableSpec& table : job.tables) limits_.insert(limits_.end(), table.hotness, table.rows);
  if (spec.is_file) {
    words_ = map_file(spec, words * 4, job.stride_words * 4);
    mapped_bytes_ = words * 4;
    return;
  }
  const fae_words& given = memory[spec.memory];
  if (given.count != words) {
    fail(FAE_DATA, "Source '" + spec.name + "' has " + std::to_string(given.count) + " words, expected " + std::to_string(words) + " (" +
                       std::to_string(spec.rows) + " rows of " + std::to_string(job.stride_words) + ").",
         {fact("source", spec.name), fact("found", given.count), fact("expected", words)});
  }
  memory_.assign(given.words, given.words + given.count);
  words_ = memory_.data();
}

RowSource::~RowSource() {
  if (mapped_bytes_ > 0) munmap(const_cast<uint32_t*>(words_), mapped_bytes_);
}

uint32_t RowSource::batches() const { return static_cast<uint32_t>((static_cast<uint64_t>(rows()) + job_.batch - 1) / job_.batch); }

uint32_t RowSource::inputs(uint32_t number) const {
  const uint64_t first = static_cast<uint64_t>(number) * job_.batch;
  if (first >= rows()) return 0;
  const uint64_t left = rows() - first;
  return left < job_.batch ? static_cast<uint32_t>(left) : job_.batch;
}

uint64_t RowSource::row_number(uint32_t number, uint32_t input, uint32_t epoch, bool ordered) const {
  const uint64_t position = static_cast<uint64_t>(number) * job_.batch + input;
  if (ordered || !spec_.shuffled) return position;
  return Permutation(rows(), spec_.shuffle_seed, epoch)(static_cast<uint32_t>(position));
}

void RowSource::copy_words(uint32_t number, uint32_t count, uint32_t epoch, bool ordered, uint32_t* out) const {
  const uint64_t first = static_cast<uint64_t>(number) * job_.batch;
  const size_t bytes = static_cast<size_t>(job_.stride_words) * 4;
  if (ordered || !spec_.shuffled) {
    std::memcpy(out, row(first), bytes * count);
    return;
  }
  const Permutation order(rows(), spec_.shuffle_seed, epoch);
  constexpr uint32_t ahead = 16;
  uint32_t upcoming[ahead];
  for (uint32_t i = 0; i < count + ahead; i++) {
    if (i >= ahead) std::memcpy(out + static_cast<size_t>(i - ahead) * job_.stride_words, row(upcoming[i % ahead]), bytes);
    if (i < count) {
      upcoming[i % ahead] = order(static_cast<uint32_t>(first + i));
      const char* address = reinterpret_cast<const char*>(row(upcoming[i % ahead]));
      for (size_t line = 0; line < bytes; line += 64) __builtin_prefetch(address + line);
    }
  }
}

void RowSource::read_words(uint32_t number, const std::function<void()>& body) const {
  if (mapped_bytes_ == 0) return body();
  if (mapped_read(body)) return;
  fail(FAE_DATA, "Cannot read batch " + std::to_string(number) + " of '" + spec_.path +
                     "': the disk failed or the file was cut short while it was in use. Check the disk, prepare the data set again.",
       {fact("path", spec_.path), fact("batch", number)});
}

void RowSource::copy_labels(uint8_t* out) const {
  for (uint32_t b = 0; b < batches(); b++) {
    read_words(b, [&] {
      const uint64_t first = static_cast<uint64_t>(b) * job_.batch;
      for (uint32_t i = 0; i < inputs(b); i++) *out++ = static_cast<uint8_t>(*row(first + i));
    });
  }
}

uint32_t RowSource::copy_batch(uint32_t number, uint32_t epoch, bool ordered, uint32_t* out) const {
  const uint32_t count = inputs(number);
  if (count == 0) {
    fail(FAE_CONFIG, "Source '" + spec_.name + "' has no batch " + std::to_string(number) + ": it has " + std::to_string(batches()) + ".",
         {fact("source", spec_.name), fact("found", number), fact("expected", batches())});
  }
  read_words(number, [&] { copy_words(number, count, epoch, ordered, out); });
  check(number, count, epoch, ordered, out);
  return count;
}

void RowSource::check(uint32_t number, uint32_t count, uint32_t epoch, bool ordered, const uint32_t* words) const {
  const uint32_t features = job_.dense_features, ids = job_.ids_per_step;
  const bool counts = spec_.encoding == DenseEncoding::int32_log1p;
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t* input = words + static_cast<size_t>(i) * job_.stride_words;
    uint32_t bad = input[0] > 1;
    for (uint32_t s = 0; s < job_.step_count(); s++) {
      const uint32_t* at = input + 1 + static_cast<size_t>(s) * (features + ids);
      // A count of at least 0, or a float whose exponent is not that of NaN and infinity.
      for (uint32_t f = 0; f < features; f++) bad |= counts ? at[f] >> 31 : (at[f] & not_finite) == not_finite;
      // id + 1 is 0 for "no row" and at most the cardinality otherwise.
      for (uint32_t j = 0; j < ids; j++) bad |= at[features + j] + 1 > limits_[j];
    }
    if (bad) wrong(row_number(number, i, epoch, ordered), input);
  }
}

void RowSource::wrong(uint64_t row, const uint32_t* words) const {
  const std::string where = (spec_.is_file ? "'" + spec_.path + "'" : "Source '" + spec_.name + "'") + ", row " + std::to_string(row) + ": ";
  const std::string from = spec_.is_file ? spec_.path : spec_.name;
  if (words[0] > 1) {
    const int32_t found = static_cast<int32_t>(words[0]);
    fail(FAE_DATA, where + "label " + std::to_string(found) + ", expected 0 or 1. Prepare the data set again.",
         {fact("path", from), fact("row", row), fact("found", found)});
  }
  for (uint32_t s = 0; s < job_.step_count(); s++) {
    const uint32_t* at = words + 1 + static_cast<size_t>(s) * (job_.dense_features + job_.ids_per_step);
    for (uint32_t f = 0; f < job_.dense_features; f++) {
      const int32_t found = static_cast<int32_t>(at[f]);
      if (spec_.encoding == DenseEncoding::float32) {
        if ((at[f] & not_finite) != not_finite) continue;
        const std::string value = (at[f] & ~not_finite) << 1 ? "NaN" : found < 0 ? "-Infinity" : "Infinity";
        fail(FAE_DATA, where + "dense feature " + std::to_string(f) + " is " + value + ", expected a finite number. Prepare the data set again.",
             {fact("path", from), fact("row", row), fact("feature", f), fact("found", value)});
      }
      if (found < 0) {
        fail(FAE_DATA, where + "dense feature " + std::to_string(f) + " is the count " + std::to_string(found) +
                           ", expected 0 or more. Prepare the data set again.",
             {fact("path", from), fact("row", row), fact("feature", f), fact("found", found)});
      }
    }
    for (const TableSpec& table : job_.tables) {
      for (uint32_t l = 0; l < table.hotness; l++) {
        const uint32_t word = at[job_.dense_features + table.first_id + l];
        const int32_t id = static_cast<int32_t>(word);
        if (word + 1 <= table.rows) continue;
        fail(FAE_DATA, where + "id " + std::to_string(id) + " of table '" + table.name + "', which has " + std::to_string(table.rows) +
                           " rows. Use data prepared for this model.",
             {fact("path", from), fact("row", row), fact("table", table.name), fact("id", id), fact("cardinality", table.rows)});
      }
    }
  }
  fail(FAE_DATA, where + "broken. Prepare the data set again.", {fact("path", from), fact("row", row)});
}

void decode_labels(const Job& job, const uint32_t* words, uint32_t count, float* labels) {
  for (uint32_t i = 0; i < count; i++) labels[i] = static_cast<float>(words[static_cast<size_t>(i) * job.stride_words]);
}

void decode_dense(const Job& job, DenseEncoding encoding, const uint32_t* words, uint32_t count, float* dense) {
  const uint32_t features = job.dense_features, group = features + job.ids_per_step;
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t* at = words + static_cast<size_t>(i) * job.stride_words + 1;
    for (uint32_t s = 0; s < job.step_count(); s++, at += group, dense += features) {
      if (encoding == DenseEncoding::float32) {
        std::memcpy(dense, at, features * sizeof(float));
        continue;
      }
      for (uint32_t f = 0; f < features; f++) {
        const float x = static_cast<float>(static_cast<int32_t>(at[f]));
        dense[f] = static_cast<float>(std::log(static_cast<double>(x + 1.0f)));
      }
    }
  }
}

void decode_ids(const Job& job, const uint32_t* words, uint32_t count, int32_t* ids) {
  const uint32_t group = job.dense_features + job.ids_per_step;
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t* at = words + static_cast<size_t>(i) * job.stride_words + 1 + job.dense_features;
    for (uint32_t s = 0; s < job.step_count(); s++, at += group, ids += job.ids_per_step) {
      std::memcpy(ids, at, job.ids_per_step * sizeof(int32_t));
    }
  }
}

}  // namespace fae
