// The places through which cold rows travel: pinned host memory and its twin on the device, for each direction a ring with
// room for the batches in flight.
#pragma once

#include <cstdint>

#include "routes/host_rows.h"
#include "rows/cold_lists.h"
#include "rows/device_rows.h"
#include "step/core.h"
#include "support/arena.h"

namespace fae::cuda {

class Staging {
 public:
  // Room for `ring` batches of at most `capacity` rows each, with optimizer state.
  Staging(const HostRows& host, const DeviceRows& rows, uint32_t ring, uint64_t capacity, Arena& arena);
  // Pinned memory; after the arena was allocated.
  void allocate(const DeviceRows& rows);

  uint32_t ring() const { return ring_; }
  // 1 + optimizer slots.
  uint32_t slots() const { return layout_.slots; }
  uint32_t columns(uint32_t slot) const { return layout_.columns[slot]; }
  // Packed rows of batch i in pinned memory: [rows, columns] of the rows themselves (slot 0), then of each optimizer slot.
  float* packed(Direction way, uint32_t i, uint32_t slot) const { return pinned(way).as<float>() + offset(i, slot); }
  // Copies the first `slots` slots of batch i's first `rows` rows between host and device, and counts the bytes.
  void copy(Direction way, uint32_t i, uint64_t rows, uint32_t slots, cudaStream_t stream, uint64_t bytes[FAE_TRAFFIC][2]) const;
  // For the kernels that copy between staging and rows.
  ColdStaging view(Direction way) const;
  uint64_t host_bytes() const { return in_.bytes() + out_.bytes(); }

 private:
  uint64_t offset(uint32_t i, uint32_t slot) const { return (i % ring_) * layout_.batch_floats + layout_.slot_at[slot]; }
  const Pinned& pinned(Direction way) const { return way == to_device ? in_ : out_; }
  const Buffer<float>& device(Direction way) const { return way == to_device ? device_in_ : device_out_; }

  uint32_t ring_;
  ColdStaging layout_;
  Buffer<float> device_in_, device_out_;
  Pinned in_, out_;
};

}  // namespace fae::cuda
