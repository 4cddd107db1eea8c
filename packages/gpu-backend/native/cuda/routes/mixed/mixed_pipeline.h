// The host side of the mixed route: cold rows are planned and fetched ahead of the device, and brought back behind it.
//
//   reader threads   copy the words of a batch, then plan its cold rows                       ColdPlanner
//   gather threads   copy fetched rows to pinned memory, returned rows back to their tables   GatherPool
//   driver           (DeviceLoop) copies words and rows over, launches the step               MixedPipeline
//   returns thread   waits for the copies back, in order, and has them scattered              ReturnQueue
//
// A row is read from the host only after every batch that changed it there has come back; batches in between forward it on the
// device instead. How far each batch is: Progress.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "routes/batch_hooks.h"
#include "routes/feeder.h"
#include "routes/mixed/return_queue.h"

namespace fae::cuda {

class MixedPipeline final : public BatchHooks {
 public:
  MixedPipeline(const Job& job, Core& core, const HostRows& host, const DeviceRows& rows);
  ~MixedPipeline() override;
  // Device arrays are reserved by the constructor; pinned memory and threads come here.
  void allocate(Feeder& feeder, const DeviceRows& rows);
  uint64_t host_bytes() const { return staging_.host_bytes(); }

  // What the step's graph does with cold rows, on the rows lane.
  void record_insert(Lanes& lanes, const uint32_t* ring, bool with_state) const;
  void record_collect(Lanes& lanes) const;

  // The next parts train or evaluate, and add to these. A part that fails leaves the rows in flight lost: the session is
  // poisoned then.
  void report_to(bool training, double* seconds, uint64_t bytes[FAE_TRAFFIC][2]);
  uint64_t fetched() const { return planner_.fetched_rows(); }
  uint64_t forwarded() const { return planner_.forwarded_rows(); }

  void begin(uint32_t count) override;
  void prepare(uint32_t i, uint32_t inputs, uint32_t* words) override;
  uint32_t cold_slot(uint32_t i) const override { return i % staging_.ring(); }
  void await_words(uint32_t i) override;
  void before_copy(uint32_t i, cudaStream_t copies) override;
  void after_launch(uint32_t i, cudaStream_t main) override;
  void finish() override;

 private:
  void publish(uint32_t i);
  template <class Done>
  void wait_until(Done done);

  const Job& job_;
  Core& core_;
  ColdPlanner planner_;
  Staging staging_;
  Progress progress_;
  GatherPool pool_;
  ReturnQueue returns_;
  ColdLists lists_;
  Buffer<uint32_t> fetched_list_, written_list_;
  Buffer<uint2> counts_;
  Feeder* feeder_ = nullptr;
  uint32_t count_ = 0;
  std::vector<uint8_t> is_planned_;  // under the progress' mutex
  double* seconds_ = nullptr;
  uint64_t (*bytes_)[2] = nullptr;
  std::vector<std::thread> threads_;
};

}  // namespace fae::cuda
