// Rows that exist twice change sides: the ones that the other side has not seen are copied with their optimizer state.
#include <cstring>

#include "session.h"

namespace fae::cpu {

namespace {

void exchange(Session& s, Direction direction) {
  if (s.job.regime != Regime::doubled) return;
  const double start = now();
  uint64_t switched = 0;
  for (uint32_t t = 0; t < s.job.tables.size(); t++) {
    const TableMemory& memory = s.tables[t];
    const uint32_t hot = s.job.tables[t].hot_rows;
    uint8_t* dirty = direction == to_device ? memory.dirty_host : memory.dirty_device;
    for (uint32_t from = 0; from < hot;) {
      const void* found = std::memchr(dirty + from, 1, hot - from);
      if (!found) break;
      // One copy per run of neighbours.
      from = static_cast<uint32_t>(static_cast<const uint8_t*>(found) - dirty);
      uint32_t to = from;
      while (to < hot && dirty[to]) to++;
      for (uint32_t slot = 0; slot < s.tables.slots(); slot++) {
        const uint64_t at = static_cast<uint64_t>(from) * memory.widths[slot], bytes = static_cast<uint64_t>(to - from) * memory.widths[slot] * sizeof(float);
        float *on_device = memory.device[slot] + at, *on_host = memory.host[slot] + at;
        s.bus.copy(traffic_switch, direction, direction == to_device ? on_device : on_host, direction == to_device ? on_host : on_device, bytes);
      }
      std::memset(dirty + from, 0, to - from);
      switched += to - from;
      from = to;
    }
  }
  s.switched_rows += switched;
  s.clock.alone(stage_switch, now() - start);
}

}  // namespace

void switch_to_device(Session& session) { exchange(session, to_device); }

void switch_to_host(Session& session) { exchange(session, to_host); }

}  // namespace fae::cpu
