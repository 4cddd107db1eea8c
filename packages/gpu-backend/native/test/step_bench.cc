// Milliseconds per training step of RMC2 on each route, by stage. Usage:
//   step_bench [--batch 1024] [--threads 0] [--steps 64] [--scale 1] [--hot 0.05] [--optimizer sgd] [--route host]...
// --scale shrinks the tables; --hot is the share of rows that is hot.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "fae.h"
#include "names.h"
#include "random.h"

namespace {

const std::vector<uint32_t> kaggle = {1460, 583,    10131227, 2202608, 305,     24, 12517, 633,     3,  93145, 5683,   8351593, 3194,
                                      27,   14992,  5461306,  10,      5652,    2173, 4,   7046547, 18, 15,    286181, 105,     142572};
constexpr uint32_t width = 16, dense = 13;

struct Options {
  uint32_t batch = 1024, threads = 0, steps = 64;
  double scale = 1, hot = 0.05;
  std::string optimizer = "sgd";
  std::vector<std::string> routes;
};

std::string linear(const std::string& name, const std::string& in, const std::string& out, const char* activation) {
  return "{\"op\":\"linear\",\"output\":\"" + out + "\",\"inputs\":[\"" + in + "\"],\"params\":[\"" + name + ".weight\",\"" + name +
         ".bias\"],\"attributes\":{\"activation\":\"" + activation + "\",\"transposed\":false}}";
}

struct Program {
  std::string tables, params, nodes, shapes, backward;
  uint32_t count = 0;
  std::vector<std::pair<std::string, std::pair<uint64_t, uint32_t>>> weights;  // name, elements, fan-in

