// Replays traces (apps/bench/gpu/record-traces.ts) against the engine: every call a session of the reference engine got, with what
// it answered. Prints what differs, and whether device, hot and mixed runs of the same order agree bit by bit.
//
//     trace_check FOLDER [FIRST [LAST]]     FAE_TRACE_VERBOSE=1 prints every trace
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "fae.h"
#include "json.h"
#include "status.h"

namespace {

using fae::Json;

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream all;
  all << file.rdbuf();
  return all.str();
}

// The text of a member of the top-level object, as it stands in the file: the job is handed on unparsed.
std::string member_text(const std::string& text, const std::string& name) {
  const size_t at = text.find("\"" + name + "\":");
  size_t i = at + name.size() + 3;
  const size_t begin = i;
  int depth = 0;
  for (bool quoted = false; i < text.size(); i++) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') i++;
      else if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      depth++;
    } else if (c == '}' || c == ']') {
      if (--depth == 0) break;
    }
  }
  return text.substr(begin, i + 1 - begin);
}

struct Result {
  double worst = 0;
  std::string where, error;
  std::vector<std::string> traffic;
  std::vector<float> bits;  // everything read and scored, in call order
};

void compare(Result& result, const std::string& where, const float* found, const float* expected, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const double difference = std::abs(static_cast<double>(found[i]) - expected[i]) / (1 + std::abs(static_cast<double>(expected[i])));
    if (!(difference <= result.worst)) {
      result.worst = std::isnan(difference) ? 1e9 : difference;
      result.where = where + "[" + std::to_string(i) + "]";
    }
  }
}

void compare_traffic(Result& result, const std::string& where, const Json& call, const uint64_t bytes[FAE_TRAFFIC][2]) {
  const auto& kinds = call.at("bytes").array();
  for (size_t k = 0; k < FAE_TRAFFIC; k++) {
    for (size_t d = 0; d < 2; d++) {
      const uint64_t expected = kinds[k].array()[d].integer();
      if (bytes[k][d] != expected) {
        result.traffic.push_back(where + " bytes[" + std::to_string(k) + "][" + std::to_string(d) + "] " + std::to_string(bytes[k][d]) + ", expected " +
                                 std::to_string(expected));
      }
    }
  }
}

