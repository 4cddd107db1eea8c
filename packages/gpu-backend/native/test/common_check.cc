// Checks of the host-side parts against plain definitions: distinct ids, cold-row plans, permutations, sources, JSON, thread pool.
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "calls.h"
#include "cold_rows.h"
#include "distinct.h"
#include "job_limits.h"
#include "json.h"
#include "pages.h"
#include "random.h"
#include "row_source.h"
#include "status.h"
#include "step_values.h"
#include "thread_pool.h"

namespace {

int failures = 0;

void expect(bool holds, const std::string& what) {
  if (holds) return;
  std::printf("FAILED: %s\n", what.c_str());
  failures++;
}

struct Random {
  uint32_t seed, counter = 0;
  uint32_t below(uint32_t n) { return fae::philox(counter++, 0, 0, 0, seed, 99).word[0] % n; }
};

// A job with a few tables of given rows, hot rows and bag lengths; no sources.
fae::Job job_of(Random& random, uint32_t batch, uint32_t look_ahead) {
  fae::Job job;
  job.batch = batch;
  job.look_ahead = look_ahead;
  job.steps = random.below(3);
  job.dense_features = random.below(3);
  for (uint32_t t = 0; t < 1 + random.below(3); t++) {
    fae::TableSpec table;
    table.rows = 1 + random.below(random.below(2) ? 20 : 20000);
    table.hot_rows = random.below(table.rows + 1);
    table.hotness = 1 + random.below(3);
    table.first_id = job.ids_per_step;
    job.ids_per_step += table.hotness;
    job.tables.push_back(table);
  }
  job.stride_words = 1 + job.step_count() * (job.dense_features + job.ids_per_step);
  return job;
}

std::vector<uint32_t> words_of(const fae::Job& job, Random& random, uint32_t inputs) {
  std::vector<uint32_t> words(static_cast<size_t>(inputs) * job.stride_words);
  fae::IdLayout layout = fae::IdLayout::of_words(job, words.data(), inputs);
  for (uint32_t b = 0; b < inputs; b++) {
    for (uint32_t s = 0; s < layout.steps; s++) {
      for (const fae::TableSpec& table : job.tables) {
        for (uint32_t l = 0; l < table.hotness; l++) {
          const uint32_t range = random.below(2) ? table.rows : std::min(table.rows, 8u);
          const_cast<int32_t*>(layout.ids)[b * layout.input_stride + s * layout.step_stride + table.first_id + l] =
              random.below(8) == 0 ? -1 : static_cast<int32_t>(random.below(range));
        }
      }
    }
  }
  return words;
}

template <class Visit>
void each_id(const fae::Job& job, const fae::IdLayout& layout, uint32_t t, Visit&& visit) {
  for (uint32_t b = 0; b < layout.inputs; b++) {
    for (uint32_t s = 0; s < layout.steps; s++) {
      for (uint32_t l = 0; l < job.tables[t].hotness; l++) {
        const size_t at = b * layout.input_stride + s * layout.step_stride + job.tables[t].first_id + l;
        visit(layout.ids[at], b * layout.steps + s, at);
      }
    }
  }
}

void check_distinct(uint32_t seed) {
  Random random{seed};
  const fae::Job job = job_of(random, 1 + random.below(40), 0);
  std::vector<uint32_t> limits;
  for (const fae::TableSpec& table : job.tables) limits.push_back(table.rows);
  fae::Distinct distinct(job, limits);
  fae::DistinctScratch scratch;
  for (int batch = 0; batch < 3; batch++) {
    const uint32_t inputs = 1 + random.below(job.batch);
    const std::vector<uint32_t> words = words_of(job, random, inputs);
    std::vector<uint32_t> indices = words;
    const fae::IdLayout layout = fae::IdLayout::of_words(job, words.data(), inputs);
    int32_t* index_of = const_cast<int32_t*>(fae::IdLayout::of_words(job, indices.data(), inputs).ids);
    for (uint32_t t = 0; t < job.tables.size(); t++) {
      distinct.fill(t, layout, scratch, index_of);
      std::vector<uint32_t> order;
      std::map<int32_t, std::vector<uint32_t>> places;
      each_id(job, layout, t, [&](int32_t id, uint32_t place, size_t at) {
        expect(id >= 0 ? distinct.ids(t)[index_of[at]] == static_cast<uint32_t>(id) : index_of[at] == fae::Distinct::none, "index of an id");
        if (id < 0) return;
        if (places[id].empty()) order.push_back(static_cast<uint32_t>(id));
        places[id].push_back(place);
      });
      expect(distinct.count(t) == order.size(), "number of distinct ids");
      for (uint32_t i = 0; i < order.size() && i < distinct.count(t); i++) {
        expect(distinct.ids(t)[i] == order[i], "order of distinct ids");
        const std::vector<uint32_t> found(distinct.places(t) + distinct.begins(t)[i], distinct.places(t) + distinct.begins(t)[i + 1]);
        expect(found == places[static_cast<int32_t>(order[i])], "places of an id");
      }
    }
  }
}

// Against sets: what is fetched, forwarded and written back, and that a slot never holds two rows in flight.
void check_cold_rows(uint32_t seed) {
  Random random{seed};
  const uint32_t look_ahead = random.below(5);
  const fae::Job job = job_of(random, 1 + random.below(12), look_ahead);
  const uint32_t batches = 12;
  std::vector<std::vector<uint32_t>> words;
  for (uint32_t n = 0; n < batches; n++) words.push_back(words_of(job, random, 1 + random.below(job.batch)));
  const auto layout_of = [&](uint32_t n) {
    return fae::IdLayout::of_words(job, words[n].data(), static_cast<uint32_t>(words[n].size() / job.stride_words));
  };
  for (uint32_t t = 0; t < job.tables.size(); t++) {
    const uint32_t hot = job.tables[t].hot_rows;
    std::vector<std::set<uint32_t>> cold(batches);
    for (uint32_t n = 0; n < batches; n++) {
      each_id(job, layout_of(n), t, [&](int32_t id, uint32_t, size_t) {
        if (id >= static_cast<int64_t>(hot)) cold[n].insert(static_cast<uint32_t>(id));
      });
    }
    const auto used = [&](uint32_t row, int from, int to) {
      for (int n = std::max(0, from); n < std::min<int>(to, batches); n++) {
        if (cold[static_cast<size_t>(n)].count(row)) return true;
      }
      return false;
    };
    fae::ColdTable plan(job, t);
    std::map<uint32_t, uint32_t> slots;  // slot -> row on the device
    uint32_t planned = 0;
    for (uint32_t n = 0; n < batches; n++) {
      for (; planned < batches && planned <= n + look_ahead; planned++) {
        const std::vector<uint32_t> original = words[planned];
        const fae::IdLayout layout = layout_of(planned);
        plan.plan(layout, const_cast<int32_t*>(layout.ids));
        for (const fae::ColdRow& fetched : plan.fetch()) {
          expect(!used(fetched.row, static_cast<int>(planned) - static_cast<int>(look_ahead), static_cast<int>(planned)), "a fetched row is not in flight");
          expect(slots.count(fetched.slot) == 0 && fetched.slot < plan.slots(), "a slot is free when it is given");
          slots[fetched.slot] = fetched.row;
        }
        expect(plan.fetch().size() + plan.forwarded() == cold[planned].size(), "fetched and forwarded rows are the distinct cold ones");
        const int32_t* before = fae::IdLayout::of_words(job, original.data(), layout.inputs).ids;
        each_id(job, layout, t, [&](int32_t id, uint32_t, size_t at) {
          if (before[at] < static_cast<int64_t>(hot)) expect(id == before[at], "hot ids and pads stay");
          else expect(slots.count(static_cast<uint32_t>(id) - hot) && slots[static_cast<uint32_t>(id) - hot] == static_cast<uint32_t>(before[at]), "a slot holds its row");
        });
      }
      std::set<uint32_t> written;
      for (const fae::ColdRow& row : plan.write_back(n)) {
        expect(slots[row.slot] == row.row && written.insert(row.row).second, "a written row is in its slot, once");
        slots.erase(row.slot);
      }
      for (const uint32_t row : cold[n]) {
        expect(written.count(row) == !used(row, static_cast<int>(n) + 1, static_cast<int>(n + 1 + look_ahead)), "a row goes back when no batch in flight uses it");
      }
    }
    expect(slots.empty(), "nothing stays on the device");
  }
}

void check_permutation(uint32_t n, uint32_t seed) {
  const fae::Permutation permute(n, seed, 3);
  std::vector<bool> seen(n);
  for (uint32_t i = 0; i < n; i++) {
    const uint32_t at = permute(i);
    expect(at < n && !seen[at], "a permutation is one");
    if (at < n) seen[at] = true;
  }
}

// A file cut while it is mapped loses whole pages: more than one of them is needed.
void check_labels(uint32_t seed) {
  Random random{seed};
  fae::Job job = job_of(random, 1 + random.below(40), 0);
  const uint32_t rows = 5000;
  std::vector<uint32_t> words(static_cast<size_t>(rows) * job.stride_words, 0);
  for (uint32_t i = 0; i < rows; i++) words[static_cast<size_t>(i) * job.stride_words] = random.below(2);
  fae::SourceSpec spec;
  spec.name = "test", spec.rows = rows, spec.is_file = true, spec.shuffled = true;
  char path[] = "/tmp/fae-labels-XXXXXX";
  close(mkstemp(path));
  spec.path = path;
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(words.data()), static_cast<std::streamsize>(words.size() * 4));
  {
    const fae::RowSource source(job, spec, nullptr);
    std::vector<uint8_t> labels(rows);
    source.copy_labels(labels.data());
    bool equal = true;
    for (uint32_t i = 0; i < rows; i++) equal &= labels[i] == words[static_cast<size_t>(i) * job.stride_words];
    expect(equal, "labels in row order, shuffled or not");
    expect(truncate(path, 4096) == 0, "cutting the file");
    try {
      source.copy_labels(labels.data());
      expect(false, "a file that was cut short has no labels");
    } catch (const fae::Failure& failure) {
      expect(failure.status == FAE_DATA && failure.message.find(path) != std::string::npos, "labels of a cut file: " + failure.message);
    }
  }
  unlink(path);
}

