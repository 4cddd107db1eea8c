// Look-up and row update of RMC2's tables against the bandwidth of random 64-byte rows of the same tables, with as many threads.
// Both are timed in turn: on a shared machine the bandwidth of a moment ago says little. Threads keep to a CPU each: some kernels
// leave two busy threads on one. The time of a line handed from one thread to the other tells whether their CPUs share a cache.
//   rows_bench [--batch 1024] [--threads 0] [--scale 1] [--uniform 0]
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <pthread.h>
#include <sched.h>

#include "distinct.h"
#include "kernels.h"
#include "pages.h"
#include "random.h"
#include "thread_pool.h"

namespace {

using namespace fae::cpu;

const std::vector<uint32_t> kaggle = {1460, 583,    10131227, 2202608, 305,     24, 12517, 633,     3,  93145, 5683,   8351593, 3194,
                                      27,   14992,  5461306,  10,      5652,    2173, 4,   7046547, 18, 15,    286181, 105,     142572};
constexpr uint32_t width = 16, row_chunk = 256, tile_inputs = 64;
constexpr int rounds = 12, batches_per_round = 12;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }
uint32_t draw(uint32_t i, uint32_t kind) { return fae::philox(i, kind, 0, 0, 5, 77).word[0]; }

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

// Runs body(worker) once on every thread of the pool.
void on_each(fae::ThreadPool& pool, const std::function<void(uint32_t)>& body) {
  std::atomic<uint32_t> arrived{0};
  pool.run(pool.threads(), [&](uint32_t, uint32_t worker) {
    arrived++;
    while (arrived < pool.threads()) sched_yield();
    body(worker);
  });
}

void keep_apart(fae::ThreadPool& pool) {
  std::vector<int> cpus;
  cpu_set_t set;
  sched_getaffinity(0, sizeof set, &set);
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  on_each(pool, [&](uint32_t worker) {
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET(cpus[worker % cpus.size()], &own);
    pthread_setaffinity_np(pthread_self(), sizeof own, &own);
  });
}

// Seconds until a line written by thread 0 is read by thread 1; 0 with one thread.
double hand_over(fae::ThreadPool& pool) {
  if (pool.threads() < 2) return 0;
  constexpr uint32_t turns = 2000;
  alignas(128) std::atomic<uint32_t> turn{0};
  double best = 1;
  on_each(pool, [&](uint32_t worker) {
    for (uint32_t i = 0; i < 20 * turns && worker < 2; i += turns) {
      const double start = now();
      for (uint32_t n = i; n < i + turns; n++) {
        if (n % 2 != worker) continue;
        while (turn.load(std::memory_order_acquire) != n) {
        }
        turn.store(n + 1, std::memory_order_release);
      }
      if (worker == 0) best = std::min(best, (now() - start) / turns);
    }
  });
  return best;
}

struct Tables {
  fae::Job job;
  std::vector<RowSpace> spaces;
  std::vector<uint32_t> limits;
  fae::Pages memory;
  uint64_t rows = 0;
};

void make_tables(Tables& tables, uint32_t batch, double scale, fae::ThreadPool& pool) {
  fae::Job& job = tables.job;
  job.batch = batch;
  job.width = width;
  for (const uint32_t count : kaggle) {
    fae::TableSpec table;
    table.rows = std::max(2u, static_cast<uint32_t>(count * scale));
    table.first_id = job.ids_per_step++;
    job.tables.push_back(table);
    tables.limits.push_back(table.rows);
    tables.rows += table.rows;
  }
  job.stride_words = 1 + job.ids_per_step;
  tables.memory = fae::Pages::anonymous(tables.rows * width * sizeof(float), "rows");
  float* all = tables.memory.as<float>();
  for (const fae::TableSpec& table : job.tables) {
    tables.spaces.push_back({all, nullptr, ~0u});
    all += static_cast<uint64_t>(table.rows) * width;
  }
  float* first = tables.memory.as<float>();
  pool.run(256, [&](uint32_t tile, uint32_t) { std::fill(first + tables.rows * tile / 256 * width, first + tables.rows * (tile + 1) / 256 * width, 0.01f); });
}

