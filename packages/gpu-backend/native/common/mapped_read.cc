#include "mapped_read.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <mutex>

namespace fae {

namespace {

thread_local sigjmp_buf* escape = nullptr;
struct sigaction previous;

// Read by the signal handler: plain atomics, filled from `end` to `begin` and emptied the other way round.
struct Watch {
  std::atomic<uintptr_t> begin{0}, end{0};
  std::atomic<bool> taken{false}, broken{false};
};
constexpr int most_watches = 1024;
Watch watches[most_watches];
uintptr_t page_bytes = 4096;

// Puts a page of zeros where the lost one was, so that the access that failed can be repeated.
bool replace_lost_page(uintptr_t address) {
  for (Watch& watch : watches) {
    const uintptr_t begin = watch.begin;
    if (begin == 0 || address < begin || address >= watch.end) continue;
    void* page = reinterpret_cast<void*>(address / page_bytes * page_bytes);
    const int code = errno;
    const bool placed = mmap(page, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
    errno = code;
    watch.broken = true;
    return placed;
  }
  return false;
}

void on_bus_error(int signal, siginfo_t* info, void* context) {
  if (escape) siglongjmp(*escape, 1);
  if (replace_lost_page(reinterpret_cast<uintptr_t>(info->si_addr))) return;
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
  page_bytes = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  struct sigaction action = {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, &previous);
}

void require_handler() {
  static std::once_flag installed;
  std::call_once(installed, install_handler);
}

}  // namespace

int watch_mapping(const void* base, size_t bytes) {
  require_handler();
  for (int i = 0; i < most_watches; i++) {
    Watch& watch = watches[i];
    if (watch.taken.exchange(true)) continue;
    watch.broken = false;
    watch.end = reinterpret_cast<uintptr_t>(base) + bytes;
    watch.begin = reinterpret_cast<uintptr_t>(base);
    return i;
  }
  return -1;
}

void unwatch_mapping(int watch) {
  if (watch < 0) return;
  watches[watch].begin = 0;
  watches[watch].end = 0;
  watches[watch].taken = false;
}

bool mapping_broken(int watch) { return watch >= 0 && watches[watch].broken; }

bool mapped_read(const std::function<void()>& body) {
  require_handler();
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