void check_free_memory() {
  char root[] = "/tmp/fae-memory-XXXXXX";
  expect(mkdtemp(root) != nullptr, "a folder");
  namespace fs = std::filesystem;
  const fs::path at = root, v2 = at / "sys/fs/cgroup", v1 = v2 / "memory";
  const auto put = [](const fs::path& path, const std::string& text) { std::ofstream(path) << text; };
  const auto free_is = [&](uint64_t bytes, const std::string& what) { expect(fae::free_host_bytes(root) == bytes, "free memory: " + what); };
  fs::create_directories(at / "proc");
  fs::create_directories(v1);
  free_is(0, "unknown");
  put(at / "proc/meminfo", "MemTotal: 9000 kB\nMemAvailable: 8000 kB\nCached: 1 kB\n");
  free_is(8000 << 10, "of the machine");
  put(v2 / "memory.max", "max\n");
  put(v2 / "memory.current", "1000000\n");
  free_is(8000 << 10, "no limit");
  put(v2 / "memory.max", "1000000\n");
  put(v2 / "memory.stat", "anon 200000\nfile 800000\nshmem 100000\ninactive_file 500000\nactive_file 200000\n");
  free_is(700000, "the page cache gives way, shared memory does not");
  put(v1 / "memory.limit_in_bytes", "600000\n");
  put(v1 / "memory.usage_in_bytes", "500000\n");
  put(v1 / "memory.stat", "inactive_file 1\ntotal_inactive_file 100000\ntotal_active_file 50000\n");
  free_is(250000, "version 1");
  fs::remove_all(at);
}

