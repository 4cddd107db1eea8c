#include "routes/row_exchange.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "support/check.h"

namespace fae::cuda {

namespace {
// Rows that cross at once: large enough for a copy at full speed, small enough that the first and the last piece, which nothing hides, are short.
constexpr uint32_t piece_rows = 1 << 15;
}  // namespace

RowExchange::RowExchange(const Job& job, DeviceRows& device, const HostRows& host, ThreadPool& pool, Arena& arena)
    : job_(job), device_(device), host_(host), pool_(pool) {
  size_t values = 0;
  for (int slot = -1; slot < host.slots(); slot++) {
    begins_.push_back(values);
    values += static_cast<size_t>(piece_rows) * host.columns(slot);
  }
  begins_.push_back(values);
  for (Piece& piece : pieces_) {
    piece.device_list = arena.reserve<uint32_t>(piece_rows, "staging");
    piece.device_rows = arena.reserve<float>(values, "staging");
  }
}

void RowExchange::allocate() {
  for (Piece& piece : pieces_) {
    piece.list = Pinned(piece_rows * 4ull);
    piece.rows = Pinned(begins_.back() * 4);
    piece.done = plain_event();
  }
}

void RowExchange::take(Piece& piece, const uint32_t* numbers, size_t count) {
  piece.numbers = numbers;
  piece.count = static_cast<uint32_t>(std::min<size_t>(count, piece_rows));
  std::copy_n(numbers, piece.count, piece.list.as<uint32_t>());
}

void RowExchange::on_host(const Piece& piece, Direction direction) const {
  const uint32_t tables = static_cast<uint32_t>(job_.tables.size());
  constexpr uint32_t tile = 1024, ahead = 16;
  pool_.run((piece.count + tile - 1) / tile, [&](uint32_t t, uint32_t) {
    const uint32_t from = t * tile, to = std::min(piece.count, from + tile);
    for (int slot = -1; slot < host_.slots(); slot++) {
      const uint32_t n = host_.columns(slot);
      float* staged = piece.rows.as<float>() + begins_[slot + 1];
      for (uint32_t i = from, table = 0; i < to;) {
        while (table + 1 < tables && device_.base(table + 1) <= piece.numbers[i]) table++;
        const uint32_t base = device_.base(table), end = base + job_.tables[table].hot_rows;
        for (; i < to && piece.numbers[i] < end; i++) {
          if (i + ahead < to && piece.numbers[i + ahead] < end) __builtin_prefetch(host_.row(table, slot, piece.numbers[i + ahead] - base));
          float *row = host_.row(table, slot, piece.numbers[i] - base), *at = staged + static_cast<size_t>(i) * n;
          if (direction == to_device) std::copy_n(row, n, at);
          else std::copy_n(at, n, row);
        }
      }
    }
  });
}

void RowExchange::send(Piece& piece, cudaStream_t stream) {
  FAE_CUDA(cudaMemcpyAsync(piece.device_list.get(), piece.list.as<void>(), piece.count * 4ull, cudaMemcpyHostToDevice, stream));
  for (int slot = -1; slot < host_.slots(); slot++) {
    float* rows = piece.device_rows.get() + begins_[slot + 1];
    FAE_CUDA(cudaMemcpyAsync(rows, piece.rows.as<float>() + begins_[slot + 1], static_cast<size_t>(piece.count) * host_.columns(slot) * 4, cudaMemcpyHostToDevice, stream));
    device_.scatter(rows, slot, piece.device_list.get(), 0, piece.count, stream);
  }
  FAE_CUDA(cudaEventRecord(piece.done, stream));
}

void RowExchange::fetch(Piece& piece, cudaStream_t stream) {
  FAE_CUDA(cudaMemcpyAsync(piece.device_list.get(), piece.list.as<void>(), piece.count * 4ull, cudaMemcpyHostToDevice, stream));
  for (int slot = -1; slot < host_.slots(); slot++) {
    float* rows = piece.device_rows.get() + begins_[slot + 1];
    device_.gather(rows, slot, piece.device_list.get(), 0, piece.count, stream);
    FAE_CUDA(cudaMemcpyAsync(piece.rows.as<float>() + begins_[slot + 1], rows, static_cast<size_t>(piece.count) * host_.columns(slot) * 4, cudaMemcpyDeviceToHost, stream));
  }
  FAE_CUDA(cudaEventRecord(piece.done, stream));
}

uint64_t RowExchange::run(const std::vector<uint32_t>& numbers, Direction direction, cudaStream_t stream) {
  const size_t pieces = (numbers.size() + piece_rows - 1) / piece_rows;
  // Piece p crosses while the host works on p + 1 (to the device) or p - 1 (to the host).
  for (size_t p = 0; p < pieces + (direction == to_host ? 1 : 0); p++) {
    if (p < pieces) {
      Piece& piece = pieces_[p % 2];
      if (p >= 2) FAE_CUDA(cudaEventSynchronize(piece.done));
      take(piece, numbers.data() + p * piece_rows, numbers.size() - p * piece_rows);
      if (direction == to_device) {
        on_host(piece, to_device);
        send(piece, stream);
      } else {
        fetch(piece, stream);
      }
    }
    if (direction == to_host && p > 0) {
      Piece& last = pieces_[(p - 1) % 2];
      FAE_CUDA(cudaEventSynchronize(last.done));
      on_host(last, to_host);
    }
  }
  FAE_CUDA(cudaStreamSynchronize(stream));
  uint64_t row_bytes = 0;
  for (int slot = -1; slot < host_.slots(); slot++) row_bytes += host_.columns(slot) * 4;
  return numbers.size() * row_bytes;
}

std::vector<uint32_t> take_marked(uint8_t* flags, uint64_t count, ThreadPool& pool) {
  constexpr uint64_t tile = 1 << 16;
  const uint32_t tiles = static_cast<uint32_t>((count + tile - 1) / tile);
  std::vector<uint32_t> begins(tiles + 1);
  pool.run(tiles, [&](uint32_t t, uint32_t) { begins[t + 1] = static_cast<uint32_t>(std::count(flags + t * tile, flags + std::min(count, (t + 1) * tile), 1)); });
  std::partial_sum(begins.begin(), begins.end(), begins.begin());
  std::vector<uint32_t> numbers(begins.back());
  pool.run(tiles, [&](uint32_t t, uint32_t) {
    uint32_t* to = numbers.data() + begins[t];
    const uint64_t end = std::min(count, (t + 1) * tile);
    for (uint64_t at = t * tile; at < end; at += 8) {
      uint64_t eight = 0;
      const uint64_t length = std::min<uint64_t>(8, end - at);
      std::memcpy(&eight, flags + at, length);
      if (eight == 0) continue;
      for (uint64_t i = at; i < at + length; i++) {
        if (flags[i]) *to++ = static_cast<uint32_t>(i);
      }
      std::memset(flags + at, 0, length);
    }
  });
  return numbers;
}

}  // namespace fae::cuda
