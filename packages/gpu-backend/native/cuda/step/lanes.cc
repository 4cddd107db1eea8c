#include "step/lanes.h"

namespace fae::cuda {

Lanes::Lanes() {
  int least = 0, greatest = 0;
  FAE_CUDA(cudaDeviceGetStreamPriorityRange(&least, &greatest));
  // The critical path goes first when blocks of several lanes wait for a multiprocessor.
  for (size_t i = 0; i < streams_.size(); i++) streams_[i] = new_stream(i == 0 ? greatest : least);
  event_ = plain_event();
  mark_ = plain_event();
}

void Lanes::after(cudaStream_t later, cudaStream_t earlier) {
  FAE_CUDA(cudaEventRecord(event_, earlier));
  FAE_CUDA(cudaStreamWaitEvent(later, event_, 0));
}

cudaEvent_t Lanes::mark(cudaStream_t earlier) {
  FAE_CUDA(cudaEventRecord(mark_, earlier));
  return mark_;
}

void Lanes::wait(cudaStream_t later, cudaEvent_t mark) { FAE_CUDA(cudaStreamWaitEvent(later, mark, 0)); }

}  // namespace fae::cuda
