#include "routes/mixed/gather_pool.h"

#include <algorithm>
#include <cstring>

#include "routes/feeder.h"

namespace fae::cuda {

namespace {
constexpr uint32_t part_rows = 1024, ahead = 16;
}

GatherPool::GatherPool(const HostRows& host, const Staging& staging, const ColdPlanner& planner, Progress& progress)
    : host_(host), staging_(staging), planner_(planner), progress_(progress), gathers_(staging.ring()) {}

void GatherPool::begin() {
  tasks_.clear();
  seconds_[to_device] = seconds_[to_host] = 0;
}

bool GatherPool::offer_gathers() {
  const uint32_t before = progress_.offered;
  while (progress_.offered < progress_.planned && progress_.offered <= progress_.back + progress_.lag) {
    const uint32_t i = progress_.offered++;
    Transfer& gather = gathers_[i % gathers_.size()];
    gather = {to_device, i, progress_.training ? staging_.slots() : 1, &planner_.fetched(i)};
    offer(gather);
  }
  return progress_.offered > before;
}

bool GatherPool::is_gathered(uint32_t i) const { return i < progress_.offered && gathers_[i % gathers_.size()].is_done(); }

void GatherPool::offer(Transfer& transfer) {
  const uint32_t rows = static_cast<uint32_t>(transfer.rows->size());
  transfer.parts_left = ceil_div(rows, part_rows);
  for (uint32_t first = 0; first < rows; first += part_rows) tasks_.push_back({&transfer, first, std::min(part_rows, rows - first)});
}

void GatherPool::take(std::unique_lock<std::mutex>& lock) {
  const Part part = tasks_.front();
  tasks_.pop_front();
  lock.unlock();
  const double begin = now_seconds();
  copy(part);
  const double took = now_seconds() - begin;
  lock.lock();
  seconds_[part.transfer->way] += took;
  if (--part.transfer->parts_left == 0) progress_.changed.announce();
}

void GatherPool::work() {
  std::unique_lock lock(progress_.mutex);
  while (true) {
    progress_.changed.await(lock, [&] { return progress_.closing || !tasks_.empty(); });
    if (progress_.closing) return;
    take(lock);
  }
}

void GatherPool::copy(const Part& part) const {
  const Transfer& transfer = *part.transfer;
  const std::vector<RowReference>& rows = *transfer.rows;
  const uint32_t end = part.first + part.count;
  for (uint32_t s = 0; s < transfer.slots; s++) {
    const uint32_t n = staging_.columns(s);
    float* packed = staging_.packed(transfer.way, transfer.batch, s) + static_cast<uint64_t>(part.first) * n;
    const auto row = [&](uint32_t i) { return host_.row(rows[i].table, static_cast<int>(s) - 1, rows[i].row); };
    for (uint32_t i = part.first; i < end; i++, packed += n) {
      if (i + ahead < end) {
        const float* next = row(i + ahead);
        for (uint32_t c = 0; c < n; c += 16) __builtin_prefetch(next + c);
      }
      if (transfer.way == to_device) std::memcpy(packed, row(i), n * 4ull);
      else std::memcpy(row(i), packed, n * 4ull);
    }
  }
}

}  // namespace fae::cuda
