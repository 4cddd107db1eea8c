// One turn of a spinning wait.
#pragma once

namespace fae::cuda {

// Turns of a wait before it yields or sleeps: a few microseconds.
constexpr int spins = 3000;

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace fae::cuda
