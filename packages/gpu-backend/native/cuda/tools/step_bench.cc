// Times the routes of an engine on one program over Zipf ids and prints a table; every result also as a line of JSON with all its repeats.
//
//     step_bench PROGRAM.json RESULTS.jsonl [--batch 1024,4096] [--routes device,atomics,hot,mixed,hybrid,server,fae]
//                [--budget MiB] [--matmul tf32] [--look-ahead 0,1,2] [--cold-share 0,0.5,1] [--data FILE] [--batches 64] [--repeats 10]
//                [--optimizer sgd] [--rows float32] [--threads 0]
//
// PROGRAM.json: a compiled program (core's CompiledProgram). The first segment of every route starts from the same weights: its mean
// loss is printed as the check of the result. --look-ahead and --cold-share (share of look-ups that are cold) time `mixed` for every pair.
// Route `fae` times a switch: segments on `hot` and on `hybrid` in turn. Route `bits` times nothing: it trains the same hot batches on
// `device`, `hot` and `mixed`, twice each, and compares losses, parameters and rows bit by bit; exit status 1 when they differ.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "bench_problem.h"
#include "fae.h"

namespace {

using bench::Data;
using bench::Options;
using bench::Shape;
using fae::Json;

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream list(text);
  for (std::string part; std::getline(list, part, ',');) out.push_back(part);
  return out;
}

Options parse(int count, char** arguments) {
  Options o;
  o.program = arguments[1];
  o.results = arguments[2];
  for (int i = 3; i + 1 < count; i += 2) {
    const std::string key = arguments[i], value = arguments[i + 1];
    if (key == "--batch") {
      o.batches.clear();
      for (const std::string& b : split(value)) o.batches.push_back(static_cast<uint32_t>(std::stoul(b)));
    } else if (key == "--routes") o.routes = split(value);
    else if (key == "--budget") o.budget_mib = std::stoull(value);
    else if (key == "--matmul") o.matmul = value;
    else if (key == "--threads") o.threads = static_cast<uint32_t>(std::stoul(value));
    else if (key == "--look-ahead") {
      o.look_aheads.clear();
      for (const std::string& k : split(value)) o.look_aheads.push_back(static_cast<uint32_t>(std::stoul(k)));
    } else if (key == "--cold-share") {
      for (const std::string& share : split(value)) o.cold_shares.push_back(std::stod(share));
    }
    else if (key == "--data") o.data = value;
    else if (key == "--batches") o.segment = static_cast<uint32_t>(std::stoul(value));
    else if (key == "--repeats") o.repeats = static_cast<uint32_t>(std::stoul(value));
    else if (key == "--optimizer") o.optimizer = value;
    else if (key == "--rows") o.rows = value;
    else std::fprintf(stderr, "unknown option %s\n", key.c_str()), std::exit(2);
  }
  return o;
}

// Dense parameters as a TypeScript caller would write them: uniform of the variance the layers expect.
void write_params(fae_session* session, const Shape& s) {
  const Json json = Json::parse(s.text);
  for (const Json& p : json.at("program").at("params").array()) {
    uint64_t elements = 1;
    double fans = 0;
    for (const Json& n : p.at("shape").array()) {
      elements *= n.integer();
      fans += n.number();
    }
    std::vector<float> values(elements);
    const uint32_t key = fae::name_key(p.at("name").string());
    const double bound = std::sqrt(6 / fans);
    for (uint64_t i = 0; i < elements; i++) values[i] = static_cast<float>(bound * (2 * fae::unit(fae::philox(static_cast<uint32_t>(i), 0, key, 0, 3, 2).word[0]) - 1));
    fae_error error{};
    if (fae_write(session, p.at("name").string().c_str(), nullptr, 0, values.data(), values.size(), &error) != FAE_OK) std::printf("write: %s\n", error.message);
  }
}


struct Opened {
  fae_session* session = nullptr;
  double seconds = 0;
  ~Opened() { fae_close(session); }
};

