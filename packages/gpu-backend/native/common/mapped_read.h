// Mapped files without dying: a page that cannot be had (disk error, file cut short) raises SIGBUS, which by default kills the
// process. Inside `mapped_read` it becomes a false result; in a watched range the page becomes zeros and the range is marked as broken.
#pragma once

#include <cstddef>
#include <functional>

namespace fae {

// Runs `body`, which must only copy from mapped memory into plain memory (no allocation, no locks, no destructors): it is left
// in the middle when a page cannot be read. Returns whether it ran to its end.
bool mapped_read(const std::function<void()>& body);

// Watches [base, base + bytes) until `unwatch_mapping`; the number of the watch, or -1 when too many are in use: then faults there
// kill as ever.
int watch_mapping(const void* base, size_t bytes);
void unwatch_mapping(int watch);
// Whether a page of the range was lost.
bool mapping_broken(int watch);

}  // namespace fae
