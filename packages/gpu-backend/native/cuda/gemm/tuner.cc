#include "gemm/tuner.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>

#include "gemm/lt_api.h"
#include "status.h"
#include "support/check.h"

namespace fae::cuda {

namespace {

using Choices = std::map<std::string, std::pair<std::string, double>>;  // work -> candidate, seconds

struct Memory {
  std::mutex mutex;
  Choices choices;
  bool loaded = false, changed = false;
};

Memory& memory() {
  static Memory all;
  return all;
}

std::string setting() {
  if (const char* own = std::getenv("FAE_CUDA_TUNING")) return own;
  if (const char* cache = std::getenv("XDG_CACHE_HOME")) return std::string(cache) + "/fae-cuda-tuning.txt";
  if (const char* home = std::getenv("HOME")) return std::string(home) + "/.cache/fae-cuda-tuning.txt";
  return "";
}

// One line: work, tab, candidate, tab, seconds. A line that does not read so is skipped: the work is timed again.
Choices read_choices(const std::string& path) {
  Choices choices;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find('\t'), second = line.find('\t', first == std::string::npos ? first : first + 1);
    if (second == std::string::npos) continue;
    choices[line.substr(0, first)] = {line.substr(first + 1, second - first - 1), std::atof(line.c_str() + second + 1)};
  }
  return choices;
}

}  // namespace

Tuner::Tuner() {
  int device = 0;
  FAE_CUDA(cudaGetDevice(&device));
  cudaDeviceProp properties;
  FAE_CUDA(cudaGetDeviceProperties(&properties, device));
  prefix_ = std::string(properties.name) + " lt" + std::to_string(lt_library().version) + " own" + std::to_string(own_kernels) + " ";
  start_ = timed_event();
  stop_ = timed_event();
}

double Tuner::time(const Candidate& candidate, cudaStream_t stream) {
  if (!candidate.run(stream) || !candidate.run(stream)) return -1;
  constexpr int rounds = 4, repeats = 5;
  float best = 1e30f;
  for (int r = 0; r < rounds; r++) {
    FAE_CUDA(cudaEventRecord(start_, stream));
    for (int i = 0; i < repeats; i++) candidate.run(stream);
    FAE_CUDA(cudaEventRecord(stop_, stream));
    FAE_CUDA(cudaEventSynchronize(stop_));
    float milliseconds = 0;
    FAE_CUDA(cudaEventElapsedTime(&milliseconds, start_, stop_));
    best = std::min(best, milliseconds);
  }
  return best / repeats / 1e3;
}

Tuned Tuner::choose(const std::string& work, const std::vector<Candidate>& candidates, cudaStream_t stream) {
  if (candidates.empty()) fail(FAE_ENGINE, "No kernel can do '" + work + "' on this GPU.");
  const std::string file = setting();
  if (file == "off") return {0, 0};
  Memory& all = memory();
  const std::lock_guard lock(all.mutex);
  if (!all.loaded) all.choices = read_choices(file);
  all.loaded = true;
  const auto known = all.choices.find(prefix_ + work);
  if (known != all.choices.end()) {
    for (size_t i = 0; i < candidates.size(); i++) {
      if (candidates[i].name == known->second.first) return {static_cast<int>(i), known->second.second};
    }
  }
  const char* log = std::getenv("FAE_CUDA_TUNING_LOG");
  std::vector<double> seconds;
  double least = -1;
  for (const Candidate& candidate : candidates) {
    const double own = time(candidate, stream);
    seconds.push_back(own > 0 ? own + candidate.later_seconds : -1);
    if (log) std::ofstream(log, std::ios::app) << work << '\t' << candidate.name << '\t' << own * 1e6 << " us\n";
    if (own > 0 && (least < 0 || seconds.back() < least)) least = seconds.back();
  }
  Tuned best;
  for (size_t i = 0; i < candidates.size(); i++) {
    if (seconds[i] <= 0 || seconds[i] > least * about) continue;
    if (best.index < 0 || candidates[i].rank < candidates[best.index].rank) best = {static_cast<int>(i), seconds[i]};
  }
  if (best.index < 0) fail(FAE_ENGINE, "No kernel could do '" + work + "' on this GPU.");
  all.choices[prefix_ + work] = {candidates[best.index].name, best.seconds};
  all.changed = true;
  return best;
}

void Tuner::save() const {
  const std::string file = setting();
  Memory& all = memory();
  const std::lock_guard lock(all.mutex);
  if (!all.changed || file.empty() || file == "off") return;
  // Renamed into place, so that another process never reads half a file. Not being able to write only costs time.
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(file).parent_path(), ignored);
  // What another process wrote meanwhile is kept, and comes first: runs to come repeat the first that was chosen.
  Choices together = read_choices(file);
  together.insert(all.choices.begin(), all.choices.end());
  const std::string temporary = file + "." + std::to_string(getpid());
  std::ofstream out(temporary);
  for (const auto& [work, choice] : together) out << work << '\t' << choice.first << '\t' << choice.second << '\n';
  out.close();
  if (!out || std::rename(temporary.c_str(), file.c_str()) != 0) std::remove(temporary.c_str());
  else all.changed = false;
}

}  // namespace fae::cuda
