// Enumerations that TypeScript knows by name, each next to its names. `fae_names` shows them, and a test compares them with
// TypeScript's (src/native/names.test.ts): neither side relies on the other's order unseen.
#pragma once

#include <iterator>
#include <string>
#include <vector>

#include "fae.h"

namespace fae {

// `stages` of engine.ts.
enum Stage { stage_read, stage_gather, stage_copy, stage_forward, stage_backward, stage_update, stage_switch, stage_wait };
constexpr const char* stage_names[] = {"read", "gather", "copy", "forward", "backward", "update", "switch", "wait"};
static_assert(std::size(stage_names) == FAE_STAGES && stage_wait + 1 == FAE_STAGES);

// `trafficKinds` of engine.ts.
enum Traffic { traffic_inputs, traffic_rows, traffic_row_state, traffic_parameters, traffic_switch };
constexpr const char* traffic_names[] = {"inputs", "rows", "rowState", "parameters", "switch"};
static_assert(std::size(traffic_names) == FAE_TRAFFIC && traffic_switch + 1 == FAE_TRAFFIC);

enum Direction { to_device, to_host };

// `statusCodes` of src/native/binding.ts.
constexpr const char* status_names[] = {"OK",
                                        "ERR_CONFIG",
                                        "ERR_DATA",
                                        "ERR_OUT_OF_MEMORY",
                                        "ERR_ENGINE",
                                        "ERR_ENGINE_UNAVAILABLE",
                                        "ERR_UNSUPPORTED",
                                        "ERR_DIVERGED",
                                        "ERR_DISPOSED",
                                        "ERR_SHAPE"};
static_assert(std::size(status_names) == FAE_SHAPE + 1);

// JSON of all of them, with the ops that the engine lists.
std::string names_json(const std::vector<std::string>& ops);

}  // namespace fae
