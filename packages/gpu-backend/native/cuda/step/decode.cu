// decode: first kernel of a step. Copies the step's record into the state, then one thread per output word:
// label -> float, dense -> float32 or ln(x + 1) of a raw count, id -> row number of the device. Inputs beyond the batch's real
// ones become zeros and no_row, so one graph serves the short last batch. Bytes: each word read and written once.
#include "ops/device_math.cuh"
#include "rows/cold_words.h"
#include "step/decode.h"
#include "support/check.h"
#include "support/launch.h"

namespace fae::cuda {

namespace {

__global__ void decode_kernel(const DecodeArgs a) {
  wait_for_previous();
  StepState& state = *a.state;
  const StepRecord record = a.arrays.records[state.cursor];
  const uint32_t per_step = a.features_ld + a.ids, per_input = 1 + a.steps * per_step;
  const uint64_t e = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x;
  if (e == 0) {
    state.now = record;
    state.inverse_inputs = 1.f / static_cast<float>(record.inputs);
    state.long_runs = 0;
    state.fetched = state.written = 0;
    a.arrays.stamps[static_cast<uint64_t>(state.cursor) * stamp_count] = nanoseconds();
  }
  if (e >= static_cast<uint64_t>(a.batch) * per_input) return;
  const uint32_t input = static_cast<uint32_t>(e / per_input), word = static_cast<uint32_t>(e % per_input);
  const bool real = input < record.inputs;
  const uint32_t* words = a.ring + (static_cast<uint64_t>(record.slot) * a.batch + input) * a.stride_words;
  if (word == 0) {
    a.label[input] = real ? static_cast<float>(words[0]) : 0.f;
    return;
  }
  const uint32_t step = (word - 1) / per_step, k = (word - 1) % per_step;
  const uint64_t vector = static_cast<uint64_t>(input) * a.steps + step;
  const uint32_t raw_ids = a.layout == WordLayout::dense_only ? 0 : a.ids;
  const uint32_t* raw = words + 1 + step * (a.features + raw_ids);
  if (k < a.features_ld) {
    float value = 0.f;
    if (real && k < a.features) {
      value = a.encoding == DenseEncoding::float32 ? __uint_as_float(raw[k])
                                                   : static_cast<float>(log(static_cast<double>(static_cast<float>(static_cast<int32_t>(raw[k])) + 1.f)));
    }
    a.dense[vector * a.features_ld + k] = value;
    return;
  }
  const uint32_t l = k - a.features_ld;
  uint32_t row = no_row;
  if (real && a.layout != WordLayout::dense_only) {
    const uint32_t id = raw[a.features + l];
    if (a.layout == WordLayout::translated) {
      row = id == no_row ? no_row : a.row_base[l] + (id & cold_row_mask);
    } else if (id < a.row_limit[l]) {
      row = a.row_base[l] + id;
    } else if (id != no_row && atomicCAS(&state.bad_id, 0u, input * a.steps * a.ids + step * a.ids + l + 1) == 0) {
      state.bad_value = id;
      state.bad_cursor = state.cursor;
    }
  }
  a.index[vector * a.ids + l] = row;
}

}  // namespace

void decode(const DecodeArgs& args, cudaStream_t stream) {
  const uint64_t threads = static_cast<uint64_t>(args.batch) * (1 + args.steps * (args.features_ld + args.ids));
  launch_overlapping(decode_kernel, ceil_div(threads, 256), 256, 0, stream, args);
  check_launch("decode");
}

}  // namespace fae::cuda
