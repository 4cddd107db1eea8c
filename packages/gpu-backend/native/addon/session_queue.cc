#include "session_queue.h"

#include "thread_pool.h"

namespace fae_addon {

std::shared_ptr<SessionQueue> SessionQueue::create(napi_env env) {
  std::shared_ptr<SessionQueue> queue(new SessionQueue(env));
  const napi_value name = Values(env).text("fae session");
  require(napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, nullptr, &SessionQueue::settle, &queue->deliver_));
  // An idle open session does not keep the process alive; a call in flight does (see push).
  napi_unref_threadsafe_function(env, queue->deliver_);
  // Hooks run in reverse order: this one before the one that ends `deliver_`.
  napi_add_env_cleanup_hook(env, &SessionQueue::on_teardown, queue.get());
  queue->thread_ = fae::start_thread([raw = queue.get()] { raw->work(); });
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
  std::deque<std::unique_ptr<Pending>> undelivered;
  undelivered.swap(waiting_);
  fae_close(session_);
  session_ = nullptr;
  if (deliver_) napi_release_threadsafe_function(deliver_, napi_tsfn_release);
  deliver_ = nullptr;
  if (!teardown) napi_remove_env_cleanup_hook(env_, &SessionQueue::on_teardown, this);
}

napi_value SessionQueue::push(napi_env env, Call call) {
  std::unique_ptr<Pending> pending(new Pending{shared_from_this(), std::move(call), nullptr, {}});
  napi_value promise = nullptr;
  require(napi_create_promise(env, &pending->deferred, &promise));
  if (stopped_) {
    fae::fill_error(&pending->error, FAE_DISPOSED, "The session is closed. Open a new one.", "");
    require(napi_reject_deferred(env, pending->deferred, Values(env).error(pending->error)));
    return promise;
  }
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(pending));
  }
  if (unsettled_++ == 0) napi_ref_threadsafe_function(env, deliver_);
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
    try {
      pending->error.status = pending->call.work(session_, &pending->error);
    } catch (...) {
      fae::fill_current(&pending->error);
    }
    if (napi_call_threadsafe_function(deliver_, pending.get(), napi_tsfn_nonblocking) == napi_ok) {
      pending.release();
      continue;
    }
    // The environment is being torn down. The call may hold the last reference to this queue, which cannot end on its own thread:
    // `stop` drops it.
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(pending));
    return;
  }
}

namespace {

// The answer to a call, as far as the environment takes it.
void answer(const Values& values, const Call& call, napi_deferred deferred, fae_error& error) {
  if (error.status == FAE_OK) {
    try {
      require(napi_resolve_deferred(values.env, deferred, call.result(values)));
      return;
    } catch (const NodeFailure&) {
      // An exception that stays pending would count as uncaught.
      napi_value thrown = nullptr;
      napi_get_and_clear_last_exception(values.env, &thrown);
      fae::fill_error(&error, FAE_ENGINE, "The result could not be handed to JavaScript: the thread is ending.", "");
    } catch (...) {
      fae::fill_current(&error);
    }
  }
  napi_reject_deferred(values.env, deferred, values.error(error));
}

}  // namespace

// JavaScript thread; env is null when the environment is going away. Nothing may be thrown from here: libuv calls it.
void SessionQueue::settle(napi_env env, napi_value, void*, void* data) {
  const std::unique_ptr<Pending> pending(static_cast<Pending*>(data));
  if (!env) return;
  SessionQueue& queue = *pending->queue;
  if (--queue.unsettled_ == 0 && queue.deliver_) napi_unref_threadsafe_function(env, queue.deliver_);
  try {
    answer(Values(env), pending->call, pending->deferred, pending->error);
  } catch (...) {
    // A thread that is being ended takes no more calls, and nobody waits for the promise.
  }
  // Calls made while `close` was on its way get their own answers before the thread ends.
  queue.closed_ |= pending->call.closes;
  if (queue.closed_ && queue.unsettled_ == 0) queue.stop();
}

}  // namespace fae_addon