  void node(const std::string& json, const std::string& output, const std::string& shape, const std::string& modes) {
    nodes += (count ? "," : "") + json;
    shapes += ",\"" + output + "\":" + shape;
    backward = "{\"node\":" + std::to_string(count++) + "," + modes + "}" + (backward.empty() ? "" : "," + backward);
  }
  std::string mlp(const std::string& name, std::string value, uint32_t in, const std::vector<uint32_t>& sizes, bool first_wanted, bool relu_last) {
    for (size_t i = 0; i < sizes.size(); i++) {
      const std::string layer = name + "." + std::to_string(2 * i), out = layer + ".y", m = std::to_string(sizes[i]), k = std::to_string(in);
      params += std::string(params.empty() ? "" : ",") + "{\"name\":\"" + layer + ".weight\",\"shape\":[" + m + "," + k + "],\"init\":{\"kind\":\"zeros\"}}" +
                ",{\"name\":\"" + layer + ".bias\",\"shape\":[" + m + "],\"init\":{\"kind\":\"zeros\"}}";
      weights.push_back({layer + ".weight", {static_cast<uint64_t>(sizes[i]) * in, in}});
      node(linear(layer, value, out, i + 1 < sizes.size() || relu_last ? "relu" : "none"), out, "[" + m + "]",
           std::string("\"inputModes\":[\"") + (i > 0 || first_wanted ? "write" : "none") + "\"],\"paramModes\":[\"write\",\"write\"]");
      value = out;
      in = sizes[i];
    }
    return value;
  }
};

Program rmc2(const std::vector<uint32_t>& tables) {
  Program p;
  for (size_t t = 0; t < tables.size(); t++) {
    p.tables += std::string(t ? "," : "") + "{\"name\":\"emb_l." + std::to_string(t) + ".weight\",\"rows\":" + std::to_string(tables[t]) +
                ",\"init\":{\"kind\":\"uniform\",\"bound\":" + std::to_string(1 / std::sqrt(tables[t])) + "}}";
  }
  const std::string x = p.mlp("bot_l", "dense", dense, {512, 256, 64, width}, false, true);
  const uint32_t interacted = width + static_cast<uint32_t>(tables.size() * (tables.size() + 1) / 2);
  p.node("{\"op\":\"interact\",\"output\":\"z\",\"inputs\":[\"" + x + "\",\"rows\"],\"params\":[],\"attributes\":{\"self\":false}}", "z",
         "[" + std::to_string(interacted) + "]", "\"inputModes\":[\"write\",\"write\"],\"paramModes\":[]");
  p.mlp("top_l", "z", interacted, {512, 256, 1}, true, false);
  return p;
}

std::string job_json(const Options& o, const Program& p, const std::vector<uint32_t>& tables, const std::string& route, uint32_t rows) {
  std::string placements, hotness;
  for (size_t t = 0; t < tables.size(); t++) {
    const std::string on = route == "device" ? "{\"on\":\"device\"}"
                           : route == "mixed" ? "{\"on\":\"split\",\"hotRows\":" + std::to_string(static_cast<uint32_t>(tables[t] * o.hot)) + "}"
                                              : "{\"on\":\"host\"}";
    placements += std::string(t ? "," : "") + "\"emb_l." + std::to_string(t) + ".weight\":" + on;
    hotness += t ? ",1" : "1";
  }
  return "{\"program\":{\"program\":{\"name\":\"rmc2\",\"denseFeatures\":13,\"steps\":0,\"width\":16,\"tables\":[" + p.tables + "],\"params\":[" + p.params +
         "],\"nodes\":[" + p.nodes + "],\"logit\":\"top_l.4.y\"},\"shapes\":{\"dense\":[13],\"rows\":[" + std::to_string(tables.size()) + ",16]" + p.shapes +
         "},\"backward\":[" + p.backward + "]},\"plan\":{\"strategy\":\"bench\",\"placements\":{" + placements + "},\"routes\":[\"" + route +
         "\"],\"devices\":1,\"lookAhead\":2,\"servers\":2,\"staleness\":0},\"optimizer\":{\"name\":\"" + o.optimizer +
         "\",\"epsilon\":1e-10,\"beta1\":0.9,\"beta2\":0.999},\"sources\":[{\"name\":\"train\",\"layout\":{\"denseFeatures\":13,\"denseEncoding\":\"int32-log1p\","
         "\"steps\":0,\"hotness\":[" + hotness + "]},\"rows\":" + std::to_string(rows) + ",\"storage\":{\"kind\":\"memory\"},\"shuffleSeed\":null}],\"batch\":" +
         std::to_string(o.batch) + ",\"seed\":1,\"threads\":" + std::to_string(o.threads) + "}";
}

// Skewed ids: log-uniform, close to Zipf with exponent 1.
std::vector<uint32_t> words(const std::vector<uint32_t>& tables, uint32_t rows) {
  std::vector<uint32_t> out;
  for (uint32_t row = 0; row < rows; row++) {
    out.push_back(fae::philox(row, 0, 0, 1, 1, fae::stream_synth).word[0] & 3 ? 0 : 1);
    for (uint32_t f = 0; f < dense; f++) out.push_back(fae::philox(row, f, 0, 2, 1, fae::stream_synth).word[0] % 1000);
    for (uint32_t t = 0; t < tables.size(); t++) {
      const double u = fae::unit(fae::philox(row, t, 0, 3, 1, fae::stream_synth).word[0]);
      out.push_back(std::min(tables[t] - 1, static_cast<uint32_t>(std::pow(static_cast<double>(tables[t]) + 1, u)) - 1));
    }
  }
  return out;
}

bool ok(fae_status status, const fae_error& error) {
  if (status != FAE_OK) std::fprintf(stderr, "%s\n", error.message);
  return status == FAE_OK;
}

int bench(const Options& o, const std::string& route) {
  std::vector<uint32_t> tables;
  for (const uint32_t rows : kaggle) tables.push_back(std::max(2u, static_cast<uint32_t>(rows * o.scale)));
  const Program program = rmc2(tables);
  const uint32_t rows = o.batch * o.steps;
  const std::vector<uint32_t> data = words(tables, rows);
  const fae_words memory = {data.data(), data.size()};
  fae_session* session = nullptr;
  fae_error error = {};
  if (!ok(fae_open(job_json(o, program, tables, route, rows).c_str(), &memory, 1, &session, &error), error)) return 1;
  for (const auto& [name, shape] : program.weights) {
    std::vector<float> values(shape.first);
    fae::uniform_row(values.data(), static_cast<uint32_t>(values.size()), 7, fae::name_key(name), 0, std::sqrt(3.0 / shape.second));
    if (!ok(fae_write(session, name.c_str(), nullptr, 0, values.data(), values.size(), &error), error)) return 1;
  }
  std::vector<uint32_t> batches(o.steps);
  for (uint32_t i = 0; i < o.steps; i++) batches[i] = i;
  const std::vector<double> rates(o.steps, 0.01);
  std::vector<double> losses(o.steps);
  const fae_segment segment = {route.c_str(), "train", 0, batches.data(), rates.data(), o.steps};
  fae_report best = {};
  double processor = 0;
  for (int repeat = 0; repeat < 4; repeat++) {
    fae_report report = {};
    const std::clock_t start = std::clock();
    if (!ok(fae_run(session, &segment, losses.data(), &report, &error), error)) return 1;
    const double spent = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    if (repeat > 0 && (processor == 0 || spent < processor)) processor = spent;
    if (repeat > 0 && (best.total_seconds == 0 || report.total_seconds < best.total_seconds)) best = report;
  }
  std::printf("%-7s %7.2f ms/step (%.2f of all threads), loss %.4f |", route.c_str(), best.total_seconds * 1e3 / o.steps, processor * 1e3 / o.steps,
              losses.back());
  for (int i = 0; i < FAE_STAGES; i++) std::printf(" %s %.2f", fae::stage_names[i], best.seconds[i] * 1e3 / o.steps);
  std::printf(" | rows/step to device %.0f to host %.0f\n", best.bytes[1][0] / 64.0 / o.steps, best.bytes[1][1] / 64.0 / o.steps);
  fae_close(session);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options o;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--batch") o.batch = static_cast<uint32_t>(std::stoul(value));
    else if (name == "--threads") o.threads = static_cast<uint32_t>(std::stoul(value));
    else if (name == "--steps") o.steps = static_cast<uint32_t>(std::stoul(value));
    else if (name == "--scale") o.scale = std::stod(value);
    else if (name == "--hot") o.hot = std::stod(value);
    else if (name == "--optimizer") o.optimizer = value;
    else if (name == "--route") o.routes.push_back(value);
    else return std::fprintf(stderr, "unknown option %s\n", argv[i]), 1;
  }
  if (o.routes.empty()) o.routes = {"host"};
  for (const std::string& route : o.routes) {
    if (bench(o, route) != 0) return 1;
  }
  return 0;
}
