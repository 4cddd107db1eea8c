#include "calls.h"

#include <memory>
#include <utility>

#include "pages.h"
#include "session_queue.h"

namespace fae_addon {

namespace {

using Held = std::shared_ptr<SessionQueue>;

// Marks the handles of this addon, loaded this once: an External of somebody else holds something else.
napi_type_tag tag() {
  static const char here = 0;
  return {0x6661652d73657373, reinterpret_cast<uint64_t>(&here)};
}

napi_value handle_of(const Values& values, Held queue) {
  auto held = std::make_unique<Held>(std::move(queue));
  napi_value handle = nullptr;
  require(napi_create_external(values.env, held.get(), [](napi_env, void* data, void*) { delete static_cast<Held*>(data); }, nullptr, &handle));
  held.release();
  const napi_type_tag mine = tag();
  require(napi_type_tag_object(values.env, handle, &mine));
  return handle;
}

SessionQueue& queue_of(const Arguments& in) {
  napi_valuetype type;
  require(napi_typeof(in.env, in[0], &type));
  const napi_type_tag mine = tag();
  bool is_mine = false;
  if (type == napi_external) require(napi_check_object_type_tag(in.env, in[0], &mine, &is_mine));
  if (!is_mine) fae::fail(FAE_CONFIG, "Expected a session handle of this engine.");
  void* data = nullptr;
  require(napi_get_value_external(in.env, in[0], &data));
  return **static_cast<Held*>(data);
}

// Work on an open session.
template <class Work>
auto on_session(Work work) {
  return [work = std::move(work)](fae_session*& session, fae_error* error) -> fae_status {
    if (session) return work(session, error);
    fae::fill_error(error, FAE_DISPOSED, "The session is closed. Open a new one.", "");
    return FAE_DISPOSED;
  };
}

// Room for `count` values that a call fills, and for the copy that JavaScript gets.
template <class T>
void make_room(std::vector<T>& room, uint64_t count, const std::string& purpose) {
  const char* fix = "Read fewer rows at a time, or use a smaller source.";
  if (count > (64ull << 20) / sizeof(T)) fae::require_host_bytes(count < (1ull << 56) ? 2 * count * sizeof(T) : ~0ull, purpose, fix);
  try {
    room.resize(count);
  } catch (const std::exception&) {
    fae::fail(FAE_OUT_OF_MEMORY, "Host memory is too small: " + purpose + " needs " + std::to_string(count * sizeof(T)) + " bytes. " + fix,
              {fae::fact("needBytes", count * sizeof(T)), fae::fact("freeBytes", fae::free_host_bytes())});
  }
}

napi_value bytes_array(const Values& values, const uint64_t (&bytes)[FAE_TRAFFIC][2]) {
  std::vector<double> flat;
  for (const auto& kind : bytes) {
    for (const uint64_t direction : kind) flat.push_back(static_cast<double>(direction));
  }
  return values.array(flat);
}

napi_value machine(const Arguments& in) {
  std::vector<char> json(16384);
  fae_error error = {};
  if (fae_machine(json.data(), json.size(), &error) != FAE_OK) throw fae::Failure{error.status, error.message, error.details};
  return Values(in.env).text(json.data());
}

// (job: string, memory: Uint32Array[]) -> Promise<handle>
napi_value open(const Arguments& in) {
  struct Open {
    std::string job;
    std::vector<std::vector<uint32_t>> memory;
  };
  const auto state = std::make_shared<Open>(Open{in.text(in[0], "job"), in.lists_of_words(in[1], "memory")});
  const Held queue = SessionQueue::create(in.env);
  Call call;
  call.work = [state](fae_session*& session, fae_error* error) {
    std::vector<fae_words> words;
    for (const auto& source : state->memory) words.push_back({source.data(), source.size()});
    const fae_status status = fae_open(state->job.c_str(), words.data(), static_cast<uint32_t>(words.size()), &session, error);
    state->memory = {};
    return status;
  };
  // Weak: a call that owned its own queue would never be freed.
  call.result = [weak = std::weak_ptr<SessionQueue>(queue)](const Values& values) { return handle_of(values, weak.lock()); };
  return queue->push(in.env, std::move(call));
}

// (handle, { route, source, epoch, batches, learningRates }) -> Promise<report>
napi_value run(const Arguments& in) {
  struct Run {
    std::string route, source;
    uint32_t epoch;
    std::vector<uint32_t> batches;
    std::vector<double> rates, losses;
    fae_report report = {};
  };
  const auto run = std::make_shared<Run>();
  run->route = in.text(in.member(in[1], "route"), "route");
  run->source = in.text(in.member(in[1], "source"), "source");
  run->epoch = in.word(in.member(in[1], "epoch"), "epoch");
  run->batches = in.words(in.member(in[1], "batches"), "batches");
  run->rates = in.doubles(in.member(in[1], "learningRates"), "learningRates");
  if (run->rates.size() != run->batches.size()) fae::fail(FAE_CONFIG, "Expected one learning rate per batch.");
  Call call;
  call.work = on_session([run](fae_session* session, fae_error* error) {
    make_room(run->losses, run->batches.size(), "the losses of a segment");
    const fae_segment native = {run->route.c_str(),  run->source.c_str(), run->epoch, run->batches.data(), run->rates.data(),
                                static_cast<uint32_t>(run->batches.size())};
    return fae_run(session, &native, run->losses.data(), &run->report, error);
  });
  call.result = [run](const Values& values) {
    const fae_report& report = run->report;
    const napi_value result = values.object();
    values.set(result, "losses", values.array(run->losses));
    values.set(result, "inputs", values.number(static_cast<double>(report.inputs)));
    values.set(result, "totalSeconds", values.number(report.total_seconds));
    values.set(result, "seconds", values.array(std::vector<double>(report.seconds, report.seconds + FAE_STAGES)));
    values.set(result, "bytes", bytes_array(values, report.bytes));
    values.set(result, "coldRows", values.number(static_cast<double>(report.cold_rows)));
    values.set(result, "forwardedRows", values.number(static_cast<double>(report.forwarded_rows)));
    values.set(result, "switchedRows", values.number(static_cast<double>(report.switched_rows)));
    return result;
  };
  return queue_of(in).push(in.env, std::move(call));
}

// (handle, source: string) -> Promise<evaluation>
napi_value evaluate(const Arguments& in) {
  struct Evaluate {
    std::string source;
    std::vector<float> scores;
    std::vector<uint8_t> labels;
    fae_evaluation evaluation = {};
  };
  const auto state = std::make_shared<Evaluate>();
  state->source = in.text(in[1], "source");
  Call call;
  call.work = on_session([state](fae_session* session, fae_error* error) {
    uint64_t rows = 0;
    if (const fae_status status = fae_rows(session, state->source.c_str(), &rows, error)) return status;
    make_room(state->scores, rows, "the scores of '" + state->source + "'");
    make_room(state->labels, rows, "the labels of '" + state->source + "'");
    return fae_evaluate(session, state->source.c_str(), state->scores.data(), state->labels.data(), rows, &state->evaluation, error);
  });
  call.result = [state](const Values& values) {
    const napi_value result = values.object();
    values.set(result, "inputs", values.number(static_cast<double>(state->evaluation.inputs)));
    values.set(result, "loss", values.number(state->evaluation.loss));
    values.set(result, "seconds", values.number(state->evaluation.seconds));
    values.set(result, "bytes", bytes_array(values, state->evaluation.bytes));
    values.set(result, "scores", values.array(state->scores));
    values.set(result, "labels", values.array(state->labels));
    return result;
  };
  return queue_of(in).push(in.env, std::move(call));
}

struct Access {
  std::string name;
  bool all = true;
  std::vector<uint32_t> rows;
  std::vector<float> data;

