#pragma once

#include <string>
#include <vector>

namespace fae::cuda {

// Names of the ops of this engine.
std::vector<std::string> op_names();

}  // namespace fae::cuda
