// Inputs of one source: a mapped `.rows` file or copied words, read batch by batch in training order and checked.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "job.h"

namespace fae {

class RowSource {
 public:
  // Maps the file (checking its size) or copies `memory`. `job` and `spec` must outlive the source. Throws FAE_DATA.
  RowSource(const Job& job, const SourceSpec& spec, const fae_words* memory);
  ~RowSource();
  RowSource(const RowSource&) = delete;
  RowSource& operator=(const RowSource&) = delete;

  const SourceSpec& spec() const { return spec_; }
  uint32_t rows() const { return spec_.rows; }
  // ceil(rows / B).
  uint32_t batches() const;
  // Inputs of batch `number`: B, or fewer for the last.
  uint32_t inputs(uint32_t number) const;

  // Copies batch `number` to `out` [inputs, stride words]. `ordered` keeps row order (evaluation), otherwise the epoch's
  // permutation applies to a shuffled source. Labels, ids and counts are checked: throws FAE_DATA with file, row, table, id,
  // cardinality; also when the file cannot be read. Thread-safe. Returns the number of inputs.
  uint32_t copy_batch(uint32_t number, uint32_t epoch, bool ordered, uint32_t* out) const;
  // Labels [rows] in row order, of inputs that were read, and so checked, before. Throws FAE_DATA when the file cannot be read.
  void copy_labels(uint8_t* out) const;

 private:
  const uint32_t* row(uint64_t i) const { return words_ + i * job_.stride_words; }
  // `body` reads words of batch `number`. Throws FAE_DATA when their file fails.
  void read_words(uint32_t number, const std::function<void()>& body) const;
  void copy_words(uint32_t number, uint32_t count, uint32_t epoch, bool ordered, uint32_t* out) const;
  void check(uint32_t number, uint32_t count, uint32_t epoch, bool ordered, const uint32_t* words) const;
  [[noreturn]] void wrong(uint64_t row, const uint32_t* words) const;
  uint64_t row_number(uint32_t number, uint32_t input, uint32_t epoch, bool ordered) const;

  const Job& job_;
  const SourceSpec& spec_;
  const uint32_t* words_ = nullptr;
  uint64_t mapped_bytes_ = 0;
  std::vector<uint32_t> memory_;
  std::vector<uint32_t> limits_;  // cardinality of the table of each id of one step
};

// Parts of a batch's words. All take `count` inputs at `words` (stride apart) and write densely.
// labels [count] as 0 or 1.
void decode_labels(const Job& job, const uint32_t* words, uint32_t count, float* labels);
// dense [count, S', F]; int32-log1p: float32(ln(float32(x) + 1)).
void decode_dense(const Job& job, DenseEncoding encoding, const uint32_t* words, uint32_t count, float* dense);
// ids [count, S', sum L].
void decode_ids(const Job& job, const uint32_t* words, uint32_t count, int32_t* ids);

}  // namespace fae