bool open(Opened& opened, const Shape& s, const std::string& job, const std::string& what) {
  fae_error error{};
  const auto begin = std::chrono::steady_clock::now();
  if (fae_open(job.c_str(), nullptr, 0, &opened.session, &error) != FAE_OK) {
    std::printf("%s  cannot open: %s\n", what.c_str(), error.message);
    return false;
  }
  opened.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  write_params(opened.session, s);
  return true;
}

// Segments of `count` batches over one source, again and again.
class Segments {
 public:
  Segments(const std::string& route, const Data& data, uint32_t batch, uint32_t count) : route_(route), data_(data), batches_(count), rates_(count, 0.01), losses_(count) {
    const uint32_t available = static_cast<uint32_t>(data.inputs / batch);
    for (uint32_t i = 0; i < count; i++) batches_[i] = i % available;
  }
  bool run(fae_session* session, fae_report& report) {
    fae_error error{};
    const uint32_t count = static_cast<uint32_t>(batches_.size());
    const fae_segment segment{route_.c_str(), data_.name.c_str(), 0, batches_.data(), rates_.data(), count};
    if (fae_run(session, &segment, losses_.data(), &report, &error) == FAE_OK) return true;
    std::printf("%-8s  failed: %s\n", route_.c_str(), error.message);
    return false;
  }
  double first_loss() const {
    double sum = 0;
    const size_t count = std::min<size_t>(losses_.size(), 16);
    for (size_t i = 0; i < count; i++) sum += losses_[i] / static_cast<double>(count);
    return sum;
  }

