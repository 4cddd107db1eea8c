// Reading mapped files without dying: a page that cannot be read (disk error, file cut short) raises SIGBUS, which by default
// kills the process. Inside `mapped_read` it becomes a false result.
#pragma once

#include <functional>

namespace fae {

// Runs `body`, which must only copy from mapped memory into plain memory (no allocation, no locks, no destructors): it is left
// in the middle when a page cannot be read. Returns whether it ran to its end.
bool mapped_read(const std::function<void()>& body);

}  // namespace fae
