#include "rows/device_rows.h"

#include <algorithm>

#include "random.h"
#include "rows/cold_words.h"
#include "rows/lookup.h"
#include "status.h"
#include "support/check.h"
#include "table_start.h"

namespace fae::cuda {

DeviceRows::DeviceRows(const Job& job, const std::vector<uint32_t>& cold_slots, Arena& arena) : job_(job), slots_(cold_slots) {
  stride_ = pad4(job.width);
  slots_.resize(job.tables.size(), 0);
  for (size_t t = 0; t < job.tables.size(); t++) {
    bases_.push_back(static_cast<uint32_t>(rows_));
    rows_ += job.tables[t].hot_rows + slots_[t];
    one_hot_ = one_hot_ && job.tables[t].hotness == 1;
  }
  if (rows_ >= cold_row_mask) {
    fail(FAE_UNSUPPORTED, "The plan puts " + std::to_string(rows_) + " rows on one GPU; the engine numbers up to 2^30. Use a smaller budget.",
         {fact("rows", rows_)});
  }
  if (bf16()) weights_bf16_ = arena.reserve<__nv_bfloat16>(rows_ * stride_, "rows");
  else weights_ = arena.reserve<float>(rows_ * stride_, "rows");
  const auto& slots = job.optimizer.row_slots;
  for (size_t s = 0; s < slots.size(); s++) state_[s] = arena.reserve<float>(rows_ * (slots[s].per_row ? slots[s].per_row : stride_), "optimizer state of rows");
  id_bases_ = arena.reserve<uint32_t>(job.ids_per_step, "ids");
  id_limits_ = arena.reserve<uint32_t>(job.ids_per_step, "ids");
  bags_ = arena.reserve<uint32_t>(job.tables.size() + 1, "ids");
  list_ = arena.reserve<uint32_t>(piece_rows, "staging");
  staging_ = arena.reserve<float>(static_cast<size_t>(piece_rows) * job.width, "staging");
}

void DeviceRows::upload() {
  std::vector<uint32_t> bases, limits, bags;
  for (size_t t = 0; t < job_.tables.size(); t++) {
    bags.push_back(static_cast<uint32_t>(bases.size()));
    bases.insert(bases.end(), job_.tables[t].hotness, bases_[t]);
    limits.insert(limits.end(), job_.tables[t].hotness, job_.tables[t].hot_rows);
  }
  bags.push_back(static_cast<uint32_t>(bases.size()));
  FAE_CUDA(cudaMemcpy(id_bases_.get(), bases.data(), bases.size() * 4, cudaMemcpyHostToDevice));
  FAE_CUDA(cudaMemcpy(id_limits_.get(), limits.data(), limits.size() * 4, cudaMemcpyHostToDevice));
  FAE_CUDA(cudaMemcpy(bags_.get(), bags.data(), bags.size() * 4, cudaMemcpyHostToDevice));
}

uint32_t DeviceRows::columns(int slot) const {
  if (slot < 0) return job_.width;
  const SlotSpec& spec = job_.optimizer.row_slots[slot];
  return spec.per_row ? spec.per_row : job_.width;
}

std::vector<uint64_t> DeviceRows::first_rows() const {
  std::vector<uint64_t> first(bases_.begin(), bases_.end());
  first.push_back(rows_);
  return first;
}

AnyRows DeviceRows::access(const uint32_t* index, const uint32_t* bags) const {
  const auto make = [&](auto* rows) {
    RowAccess<std::remove_const_t<std::remove_pointer_t<decltype(rows)>>> a;
    a.rows = rows, a.index = index, a.bags = bags;
    a.ids = job_.ids_per_step;
    a.tables = static_cast<uint32_t>(job_.tables.size());
    a.width = job_.width, a.stride = stride_;
    return a;
  };
  if (bf16()) return make(weights_bf16_.get());
  return make(weights_.get());
}

RowTable<float> DeviceRows::table_f32() const { return {weights_.get(), {state_[0].get(), state_[1].get()}, job_.width, stride_}; }
RowTable<__nv_bfloat16> DeviceRows::table_bf16() const { return {weights_bf16_.get(), {state_[0].get(), state_[1].get()}, job_.width, stride_}; }

void DeviceRows::gather(float* packed, int slot, const uint32_t* list, uint64_t first, uint32_t count, cudaStream_t stream) const {
  if (slot < 0 && bf16()) gather_rows(packed, weights_bf16_.get(), stride_, columns(slot), list, first, count, stream);
  else gather_rows(packed, slot < 0 ? weights_.get() : state_[slot].get(), pitch(slot), columns(slot), list, first, count, stream);
}

void DeviceRows::scatter(const float* packed, int slot, const uint32_t* list, uint64_t first, uint32_t count, cudaStream_t stream) {
  if (slot < 0 && bf16()) scatter_rows(weights_bf16_.get(), stride_, columns(slot), packed, list, first, count, stream);
  else scatter_rows(slot < 0 ? weights_.get() : state_[slot].get(), pitch(slot), columns(slot), packed, list, first, count, stream);
}

// Calls act(done, count, device list or null) for pieces that fit the staging buffer.
template <class Do>
void DeviceRows::in_pieces(const uint32_t* rows, uint64_t count, cudaStream_t stream, Do&& act) const {
  for (uint64_t done = 0; done < count; done += piece_rows) {
    const uint32_t n = static_cast<uint32_t>(std::min<uint64_t>(piece_rows, count - done));
    if (rows) FAE_CUDA(cudaMemcpyAsync(list_.get(), rows + done, n * 4ull, cudaMemcpyHostToDevice, stream));
    act(done, n, rows ? list_.get() : nullptr);
    FAE_CUDA(cudaStreamSynchronize(stream));
  }
}

void DeviceRows::read(uint32_t table, int slot, const uint32_t* rows, uint64_t count, float* out, cudaStream_t stream) const {
  const uint32_t n = columns(slot);
  in_pieces(rows, rows ? count : job_.tables[table].hot_rows, stream, [&](uint64_t done, uint32_t part, const uint32_t* list) {
    gather(staging_.get(), slot, list, bases_[table] + (list ? 0 : done), part, stream);
    FAE_CUDA(cudaMemcpyAsync(out + done * n, staging_.get(), static_cast<size_t>(part) * n * 4, cudaMemcpyDeviceToHost, stream));
  });
}

void DeviceRows::write(uint32_t table, int slot, const uint32_t* rows, uint64_t count, const float* in, cudaStream_t stream) {
  const uint32_t n = columns(slot);
  in_pieces(rows, rows ? count : job_.tables[table].hot_rows, stream, [&](uint64_t done, uint32_t part, const uint32_t* list) {
    FAE_CUDA(cudaMemcpyAsync(staging_.get(), in + done * n, static_cast<size_t>(part) * n * 4, cudaMemcpyHostToDevice, stream));
    scatter(staging_.get(), slot, list, bases_[table] + (list ? 0 : done), part, stream);
  });
}

void DeviceRows::initialise(cudaStream_t stream) {
  // All memory is 0 already: state, and tables that start so.
  std::vector<uint32_t> original(piece_rows);
  for (uint32_t t = 0; t < job_.tables.size(); t++) {
    const TableSpec& table = job_.tables[t];
    const TableStart start(job_, t, nullptr);
    if (table.init.kind != InitSpec::Kind::uniform) continue;
    const uint32_t key = name_key(table.name);
    for (uint32_t first = 0; first < table.hot_rows; first += piece_rows) {
      const uint32_t count = std::min(piece_rows, table.hot_rows - first);
      start.original_ids(first, count, original.data());
      FAE_CUDA(cudaMemcpyAsync(list_.get(), original.data(), count * 4ull, cudaMemcpyHostToDevice, stream));
      const auto draw = [&](auto* rows) {
        const uint64_t at = (static_cast<uint64_t>(bases_[t]) + first) * stride_;
        draw_uniform_rows(rows + at, stride_, job_.width, list_.get(), count, job_.seed, key, table.init.scale, stream);
      };
      if (bf16()) draw(weights_bf16_.get());
      else draw(weights_.get());
      FAE_CUDA(cudaStreamSynchronize(stream));
    }
  }
}

}  // namespace fae::cuda