 private:
  std::string route_;
  Data data_;
  std::vector<uint32_t> batches_;
  std::vector<double> rates_, losses_;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::string list(const std::vector<double>& values) {
  std::ostringstream out;
  for (size_t i = 0; i < values.size(); i++) out << (i ? "," : "[") << values[i];
  return out.str() + "]";
}

// What a result line says of its problem.
std::string problem_json(const Options& o, uint32_t batch) {
  return "\"batch\":" + std::to_string(batch) + ",\"budgetMiB\":" + std::to_string(o.budget_mib) + ",\"optimizer\":\"" + o.optimizer + "\",\"rows\":\"" + o.rows +
         "\",\"matmul\":\"" + o.matmul + "\",\"program\":\"" + o.program + "\"";
}

// Times one route over one source of an open session. `more`: further members of the result line.
bool time_route(const Opened& opened, const Options& o, const std::string& route, const std::string& engine_route, const Data& data, uint32_t batch,
                const std::string& more, std::ofstream& results) {
  const bool slow = route == "hybrid" || route == "server";
  const uint32_t count = slow ? std::min(o.segment, 16u) : o.segment, repeats = slow ? std::min(o.repeats, 10u) : o.repeats;
  Segments segments(engine_route, data, batch, count);
  fae_report report{};
  std::vector<double> milliseconds;
  double first_loss = 0;
  for (uint32_t r = 0; r < repeats + 2; r++) {
    if (!segments.run(opened.session, report)) return false;
    if (r == 0) first_loss = segments.first_loss();
    if (r >= 2) milliseconds.push_back(report.total_seconds * 1e3 / count);
  }
  const double middle = median(milliseconds);
  const auto [least, most] = std::minmax_element(milliseconds.begin(), milliseconds.end());
  uint64_t host = 0, device = 0;
  fae_error error{};
  fae_memory(opened.session, &host, &device, &error);
  const auto per_step = [&](double value) { return value / count; };
  const auto us = [&](int stage) { return per_step(report.seconds[stage] * 1e6); };
  const double row_bytes = per_step(static_cast<double>(report.bytes[1][0] + report.bytes[1][1]));
  const double cold = per_step(static_cast<double>(report.cold_rows)), forwarded = per_step(static_cast<double>(report.forwarded_rows));
  std::printf("%-8s %6u %9.4f ms (%.4f .. %.4f) loss %.6f | us: read %.0f gather %.0f copy %.0f fwd %.0f bwd %.0f upd %.0f wait %.0f | rows %.1f KB/step cold %.0f fwd %.0f | open %.1f s, dev %.2f GiB %s\n",
              route.c_str(), batch, middle, *least, *most, first_loss, us(0), us(1), us(2), us(3), us(4), us(5), us(7), row_bytes / 1e3, cold, forwarded,
              opened.seconds, static_cast<double>(device) / (1 << 30), more.c_str());
  std::fflush(stdout);
  results << "{\"route\":\"" << route << "\"," << problem_json(o, batch) << more << ",\"milliseconds\":" << middle << ",\"least\":" << *least << ",\"most\":" << *most
          << ",\"repeats\":" << milliseconds.size() << ",\"all\":" << list(milliseconds) << ",\"segment\":" << count << ",\"loss\":" << first_loss
          << ",\"forwardUs\":" << us(3) << ",\"backwardUs\":" << us(4) << ",\"updateUs\":" << us(5) << ",\"gatherUs\":" << us(1) << ",\"copyUs\":" << us(2)
          << ",\"waitUs\":" << us(7) << ",\"rowBytesPerStep\":" << row_bytes << ",\"inputBytesPerStep\":" << per_step(static_cast<double>(report.bytes[0][0]))
          << ",\"coldRowsPerStep\":" << cold << ",\"forwardedPerStep\":" << forwarded << ",\"openSeconds\":" << opened.seconds << ",\"deviceBytes\":" << device << "}\n";
  results.flush();
  return true;
}

void bench_route(const Shape& s, const Options& o, const std::string& route, uint32_t batch, const Data& data, std::ofstream& results) {
  const auto hot = bench::hot_rows(s, o.budget_mib << 20, 4ull * s.width);
  const std::string real = route == "atomics" ? "device" : route;
  const std::string place = real == "device" ? "device" : real == "mixed" || real == "hot" ? "split" : "host";
  for (const uint32_t k : route == "mixed" ? o.look_aheads : std::vector<uint32_t>{2}) {
    Opened opened;
    if (!open(opened, s, bench::job_json(s, o, "\"" + real + "\"", place, batch, k, route != "atomics", hot, {data}), route)) return;
    if (!time_route(opened, o, route, real, data, batch, ",\"lookAhead\":" + std::to_string(k), results)) return;
  }
}

// `mixed` by cold share and look-ahead: one session per look-ahead, one source per share.
void bench_cold_shares(const Shape& s, const Options& o, uint32_t batch, std::ofstream& results) {
  const auto hot = bench::hot_rows(s, o.budget_mib << 20, 4ull * s.width);
  std::vector<Data> data;
  for (const double share : o.cold_shares) {
    std::ostringstream name;
    name << share;
    data.push_back({name.str(), o.data + "." + name.str(), static_cast<uint64_t>(batch) * o.segment});
    bench::write_data(s, data.back(), hot, share);
  }
  for (const uint32_t k : o.look_aheads) {
    Opened opened;
    if (!open(opened, s, bench::job_json(s, o, "\"mixed\"", "split", batch, k, true, hot, data), "mixed")) break;
    for (const Data& d : data) {
      if (!time_route(opened, o, "mixed", "mixed", d, batch, ",\"lookAhead\":" + std::to_string(k) + ",\"coldShare\":" + d.name, results)) break;
    }
  }
  for (const Data& d : data) std::remove(d.path.c_str());
}

// Switches of a `fae` run: hot and hybrid segments in turn, what each switch moved and took.
void bench_switches(const Shape& s, const Options& o, uint32_t batch, std::ofstream& results) {
  const auto hot = bench::hot_rows(s, o.budget_mib << 20, 4ull * s.width);
  const uint32_t hot_batches = o.segment, cold_batches = std::min(o.segment, 16u);
  const Data hot_data{"hot", o.data + ".hot", static_cast<uint64_t>(batch) * hot_batches}, cold_data{"cold", o.data + ".cold", static_cast<uint64_t>(batch) * cold_batches};
  bench::write_data(s, hot_data, hot, 0);
  bench::write_data(s, cold_data, hot);
  Opened opened;
  if (open(opened, s, bench::job_json(s, o, "\"hot\",\"hybrid\"", "split", batch, 2, true, hot, {hot_data, cold_data}), "fae")) {
    Segments hots("hot", hot_data, batch, hot_batches), colds("hybrid", cold_data, batch, cold_batches);
    // [0]: to the device, before hot batches; [1]: to the host, before hybrid ones.
    std::vector<double> ms[2], rows[2], bytes[2], steps[2];
    bool works = true;
    for (uint32_t r = 0; works && r < o.repeats + 2; r++) {
      for (int side = 0; works && side < 2; side++) {
        fae_report report{};
        works = (side == 0 ? hots : colds).run(opened.session, report);
        // The first two switches copy every hot row, the later ones what changed since.
        if (r < 2) continue;
        ms[side].push_back(report.seconds[6] * 1e3);
        rows[side].push_back(static_cast<double>(report.switched_rows));
        bytes[side].push_back(static_cast<double>(report.bytes[4][side]));
        steps[side].push_back((report.total_seconds - report.seconds[6]) * 1e3 / (side == 0 ? hot_batches : cold_batches));
      }
    }
    if (works) {
      std::printf("fae      %6u switch to device %.3f ms (%.0f rows), to host %.3f ms (%.0f rows); hot step %.4f ms, hybrid step %.4f ms\n", batch, median(ms[0]),
                  median(rows[0]), median(ms[1]), median(rows[1]), median(steps[0]), median(steps[1]));
      results << "{\"route\":\"fae-switch\"," << problem_json(o, batch) << ",\"milliseconds\":" << median(ms[0]) + median(ms[1]);
      const char* names[2] = {"toDevice", "toHost"};
      const char* routes[2] = {"hot", "hybrid"};
      for (int side = 0; side < 2; side++) {
        results << ",\"" << names[side] << "\":{\"milliseconds\":" << median(ms[side]) << ",\"all\":" << list(ms[side]) << ",\"rows\":" << list(rows[side])
                << ",\"bytes\":" << list(bytes[side]) << "},\"" << routes[side] << "StepMs\":" << list(steps[side]);
      }
      results << ",\"hotBatches\":" << hot_batches << ",\"hybridBatches\":" << cold_batches << "}\n";
    }
  }
  std::remove(hot_data.path.c_str());
  std::remove(cold_data.path.c_str());
}

// A hash (FNV-1a) of everything that a run of `route` over hot batches leaves: losses, parameters, the first rows of every table.
bool run_bits(const Shape& s, const Options& o, const std::string& route, uint32_t batch, uint32_t look_ahead, const Data& data, const std::vector<uint64_t>& hot,
              uint64_t& hash) {
  Opened opened;
  if (!open(opened, s, bench::job_json(s, o, "\"" + route + "\"", route == "device" ? "device" : "split", batch, look_ahead, true, hot, {data}), route)) return false;
  const uint32_t count = std::min(o.segment, 16u);
  std::vector<uint32_t> batches(count);
  for (uint32_t i = 0; i < count; i++) batches[i] = i;
  const std::vector<double> rates(count, 0.01);
  std::vector<double> losses(count);
  fae_report report{};
  fae_error error{};
  const fae_segment segment{route.c_str(), data.name.c_str(), 0, batches.data(), rates.data(), count};
  bool works = fae_run(opened.session, &segment, losses.data(), &report, &error) == FAE_OK;
  hash = 0xcbf29ce484222325ull;
  const auto add = [&](const void* values, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) hash = (hash ^ static_cast<const uint8_t*>(values)[i]) * 0x100000001b3ull;
  };
  add(losses.data(), losses.size() * sizeof(double));
  const auto add_tensor = [&](const std::string& name, const uint32_t* rows, uint64_t count, uint64_t values) {
    std::vector<float> read(values);
    works = works && fae_read(opened.session, name.c_str(), rows, count, read.data(), read.size(), &error) == FAE_OK;
    add(read.data(), values * sizeof(float));
  };
  const Json json = Json::parse(s.text);
  for (const Json& p : json.at("program").at("params").array()) {
    uint64_t values = 1;
    for (const Json& n : p.at("shape").array()) values *= n.integer();
    add_tensor(p.at("name").string(), nullptr, 0, values);
  }
  for (size_t t = 0; t < s.names.size(); t++) {
    std::vector<uint32_t> rows(std::min<uint64_t>(s.rows[t], 4096));
    for (uint32_t i = 0; i < rows.size(); i++) rows[i] = i;
    add_tensor(s.names[t], rows.data(), rows.size(), rows.size() * s.width);
  }
  if (!works) std::printf("%-8s  failed: %s\n", route.c_str(), error.message);
  return works;
}