void check_json() {
  const fae::Json json = fae::Json::parse(R"( {"a":[1,-2.5e3,true,null,"\u00e9\ud83d\ude00\n"],"b":{}} )");
  expect(json.at("a").array()[1].number() == -2500, "numbers");
  expect(json.at("a").array()[4].string() == "\xc3\xa9\xf0\x9f\x98\x80\n", "escapes");
  expect(json.find("c") == nullptr && json.at("b").object().empty(), "members");
  for (const char* text : {"", "{", "[1,]", "{\"a\" 1}", "nul", "01x", "\"\\x\"", "\"\\u12", "[1] 2", "{\"a\":1,}", "-", "+1", "\"\t\"", "[1 2]", "inf", "nan",
                           "\"a\\u0000b\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\""}) {
    fae_error error;
    const fae_status status = fae::guarded(&error, [&] { fae::Json::parse(text); });
    expect(status == FAE_CONFIG && std::strstr(error.message, "at byte"), std::string("refuses ") + text);
  }
  std::string deep(100000, '[');
  fae_error error;
  expect(fae::guarded(&error, [&] { fae::Json::parse(deep); }) == FAE_CONFIG, "refuses endless nesting");
}

void check_pool() {
  for (const uint32_t threads : {1u, 2u, 7u}) {
    fae::ThreadPool pool(threads);
    for (uint32_t round = 0; round < 2000; round++) {
      const uint32_t tiles = round % 23;
      std::vector<uint32_t> done(tiles);
      pool.run(tiles, [&](uint32_t tile, uint32_t worker) {
        expect(worker < threads, "worker number");
        done[tile]++;
      });
      for (const uint32_t times : done) expect(times == 1, "every tile runs once");
    }
    bool thrown = false;
    try {
      pool.run(50, [&](uint32_t tile, uint32_t) {
        if (tile == 20) throw std::runtime_error("tile");
      });
    } catch (const std::runtime_error&) {
      thrown = true;
    }
    expect(thrown, "an exception reaches the caller");
  }
}

