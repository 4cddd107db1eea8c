// Time, and the seconds that each stage of a segment took.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "fae.h"
#include "names.h"

namespace fae::cpu {

inline double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Work shared by all threads counts as its share: the sum over threads divided by their number.
class StageClock {
 public:
  explicit StageClock(uint32_t threads) : threads_(threads), workers_(threads) {}
  void clear() {
    for (Worker& worker : workers_) worker = {};
    alone_ = {};
  }
  void share(uint32_t worker, Stage stage, double seconds) { workers_[worker].seconds[stage] += seconds; }
  // By the calling thread while the others had nothing to do.
  void alone(Stage stage, double seconds) { alone_.seconds[stage] += seconds; }
  void report(double (&seconds)[FAE_STAGES]) const {
    for (int stage = 0; stage < FAE_STAGES; stage++) {
      double sum = 0;
      for (const Worker& worker : workers_) sum += worker.seconds[stage];
      seconds[stage] = alone_.seconds[stage] + sum / threads_;
    }
  }

 private:
  struct alignas(128) Worker {
    double seconds[FAE_STAGES] = {};
  };
  uint32_t threads_;
  std::vector<Worker> workers_;
  Worker alone_;
};

}  // namespace fae::cpu