bool compare_bits(const Shape& s, const Options& o, uint32_t batch, std::ofstream& results) {
  const auto hot = bench::hot_rows(s, o.budget_mib << 20, 4ull * s.width);
  const Data data{"train", o.data + ".hot", static_cast<uint64_t>(batch) * o.segment};
  bench::write_data(s, data, hot, 0);
  struct Run {
    const char* route;
    uint32_t look_ahead;
  };
  uint64_t first = 0;
  bool equal = true;
  int runs = 0;
  for (const Run& run : {Run{"device", 2}, Run{"hot", 2}, Run{"mixed", 0}, Run{"mixed", 2}}) {
    for (int again = 0; again < 2; again++) {
      uint64_t hash = 0;
      if (!run_bits(s, o, run.route, batch, run.look_ahead, data, hot, hash)) equal = false;
      if (runs++ == 0) first = hash;
      equal = equal && hash == first;
      std::printf("bits     %6u %s, look-ahead %u: %016llx\n", batch, run.route, run.look_ahead, static_cast<unsigned long long>(hash));
    }
  }
  std::printf("bits     %6u %s: %d runs\n", batch, equal ? "equal" : "DIFFERENT", runs);
  results << "{\"route\":\"bits\"," << problem_json(o, batch) << ",\"runs\":" << runs << ",\"equal\":" << (equal ? "true" : "false") << "}\n";
  std::remove(data.path.c_str());
  return equal;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return std::fprintf(stderr, "step_bench PROGRAM.json RESULTS.jsonl [options]\n"), 2;
  const Options o = parse(count, arguments);
  const Shape s = bench::read_program(o.program);
  std::ofstream results(o.results, std::ios::app);
  bool good = true;
  for (const uint32_t batch : o.batches) {
    if (!o.cold_shares.empty()) {
      bench_cold_shares(s, o, batch, results);
      continue;
    }
    const Data data{"train", o.data, static_cast<uint64_t>(batch) * o.segment};
    bench::write_data(s, data, {});
    for (const std::string& route : o.routes) {
      if (route == "fae") {
        bench_switches(s, o, batch, results);
      } else if (route == "bits") {
        good = compare_bits(s, o, batch, results) && good;
      } else if (route == "hot") {
        // Hot batches name hot rows only.
        const Data hot{"train", o.data + ".hot", data.inputs};
        bench::write_data(s, hot, bench::hot_rows(s, o.budget_mib << 20, 4ull * s.width), 0);
        bench_route(s, o, route, batch, hot, results);
        std::remove(hot.path.c_str());
      } else {
        bench_route(s, o, route, batch, data, results);
      }
    }
  }
  return good ? 0 : 1;
}