  // Null stands for all rows; an empty list is a list all the same.
  const uint32_t* listed() const {
    static const uint32_t nothing = 0;
    return all ? nullptr : rows.empty() ? &nothing : rows.data();
  }
};

std::shared_ptr<Access> access_of(const Arguments& in, napi_value name, napi_value rows) {
  const auto access = std::make_shared<Access>();
  access->name = in.text(name, "name");
  access->all = in.is_absent(rows);
  if (!access->all) access->rows = in.words(rows, "rows");
  return access;
}

// (handle, name, rows: Uint32Array | null) -> Promise<Float32Array>
napi_value read(const Arguments& in) {
  const auto access = access_of(in, in[1], in[2]);
  Call call;
  call.work = on_session([access](fae_session* session, fae_error* error) {
    uint64_t rows = 0, columns = 0;
    if (const fae_status status = fae_shape(session, access->name.c_str(), &rows, &columns, error)) return status;
    make_room(access->data, (access->all ? rows : access->rows.size()) * columns, "reading '" + access->name + "'");
    return fae_read(session, access->name.c_str(), access->listed(), access->rows.size(), access->data.data(), access->data.size(), error);
  });
  call.result = [access](const Values& values) { return values.array(access->data); };
  return queue_of(in).push(in.env, std::move(call));
}

// (handle, name, data: Float32Array, rows: Uint32Array | null) -> Promise<void>
napi_value write(const Arguments& in) {
  const auto access = access_of(in, in[1], in[3]);
  access->data = in.floats(in[2], "data");
  Call call;
  call.work = on_session([access](fae_session* session, fae_error* error) {
    return fae_write(session, access->name.c_str(), access->listed(), access->rows.size(), access->data.data(), access->data.size(), error);
  });
  call.result = [](const Values& values) { return values.undefined(); };
  return queue_of(in).push(in.env, std::move(call));
}

// (handle) -> Promise<{ hostBytes, deviceBytes }>
napi_value memory(const Arguments& in) {
  const auto bytes = std::make_shared<std::pair<uint64_t, uint64_t>>();
  Call call;
  call.work = on_session([bytes](fae_session* session, fae_error* error) { return fae_memory(session, &bytes->first, &bytes->second, error); });
  call.result = [bytes](const Values& values) {
    const napi_value result = values.object();
    values.set(result, "hostBytes", values.number(static_cast<double>(bytes->first)));
    values.set(result, "deviceBytes", values.number(static_cast<double>(bytes->second)));
    return result;
  };
  return queue_of(in).push(in.env, std::move(call));
}

// (handle) -> Promise<void>
napi_value close(const Arguments& in) {
  Call call;
  call.work = [](fae_session*& session, fae_error*) {
    fae_close(session);
    session = nullptr;
    return FAE_OK;
  };
  call.result = [](const Values& values) { return values.undefined(); };
  call.closes = true;
  return queue_of(in).push(in.env, std::move(call));
}

}  // namespace

void export_calls(const Values& values, napi_value exports) {
  values.set(exports, "abi", values.number(fae_abi()));
  export_function<machine>(values, exports, "machine");
  export_function<open>(values, exports, "open");
  export_function<run>(values, exports, "run");
  export_function<evaluate>(values, exports, "evaluate");
  export_function<read>(values, exports, "read");
  export_function<write>(values, exports, "write");
  export_function<memory>(values, exports, "memory");
  export_function<close>(values, exports, "close");
}

}  // namespace fae_addon
