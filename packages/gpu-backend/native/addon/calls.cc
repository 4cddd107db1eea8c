#include "calls.h"

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "fae.h"
#include "session_queue.h"

namespace fae_addon {

namespace {

using Handle = Napi::External<std::shared_ptr<SessionQueue>>;

SessionQueue& queue_of(const Napi::Value& value) {
  if (!value.IsExternal()) throw Napi::TypeError::New(value.Env(), "Expected a session handle.");
  return **value.As<Handle>().Data();
}

fae_status disposed(fae_error* error) {
  error->status = FAE_DISPOSED;
  std::strcpy(error->message, "The session is closed. Open a new one.");
  error->details[0] = 0;
  return FAE_DISPOSED;
}

// Copies a typed array: native threads never see JavaScript memory.
template <class T, class Array>
std::vector<T> copied(const Napi::Value& value, napi_typedarray_type type, const char* what) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) {
    throw Napi::TypeError::New(value.Env(), std::string("Expected ") + what + ".");
  }
  const Array array = value.As<Array>();
  return std::vector<T>(array.Data(), array.Data() + array.ElementLength());
}

std::vector<uint32_t> copied_u32(const Napi::Value& value) {
  return copied<uint32_t, Napi::Uint32Array>(value, napi_uint32_array, "a Uint32Array");
}

template <class Array, class T>
Array given(Napi::Env env, const std::vector<T>& values) {
  Array array = Array::New(env, values.size());
  if (!values.empty()) std::memcpy(array.Data(), values.data(), values.size() * sizeof(T));
  return array;
}

Napi::Float64Array bytes_array(Napi::Env env, const uint64_t (&bytes)[FAE_TRAFFIC][2]) {
  Napi::Float64Array array = Napi::Float64Array::New(env, FAE_TRAFFIC * 2);
  for (int kind = 0; kind < FAE_TRAFFIC; kind++) {
    for (int direction = 0; direction < 2; direction++) array[kind * 2 + direction] = static_cast<double>(bytes[kind][direction]);
  }
  return array;
}

Napi::Value machine(const Napi::CallbackInfo& info) {
  std::vector<char> json(16384);
  fae_error error = {};
  if (fae_machine(json.data(), json.size(), &error) != FAE_OK) throw native_error(info.Env(), error);
  return Napi::String::New(info.Env(), json.data());
}

// (job: string, memory: Uint32Array[]) -> Promise<handle>
Napi::Value open(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto job = std::make_shared<std::string>(info[0].As<Napi::String>().Utf8Value());
  const auto memory = std::make_shared<std::vector<std::vector<uint32_t>>>();
  const Napi::Array arrays = info[1].As<Napi::Array>();
  for (uint32_t i = 0; i < arrays.Length(); i++) memory->push_back(copied_u32(arrays.Get(i)));
  const std::shared_ptr<SessionQueue> queue = SessionQueue::create(env);
  Call call;
  call.work = [job, memory](fae_session*& session, fae_error* error) {
    std::vector<fae_words> words;
    for (const auto& source : *memory) words.push_back({source.data(), source.size()});
    const fae_status status = fae_open(job->c_str(), words.data(), static_cast<uint32_t>(words.size()), &session, error);
    memory->clear();
    memory->shrink_to_fit();
    return status;
  };
  // Weak: a call that owned its own queue would never be freed.
  call.result = [weak = std::weak_ptr<SessionQueue>(queue)](Napi::Env env) -> Napi::Value {
    return Handle::New(env, new std::shared_ptr<SessionQueue>(weak.lock()), [](Napi::Env, std::shared_ptr<SessionQueue>* held) { delete held; });
  };
  return queue->push(env, std::move(call));
}

