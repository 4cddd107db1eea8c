// Look-up and row update of RMC2's tables against the bandwidth of random 64-byte rows of this machine: one 2 GiB table's worth
// of rows on huge pages, read (and written) in random order with software prefetch, by as many threads.
//   rows_bench [--batch 1024] [--threads 0] [--scale 1]
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "distinct.h"
#include "kernels.h"
#include "pages.h"
#include "random.h"
#include "thread_pool.h"

namespace {

using namespace fae::cpu;

const std::vector<uint32_t> kaggle = {1460, 583,    10131227, 2202608, 305,     24, 12517, 633,     3,  93145, 5683,   8351593, 3194,
                                      27,   14992,  5461306,  10,      5652,    2173, 4,   7046547, 18, 15,    286181, 105,     142572};
constexpr uint32_t width = 16;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double best_of(int repeats, const std::function<void(int)>& work) {
  double best = 1e9;
  for (int i = 0; i < repeats; i++) {
    const double start = now();
    work(i);
    best = std::min(best, now() - start);
  }
  return best;
}

uint32_t draw(uint32_t i, uint32_t kind) { return fae::philox(i, kind, 0, 0, 5, 77).word[0]; }

}  // namespace

int main(int argc, char** argv) {
  uint32_t batch = 1024, threads = 0;
  double scale = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--batch") batch = static_cast<uint32_t>(std::stoul(argv[i + 1]));
    if (name == "--threads") threads = static_cast<uint32_t>(std::stoul(argv[i + 1]));
    if (name == "--scale") scale = std::stod(argv[i + 1]);
  }
  fae::Job job;
  job.batch = batch;
  job.width = width;
  std::vector<uint64_t> first;
  uint64_t rows = 0;
  for (const uint32_t count : kaggle) {
    fae::TableSpec table;
    table.rows = std::max(2u, static_cast<uint32_t>(count * scale));
    table.first_id = job.ids_per_step++;
    job.tables.push_back(table);
    first.push_back(rows);
    rows += table.rows;
  }
  job.stride_words = 1 + job.ids_per_step;
  const uint32_t tables = job.ids_per_step;
  fae::ThreadPool pool(threads);
  const Kernels& kernels = choose_kernels();
  const fae::Pages memory = fae::Pages::anonymous(rows * width * sizeof(float), "rows");
  float* all = memory.as<float>();
  pool.run(256, [&](uint32_t tile, uint32_t) {
    const uint64_t from = rows * tile / 256 * width, to = rows * (tile + 1) / 256 * width;
    for (uint64_t i = from; i < to; i++) all[i] = 0.01f;
  });

  // The measure: random rows over everything, read, and read and written, 64 bytes each way.
  constexpr uint32_t sweep = 1 << 20;
  std::vector<uint32_t> order(sweep);
  for (uint32_t i = 0; i < sweep; i++) order[i] = static_cast<uint32_t>(draw(i, 1) % rows);
  std::vector<float> sums(64 * width);
  const double reading = best_of(5, [&](int) {
    pool.run(64, [&](uint32_t tile, uint32_t) {
      float sum[width] = {};
      for (uint32_t i = tile * (sweep / 64); i < (tile + 1) * (sweep / 64); i++) {
        if (i + 24 < sweep) __builtin_prefetch(all + static_cast<uint64_t>(order[i + 24]) * width);
        for (uint32_t c = 0; c < width; c++) sum[c] += all[static_cast<uint64_t>(order[i]) * width + c];
      }
      std::memcpy(sums.data() + tile * width, sum, sizeof sum);
    });
  });
  const double read_bandwidth = 64.0 * sweep / reading / 1e9;

  // RMC2 batches with skewed ids (log-uniform, close to Zipf with exponent 1), another one each time.
  constexpr int batches = 24;
  std::vector<std::vector<uint32_t>> words(batches, std::vector<uint32_t>(static_cast<size_t>(batch) * job.stride_words));
  for (int n = 0; n < batches; n++) {
    for (uint32_t b = 0; b < batch; b++) {
      for (uint32_t t = 0; t < tables; t++) {
        const double u = fae::unit(draw((static_cast<uint32_t>(n) * batch + b) * tables + t, 2));
        words[static_cast<size_t>(n)][b * job.stride_words + 1 + t] =
            std::min(job.tables[t].rows - 1, static_cast<uint32_t>(std::pow(job.tables[t].rows + 1.0, u)) - 1);
      }
    }
  }
  std::vector<RowSpace> spaces;
  std::vector<uint32_t> limits;
  const std::vector<uint32_t> hotness(tables, 1);
  for (uint32_t t = 0; t < tables; t++) {
    spaces.push_back({all + first[t] * width, nullptr, ~0u});
    limits.push_back(job.tables[t].rows);
  }
  std::vector<float> pooled(static_cast<size_t>(batch) * tables * width), gradients(pooled.size(), 1e-3f);
  fae::Distinct distinct(job, limits);
  std::vector<fae::DistinctScratch> scratch(pool.threads());
  std::vector<std::vector<float>> sum(pool.threads(), std::vector<float>(width));
  double gather = 0, dedupe = 0, update = 0;
  uint64_t touched = 0;
  const double total = best_of(batches, [&](int n) {
    const fae::IdLayout ids = fae::IdLayout::of_words(job, words[static_cast<size_t>(n)].data(), batch);
    const double start = now();
    pool.run((batch + 63) / 64, [&](uint32_t tile, uint32_t) {
      Pool call;
      call.spaces = spaces.data();
      call.hotness = hotness.data();
      call.ids = ids.ids + tile * 64 * ids.input_stride;
      call.input_stride = ids.input_stride;
      call.step_stride = ids.step_stride;
      call.inputs = std::min(64u, batch - tile * 64);
      call.steps = 1;
      call.tables = tables;
      call.width = width;
      call.out = pooled.data() + static_cast<size_t>(tile) * 64 * tables * width;
      kernels.pool(call);
    });
    const double gathered = now();
    pool.run(tables, [&](uint32_t t, uint32_t worker) { distinct.fill(t, ids, scratch[worker]); });
    const double counted = now();
    std::vector<std::pair<uint32_t, uint32_t>> tasks;
    for (uint32_t t = 0; t < tables; t++) {
      for (uint32_t from = 0; from < distinct.count(t); from += 256) tasks.push_back({t, from});
    }
    pool.run(static_cast<uint32_t>(tasks.size()), [&](uint32_t task, uint32_t worker) {
      const auto [t, from] = tasks[task];
      RowUpdate call;
      call.step.rate = 0.01f;
      call.rows = spaces[t];
      call.width = width;
      call.ids = distinct.ids(t);
      call.begins = distinct.begins(t);
      call.places = distinct.places(t);
      call.from = from;
      call.to = std::min(from + 256, distinct.count(t));
      call.gradients = gradients.data() + t * width;
      call.place_stride = static_cast<size_t>(tables) * width;
      call.scratch = sum[worker].data();
      kernels.update_rows(call);
    });
    const double done = now();
    gather = gathered - start;
    dedupe = counted - gathered;
    update = done - counted;
    touched = distinct.total();
  });
  // Look-up reads every row; the update reads and writes every distinct one.
  const double bytes = 64.0 * (static_cast<double>(batch) * tables + 2.0 * static_cast<double>(touched));
  std::printf("%u threads, %s, %.2f GiB of rows, huge pages '%s'\n", pool.threads(), kernels.name, static_cast<double>(rows) * 64 / (1 << 30),
              fae::huge_page_mode().c_str());
  std::printf("random 64-byte rows: %.1f M rows/s, %.2f GB/s\n", sweep / reading / 1e6, read_bandwidth);
  std::printf("batch %u: look-up %.0f us, distinct %.0f us, update %.0f us (last batch); best of all three %.0f us\n", batch, gather * 1e6, dedupe * 1e6,
              update * 1e6, total * 1e6);
  std::printf("%llu distinct of %u rows; %.2f GB/s, %.0f %% of the random-row bandwidth\n", static_cast<unsigned long long>(touched), batch * tables,
              bytes / total / 1e9, 100 * bytes / total / 1e9 / read_bandwidth);
  return 0;
}
