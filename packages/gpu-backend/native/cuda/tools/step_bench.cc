// Times the routes of the CUDA engine on one program over Zipf ids and prints a table; every result also as a line of JSON.
//
//     step_bench PROGRAM.json RESULTS.jsonl [--batch 1024,4096] [--routes device,atomics,hot,mixed,hybrid,server]
//                [--budget MiB] [--matmul tf32] [--look-ahead 2] [--data FILE] [--batches 64] [--repeats 10] [--optimizer sgd] [--rows float32]
//
// PROGRAM.json: a compiled program (core's CompiledProgram). Ids are log-uniform ranks (Zipf with exponent 1): id = (N + 1)^u - 1.
// The first segment of every route starts from the same weights: its mean loss is printed as the check of the result.
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

#include "fae.h"
#include "json.h"
#include "random.h"

namespace {

using fae::Json;

struct Options {
  std::string program, results, data = "/tmp/fae-bench.rows", matmul = "tf32", optimizer = "sgd", rows = "float32";
  std::vector<uint32_t> batches = {1024, 4096, 16384};
  std::vector<std::string> routes = {"device", "atomics", "mixed", "hybrid"};
  uint64_t budget_mib = 256;
  uint32_t look_ahead = 2, segment = 64, repeats = 10;
};

struct Shape {
  std::vector<std::string> names;
  std::vector<uint64_t> rows;
  uint32_t width = 0, features = 0, steps = 0, stride_words = 0;
  std::string text;
};

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
    else if (key == "--look-ahead") o.look_ahead = static_cast<uint32_t>(std::stoul(value));
    else if (key == "--data") o.data = value;
    else if (key == "--batches") o.segment = static_cast<uint32_t>(std::stoul(value));
    else if (key == "--repeats") o.repeats = static_cast<uint32_t>(std::stoul(value));
    else if (key == "--optimizer") o.optimizer = value;
    else if (key == "--rows") o.rows = value;
    else std::fprintf(stderr, "unknown option %s\n", key.c_str()), std::exit(2);
  }
  return o;
}

Shape read_program(const std::string& path) {
  std::ifstream file(path);
  std::stringstream all;
  all << file.rdbuf();
  Shape s;
  s.text = all.str();
  const Json json = Json::parse(s.text);
  const Json& program = json.at("program");
  for (const Json& table : program.at("tables").array()) {
    s.names.push_back(table.at("name").string());
    s.rows.push_back(table.at("rows").integer());
  }
  s.width = program.at("width").u32();
  s.features = program.at("denseFeatures").u32();
  s.steps = program.at("steps").u32();
  s.stride_words = 1 + std::max(1u, s.steps) * (s.features + static_cast<uint32_t>(s.rows.size()));
  return s;
}

void write_data(const Shape& s, uint64_t inputs, const std::string& path) {
  std::vector<uint32_t> words(inputs * s.stride_words);
  size_t at = 0;
  for (uint64_t i = 0; i < inputs; i++) {
    uint32_t draw = 0;
    const auto uniform = [&] {
      const fae::Words4 w = fae::philox(static_cast<uint32_t>(i), draw++, 0, 0, 7, 99);
      return fae::unit(w.word[0]);
    };
    words[at++] = uniform() < 0.25;
    for (uint32_t step = 0; step < std::max(1u, s.steps); step++) {
      for (uint32_t f = 0; f < s.features; f++) words[at++] = static_cast<uint32_t>(std::exp(5 * uniform()));
      for (const uint64_t rows : s.rows) {
        words[at++] = static_cast<uint32_t>(std::min<double>(static_cast<double>(rows - 1), std::pow(static_cast<double>(rows + 1), uniform()) - 1));
      }
    }
  }
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(words.data()), static_cast<std::streamsize>(words.size() * 4));
}

