// Chooses among ways to do one piece of work by timing them. Choices are kept for the process (so two sessions compute bit by
// bit the same) and in a file (so two processes do): FAE_CUDA_TUNING names it, `off` takes the first candidate without timing.
// FAE_CUDA_TUNING_LOG names a file that gets a line per candidate timed.
#pragma once

#include <cuda_runtime.h>

#include <functional>
#include <string>
#include <vector>

#include "support/handles.h"

namespace fae::cuda {

struct Candidate {
  std::string name;                              // unique among the candidates of one piece of work, stable between runs
  std::function<bool(cudaStream_t)> run;         // false: cannot be done
  double later_seconds = 0;                      // what this choice costs a later kernel
  int rank = 0;                                  // of candidates about as fast, the one of lowest rank is taken, and then the first
};

struct Tuned {
  int index = -1;        // among the candidates
  double seconds = 0;    // 0 when taken from memory without timing
};

class Tuner {
 public:
  Tuner();
  // `work` names shapes and arithmetic: equal names mean equal work.
  Tuned choose(const std::string& work, const std::vector<Candidate>& candidates, cudaStream_t stream);
  // Writes new choices to the file, if there is one.
  void save() const;

 private:
  // Times nearer than this to the least are taken for equal: such is the difference between two runs.
  static constexpr double about = 1.03;

  double time(const Candidate& candidate, cudaStream_t stream);

  // Goes up when own kernels come or change, so that old choices are made again.
  static constexpr int own_kernels = 3;

  std::string prefix_;  // device, library version and own kernels
  Event start_, stop_;
};

}  // namespace fae::cuda
