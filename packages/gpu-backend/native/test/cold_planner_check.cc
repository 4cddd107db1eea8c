// The plan of cold rows against its purpose: whoever fetches, updates and returns rows as the words are marked ends with the
// rows that plain updates in batch order give, when every return arrives as late as it may.
#include <atomic>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "random.h"
#include "routes/mixed/cold_planner.h"
#include "rows/cold_words.h"
#include "status.h"

namespace {

using fae::cuda::ColdPlanner;
using fae::cuda::RowReference;
using Row = std::pair<uint32_t, uint32_t>;  // table, row

int failures = 0;

void expect(bool holds, const std::string& what) {
  if (holds) return;
  std::printf("FAILED: %s\n", what.c_str());
  failures++;
}

struct Random {
  uint32_t seed, counter = 0;
  uint32_t below(uint32_t n) { return fae::philox(counter++, 0, 0, 0, seed, 77).word[0] % n; }
};

fae::Job job_of(Random& random) {
  fae::Job job;
  job.batch = 1 + random.below(24);
  job.look_ahead = random.below(5);
  job.steps = random.below(3);
  job.dense_features = random.below(3);
  for (uint32_t t = 0; t < 1 + random.below(4); t++) {
    fae::TableSpec table;
    table.rows = 1 + random.below(random.below(2) ? 12 : 300);
    table.hot_rows = random.below(table.rows + 1);
    table.hotness = 1 + random.below(3);
    table.first_id = job.ids_per_step;
    job.ids_per_step += table.hotness;
    job.tables.push_back(table);
  }
  job.stride_words = 1 + job.step_count() * (job.dense_features + job.ids_per_step);
  return job;
}

// Batches of a part in their ring, and what their words were before planning.
struct Part {
  const fae::Job& job;
  uint32_t count;
  std::vector<uint32_t> inputs, words, original;
  fae::cuda::WordRing ring;

  Part(const fae::Job& of, Random& random, uint32_t batches) : job(of), count(batches) {
    const size_t batch_words = static_cast<size_t>(job.batch) * job.stride_words;
    words.resize(batch_words * count);
    ring = {words.data(), count, batch_words};
    for (uint32_t i = 0; i < count; i++) {
      inputs.push_back(i + 1 == count ? 1 + random.below(job.batch) : job.batch);
      each_id(i, [&](int32_t& id, uint32_t t, size_t) { id = random.below(8) == 0 ? -1 : static_cast<int32_t>(random.below(job.tables[t].rows)); });
    }
    original = words;
  }

  // Calls visit(id, table, word number in the batch) in the order in which rows are packed: table by table.
  template <class Visit>
  void each_id(uint32_t i, Visit&& visit) {
    fae::IdLayout layout = fae::IdLayout::of_words(job, ring.words(i), inputs[i]);
    for (uint32_t t = 0; t < job.tables.size(); t++) {
      for (uint32_t b = 0; b < layout.inputs; b++) {
        for (uint32_t s = 0; s < layout.steps; s++) {
          for (uint32_t l = 0; l < job.tables[t].hotness; l++) {
            auto& id = const_cast<int32_t&>(layout.ids[b * layout.input_stride + s * layout.step_stride + job.tables[t].first_id + l]);
            visit(id, t, static_cast<size_t>(reinterpret_cast<uint32_t*>(&id) - words.data()));
          }
        }
      }
    }
  }
};

void plan_all(ColdPlanner& planner, Part& part, uint32_t threads) {
  std::atomic<uint32_t> next{0};
  std::vector<std::thread> readers;
  for (uint32_t n = 0; n < threads; n++) {
    readers.emplace_back([&] {
      for (uint32_t i = next++; i < part.count; i = next++) planner.plan(i, part.inputs[i], part.ring.words(i));
    });
  }
  for (std::thread& reader : readers) reader.join();
}

// What the kernels do: the device's slots and the host's rows, each holding the number of batches that updated it.
struct Machine {
  std::map<Row, uint32_t> host, slots;
  std::vector<std::vector<std::pair<Row, uint32_t>>> returns;

  void run(ColdPlanner& planner, Part& part, bool training) {
    const uint32_t lag = part.job.look_ahead + 1;
    for (uint32_t i = 0; i < part.count; i++) {
      // Only what must have come back before this batch's gather has.
      if (i >= lag) arrive(i - lag);
      step(planner, part, i, training);
    }
    for (uint32_t i = part.count > lag ? part.count - lag : 0; i < part.count; i++) arrive(i);
  }

