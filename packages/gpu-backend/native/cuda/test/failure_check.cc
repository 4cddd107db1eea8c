// Lets every call of a session's CUDA calls fail in turn, on the fake runtime, and checks what must hold each time: one message that
// names the first cause, the same answer to every later call, no hang, nothing left alive after close, and a next session that works.
// Then the same for a plan that does not fit, for a kernel that traps at a step, and for a file of inputs cut short between two segments.
//
//     failure_check JOB.json SEGMENTS [STEP [FIRST]]     SEGMENTS: hybrid,hot,hybrid   STEP: every how many calls one is let fail
//
// JOB.json: a job as src/native/job.ts makes it, its source "train" a file. Prints one line; exit status 1 on any difference.
#include <dirent.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "fae.h"
#include "fake_runtime.h"
#include "json.h"

namespace {

using fae::Json;

constexpr auto patience = std::chrono::seconds(20);
std::atomic<int64_t> deadline{0};
std::string doing;
int problems = 0;

int64_t now() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

void watch() {
  while (true) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    if (deadline && now() > deadline) {
      std::printf("HANG: %s\n", doing.c_str());
      std::fflush(stdout);
      _exit(1);
    }
  }
}

void wrong(const std::string& what) {
  if (problems++ < 20) std::printf("WRONG: %s: %s\n", doing.c_str(), what.c_str());
}

int threads() {
  int count = 0;
  DIR* tasks = opendir("/proc/self/task");
  while (const dirent* entry = readdir(tasks)) count += entry->d_name[0] != '.';
  closedir(tasks);
  return count;
}

struct Plan {
  std::string job, param, table, data;
  uint64_t param_values = 0, table_rows = 0, rows = 0;
  uint32_t width = 0;
  uint32_t batches = 0;
  std::vector<std::string> segments;
};

struct Outcome {
  bool failed = false;
  fae_status status = FAE_OK;
  std::string where, message;
};

// Everything a trainer does with a session. After the first failure the rest is still asked for, and must be refused alike.
Outcome use(const Plan& plan, bool cuts_data) {
  Outcome outcome;
  fae_error error{};
  fae_session* session = nullptr;
  const auto answered = [&](fae_status status, const std::string& where) {
    if (status == FAE_OK) {
      if (outcome.failed) wrong(where + " worked after " + outcome.where + " had failed");
      return;
    }
    if (outcome.failed && outcome.message != error.message) wrong(where + " says '" + error.message + "' after '" + outcome.message + "'");
    if (!outcome.failed) outcome = {true, status, where, error.message};
  };
  answered(fae_open(plan.job.c_str(), nullptr, 0, &session, &error), "open");
  if (outcome.failed) {
    if (session) wrong("open failed and left a session");
    return outcome;
  }
  const std::vector<float> values(plan.param_values, 0.25f);
  answered(fae_write(session, plan.param.c_str(), nullptr, 0, values.data(), values.size(), &error), "write");
  std::vector<uint32_t> batches;
  for (uint32_t b = 0; b < plan.batches; b++) batches.push_back(b);
  const std::vector<double> rates(plan.batches, 0.01);
  std::vector<double> losses(plan.batches);
  for (const std::string& route : plan.segments) {
    fae_report report{};
    const fae_segment segment{route.c_str(), "train", 0, batches.data(), rates.data(), plan.batches};
    answered(fae_run(session, &segment, losses.data(), &report, &error), "run " + route);
    // As a checkpoint reads: rows in pieces, most of them unchanged.
    std::vector<float> values_of_rows(plan.table_rows * plan.width);
    const uint32_t some[] = {0, static_cast<uint32_t>(plan.table_rows - 1)};
    answered(fae_read(session, plan.table.c_str(), nullptr, 0, values_of_rows.data(), values_of_rows.size(), &error), "read a table");
    answered(fae_read(session, plan.table.c_str(), some, 2, values_of_rows.data(), 2 * plan.width, &error), "read rows");
    answered(fae_write(session, plan.table.c_str(), some, 2, values_of_rows.data(), 2 * plan.width, &error), "write rows");
    if (cuts_data) truncate(plan.data.c_str(), 0);
  }
  std::vector<float> scores(plan.rows);
  std::vector<uint8_t> labels(plan.rows);
  fae_evaluation evaluation{};
  answered(fae_evaluate(session, "train", scores.data(), labels.data(), scores.size(), &evaluation, &error), "evaluate");
  std::vector<float> read(plan.param_values);
  answered(fae_read(session, plan.param.c_str(), nullptr, 0, read.data(), read.size(), &error), "read");
  fae_close(session);
  return outcome;
}

