// Copies hot rows with their optimizer state between the host's and the device's copy of them: while one piece crosses, host threads
// gather or scatter the next or the last one.
#pragma once

#include <vector>

#include "routes/host_rows.h"
#include "rows/device_rows.h"
#include "step/core.h"
#include "support/handles.h"

namespace fae::cuda {

class RowExchange {
 public:
  RowExchange(const Job& job, DeviceRows& device, const HostRows& host, ThreadPool& pool, Arena& arena);
  // Pinned memory and events; once, after the arena is allocated.
  void allocate();
  uint64_t host_bytes() const { return pieces_[0].list.bytes() * 2 + pieces_[0].rows.bytes() * 2; }

  // numbers: rows as DeviceRows numbers them, ascending. Waits; returns the bytes of rows and state that crossed.
  uint64_t run(const std::vector<uint32_t>& numbers, Direction direction, cudaStream_t stream);

 private:
  struct Piece {
    Pinned list, rows;
    Buffer<uint32_t> device_list;
    Buffer<float> device_rows;
    Event done;
    const uint32_t* numbers = nullptr;
    uint32_t count = 0;
  };
  void send(Piece& piece, cudaStream_t stream);
  void fetch(Piece& piece, cudaStream_t stream);
  // Between the host's rows and the pinned ones.
  void on_host(const Piece& piece, Direction direction) const;
  void take(Piece& piece, const uint32_t* numbers, size_t count);

  const Job& job_;
  DeviceRows& device_;
  const HostRows& host_;
  ThreadPool& pool_;
  // Where the values of each slot (-1 first) begin in a piece.
  std::vector<size_t> begins_;
  Piece pieces_[2];
};

// Numbers of the flags that are set, ascending; all are cleared. Tiles over the pool.
std::vector<uint32_t> take_marked(uint8_t* flags, uint64_t count, ThreadPool& pool);

}  // namespace fae::cuda