  void arrive(uint32_t i) {
    for (const auto& [row, value] : returns[i]) host[row] = value;
  }

  void step(ColdPlanner& planner, Part& part, uint32_t i, bool training) {
    const std::vector<RowReference> fetched = planner.fetched(i), back = training ? planner.returned(i) : std::vector<RowReference>();
    size_t next_fetch = 0, next_back = 0;
    std::set<Row> used;
    returns.emplace_back();
    std::vector<std::pair<Row, Row>> going;  // slot, row
    part.each_id(i, [&](int32_t& id, uint32_t t, size_t at) {
      const uint32_t word = static_cast<uint32_t>(id), was = part.original[at];
      if (was == ~0u) return expect(word == ~0u, "no row stays no row");
      const uint32_t hot = part.job.tables[t].hot_rows;
      if (was < hot) return expect(word == was, "a hot row stays as it is");
      const Row slot{t, word & fae::cuda::cold_row_mask}, row{t, was};
      expect(slot.second >= hot, "a cold row has a slot behind the hot rows");
      if (word & fae::cuda::fetch_bit) {
        expect(next_fetch < fetched.size() && fetched[next_fetch].table == t && fetched[next_fetch].row == was, "fetched rows are listed in the order of their marks");
        next_fetch++;
        slots[slot] = host[row];
      }
      if (word & fae::cuda::write_bit) {
        expect(next_back < back.size() && back[next_back].table == t && back[next_back].row == was, "returned rows are listed in the order of their marks");
        next_back++;
        going.emplace_back(slot, row);
      }
      if (used.insert(row).second) slots[slot]++;
    });
    expect(next_fetch == fetched.size(), "every fetched row is marked");
    expect(next_back == back.size(), "every returned row is marked");
    for (const auto& [slot, row] : going) returns[i].emplace_back(row, slots[slot]);
  }
};

void check(uint32_t seed) {
  Random random{seed};
  const fae::Job job = job_of(random);
  ColdPlanner planner(job);
  const std::atomic<bool> stopping{false};
  std::map<Row, uint32_t> plain;
  Machine machine;
  uint64_t look_ups = 0;
  for (uint32_t p = 0; p < 2; p++) {
    Part part(job, random, 1 + random.below(12));
    for (uint32_t i = 0; i < part.count; i++) {
      std::set<Row> cold;
      part.each_id(i, [&](int32_t& id, uint32_t t, size_t) {
        if (id >= static_cast<int32_t>(job.tables[t].hot_rows)) cold.insert({t, static_cast<uint32_t>(id)});
      });
      look_ups += cold.size();
      for (const Row& row : cold) plain[row]++;
      expect(cold.size() <= planner.capacity(), "a batch touches no more cold rows than there is room for");
    }
    planner.attach(part.ring, stopping);
    planner.begin(part.count, true);
    plan_all(planner, part, 1 + random.below(4));
    machine.returns.clear();
    machine.slots.clear();
    machine.run(planner, part, true);
  }
  expect(planner.fetched_rows() + planner.forwarded_rows() == look_ups, "every distinct cold row of a batch is fetched or forwarded");
  for (const auto& [row, updates] : plain) {
    if (machine.host[row] != updates) return expect(false, "seed " + std::to_string(seed) + ": a row has every update on the host at the end");
  }
}

// A plan that waits for its turn gives up when the segment does.
void check_giving_up() {
  Random random{1};
  fae::Job job = job_of(random);
  job.tables[0].hot_rows = 0;
  ColdPlanner planner(job);
  Part part(job, random, 3);
  std::atomic<bool> stopping{true};
  planner.attach(part.ring, stopping);
  planner.begin(part.count, true);
  bool gave_up = false;
  try {
    planner.plan(1, part.inputs[1], part.ring.words(1));  // batch 0 was never planned
  } catch (const fae::Failure&) {
    gave_up = true;
  }
  expect(gave_up, "a plan gives up");
}

}  // namespace

int main() {
  for (uint32_t seed = 0; seed < 400; seed++) check(seed);
  check_giving_up();
  std::printf("%s\n", failures == 0 ? "cold planner: ok" : "cold planner: FAILED");
  return failures == 0 ? 0 : 1;
}
