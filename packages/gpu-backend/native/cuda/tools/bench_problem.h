// The problems that step_bench times: sizes from a compiled program, inputs with Zipf ids, hot rows under a budget, jobs as JSON.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "json.h"
#include "random.h"

namespace bench {

using fae::Json;

struct Options {
  std::string program, results, data = "/tmp/fae-bench.rows", matmul = "tf32", optimizer = "sgd", rows = "float32";
  std::vector<uint32_t> batches = {1024, 4096, 16384};
  std::vector<std::string> routes = {"device", "atomics", "mixed", "hybrid"};
  uint64_t budget_mib = 256;
  std::vector<uint32_t> look_aheads = {2};
  std::vector<double> cold_shares;  // of look-ups; empty: as Zipf gives them
  uint32_t segment = 64, repeats = 10, threads = 0;
};

struct Shape {
  std::vector<std::string> names;
  std::vector<uint64_t> rows;
  uint32_t width = 0, features = 0, steps = 0, stride_words = 0;
  std::string text;
};

inline Shape read_program(const std::string& path) {
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

// Hot rows under a budget: every row at least as probable as a threshold, tables under 1 MiB whole.
inline std::vector<uint64_t> hot_rows(const Shape& s, uint64_t budget_bytes, uint64_t row_bytes) {
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


// Inputs of one kind in a file.
struct Data {
  std::string name, path;
  uint64_t inputs = 0;
};

// Ids are log-uniform ranks (Zipf with exponent 1): id = (N + 1)^u - 1. With a cold share, a look-up is cold with that probability, a cold
// row being any with equal probability and a hot one log-uniform; tables that are hot as a whole have no cold rows.
inline void write_data(const Shape& s, const Data& data, const std::vector<uint64_t>& hot, double cold_share = -1) {
  std::vector<uint32_t> words(data.inputs * s.stride_words);
  size_t at = 0;
  const auto log_uniform = [](uint64_t rows, double u) {
    return static_cast<uint32_t>(std::min<double>(static_cast<double>(rows - 1), std::pow(static_cast<double>(rows + 1), u) - 1));
  };
  for (uint64_t i = 0; i < data.inputs; i++) {
    uint32_t draw = 0;
    const auto uniform = [&] {
      const fae::Words4 w = fae::philox(static_cast<uint32_t>(i), draw++, 0, 0, 7, 99);
      return fae::unit(w.word[0]);
    };
    words[at++] = uniform() < 0.25;
    for (uint32_t step = 0; step < std::max(1u, s.steps); step++) {
      for (uint32_t f = 0; f < s.features; f++) words[at++] = static_cast<uint32_t>(std::exp(5 * uniform()));
      for (size_t t = 0; t < s.rows.size(); t++) {
        const uint64_t rows = s.rows[t];
        if (cold_share < 0) words[at++] = log_uniform(rows, uniform());
        else if (hot[t] < rows && (hot[t] == 0 || uniform() < cold_share)) words[at++] = static_cast<uint32_t>(hot[t] + (rows - hot[t]) * uniform());
        else words[at++] = log_uniform(hot[t], uniform());
      }
    }
  }
  std::ofstream(data.path, std::ios::binary).write(reinterpret_cast<const char*>(words.data()), static_cast<std::streamsize>(words.size() * 4));
}

// `routes`: as a JSON list would hold them without brackets; `place`: "host", "device" or "split".
inline std::string job_json(const Shape& s, const Options& o, const std::string& routes, const std::string& place, uint32_t batch, uint32_t look_ahead,
                            bool deterministic, const std::vector<uint64_t>& hot, const std::vector<Data>& data) {
  std::string placements, hotness, sources;
  for (size_t t = 0; t < s.names.size(); t++) {
    std::string on = "{\"on\":\"" + place + "\"";
    if (place == "split") on += ",\"hotRows\":" + std::to_string(hot[t]);
    placements += (t ? "," : "") + ("\"" + s.names[t] + "\":") + on + "}";
    hotness += t ? ",1" : "1";
  }
  for (const Data& d : data) {
    sources += (sources.empty() ? "" : ",") + ("{\"name\":\"" + d.name + "\",\"layout\":{\"denseFeatures\":") + std::to_string(s.features) +
               ",\"denseEncoding\":\"int32-log1p\",\"steps\":" + std::to_string(s.steps) + ",\"hotness\":[" + hotness + "]},\"rows\":" + std::to_string(d.inputs) +
               ",\"storage\":{\"kind\":\"file\",\"path\":\"" + d.path + "\"},\"shuffleSeed\":null}";
  }
  return "{\"program\":" + s.text + ",\"plan\":{\"strategy\":\"bench\",\"placements\":{" + placements + "},\"routes\":[" + routes +
         "],\"devices\":1,\"lookAhead\":" + std::to_string(look_ahead) + ",\"servers\":4,\"staleness\":0},\"optimizer\":{\"name\":\"" + o.optimizer +
         "\",\"epsilon\":1e-10,\"beta1\":0.9,\"beta2\":0.999},\"sources\":[" + sources + "],\"batch\":" + std::to_string(batch) +
         ",\"seed\":1,\"threads\":" + std::to_string(o.threads) + ",\"matmul\":\"" + o.matmul + "\",\"rowType\":\"" + o.rows +
         "\",\"deterministic\":" + (deterministic ? "true" : "false") + "}";
}

}  // namespace bench
