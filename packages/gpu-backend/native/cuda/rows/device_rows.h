// The rows that a session keeps on the device, with their optimizer state: per table its hot rows (all of them on the device
// route), then the slots for cold rows (mixed). One array over all tables; row r of table t is number base(t) + r.
#pragma once

#include <cstdint>
#include <vector>

#include "job.h"
#include "ops/row_access.h"
#include "rows/row_update.h"
#include "step/network.h"
#include "support/arena.h"

namespace fae::cuda {

class DeviceRows {
 public:
  // cold_slots: per table; empty for none.
  DeviceRows(const Job& job, const std::vector<uint32_t>& cold_slots, Arena& arena);

  uint32_t base(uint32_t table) const { return bases_[table]; }
  uint64_t rows() const { return rows_; }
  // [tables + 1]: base of each table, then rows().
  std::vector<uint64_t> first_rows() const;
  uint32_t stride() const { return stride_; }
  bool bf16() const { return job_.row_type == RowType::bf16; }

  // Fills the hot rows with their first values, drawn on the device by original id. Throws FAE_DATA, FAE_UNSUPPORTED (normal draws).
  void initialise(cudaStream_t stream);

  AnyRows access(const uint32_t* index, const uint32_t* bags) const;
  RowTable<float> table_f32() const;
  RowTable<__nv_bfloat16> table_bf16() const;

  // First value of a slot's array, for kernels that copy rows of it.
  void* array(int slot) const { return slot >= 0 ? state_[slot].get() : bf16() ? static_cast<void*>(weights_bf16_.get()) : weights_.get(); }
  // Distance of rows of a slot on the device.
  uint32_t pitch(int slot) const { return slot >= 0 && job_.optimizer.row_slots[slot].per_row ? job_.optimizer.row_slots[slot].per_row : stride_; }
  const uint32_t* all_bags() const { return bags_.get(); }

  // Columns of a slot (-1: the rows themselves).
  uint32_t columns(int slot) const;
  // Device pointers of packed float rows: number `first + list[i]` (list null: first + i).
  void gather(float* packed, int slot, const uint32_t* list, uint64_t first, uint32_t count, cudaStream_t stream) const;
  void scatter(const float* packed, int slot, const uint32_t* list, uint64_t first, uint32_t count, cudaStream_t stream);

  // Host arrays, in pieces through a staging buffer; waits. `rows` null: all hot rows of the table.
  void read(uint32_t table, int slot, const uint32_t* rows, uint64_t count, float* out, cudaStream_t stream) const;
  void write(uint32_t table, int slot, const uint32_t* rows, uint64_t count, const float* in, cudaStream_t stream);

  // Per id of one step: base and number of hot rows of its table; for decode.
  const uint32_t* id_bases() const { return id_bases_.get(); }
  const uint32_t* id_limits() const { return id_limits_.get(); }
  // Rows that one copy through the staging buffer holds.
  static constexpr uint32_t piece_rows = 1 << 16;
  const uint32_t* bags() const { return one_hot_ ? nullptr : bags_.get(); }
  // Copies the small tables above; once, after the arena is allocated.
  void upload();

 private:
  template <class Do>
  void in_pieces(const uint32_t* rows, uint64_t count, cudaStream_t stream, Do&& act) const;

  const Job& job_;
  std::vector<uint32_t> bases_, slots_;
  uint64_t rows_ = 0;
  uint32_t stride_ = 0;
  bool one_hot_ = true;
  Buffer<float> weights_;
  Buffer<__nv_bfloat16> weights_bf16_;
  Buffer<float> state_[2];
  Buffer<uint32_t> id_bases_, id_limits_, bags_, list_;
  Buffer<float> staging_;
};

}  // namespace fae::cuda