// One run with the fault; what must hold.
Outcome tried(const Plan& plan, const fake::Fault& fault, bool cuts_data = false) {
  const int before = threads();
  fake::reset(fault);
  deadline = (std::chrono::steady_clock::now() + patience).time_since_epoch().count();
  const Outcome outcome = use(plan, cuts_data);
  deadline = 0;
  // A thread that was joined can still be listed for a moment.
  for (int i = 0; i < 100 && threads() != before; i++) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  if (threads() != before) wrong(std::to_string(threads() - before) + " threads left");
  if (fake::alive().total() != 0) wrong("left: " + fake::alive().text());
  return outcome;
}

std::string file_text(const std::string& path) {
  std::ifstream file(path);
  std::stringstream all;
  all << file.rdbuf();
  return all.str();
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return std::fprintf(stderr, "failure_check JOB.json SEGMENTS [STEP [FIRST]]\n"), 2;
  setenv("FAE_CUDA_TUNING", "off", 0);
  Plan plan;
  plan.job = file_text(arguments[1]);
  const Json job = Json::parse(plan.job);
  const Json& param = job.at("program").at("program").at("params").array()[0];
  plan.param = param.at("name").string();
  plan.param_values = 1;
  for (const Json& n : param.at("shape").array()) plan.param_values *= n.integer();
  const Json& table = job.at("program").at("program").at("tables").array()[0];
  plan.table = table.at("name").string(), plan.table_rows = table.at("rows").integer();
  plan.width = job.at("program").at("program").at("width").u32();
  plan.data = job.at("sources").array()[0].at("storage").at("path").string();
  plan.rows = job.at("sources").array()[0].at("rows").integer();
  plan.batches = static_cast<uint32_t>((plan.rows + job.at("batch").u32() - 1) / job.at("batch").u32());
  std::istringstream list(arguments[2]);
  for (std::string route; std::getline(list, route, ',');) plan.segments.push_back(route);
  const uint64_t step = count > 3 ? std::strtoull(arguments[3], nullptr, 10) : 1, first = count > 4 ? std::strtoull(arguments[4], nullptr, 10) : 1;
  std::thread(watch).detach();

  doing = "without a fault";
  const Outcome good = tried(plan, {});
  if (good.failed) return std::printf("FAILED without a fault, %s: %s\n", good.where.c_str(), good.message.c_str()), 1;
  const uint64_t calls = fake::calls();

  uint64_t faults = 0, unnoticed = 0;
  std::map<std::string, uint64_t> silent;
  for (uint64_t at = first; at <= calls; at += step) {
    for (const bool lost : {true, false}) {
      const fake::Fault fault{at, lost ? cudaErrorLaunchFailure : cudaErrorMemoryAllocation, lost};
      doing = std::string(lost ? "context lost" : "out of memory") + " at call " + std::to_string(at);
      const Outcome outcome = tried(plan, fault);
      const std::string call = fake::failed_call();
      if (call.empty()) continue;
      doing += " (" + call + ")";
      faults++;
      if (!outcome.failed) {
        unnoticed++;
        silent[call]++;
      } else {
        if (outcome.status != (lost ? FAE_ENGINE : FAE_OUT_OF_MEMORY)) wrong("status " + std::to_string(outcome.status) + ": " + outcome.message);
        if (outcome.message.find(cudaGetErrorName(fault.error)) == std::string::npos) wrong("the message hides the cause: " + outcome.message);
      }
      if (!lost) {
        doing += ", the next session of the thread";
        fake::reset({});
        const Outcome next = tried(plan, {});
        if (next.failed) wrong(next.message);
      }
    }
  }
  fake::set_free_memory(300ull << 20);
  const Outcome planned = tried(plan, {});
  fake::set_free_memory(8ull << 30);
  const auto expect = [&](const std::string& what, const Outcome& found, fae_status status, const char* text) {
    doing = what;
    if (found.status != status || found.message.find(text) == std::string::npos) wrong("says '" + found.message + "'");
  };
  expect("too little memory", planned, FAE_OUT_OF_MEMORY, "MiB of GPU memory");
  setenv("FAE_CUDA_TRAP_AT_STEP", std::to_string(plan.batches + 2).c_str(), 1);
  expect("trap", tried(plan, {}), FAE_ENGINE, ("after step " + std::to_string(plan.batches) + ": CUDA failed in").c_str());
  unsetenv("FAE_CUDA_TRAP_AT_STEP");
  const std::string data = file_text(plan.data);
  expect("cut file", tried(plan, {}, true), FAE_DATA, "the file was cut short");
  std::ofstream(plan.data, std::ios::binary) << data;

  std::printf("%s: %llu calls, %llu faults, %llu of them made no difference", arguments[2], static_cast<unsigned long long>(calls),
              static_cast<unsigned long long>(faults), static_cast<unsigned long long>(unnoticed));
  for (const auto& [name, n] : silent) std::printf(", %s %llu", name.c_str(), static_cast<unsigned long long>(n));
  std::printf("; %d problems\n", problems);
  return problems == 0 ? 0 : 1;
}