// (handle, { route, source, epoch, batches, learningRates }) -> Promise<report>
Napi::Value run(const Napi::CallbackInfo& info) {
  struct Run {
    std::string route, source;
    uint32_t epoch;
    std::vector<uint32_t> batches;
    std::vector<double> rates, losses;
    fae_report report = {};
  };
  const Napi::Object segment = info[1].As<Napi::Object>();
  const auto run = std::make_shared<Run>();
  run->route = segment.Get("route").As<Napi::String>().Utf8Value();
  run->source = segment.Get("source").As<Napi::String>().Utf8Value();
  run->epoch = segment.Get("epoch").As<Napi::Number>().Uint32Value();
  run->batches = copied_u32(segment.Get("batches"));
  run->rates = copied<double, Napi::Float64Array>(segment.Get("learningRates"), napi_float64_array, "a Float64Array");
  if (run->rates.size() != run->batches.size()) throw Napi::TypeError::New(info.Env(), "Expected one learning rate per batch.");
  Call call;
  call.work = [run](fae_session*& session, fae_error* error) {
    if (!session) return disposed(error);
    run->losses.resize(run->batches.size());
    const fae_segment native = {run->route.c_str(),  run->source.c_str(), run->epoch, run->batches.data(), run->rates.data(),
                                static_cast<uint32_t>(run->batches.size())};
    return fae_run(session, &native, run->losses.data(), &run->report, error);
  };
  call.result = [run](Napi::Env env) -> Napi::Value {
    const fae_report& report = run->report;
    Napi::Object result = Napi::Object::New(env);
    result.Set("losses", given<Napi::Float64Array>(env, run->losses));
    result.Set("inputs", static_cast<double>(report.inputs));
    result.Set("totalSeconds", report.total_seconds);
    result.Set("seconds", given<Napi::Float64Array>(env, std::vector<double>(report.seconds, report.seconds + FAE_STAGES)));
    result.Set("bytes", bytes_array(env, report.bytes));
    result.Set("coldRows", static_cast<double>(report.cold_rows));
    result.Set("forwardedRows", static_cast<double>(report.forwarded_rows));
    result.Set("switchedRows", static_cast<double>(report.switched_rows));
    return result;
  };
  return queue_of(info[0]).push(info.Env(), std::move(call));
}

