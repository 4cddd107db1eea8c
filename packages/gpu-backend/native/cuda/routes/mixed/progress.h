// How far the batches of a part are on the mixed route: what its threads share.
//
//   planned   rows to fetch are known, words are final for the fetch     reader threads, in any order; counted without gaps
//      |      a gather may start when the host holds what it reads: offered <= back + lag
//   offered   its gather is in the pool's queue                          whoever raised `planned` or `back`
//      |      gathered when the pool has done all parts
//   launched  copies, step and copy back are on the streams              the driver
//      |
//   back      its rows are in host memory again                          the returns thread
//
// Every count goes from 0 to the number of batches and never falls: back <= launched <= offered <= planned. While training,
// lag is the look-ahead k: batch n reads rows that batch n - k - 1 or an earlier one wrote back; later ones it finds on the
// device. Without training nothing is written back, and only the ring of staging memory bounds the lag.
#pragma once

#include <cstdint>
#include <exception>
#include <mutex>

#include "routes/mixed/signal.h"

namespace fae::cuda {

// Everything below is read and written under `mutex`; whoever changes it announces it.
struct Progress {
  std::mutex mutex;
  Signal changed;
  uint32_t planned = 0, offered = 0, launched = 0, back = 0;
  uint32_t lag = 0;
  bool training = false;
  bool running = false;  // within a part
  bool closing = false;  // threads end
  std::exception_ptr failure;  // the first one

  // Keeps the current exception, if it is the first.
  void fail() {
    const std::lock_guard lock(mutex);
    if (!failure) failure = std::current_exception();
    changed.announce();
  }
  void close() {
    const std::lock_guard lock(mutex);
    closing = true;
    changed.announce();
  }
};

}  // namespace fae::cuda
