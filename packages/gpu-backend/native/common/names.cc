#include "names.h"

#include "job.h"
#include "status.h"

namespace fae {

namespace {

template <class Names>
std::string list(const Names& names) {
  std::string json;
  for (const auto& name : names) json += (json.empty() ? "" : ",") + json_string(name);
  return "[" + json + "]";
}

}  // namespace

std::string names_json(const std::vector<std::string>& ops) {
  return "{\"ops\":" + list(ops) + ",\"optimizers\":" + list(optimizer_names) + ",\"routes\":" + list(route_names) + ",\"stages\":" +
         list(stage_names) + ",\"traffic\":" + list(traffic_names) + ",\"status\":" + list(status_names) + "}";
}

}  // namespace fae
