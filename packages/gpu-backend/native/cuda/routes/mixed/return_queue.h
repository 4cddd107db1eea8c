// Brings the rows of finished batches back to host memory, in batch order.
#pragma once

#include <cstdint>
#include <vector>

#include "routes/mixed/gather_pool.h"
#include "support/handles.h"

namespace fae::cuda {

class ReturnQueue {
 public:
  ReturnQueue(const Staging& staging, GatherPool& pool, Progress& progress);
  // Streams and events.
  void allocate();

  // Driver: batch i's step is on `main`; its rows start on their way behind it.
  void send(uint32_t i, std::vector<RowReference> rows, cudaStream_t main, uint64_t bytes[FAE_TRAFFIC][2]);

  // Body of the returns thread. It helps with the parts that it queues: small batches never wait for another thread.
  void work();

 private:
  struct Return {
    std::vector<RowReference> rows;
    Transfer transfer;
    Event computed, returned;
  };
  Return& entry(uint32_t i) { return ring_[i % ring_.size()]; }
  bool await_copy(uint32_t i);
  bool scatter(uint32_t i, std::unique_lock<std::mutex>& lock);

  const Staging& staging_;
  GatherPool& pool_;
  Progress& progress_;
  Stream copies_;
  std::vector<Return> ring_;
};

}  // namespace fae::cuda
