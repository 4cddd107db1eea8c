#include "job.h"

#include <unordered_map>

#include "choice.h"
#include "json.h"
#include "job_limits.h"
#include "status.h"

namespace fae {

namespace {

std::vector<uint64_t> read_shape(const Json& json, uint64_t& elements) {
  std::vector<uint64_t> shape;
  elements = 1;
  for (const Json& n : json.array()) {
    shape.push_back(n.integer(largest_size));
    elements = product(elements, shape.back());
  }
  check_size("The number of values of a shape", "", elements, largest_array);
  return shape;
}

InitSpec read_init(const Json& json) {
  static constexpr const char* kinds[] = {"uniform", "normal", "zeros"};
  InitSpec init;
  init.kind = choice<InitSpec::Kind>(json.at("kind"), kinds, "initialisation");
  if (init.kind == InitSpec::Kind::uniform) init.scale = json.at("bound").number();
  if (init.kind == InitSpec::Kind::normal) init.scale = json.at("deviation").number();
  return init;
}

using Names = std::unordered_map<std::string, uint32_t>;

uint32_t look_up(const Names& names, const std::string& name, const char* what) {
  const auto found = names.find(name);
  if (found == names.end()) fail(FAE_CONFIG, std::string("The program has no ") + what + " '" + name + "'.", {fact("name", name)});
  return found->second;
}

NodeSpec read_node(const Json& json, const Names& values, const Names& params) {
  NodeSpec node;
  node.op = json.at("op").string();
  node.output = look_up(values, json.at("output").string(), "value");
  for (const Json& name : json.at("inputs").array()) node.inputs.push_back(look_up(values, name.string(), "value"));
  for (const Json& name : json.at("params").array()) node.params.push_back(look_up(params, name.string(), "parameter"));
  node.attributes = json.at("attributes");
  return node;
}

void read_program(Job& job, const Json& compiled) {
  const Json& program = compiled.at("program");
  job.program_name = program.at("name").string();
  job.dense_features = static_cast<uint32_t>(program.at("denseFeatures").integer(largest_size));
  job.steps = static_cast<uint32_t>(program.at("steps").integer(largest_size));
  job.width = static_cast<uint32_t>(program.at("width").integer(largest_size));
  if (job.width == 0) fail(FAE_CONFIG, "The embedding width of the program is 0. Give tables at least one column.");
  for (const Json& json : program.at("tables").array()) {
    TableSpec table;
    table.name = json.at("name").string();
    table.rows = static_cast<uint32_t>(json.at("rows").integer(0x7fffffff));
    table.init = read_init(json.at("init"));
    job.tables.push_back(std::move(table));
  }
  Names params, values;
  for (const Json& json : program.at("params").array()) {
    ParamSpec param;
    param.name = json.at("name").string();
    param.shape = read_shape(json.at("shape"), param.elements);
    params.emplace(param.name, static_cast<uint32_t>(job.params.size()));
    job.params.push_back(std::move(param));
  }
  const Json& shapes = compiled.at("shapes");
  const auto add_value = [&](const std::string& name) {
    ValueSpec value;
    value.name = name;
    value.shape = read_shape(shapes.at(name), value.elements);
    if (!values.emplace(name, static_cast<uint32_t>(job.values.size())).second) {
      fail(FAE_CONFIG, "The program defines value '" + name + "' twice. Give each node its own output.", {fact("name", name)});
    }
    job.values.push_back(std::move(value));
  };
  add_value("dense");
  add_value("rows");
  for (const Json& json : program.at("nodes").array()) {
    add_value(json.at("output").string());
    job.nodes.push_back(read_node(json, values, params));
  }
  job.logit = look_up(values, program.at("logit").string(), "value");
  if (job.values[job.logit].elements != 1) fail(FAE_CONFIG, "The logit of the program must have one value per input.");
  static constexpr const char* modes[] = {"write", "add", "none"};
  for (const Json& json : compiled.at("backward").array()) {
    BackwardSpec step;
    step.node = static_cast<uint32_t>(json.at("node").integer(job.nodes.empty() ? 0 : job.nodes.size() - 1));
    for (const Json& mode : json.at("inputModes").array()) step.inputs.push_back(choice<GradientMode>(mode, modes, "gradient mode"));
    for (const Json& mode : json.at("paramModes").array()) step.params.push_back(choice<GradientMode>(mode, modes, "gradient mode"));
    const NodeSpec& node = job.nodes[step.node];
    if (step.inputs.size() != node.inputs.size() || step.params.size() != node.params.size()) {
      fail(FAE_CONFIG, "The backward pass of node '" + job.values[node.output].name + "' does not match its operands.");
    }
    job.backward.push_back(std::move(step));
  }
}

// Routes that share one placement of rows and parameters.
Regime regime_of(const std::vector<Route>& routes) {
  struct Together {
    Regime regime;
    Route first, second;
  };
  static constexpr Together known[] = {{Regime::host, Route::host, Route::host},
                                       {Regime::server, Route::server, Route::server},
                                       {Regime::split, Route::mixed, Route::hot},
                                       {Regime::doubled, Route::hybrid, Route::hot},
                                       {Regime::device, Route::device, Route::hot}};
  for (const Together& together : known) {
    bool all = !routes.empty();
    for (const Route route : routes) all = all && (route == together.first || route == together.second);
    if (all) return together.regime;
  }
  std::string list;
  for (const Route route : routes) list += (list.empty() ? "" : ", ") + std::string(route_name(route));
  fail(FAE_CONFIG, "The routes [" + list + "] do not go together. Use host, server, mixed and hot, hybrid and hot, or device and hot.",
       {fact("option", "routes"), fact("found", list)});
}

void read_plan(Job& job, const Json& plan) {
  static constexpr const char* places[] = {"host", "device", "split"};
  job.strategy = plan.at("strategy").string();
  job.devices = plan.at("devices").u32();
  job.look_ahead = plan.at("lookAhead").u32();
  job.servers = plan.at("servers").u32();
  job.staleness = plan.at("staleness").u32();
  for (const Json& route : plan.at("routes").array()) job.routes.push_back(route_of(route.string()));
  job.regime = regime_of(job.routes);
  const bool uses_hot = job.uses(Route::hot) || job.uses(Route::mixed);
  const Json& placements = plan.at("placements");
  for (TableSpec& table : job.tables) {
    const Json& json = placements.at(table.name);
    table.place = choice<Place>(json.at("on"), places, "placement");
    const uint32_t placed = table.place == Place::host     ? 0
                            : table.place == Place::device ? table.rows
                                                           : static_cast<uint32_t>(json.at("hotRows").integer(table.rows));
    table.hot_rows = job.regime == Regime::device ? table.rows : uses_hot ? placed : 0;
    table.host_from = job.regime == Regime::device ? table.rows : job.regime == Regime::split ? table.hot_rows : 0;
    const bool fits = job.regime == Regime::split || job.regime == Regime::doubled ||
                      table.place == (job.regime == Regime::device ? Place::device : Place::host);
    if (!fits) {
      fail(FAE_CONFIG, std::string("Route ") + route_name(job.routes[0]) + " cannot run with table '" + table.name + "' on " + json.at("on").string() +
                           ". Let a strategy make the plan.",
           {fact("table", table.name)});
    }
  }
}

void read_optimizer(Job& job, const Json& json) {
  OptimizerSpec& optimizer = job.optimizer;
  optimizer.name = choice<OptimizerName>(json.at("name"), optimizer_names, "optimizer");
  optimizer.epsilon = json.at("epsilon").number();
  optimizer.beta1 = json.at("beta1").number();
  optimizer.beta2 = json.at("beta2").number();
  if (optimizer.name == OptimizerName::adagrad || optimizer.name == OptimizerName::rowwise_adagrad) {
    optimizer.row_slots = {{"accumulator", optimizer.name == OptimizerName::adagrad ? 0u : 1u}};
    optimizer.dense_slots = {{"accumulator", 0}};
  } else if (optimizer.name == OptimizerName::adam) {
    optimizer.row_slots = optimizer.dense_slots = {{"m", 0}, {"v", 0}};
  }
}

void read_sources(Job& job, const Json& sources, uint32_t memory_count) {
  static constexpr const char* encodings[] = {"float32", "int32-log1p"};
  static constexpr const char* kinds[] = {"file", "memory"};
  uint32_t memory = 0;
  for (const Json& json : sources.array()) {
    SourceSpec source;
    source.name = json.at("name").string();
    source.rows = static_cast<uint32_t>(json.at("rows").integer(0xfffffffeull));
    const Json& layout = json.at("layout");
    source.encoding = choice<DenseEncoding>(layout.at("denseEncoding"), encodings, "dense encoding");
    const auto& hotness = layout.at("hotness").array();
    const auto mismatch = [&](const char* what, uint64_t found, uint64_t expected) {
      fail(FAE_DATA, "Source '" + source.name + "' has " + std::to_string(found) + " " + what + ", the program " + std::to_string(expected) +
                         ". Use data prepared for this model.",
           {fact("source", source.name), fact("found", found), fact("expected", expected)});
    };
    if (layout.at("denseFeatures").u32() != job.dense_features) mismatch("dense features", layout.at("denseFeatures").u32(), job.dense_features);
    if (layout.at("steps").u32() != job.steps) mismatch("steps", layout.at("steps").u32(), job.steps);
    if (hotness.size() != job.tables.size()) mismatch("tables", hotness.size(), job.tables.size());
    uint64_t ids = 0;
    for (size_t t = 0; t < hotness.size(); t++) {
      const uint32_t n = static_cast<uint32_t>(hotness[t].integer(1 << 16));
      if (!job.sources.empty() && n != job.tables[t].hotness) mismatch("ids per bag of one table", n, job.tables[t].hotness);
      job.tables[t].hotness = n;
      job.tables[t].first_id = static_cast<uint32_t>(ids);
      ids += n;
    }
    const uint64_t stride = product(job.step_count(), job.dense_features + ids);
    check_size("The number of words of an input of source", source.name, stride, largest_size - 1);
    job.ids_per_step = static_cast<uint32_t>(ids);
    job.stride_words = static_cast<uint32_t>(1 + stride);
    const Json& storage = json.at("storage");
    source.is_file = choice<int>(storage.at("kind"), kinds, "storage") == 0;
    if (source.is_file) source.path = storage.at("path").string();
    else source.memory = memory++;
    if (const Json* seed = json.find("shuffleSeed")) {
      source.shuffled = true;
      source.shuffle_seed = seed->u32();
    }
    if (job.find_source(source.name)) fail(FAE_CONFIG, "Two sources are named '" + source.name + "'. Give each its own name.");
    job.sources.push_back(std::move(source));
  }
  if (memory != memory_count) {
    fail(FAE_CONFIG, "The job names " + std::to_string(memory) + " memory sources, " + std::to_string(memory_count) + " were handed over.");
  }
  if (job.sources.empty()) fail(FAE_CONFIG, "The job has no source. Give it at least one.");
}

}  // namespace

const char* route_name(Route route) { return route_names[static_cast<int>(route)]; }

Route route_of(const std::string& name) {
  for (int i = 0; i < 6; i++) {
    if (name == route_names[i]) return static_cast<Route>(i);
  }
  fail(FAE_CONFIG, "Unknown route '" + name + "'. Known: host, hybrid, server, hot, mixed, device.", {fact("found", name)});
}

uint32_t OptimizerSpec::row_state_width(uint32_t width) const {
  uint32_t total = 0;
  for (const SlotSpec& slot : row_slots) total += slot_width(slot, width);
  return total;
}

uint64_t Job::param_elements() const {
  uint64_t total = 0;
  for (const ParamSpec& param : params) total += param.elements;
  return total;
}

bool Job::uses(Route route) const {
  for (const Route used : routes) {
    if (used == route) return true;
  }
  return false;
}

const SourceSpec* Job::find_source(const std::string& name) const {
  for (const SourceSpec& source : sources) {
    if (source.name == name) return &source;
  }
  return nullptr;
}

Job parse_job(const char* text, uint32_t memory_count) {
  const Json json = Json::parse(text);
  Job job;
  read_program(job, json.at("program"));
  read_plan(job, json.at("plan"));
  read_optimizer(job, json.at("optimizer"));
  read_sources(job, json.at("sources"), memory_count);
  if (const Json* starts = json.find("tables")) {
    for (TableSpec& table : job.tables) {
      const Json* start = starts->find(table.name);
      if (!start) continue;
      if (const Json* path = start->find("originalIdsPath")) table.original_ids_path = path->string();
      if (const Json* path = start->find("mappedPath")) table.mapped_path = path->string();
    }
  }
  job.batch = json.at("batch").u32();
  if (job.batch == 0) fail(FAE_CONFIG, "The batch is 0. Use at least 1 input per batch.", {fact("option", "batch")});
  job.seed = json.at("seed").u32();
  job.threads = json.at("threads").u32();
  static constexpr const char* matmuls[] = {"float32", "tf32", "bf16"};
  static constexpr const char* row_types[] = {"float32", "bf16"};
  if (const Json* matmul = json.find("matmul")) job.matmul = choice<Matmul>(*matmul, matmuls, "matmul");
  if (const Json* type = json.find("rowType")) job.row_type = choice<RowType>(*type, row_types, "row type");
  if (const Json* flag = json.find("deterministic")) job.deterministic = flag->boolean();
  check_limits(job);
  return job;
}

}  // namespace fae