// (handle, source: string, rows: number) -> Promise<evaluation>
Napi::Value evaluate(const Napi::CallbackInfo& info) {
  struct Evaluate {
    std::string source;
    std::vector<float> scores;
    std::vector<uint8_t> labels;
    fae_evaluation evaluation = {};
  };
  const auto state = std::make_shared<Evaluate>();
  state->source = info[1].As<Napi::String>().Utf8Value();
  const int64_t rows = info[2].As<Napi::Number>().Int64Value();
  Call call;
  call.work = [state, rows](fae_session*& session, fae_error* error) {
    if (!session) return disposed(error);
    state->scores.resize(static_cast<size_t>(rows));
    state->labels.resize(static_cast<size_t>(rows));
    return fae_evaluate(session, state->source.c_str(), state->scores.data(), state->labels.data(), &state->evaluation, error);
  };
  call.result = [state](Napi::Env env) -> Napi::Value {
    Napi::Object result = Napi::Object::New(env);
    result.Set("inputs", static_cast<double>(state->evaluation.inputs));
    result.Set("loss", state->evaluation.loss);
    result.Set("seconds", state->evaluation.seconds);
    result.Set("bytes", bytes_array(env, state->evaluation.bytes));
    result.Set("scores", given<Napi::Float32Array>(env, state->scores));
    result.Set("labels", given<Napi::Uint8Array>(env, state->labels));
    return result;
  };
  return queue_of(info[0]).push(info.Env(), std::move(call));
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

std::shared_ptr<Access> access_of(const Napi::Value& name, const Napi::Value& rows) {
  const auto access = std::make_shared<Access>();
  access->name = name.As<Napi::String>().Utf8Value();
  access->all = rows.IsNull() || rows.IsUndefined();
  if (!access->all) access->rows = copied_u32(rows);
  return access;
}

// Values that an access covers.
fae_status covered(fae_session* session, const Access& access, uint64_t& count, fae_error* error) {
  uint64_t rows = 0, columns = 0;
  const fae_status status = fae_shape(session, access.name.c_str(), &rows, &columns, error);
  count = (access.all ? rows : access.rows.size()) * columns;
  return status;
}

// (handle, name, rows: Uint32Array | null) -> Promise<Float32Array>
Napi::Value read(const Napi::CallbackInfo& info) {
  const auto access = access_of(info[1], info[2]);
  Call call;
  call.work = [access](fae_session*& session, fae_error* error) {
    if (!session) return disposed(error);
    uint64_t count = 0;
    const fae_status status = covered(session, *access, count, error);
    if (status != FAE_OK) return status;
    access->data.resize(count);
    return fae_read(session, access->name.c_str(), access->listed(), access->rows.size(), access->data.data(), error);
  };
  call.result = [access](Napi::Env env) -> Napi::Value { return given<Napi::Float32Array>(env, access->data); };
  return queue_of(info[0]).push(info.Env(), std::move(call));
}

// (handle, name, data: Float32Array, rows: Uint32Array | null) -> Promise<void>
Napi::Value write(const Napi::CallbackInfo& info) {
  const auto access = access_of(info[1], info[3]);
  access->data = copied<float, Napi::Float32Array>(info[2], napi_float32_array, "a Float32Array");
  Call call;
  call.work = [access](fae_session*& session, fae_error* error) {
    if (!session) return disposed(error);
    uint64_t count = 0;
    const fae_status status = covered(session, *access, count, error);
    if (status != FAE_OK) return status;
    if (count != access->data.size()) {
      error->status = FAE_CONFIG;
      std::snprintf(error->message, sizeof error->message, "Writing '%s' needs %llu values, %zu were given. Give one row of values per row number.",
                    access->name.c_str(), static_cast<unsigned long long>(count), access->data.size());
      return FAE_CONFIG;
    }
    return fae_write(session, access->name.c_str(), access->listed(), access->rows.size(), access->data.data(), error);
  };
  call.result = [](Napi::Env env) -> Napi::Value { return env.Undefined(); };
  return queue_of(info[0]).push(info.Env(), std::move(call));
}

// (handle) -> Promise<{ hostBytes, deviceBytes }>
Napi::Value memory(const Napi::CallbackInfo& info) {
  const auto bytes = std::make_shared<std::pair<uint64_t, uint64_t>>();
  Call call;
  call.work = [bytes](fae_session*& session, fae_error* error) {
    if (!session) return disposed(error);
    return fae_memory(session, &bytes->first, &bytes->second, error);
  };
  call.result = [bytes](Napi::Env env) -> Napi::Value {
    Napi::Object result = Napi::Object::New(env);
    result.Set("hostBytes", static_cast<double>(bytes->first));
    result.Set("deviceBytes", static_cast<double>(bytes->second));
    return result;
  };
  return queue_of(info[0]).push(info.Env(), std::move(call));
}

// (handle) -> Promise<void>
Napi::Value close(const Napi::CallbackInfo& info) {
  Call call;
  call.work = [](fae_session*& session, fae_error*) {
    fae_close(session);
    session = nullptr;
    return FAE_OK;
  };
  call.result = [](Napi::Env env) -> Napi::Value { return env.Undefined(); };
  call.closes = true;
  return queue_of(info[0]).push(info.Env(), std::move(call));
}

}  // namespace

void export_calls(Napi::Env env, Napi::Object exports) {
  exports.Set("abi", Napi::Number::New(env, fae_abi()));
  exports.Set("machine", Napi::Function::New<machine>(env, "machine"));
  exports.Set("open", Napi::Function::New<open>(env, "open"));
  exports.Set("run", Napi::Function::New<run>(env, "run"));
  exports.Set("evaluate", Napi::Function::New<evaluate>(env, "evaluate"));
  exports.Set("read", Napi::Function::New<read>(env, "read"));
  exports.Set("write", Napi::Function::New<write>(env, "write"));
  exports.Set("memory", Napi::Function::New<memory>(env, "memory"));
  exports.Set("close", Napi::Function::New<close>(env, "close"));
}

}  // namespace fae_addon