// The measure: rows drawn evenly over all tables, fetched ahead, read; or read and written.
double sweep(const Tables& tables, fae::ThreadPool& pool, const std::vector<uint32_t>& order, bool writes) {
  constexpr uint32_t tiles = 64, ahead = 24;
  float* all = tables.memory.as<float>();
  const uint32_t count = static_cast<uint32_t>(order.size());
  const double start = now();
  pool.run(tiles, [&](uint32_t tile, uint32_t) {
    float sum[width] = {};
    for (uint32_t i = tile * (count / tiles); i < (tile + 1) * (count / tiles); i++) {
      const float* next = all + static_cast<uint64_t>(order[std::min(i + ahead, count - 1)]) * width;
      float* row = all + static_cast<uint64_t>(order[i]) * width;
      if (writes) {
        __builtin_prefetch(next, 1);
        for (uint32_t c = 0; c < width; c++) row[c] -= 1e-6f;
      } else {
        __builtin_prefetch(next);
        for (uint32_t c = 0; c < width; c++) sum[c] += row[c];
      }
    }
    volatile float kept = sum[0];
    static_cast<void>(kept);
  });
  return (now() - start) / count;
}

// Skewed ids are log-uniform, close to Zipf with exponent 1; uniform ones meet nearly every row for the first time.
std::vector<uint32_t> batch_words(const fae::Job& job, uint32_t number, bool uniform) {
  std::vector<uint32_t> words(static_cast<size_t>(job.batch) * job.stride_words);
  for (uint32_t b = 0; b < job.batch; b++) {
    for (uint32_t t = 0; t < job.tables.size(); t++) {
      const double u = fae::unit(draw((number * job.batch + b) * job.ids_per_step + t, 2)), rows = job.tables[t].rows;
      const double id = uniform ? u * rows : std::pow(rows + 1.0, u) - 1;
      words[b * job.stride_words + 1 + t] = std::min(job.tables[t].rows - 1, static_cast<uint32_t>(id));
    }
  }
  return words;
}

// What a training step does with rows, on memory like the engine's.
struct RowStep {
  RowStep(const Tables& tables, fae::ThreadPool& pool)
      : tables(tables), pool(pool), distinct(tables.job, tables.limits), distinct_scratch(pool.threads()),
        pooled(fae::Pages::anonymous(bytes(), "pooled rows")), gradients(fae::Pages::anonymous(bytes(), "gradients")),
        sums(fae::Pages::anonymous(pool.threads() * 256, "sums")) {
    std::fill_n(gradients.as<float>(), bytes() / sizeof(float), 1e-3f);
  }
  uint64_t bytes() const { return static_cast<uint64_t>(tables.job.batch) * tables.job.tables.size() * width * sizeof(float); }

  void look_up(const fae::IdLayout& ids) {
    const uint32_t count = static_cast<uint32_t>(tables.job.tables.size());
    const std::vector<uint32_t> hotness(count, 1);
    pool.run((ids.inputs + tile_inputs - 1) / tile_inputs, [&](uint32_t tile, uint32_t) {
      Pool call;
      call.spaces = tables.spaces.data();
      call.hotness = hotness.data();
      call.ids = ids.ids + tile * tile_inputs * ids.input_stride;
      call.input_stride = ids.input_stride;
      call.step_stride = ids.step_stride;
      call.inputs = std::min(tile_inputs, ids.inputs - tile * tile_inputs);
      call.steps = 1;
      call.tables = count;
      call.width = width;
      call.out = pooled.as<float>() + static_cast<size_t>(tile) * tile_inputs * count * width;
      kernels.pool(call);
    });
  }
  void count(const fae::IdLayout& ids) {
    pool.run(static_cast<uint32_t>(tables.job.tables.size()), [&](uint32_t t, uint32_t worker) { distinct.fill(t, ids, distinct_scratch[worker]); });
  }
  void update() {
    const uint32_t count = static_cast<uint32_t>(tables.job.tables.size());
    std::vector<std::pair<uint32_t, uint32_t>> tasks;
    for (uint32_t t = 0; t < count; t++) {
      for (uint32_t from = 0; from < distinct.count(t); from += row_chunk) tasks.push_back({t, from});
    }
    pool.run(static_cast<uint32_t>(tasks.size()), [&](uint32_t task, uint32_t worker) {
      const auto [t, from] = tasks[task];
      RowUpdate call;
      call.step.rate = 0.01f;
      call.rows = tables.spaces[t];
      call.width = width;
      call.ids = distinct.ids(t);
      call.begins = distinct.begins(t);
      call.places = distinct.places(t);
      call.from = from;
      call.to = std::min(from + row_chunk, distinct.count(t));
      call.gradients = gradients.as<float>() + t * width;
      call.place_stride = static_cast<size_t>(count) * width;
      call.scratch = sums.as<float>() + worker * 64;
      kernels.update_rows(call);
    });
  }

