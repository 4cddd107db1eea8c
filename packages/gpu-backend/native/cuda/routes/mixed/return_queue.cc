#include "routes/mixed/return_queue.h"

#include "support/check.h"

namespace fae::cuda {

ReturnQueue::ReturnQueue(const Staging& staging, GatherPool& pool, Progress& progress)
    : staging_(staging), pool_(pool), progress_(progress), ring_(staging.ring()) {}

void ReturnQueue::allocate() {
  copies_ = new_stream();
  for (Return& entry : ring_) {
    entry.computed = plain_event();
    entry.returned = plain_event();
  }
}

void ReturnQueue::send(uint32_t i, std::vector<RowReference> rows, cudaStream_t main, uint64_t bytes[FAE_TRAFFIC][2]) {
  Return& mine = entry(i);
  FAE_CUDA(cudaEventRecord(mine.computed, main));
  FAE_CUDA(cudaStreamWaitEvent(copies_, mine.computed, 0));
  mine.rows = std::move(rows);
  staging_.copy(to_host, i, mine.rows.size(), staging_.slots(), copies_, bytes);
  FAE_CUDA(cudaEventRecord(mine.returned, copies_));
  const std::lock_guard lock(progress_.mutex);
  progress_.launched = i + 1;
  progress_.changed.announce();
}

void ReturnQueue::work() {
  std::unique_lock lock(progress_.mutex);
  while (true) {
    progress_.changed.await(lock, [&] { return progress_.closing || (progress_.running && !progress_.failure && progress_.back < progress_.launched); });
    if (progress_.closing) return;
    const uint32_t i = progress_.back;
    lock.unlock();
    const bool is_here = await_copy(i);
    lock.lock();
    if (!is_here) continue;
    if (!scatter(i, lock)) return;
    progress_.back = i + 1;
    const bool offered = pool_.offer_gathers();
    progress_.changed.announce();
    while (offered && !pool_.is_idle()) pool_.take(lock);
  }
}

// False when the device failed; the progress has the reason then.
bool ReturnQueue::await_copy(uint32_t i) {
  try {
    check(cudaEventSynchronize(entry(i).returned), "the copy of cold rows back to the host");
    return true;
  } catch (...) {
    progress_.fail();
    return false;
  }
}

// False when the session closes meanwhile.
bool ReturnQueue::scatter(uint32_t i, std::unique_lock<std::mutex>& lock) {
  Return& mine = entry(i);
  if (mine.rows.empty()) return true;
  mine.transfer = {to_host, i, staging_.slots(), &mine.rows};
  pool_.offer(mine.transfer);
  progress_.changed.announce();
  while (!pool_.is_idle() && !mine.transfer.is_done()) pool_.take(lock);
  progress_.changed.await(lock, [&] { return progress_.closing || mine.transfer.is_done(); });
  return !progress_.closing;
}

}  // namespace fae::cuda
