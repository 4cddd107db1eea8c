// One native session and the thread that works for it: calls run one after another in call order, off the JavaScript thread.
//
// Ownership: JavaScript holds an External with a shared pointer, every call in flight holds another. The queue ends when the
// last of them is gone, when the session is closed, or when the environment (main thread or worker) is torn down; it then waits
// for the call that runs, drops the ones that have not started, and closes the native session.
#pragma once

#include <node_api.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "fae.h"
#include "values.h"

namespace fae_addon {

// `work` runs on the session's thread, touches no JavaScript, and may throw; `result` runs on the JavaScript thread when work
// succeeded.
struct Call {
  std::function<fae_status(fae_session*& session, fae_error* error)> work;
  std::function<napi_value(const Values& values)> result;
  bool closes = false;
};

class SessionQueue : public std::enable_shared_from_this<SessionQueue> {
 public:
  // Throws NodeFailure, and FAE_ENGINE when no thread can be had.
  static std::shared_ptr<SessionQueue> create(napi_env env);
  ~SessionQueue();
  SessionQueue(const SessionQueue&) = delete;
  SessionQueue& operator=(const SessionQueue&) = delete;

  // JavaScript thread only. The promise rejects with an Error that has `status` and `details`.
  napi_value push(napi_env env, Call call);

 private:
  struct Pending {
    std::shared_ptr<SessionQueue> queue;
    Call call;
    napi_deferred deferred;
    fae_error error;
  };

  explicit SessionQueue(napi_env env) : env_(env) {}
  void work();
  void stop(bool teardown = false);
  static void settle(napi_env env, napi_value, void* context, void* data);
  static void on_teardown(void* self);

  napi_env env_;
  napi_threadsafe_function deliver_ = nullptr;
  uint32_t unsettled_ = 0;  // JavaScript thread only
  bool stopped_ = false;    // JavaScript thread only
  bool closed_ = false;     // JavaScript thread only
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Pending>> waiting_;
  bool stopping_ = false;
  std::thread thread_;
  fae_session* session_ = nullptr;  // worker thread; after its end, the JavaScript thread
};

}  // namespace fae_addon