  const Tables& tables;
  fae::ThreadPool& pool;
  const Kernels& kernels = choose_kernels();
  fae::Distinct distinct;
  std::vector<fae::DistinctScratch> distinct_scratch;
  fae::Pages pooled, gradients, sums;
};

}  // namespace

int main(int argc, char** argv) {
  uint32_t batch = 1024, threads = 0;
  double scale = 1;
  bool uniform = false;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--batch") batch = static_cast<uint32_t>(std::stoul(value));
    else if (name == "--threads") threads = static_cast<uint32_t>(std::stoul(value));
    else if (name == "--scale") scale = std::stod(value);
    else if (name == "--uniform") uniform = value == "1";
    else return std::fprintf(stderr, "unknown option %s\n", argv[i]), 1;
  }
  fae::ThreadPool pool(threads);
  keep_apart(pool);
  Tables tables;
  make_tables(tables, batch, scale, pool);
  RowStep step(tables, pool);
  std::vector<std::vector<uint32_t>> words;
  for (uint32_t n = 0; n < rounds * batches_per_round; n++) words.push_back(batch_words(tables.job, n, uniform));

  std::vector<double> reads, writes, look_ups, counts, updates, totals, hand_overs, touched;
  std::vector<uint32_t> order(1 << 18);
  for (uint32_t n = 0; n < words.size(); n++) {
    if (n % batches_per_round == 0) {
      hand_overs.push_back(hand_over(pool));
      for (uint32_t i = 0; i < order.size(); i++) order[i] = static_cast<uint32_t>(draw(n * static_cast<uint32_t>(order.size()) + i, 1) % tables.rows);
      reads.push_back(sweep(tables, pool, order, false));
      for (uint32_t i = 0; i < order.size(); i++) order[i] = static_cast<uint32_t>(draw(n * static_cast<uint32_t>(order.size()) + i, 3) % tables.rows);
      writes.push_back(sweep(tables, pool, order, true));
    }
    const fae::IdLayout ids = fae::IdLayout::of_words(tables.job, words[n].data(), batch);
    const double start = now();
    step.look_up(ids);
    const double looked_up = now();
    step.count(ids);
    const double counted = now();
    step.update();
    const double done = now();
    look_ups.push_back(looked_up - start);
    counts.push_back(counted - looked_up);
    updates.push_back(done - counted);
    totals.push_back(done - start);
    touched.push_back(static_cast<double>(step.distinct.total()));
  }

  // Look-up reads every row; the update reads and writes every distinct one.
  const double read = median(reads), write = median(writes), total = median(totals), looked_up = static_cast<double>(batch) * kaggle.size();
  const double rate = 64 * (looked_up + 2 * median(touched)) / total, bandwidth = 64 / read;
  std::printf("%u threads, %s, %.2f GiB of rows, huge pages '%s', hand-over %.0f ns\n", pool.threads(), step.kernels.name,
              static_cast<double>(tables.rows) * 64 / (1 << 30), fae::huge_page_mode().c_str(), median(hand_overs) * 1e9);
  std::printf("random 64-byte rows: read %.1f M/s, %.2f GB/s; read and written %.1f M/s, %.2f GB/s\n", 1e-6 / read, bandwidth / 1e9, 1e-6 / write,
              128 / write / 1e9);
  std::printf("batch %u, median of %zu: look-up %.0f us, distinct %.0f us, update %.0f us, together %.0f us (best %.0f)\n", batch, totals.size(),
              median(look_ups) * 1e6, median(counts) * 1e6, median(updates) * 1e6, total * 1e6, *std::min_element(totals.begin(), totals.end()) * 1e6);
  std::printf("%.0f distinct of %.0f %s rows; %.2f GB/s, %.0f %% of the read bandwidth; %.0f %% of the speed of random rows read, then read and written\n",
              median(touched), looked_up, uniform ? "uniform" : "skewed", rate / 1e9, 100 * rate / bandwidth,
              100 * (looked_up * read + median(touched) * write) / total);
  return 0;
}
