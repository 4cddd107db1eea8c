#include "session_queue.h"

#include <cstring>

namespace fae_addon {

Napi::Error native_error(Napi::Env env, const fae_error& error) {
  Napi::Error thrown = Napi::Error::New(env, error.message);
  thrown.Set("status", Napi::Number::New(env, error.status));
  thrown.Set("details", Napi::String::New(env, error.details));
  return thrown;
}

SessionQueue::SessionQueue(Napi::Env env) : env_(env) {}

std::shared_ptr<SessionQueue> SessionQueue::create(Napi::Env env) {
  std::shared_ptr<SessionQueue> queue(new SessionQueue(env));
  napi_value name = Napi::String::New(env, "fae session");
  const napi_status status =
      napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, nullptr, &SessionQueue::settle, &queue->deliver_);
  if (status != napi_ok) throw Napi::Error::New(env, "Cannot create the session's queue.");
  // An idle open session does not keep the process alive; a call in flight does (see push).
  napi_unref_threadsafe_function(env, queue->deliver_);
  // Hooks run in reverse order: this one before the one that ends `deliver_`.
  napi_add_env_cleanup_hook(env, &SessionQueue::on_teardown, queue.get());
  queue->thread_ = std::thread([raw = queue.get()] { raw->work(); });
  return queue;
}

SessionQueue::~SessionQueue() { stop(); }

void SessionQueue::on_teardown(void* self) {
  // Dropped calls may hold the last references.
  const std::shared_ptr<SessionQueue> alive = static_cast<SessionQueue*>(self)->shared_from_this();
  alive->stop(true);
}

void SessionQueue::stop(bool teardown) {
  if (stopped_) return;
  stopped_ = true;
  std::deque<std::unique_ptr<Pending>> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(waiting_);
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  fae_close(session_);
  session_ = nullptr;
  if (deliver_) napi_release_threadsafe_function(deliver_, napi_tsfn_release);
  deliver_ = nullptr;
  if (!teardown) napi_remove_env_cleanup_hook(env_, &SessionQueue::on_teardown, this);
}

Napi::Value SessionQueue::push(Napi::Env env, Call call) {
  std::unique_ptr<Pending> pending(new Pending{shared_from_this(), std::move(call), Napi::Promise::Deferred::New(env), {}});
  const Napi::Promise promise = pending->deferred.Promise();
  if (stopped_) {
    pending->error.status = FAE_DISPOSED;
    std::strcpy(pending->error.message, "The session is closed. Open a new one.");
    pending->deferred.Reject(native_error(env, pending->error).Value());
    return promise;
  }
  if (unsettled_++ == 0) napi_ref_threadsafe_function(env, deliver_);
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(pending));
  }
  changed_.notify_one();
  return promise;
}

void SessionQueue::work() {
  for (;;) {
    std::unique_ptr<Pending> pending;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      pending = std::move(waiting_.front());
      waiting_.pop_front();
    }
    pending->error.status = pending->call.work(session_, &pending->error);
    Pending* raw = pending.release();
    if (napi_call_threadsafe_function(deliver_, raw, napi_tsfn_nonblocking) != napi_ok) delete raw;
  }
}

// JavaScript thread; env is null when the environment is going away.
void SessionQueue::settle(napi_env raw_env, napi_value, void*, void* data) {
  const std::unique_ptr<Pending> pending(static_cast<Pending*>(data));
  if (!raw_env) return;
  const Napi::Env env(raw_env);
  const Napi::HandleScope scope(env);
  SessionQueue& queue = *pending->queue;
  if (--queue.unsettled_ == 0 && queue.deliver_) napi_unref_threadsafe_function(env, queue.deliver_);
  if (pending->error.status != FAE_OK) {
    pending->deferred.Reject(native_error(env, pending->error).Value());
  } else {
    try {
      pending->deferred.Resolve(pending->call.result(env));
    } catch (const Napi::Error& error) {
      pending->deferred.Reject(error.Value());
    }
  }
  // Calls made while `close` was on its way get their own answers before the thread ends.
  queue.closed_ |= pending->call.closes;
  if (queue.closed_ && queue.unsettled_ == 0) queue.stop();
}

}  // namespace fae_addon
