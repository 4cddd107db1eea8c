// fae.h for this engine: every call guarded, nothing thrown across.
#include <cstdio>
#include <fstream>
#include <string>

#include "calls.h"
#include "names.h"
#include "ops/list.h"
#include "pages.h"
#include "session.h"
#include "table_start.h"

struct fae_session : fae::cpu::Session {
  using Session::Session;
};

namespace {

using fae::guarded;

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

std::string machine_json() {
  const fae::cpu::Kernels& kernels = fae::cpu::choose_kernels();
  const uint32_t threads = fae::usable_threads();
  const std::string description = cpu_name() + ", " + kernels.name + ", " + std::to_string(threads) + (threads == 1 ? " thread" : " threads");
  return "{\"engine\":\"cpu\",\"description\":" + fae::json_string(description) + ",\"threads\":" + std::to_string(threads) +
         ",\"devices\":[],\"facts\":{\"kernels\":" + fae::json_string(kernels.name) + ",\"hugePages\":" + fae::json_string(fae::huge_page_mode()) +
         ",\"freeMemoryBytes\":\"" + std::to_string(fae::free_host_bytes()) + "\",\"device\":\"a separate arena in host memory\"}}";
}

// A call on an open session that is not poisoned.
template <class Body>
fae_status on_session(fae_session* session, fae_error* error, Body&& body) {
  return guarded(error, [&] {
    if (!session) fae::fail(FAE_DISPOSED, "The session is closed. Open a new one.");
    if (session->poison) throw *session->poison;
    body(*session);
    if (const auto failure = fae::broken_table(session->job)) {
      session->poison = *failure;
      throw *failure;
    }
  });
}

}  // namespace

extern "C" {

int32_t fae_abi(void) { return FAE_ABI; }

fae_status fae_machine(char* json, size_t capacity, fae_error* error) {
  return guarded(error, [&] {
    const std::string text = machine_json();
    if (text.size() >= capacity) fae::fail(FAE_ENGINE, "The machine's description does not fit into the buffer.");
    text.copy(json, text.size());
    json[text.size()] = 0;
  });
}

fae_status fae_names(char* json, size_t capacity, fae_error* error) {
  return guarded(error, [&] {
    const std::string text = fae::names_json(fae::cpu::op_names());
    if (text.size() >= capacity) fae::fail(FAE_CONFIG, "The buffer for the engine's names is too small.");
    std::snprintf(json, capacity, "%s", text.c_str());
  });
}

fae_status fae_open(const char* job_json, const fae_words* memory, uint32_t memory_count, fae_session** session, fae_error* error) {
  *session = nullptr;
  return guarded(error, [&] { *session = new fae_session(job_json, memory, memory_count); });
}

fae_status fae_run(fae_session* session, const fae_segment* segment, double* losses, fae_report* report, fae_error* error) {
  return on_session(session, error, [&](fae_session& s) { fae::cpu::run_segment(s, *segment, losses, *report); });
}

fae_status fae_rows(fae_session* session, const char* source, uint64_t* rows, fae_error* error) {
  return on_session(session, error, [&](fae_session& s) { *rows = s.source(source).rows(); });
}

fae_status fae_evaluate(fae_session* session, const char* source, float* scores, uint8_t* labels, uint64_t room, fae_evaluation* evaluation,
                        fae_error* error) {
  return on_session(session, error, [&](fae_session& s) {
    fae::check_room(s.source(source).spec(), room);
    fae::cpu::evaluate(s, source, scores, labels, *evaluation);
  });
}

fae_status fae_shape(fae_session* session, const char* name, uint64_t* rows, uint64_t* columns, fae_error* error) {
  return on_session(session, error, [&](fae_session& s) {
    const fae::Tensor tensor = fae::find_tensor(s.job, name);
    *rows = tensor.rows;
    *columns = tensor.columns;
  });
}

fae_status fae_read(fae_session* session, const char* name, const uint32_t* rows, uint64_t count, float* out, uint64_t values, fae_error* error) {
  return on_session(session, error, [&](fae_session& s) {
    const fae::Tensor tensor = fae::find_tensor(s.job, name);
    fae::check_access(tensor, name, rows, count, values);
    fae::cpu::read_tensor(s, tensor, rows, count, out);
  });
}

fae_status fae_write(fae_session* session, const char* name, const uint32_t* rows, uint64_t count, const float* in, uint64_t values, fae_error* error) {
  return on_session(session, error, [&](fae_session& s) {
    const fae::Tensor tensor = fae::find_tensor(s.job, name);
    fae::check_access(tensor, name, rows, count, values);
    fae::cpu::write_tensor(s, tensor, rows, count, in);
  });
}

fae_status fae_memory(fae_session* session, uint64_t* host_bytes, uint64_t* device_bytes, fae_error* error) {
  return on_session(session, error, [&](fae_session& s) {
    *host_bytes = s.host.bytes();
    *device_bytes = s.device.bytes();
  });
}

void fae_close(fae_session* session) {
  // A thread that cannot be joined is the only thing that could throw here; there is nobody to tell.
  try {
    delete session;
  } catch (...) {
  }
}

}  // extern "C"