void check_error_text() {
  fae_error error;
  std::string text(3000, 'x');
  text.replace(1534, 2, "\xc3\xa9");
  fae::fill_error(&error, FAE_DATA, text, std::string(600, '{'));
  expect(std::strlen(error.message) == 1534 && error.details[0] == 0, "long errors are cut at a character");
}

// Whatever a call throws becomes a status with a message.
void check_guarded() {
  const auto status_of = [](const std::function<void()>& body, fae_error& error) { return fae::guarded(&error, body); };
  fae_error error;
  expect(status_of([] { throw std::bad_alloc(); }, error) == FAE_OUT_OF_MEMORY && std::strstr(error.details, "freeBytes"), "no memory");
  expect(status_of([] { std::vector<float>().resize(~0ull); }, error) == FAE_OUT_OF_MEMORY, "a length that no vector has");
  expect(status_of([] { throw std::system_error(EAGAIN, std::generic_category()); }, error) == FAE_ENGINE, "system errors");
  expect(status_of([] { throw 1; }, error) == FAE_ENGINE, "anything else");
}

// Sizes that 32 bits cannot count, and numbers of a plan out of range, are refused.
void check_sizes() {
  Random random{1};
  fae::Job good = job_of(random, 8, 2);
  good.width = 4;
  const auto refuses = [&](const char* what, const std::function<void(fae::Job&)>& change) {
    fae::Job job = good;
    change(job);
    fae_error error;
    expect(fae::guarded(&error, [&] { fae::check_limits(job); }) == FAE_CONFIG, std::string("refuses ") + what);
  };
  fae::check_limits(good);
  refuses("a batch of 2^31", [](fae::Job& job) { job.batch = 1u << 31; });
  refuses("2^32 words in a batch", [](fae::Job& job) { job.batch = 1u << 30, job.stride_words = 4; });
  refuses("2^63 row values in a batch", [](fae::Job& job) { job.batch = 1u << 16, job.stride_words = 1u << 15, job.width = 1u << 30; });
  refuses("2^61 values in a table", [](fae::Job& job) { job.tables[0].rows = 1u << 30, job.width = 0x7fffffff; });
  refuses("a value of 2^31 elements", [](fae::Job& job) { job.values.push_back({"v", {1ull << 31}, 1ull << 31}); });
  refuses("no server", [](fae::Job& job) { job.regime = fae::Regime::server, job.servers = 0; });
  refuses("too many servers", [](fae::Job& job) { job.regime = fae::Regime::server, job.servers = 1025; });
  refuses("endless staleness", [](fae::Job& job) { job.regime = fae::Regime::server, job.staleness = ~0u; });
  refuses("threads without end", [](fae::Job& job) { job.threads = 1025; });
}