// Hot rows under a budget: every row at least as probable as a threshold, tables under 1 MiB whole.
std::vector<uint64_t> hot_rows(const Shape& s, uint64_t budget_bytes, uint64_t row_bytes) {
  const uint64_t limit = budget_bytes / row_bytes;
  const auto at = [&](double threshold) {
    std::vector<uint64_t> hot;
    for (const uint64_t rows : s.rows) {
      const double most = 1 / (threshold * std::log(static_cast<double>(rows + 1)));
      hot.push_back(rows * row_bytes < 1 << 20 ? rows : std::min<uint64_t>(rows, static_cast<uint64_t>(most)));
    }
    return hot;
  };
  double low = 1e-12, high = 1;
  for (int i = 0; i < 100; i++) {
    const double middle = std::sqrt(low * high);
    uint64_t total = 0;
    for (const uint64_t h : at(middle)) total += h;
    (total <= limit ? high : low) = middle;
  }
  return at(high);
}

std::string job_json(const Shape& s, const Options& o, const std::string& route, uint32_t batch, uint64_t inputs, const std::vector<uint64_t>& hot) {
  const std::string real = route == "atomics" ? "device" : route;
  std::string placements, hotness;
  for (size_t t = 0; t < s.names.size(); t++) {
    std::string on = "{\"on\":\"host\"}";
    if (real == "device") on = "{\"on\":\"device\"}";
    if (real == "mixed" || real == "hot") on = "{\"on\":\"split\",\"hotRows\":" + std::to_string(hot[t]) + "}";
    placements += (t ? "," : "") + ("\"" + s.names[t] + "\":") + on;
    hotness += t ? ",1" : "1";
  }
  return "{\"program\":" + s.text + ",\"plan\":{\"strategy\":\"bench\",\"placements\":{" + placements + "},\"routes\":[\"" + real +
         "\"],\"devices\":1,\"lookAhead\":" + std::to_string(o.look_ahead) + ",\"servers\":4,\"staleness\":0},\"optimizer\":{\"name\":\"" + o.optimizer +
         "\",\"epsilon\":1e-10,\"beta1\":0.9,\"beta2\":0.999},\"sources\":[{\"name\":\"train\",\"layout\":{\"denseFeatures\":" + std::to_string(s.features) +
         ",\"denseEncoding\":\"int32-log1p\",\"steps\":" + std::to_string(s.steps) + ",\"hotness\":[" + hotness + "]},\"rows\":" + std::to_string(inputs) +
         ",\"storage\":{\"kind\":\"file\",\"path\":\"" + o.data + "\"},\"shuffleSeed\":null}],\"batch\":" + std::to_string(batch) +
         ",\"seed\":1,\"threads\":0,\"matmul\":\"" + o.matmul + "\",\"rowType\":\"" + o.rows + "\",\"deterministic\":" + (route == "atomics" ? "false" : "true") + "}";
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
    if (fae_write(session, p.at("name").string().c_str(), nullptr, 0, values.data(), &error) != FAE_OK) std::printf("write: %s\n", error.message);
  }
}

