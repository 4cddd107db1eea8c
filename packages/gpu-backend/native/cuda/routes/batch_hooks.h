// What a route does around each batch of a DeviceLoop.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace fae::cuda {

// A loop runs in parts of bounded length; batches are numbered from the first of the part. `prepare` runs on reader threads,
// everything else on the thread that drives the loop, in the order of declaration.
class BatchHooks {
 public:
  virtual ~BatchHooks() = default;

  virtual void begin(uint32_t count) = 0;
  // Batch i's words are in place, `inputs` inputs of them. Must not block for good once the feeder is stopping.
  virtual void prepare(uint32_t i, uint32_t inputs, uint32_t* words) = 0;
  // The staging slot that batch i's step uses, for its record.
  virtual uint32_t cold_slot(uint32_t i) const = 0;
  // Blocks until batch i's words are final.
  virtual void await_words(uint32_t i) = 0;
  // Adds copies beside the one of the words.
  virtual void before_copy(uint32_t i, cudaStream_t copies) = 0;
  virtual void after_launch(uint32_t i, cudaStream_t main) = 0;
  // After the last batch: blocks until the route's own work is done.
  virtual void finish() = 0;
};

}  // namespace fae::cuda