// Calls name what there is, and bring as many values as that takes.
void check_calls() {
  Random random{2};
  fae::Job job = job_of(random, 8, 2);
  job.width = 4;
  job.tables[0].name = "a";
  fae::SourceSpec source;
  source.name = "train", source.rows = 10;
  job.sources.push_back(source);
  job.routes = {fae::Route::host};
  const auto refuses = [](const char* what, fae_status status, const std::function<void()>& body) {
    fae_error error;
    expect(fae::guarded(&error, body) == status, std::string("refuses ") + what);
  };
  const fae::Tensor table = fae::find_tensor(job, "a"), step = fae::find_tensor(job, "#step");
  const uint32_t there[] = {0}, beyond[] = {job.tables[0].rows};
  fae::check_access(table, "a", there, 1, 4);
  refuses("a row beyond the table", FAE_CONFIG, [&] { fae::check_access(table, "a", beyond, 1, 4); });
  refuses("too few values", FAE_SHAPE, [&] { fae::check_access(table, "a", there, 1, 3); });
  refuses("rows of #step", FAE_CONFIG, [&] { fae::check_access(step, "#step", there, 1, 2); });
  refuses("an unknown tensor", FAE_CONFIG, [&] { fae::find_tensor(job, "a#m"); });
  refuses("too little room for scores", FAE_SHAPE, [&] { fae::check_room(job.sources[0], 9); });
  for (const float part : {0.5f, -1.0f, 16777216.0f, INFINITY, NAN}) {
    const float values[] = {part, 0};
    refuses("half a step", FAE_CONFIG, [&] { fae::step_of(values); });
  }
  const uint32_t batches[] = {0, 2};
  const double rates[] = {0.1, 1e39};
  fae::check_segment(job, {"host", "train", 0, batches, rates, 1});
  refuses("a rate that float32 cannot hold", FAE_CONFIG, [&] { fae::check_segment(job, {"host", "train", 0, batches, rates + 1, 1}); });
  refuses("a batch beyond the source", FAE_CONFIG, [&] { fae::check_segment(job, {"host", "train", 0, batches + 1, rates, 1}); });
  refuses("a route that is not planned", FAE_CONFIG, [&] { fae::check_segment(job, {"device", "train", 0, batches, rates, 1}); });
}

}  // namespace

// A pool of which only some threads can be started must end those and say so.
void check_threads_refused() {
  std::ifstream statm("/proc/self/statm");
  uint64_t pages = 0;
  statm >> pages;
  rlimit before = {};
  getrlimit(RLIMIT_AS, &before);
  rlimit tight = before;
  // Room for a few stacks of 8 MiB.
  tight.rlim_cur = pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) + (64ull << 20);
  setrlimit(RLIMIT_AS, &tight);
  std::string message;
  try {
    const fae::ThreadPool pool(200);
  } catch (const fae::Failure& failure) {
    message = failure.message;
  }
  setrlimit(RLIMIT_AS, &before);
  expect(message.rfind("Cannot start thread ", 0) == 0 && message.find(" of 199: ") != std::string::npos && message.find("ulimit -u") != std::string::npos,
         "threads that cannot be started are told: " + message);
  fae::ThreadPool pool(4);
  uint32_t ran = 0;
  pool.run(1, [&](uint32_t, uint32_t) { ran++; });
  expect(ran == 1, "a pool afterwards works");
}

int main() {
  for (uint32_t seed = 0; seed < 300; seed++) check_distinct(seed);
  for (uint32_t seed = 0; seed < 300; seed++) check_cold_rows(seed);
  for (const uint32_t n : {1u, 2u, 3u, 255u, 256u, 257u, 65536u, 100003u}) check_permutation(n, n);
  for (uint32_t seed = 0; seed < 5; seed++) check_labels(seed);
  check_free_memory();
  check_json();
  check_pool();
  check_error_text();
  check_guarded();
  check_sizes();
  check_calls();
  check_threads_refused();
  std::printf("%s\n", failures == 0 ? "ok" : "FAILED");
  return failures == 0 ? 0 : 1;
}