void bench(const Shape& s, const Options& o, const std::string& route, uint32_t batch, uint64_t inputs, std::ofstream& results) {
  const auto hot = hot_rows(s, o.budget_mib << 20, 4ull * s.width);
  fae_error error{};
  fae_session* session = nullptr;
  const auto opened = std::chrono::steady_clock::now();
  if (fae_open(job_json(s, o, route, batch, inputs, hot).c_str(), nullptr, 0, &session, &error) != FAE_OK) {
    std::printf("%-8s %6u  cannot open: %s\n", route.c_str(), batch, error.message);
    return;
  }
  const double open_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - opened).count();
  write_params(session, s);
  const bool slow = route == "hybrid" || route == "server";
  const uint32_t count = slow ? std::min(o.segment, 16u) : o.segment, repeats = slow ? std::min(o.repeats, 10u) : o.repeats;
  std::vector<uint32_t> batches(count);
  std::vector<double> rates(count, 0.01), losses(count);
  const uint32_t available = static_cast<uint32_t>(inputs / batch);
  for (uint32_t i = 0; i < count; i++) batches[i] = i % available;
  const fae_segment segment{route == "atomics" ? "device" : route.c_str(), "train", 0, batches.data(), rates.data(), count};
  std::vector<double> milliseconds;
  fae_report report{};
  double first_loss = 0;
  for (uint32_t r = 0; r < repeats + 2; r++) {
    if (fae_run(session, &segment, losses.data(), &report, &error) != FAE_OK) {
      std::printf("%-8s %6u  failed: %s\n", route.c_str(), batch, error.message);
      fae_close(session);
      return;
    }
    if (r == 0) {
      for (uint32_t i = 0; i < std::min(count, 16u); i++) first_loss += losses[i] / std::min(count, 16u);
    }
    if (r >= 2) milliseconds.push_back(report.total_seconds * 1e3 / count);
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  const double median = milliseconds[milliseconds.size() / 2];
  uint64_t host = 0, device = 0;
  fae_memory(session, &host, &device, &error);
  const auto per_step = [&](int stage) { return report.seconds[stage] * 1e6 / count; };
  std::printf("%-8s %6u %9.4f ms (%.4f .. %.4f) loss %.6f | us: read %.0f gather %.0f copy %.0f fwd %.0f bwd %.0f upd %.0f wait %.0f | rows %.1f KB/step cold %.0f fwd %.0f | open %.1f s, dev %.2f GiB\n",
              route.c_str(), batch, median, milliseconds.front(), milliseconds.back(), first_loss, per_step(0), per_step(1), per_step(2), per_step(3), per_step(4), per_step(5), per_step(7),
              static_cast<double>(report.bytes[1][0] + report.bytes[1][1]) / 1e3 / count, static_cast<double>(report.cold_rows) / count,
              static_cast<double>(report.forwarded_rows) / count, open_seconds, static_cast<double>(device) / (1 << 30));
  std::fflush(stdout);
  results << "{\"route\":\"" << route << "\",\"batch\":" << batch << ",\"milliseconds\":" << median << ",\"least\":" << milliseconds.front() << ",\"most\":" << milliseconds.back()
          << ",\"repeats\":" << milliseconds.size() << ",\"segment\":" << count << ",\"loss\":" << first_loss << ",\"forwardUs\":" << per_step(3) << ",\"backwardUs\":" << per_step(4)
          << ",\"updateUs\":" << per_step(5) << ",\"gatherUs\":" << per_step(1) << ",\"copyUs\":" << per_step(2) << ",\"waitUs\":" << per_step(7)
          << ",\"rowBytesPerStep\":" << static_cast<double>(report.bytes[1][0] + report.bytes[1][1]) / count
          << ",\"inputBytesPerStep\":" << static_cast<double>(report.bytes[0][0]) / count << ",\"coldRowsPerStep\":" << static_cast<double>(report.cold_rows) / count
          << ",\"forwardedPerStep\":" << static_cast<double>(report.forwarded_rows) / count << ",\"budgetMiB\":" << o.budget_mib << ",\"lookAhead\":" << o.look_ahead << ",\"optimizer\":\"" << o.optimizer << "\",\"rows\":\"" << o.rows << "\",\"matmul\":\"" << o.matmul
          << "\",\"program\":\"" << o.program << "\",\"deviceBytes\":" << device << "}\n";
  results.flush();
  fae_close(session);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return std::fprintf(stderr, "step_bench PROGRAM.json RESULTS.jsonl [options]\n"), 2;
  const Options o = parse(count, arguments);
  const Shape s = read_program(o.program);
  std::ofstream results(o.results, std::ios::app);
  for (const uint32_t batch : o.batches) {
    const uint64_t inputs = static_cast<uint64_t>(batch) * o.segment;
    write_data(s, inputs, o.data);
    for (const std::string& route : o.routes) bench(s, o, route, batch, inputs, results);
  }
  return 0;
}
