#include "mapped_read.h"

#include <csetjmp>
#include <csignal>
#include <mutex>

namespace fae {

namespace {

thread_local sigjmp_buf* escape = nullptr;
struct sigaction previous;

void on_bus_error(int signal, siginfo_t* info, void* context) {
  if (escape) siglongjmp(*escape, 1);
  // Not ours: behave as if this handler were not there.
  if (previous.sa_flags & SA_SIGINFO) {
    previous.sa_sigaction(signal, info, context);
  } else if (previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN) {
    sigaction(SIGBUS, &previous, nullptr);
    raise(SIGBUS);
  } else {
    previous.sa_handler(signal);
  }
}

void install_handler() {
  struct sigaction action = {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, &previous);
}

}  // namespace

bool mapped_read(const std::function<void()>& body) {
  static std::once_flag installed;
  std::call_once(installed, install_handler);
  sigjmp_buf here;
  if (sigsetjmp(here, 1) != 0) {
    escape = nullptr;
    return false;
  }
  escape = &here;
  body();
  escape = nullptr;
  return true;
}

}  // namespace fae
