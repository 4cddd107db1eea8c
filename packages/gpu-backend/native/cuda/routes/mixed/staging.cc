#include "routes/mixed/staging.h"

#include "support/check.h"

namespace fae::cuda {

Staging::Staging(const HostRows& host, const DeviceRows& rows, uint32_t ring, uint64_t capacity, Arena& arena) : ring_(ring) {
  uint64_t at = 0;
  layout_.slots = 1 + static_cast<uint32_t>(host.slots());
  for (uint32_t s = 0; s < layout_.slots; s++) {
    layout_.slot_at[s] = at;
    layout_.columns[s] = host.columns(static_cast<int>(s) - 1);
    layout_.pitches[s] = rows.pitch(static_cast<int>(s) - 1);
    at += capacity * layout_.columns[s];
  }
  layout_.batch_floats = at;
  layout_.bf16 = rows.bf16();
  device_in_ = arena.reserve<float>(at * ring, "cold rows");
  device_out_ = arena.reserve<float>(at * ring, "cold rows");
}

void Staging::allocate(const DeviceRows& rows) {
  for (uint32_t s = 0; s < layout_.slots; s++) layout_.rows[s] = rows.array(static_cast<int>(s) - 1);
  in_ = Pinned(device_in_.count * 4);
  out_ = Pinned(device_out_.count * 4);
}

void Staging::copy(Direction way, uint32_t i, uint64_t rows, uint32_t slots, cudaStream_t stream, uint64_t bytes[FAE_TRAFFIC][2]) const {
  for (uint32_t s = 0; s < slots && rows > 0; s++) {
    const uint64_t size = rows * layout_.columns[s] * 4;
    float *on_host = packed(way, i, s), *on_device = device(way).get() + offset(i, s);
    if (way == to_device) FAE_CUDA(cudaMemcpyAsync(on_device, on_host, size, cudaMemcpyHostToDevice, stream));
    else FAE_CUDA(cudaMemcpyAsync(on_host, on_device, size, cudaMemcpyDeviceToHost, stream));
    bytes[s == 0 ? traffic_rows : traffic_row_state][way] += size;
  }
}

ColdStaging Staging::view(Direction way) const {
  ColdStaging view = layout_;
  view.base = device(way).get();
  return view;
}

}  // namespace fae::cuda
