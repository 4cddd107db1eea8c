// The session behind fae.h: names resolved, failures remembered.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "calls.h"
#include "fae.h"
#include "job.h"
#include "row_source.h"
#include "routes/route.h"
#include "status.h"
#include "table_start.h"

namespace fae::cuda {

class Session {
 public:
  Session(Job job, const fae_words* memory);
  ~Session();

  void run(const fae_segment& segment, double* losses, fae_report& report);
  uint64_t rows(const char* source) const;
  void evaluate(const char* source, float* scores, uint8_t* labels, uint64_t room, fae_evaluation& evaluation);
  void shape(const char* name, uint64_t& rows, uint64_t& columns) const;
  void read(const char* name, const uint32_t* rows, uint64_t count, float* out, uint64_t values);
  void write(const char* name, const uint32_t* rows, uint64_t count, const float* in, uint64_t values);
  void memory(uint64_t& host_bytes, uint64_t& device_bytes) const;

 private:
  // Runs `act` unless the session is poisoned. A failure of the device or of the engine poisons it with this first cause.
  template <class Act>
  void guard(Act&& act) {
    require_unpoisoned();
    try {
      act();
      require_tables();
    } catch (...) {
      const Failure failure = current_failure();
      if (failure.status == FAE_ENGINE || failure.status == FAE_OUT_OF_MEMORY || !usable()) poison(failure);
      throw failure;
    }
  }
  // Inside a guarded call: a part that leaves the model between two states, so that every failure poisons. `what` says where.
  template <class Act>
  void work(const std::string& what, Act&& act) {
    try {
      act();
    } catch (...) {
      Failure failure = current_failure();
      if (failure.status == FAE_ENGINE || failure.status == FAE_OUT_OF_MEMORY) failure.message = what + ": " + failure.message;
      poison(failure);
      throw failure;
    }
  }

  const RowSource& source(const std::string& name) const { return *sources_[find_source(job_, name)]; }
  // Whatever was computed from a lost page does not count.
  void require_tables() {
    if (const auto failure = broken_table(job_)) {
      poison(*failure);
      throw *failure;
    }
  }
  static bool usable();
  void require_unpoisoned() const {
    if (poisoned_) throw *poisoned_;
  }
  void poison(const Failure& failure);

  Job job_;
  std::vector<std::unique_ptr<RowSource>> sources_;
  std::unique_ptr<Residency> residency_;
  std::unique_ptr<Failure> poisoned_;
};

}  // namespace fae::cuda