Result replay(const std::string& base) {
  Result result;
  const std::string text = read_file(base + ".json"), blob = read_file(base + ".bin");
  const float* words = reinterpret_cast<const float*>(blob.data());
  const Json trace = Json::parse(text);
  std::vector<fae_words> memory;
  for (const Json& m : trace.at("memory").array()) memory.push_back({reinterpret_cast<const uint32_t*>(words) + m.at("at").integer(), m.at("count").integer()});
  fae_session* session = nullptr;
  fae_error error{};
  const auto failed = [&](fae_status status, const std::string& where) {
    if (status == FAE_OK) return false;
    result.error = where + ": " + error.message;
    return true;
  };
  if (failed(fae_open(member_text(text, "job").c_str(), memory.data(), static_cast<uint32_t>(memory.size()), &session, &error), "open")) return result;
  size_t number = 0;
  for (const Json& call : trace.at("calls").array()) {
    const std::string op = call.at("op").string(), where = std::to_string(number++) + " " + op;
    std::vector<uint32_t> rows;
    if (const Json* list = call.find("rows")) {
      for (const Json& r : list->array()) rows.push_back(r.u32());
    }
    const uint32_t* row_list = call.find("rows") ? rows.data() : nullptr;
    if (op == "write") {
      const float* data = words + call.at("at").integer();
      if (failed(fae_write(session, call.at("name").string().c_str(), row_list, rows.size(), data, call.at("count").integer(), &error), where)) break;
    } else if (op == "read") {
      const size_t count = call.at("count").integer();
      std::vector<float> found(count + 1, NAN);
      if (failed(fae_read(session, call.at("name").string().c_str(), row_list, rows.size(), found.data(), count, &error), where)) break;
      compare(result, where + " " + call.at("name").string(), found.data(), words + call.at("at").integer(), count);
      result.bits.insert(result.bits.end(), found.begin(), found.begin() + count);
    } else if (op == "evaluate") {
      const size_t count = call.at("count").integer();
      std::vector<float> scores(count + 1, NAN);
      std::vector<uint8_t> labels(count + 1);
      fae_evaluation evaluation{};
      if (failed(fae_evaluate(session, call.at("source").string().c_str(), scores.data(), labels.data(), scores.size(), &evaluation, &error), where)) break;
      compare(result, where + " scores", scores.data(), words + call.at("at").integer(), count);
      const float loss = static_cast<float>(evaluation.loss), expected = static_cast<float>(call.at("loss").kind() == Json::Kind::null ? 0 : call.at("loss").number());
      compare(result, where + " loss", &loss, &expected, 1);
      compare_traffic(result, where, call, evaluation.bytes);
      result.bits.insert(result.bits.end(), scores.begin(), scores.begin() + count);
    } else {
      std::vector<uint32_t> batches;
      std::vector<double> rates, losses;
      for (const Json& b : call.at("batches").array()) batches.push_back(b.u32());
      for (const Json& r : call.at("rates").array()) rates.push_back(r.number());
      losses.resize(batches.size());
      const std::string route = call.at("route").string(), source = call.at("source").string();
      const fae_segment segment{route.c_str(), source.c_str(), call.at("epoch").u32(), batches.data(), rates.data(), static_cast<uint32_t>(batches.size())};
      fae_report report{};
      if (failed(fae_run(session, &segment, losses.data(), &report, &error), where + " " + route)) break;
      for (size_t i = 0; i < losses.size(); i++) {
        const float loss = static_cast<float>(losses[i]), expected = static_cast<float>(call.at("losses").array()[i].number());
        compare(result, where + " loss " + std::to_string(i), &loss, &expected, 1);
        result.bits.push_back(loss);
      }
      compare_traffic(result, where + " " + route, call, report.bytes);
      const auto counter = [&](const char* name, uint64_t found) {
        if (found != call.at(name).integer()) result.traffic.push_back(where + " " + name + " " + std::to_string(found) + ", expected " + std::to_string(call.at(name).integer()));
      };
      counter("coldRows", report.cold_rows);
      counter("forwardedRows", report.forwarded_rows);
      counter("switchedRows", report.switched_rows);
    }
  }
  fae_close(session);
  return result;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return std::fprintf(stderr, "trace_check FOLDER [FIRST [LAST]]\n"), 2;
  const std::string folder = arguments[1];
  const int first = count > 2 ? std::atoi(arguments[2]) : 0, last = count > 3 ? std::atoi(arguments[3]) : 1 << 30;
  const bool verbose = std::getenv("FAE_TRACE_VERBOSE") != nullptr;
  int traces = 0, passed = 0, shown = 0;
  std::map<std::string, int> bad_by_route, good_by_route;
  // Runs of the same calls on routes that must agree bit by bit.
  std::map<std::string, std::pair<std::string, std::vector<float>>> groups;
  int agree = 0, disagree = 0;
  for (int i = first; i <= last; i++) {
    const std::string base = folder + "/" + std::to_string(i);
    std::ifstream exists(base + ".json");
    if (!exists) break;
    const Json trace = Json::parse(read_file(base + ".json"));
    const std::string name = trace.at("name").string();
    const double tolerance = trace.at("tolerance").number();
    const std::string route = name.substr(name.rfind('|') + 2);
    const auto begin = std::chrono::steady_clock::now();
    const Result result = replay(base);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const bool good = result.error.empty() && result.traffic.empty() && result.worst <= tolerance;
    traces++;
    passed += good;
    (good ? good_by_route : bad_by_route)[route.substr(0, route.find(' '))]++;
    if (verbose || (!good && shown++ < 60)) {
      std::printf("%s %d %s: worst %.2e of %.1e at %s (%.2f s)%s%s%s\n", good ? "ok  " : "FAIL", i, name.c_str(), result.worst, tolerance, result.where.c_str(), seconds,
                  result.error.empty() ? "" : " ", result.error.c_str(), result.traffic.empty() ? "" : (" " + result.traffic[0]).c_str());
      std::fflush(stdout);
    }
    if (result.error.empty() && (route == "device" || route.rfind("mixed", 0) == 0)) {
      // The source of the first batches tells the two orders of a problem apart.
      std::string group = name.substr(0, name.rfind('|'));
      for (const Json& call : trace.at("calls").array()) {
        if (call.at("op").string() != "run") continue;
        group += call.at("source").string() == "train" ? "train" : "packed";
        break;
      }
      const auto [at, fresh] = groups.try_emplace(group, std::make_pair(name, result.bits));
      if (!fresh && at->second.second.size() == result.bits.size()) {
        const bool same = std::memcmp(at->second.second.data(), result.bits.data(), result.bits.size() * 4) == 0;
        (same ? agree : disagree)++;
        if (!same && shown++ < 60) std::printf("BITS %s differs from %s\n", name.c_str(), at->second.first.c_str());
      }
    }
  }
  for (const auto& [route, n] : good_by_route) std::printf("passed %-8s %d\n", route.c_str(), n);
  for (const auto& [route, n] : bad_by_route) std::printf("FAILED %-8s %d\n", route.c_str(), n);
  std::printf("traces %d, passed %d; bit-equal pairs %d, different %d\n", traces, passed, agree, disagree);
  return passed == traces && disagree == 0 ? 0 : 1;
}
