#pragma once

#include <string>
#include <vector>

namespace fae::cpu {

// Names of the ops of this engine.
std::vector<std::string> op_names();

}  // namespace fae::cpu
