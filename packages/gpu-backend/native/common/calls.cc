#include "calls.h"

#include <cfloat>
#include <cmath>

#include "status.h"

namespace fae {

namespace {

// Index of the slot named behind the '#'; -1 without one, -2 when the optimizer does not keep it.
int slot_of(const std::vector<SlotSpec>& slots, const std::string& name, size_t mark) {
  if (mark == std::string::npos) return -1;
  for (size_t s = 0; s < slots.size(); s++) {
    if (name.compare(mark + 1, std::string::npos, slots[s].name) == 0) return static_cast<int>(s);
  }
  return -2;
}

}  // namespace

Tensor find_tensor(const Job& job, const std::string& name) {
  if (name == "#step") return {Tensor::Kind::step, 0, -1, 1, 2};
  const size_t mark = name.find('#');
  const std::string base = name.substr(0, mark);
  const OptimizerSpec& optimizer = job.optimizer;
  const int row_slot = slot_of(optimizer.row_slots, name, mark), dense_slot = slot_of(optimizer.dense_slots, name, mark);
  for (uint32_t t = 0; t < job.tables.size() && row_slot >= -1; t++) {
    if (job.tables[t].name != base) continue;
    const uint32_t columns = row_slot < 0 ? job.width : OptimizerSpec::slot_width(optimizer.row_slots[static_cast<size_t>(row_slot)], job.width);
    return {Tensor::Kind::table, t, row_slot, job.tables[t].rows, columns};
  }
  for (uint32_t p = 0; p < job.params.size() && dense_slot >= -1; p++) {
    const ParamSpec& param = job.params[p];
    if (param.name != base) continue;
    const uint64_t rows = param.shape.size() > 1 && param.shape[0] > 0 ? param.shape[0] : 1;
    return {Tensor::Kind::param, p, dense_slot, rows, param.elements / rows};
  }
  std::string slots;
  for (const SlotSpec& slot : optimizer.dense_slots) slots += ", <name>#" + slot.name;
  fail(FAE_CONFIG, "The session has no tensor '" + name + "'. Tensors are the program's tables and parameters" + slots + " and #step.",
       {fact("option", "name"), fact("found", name)});
}

uint32_t find_source(const Job& job, const std::string& name) {
  std::string known;
  for (uint32_t i = 0; i < job.sources.size(); i++) {
    if (job.sources[i].name == name) return i;
    known += (i ? ", " : "") + job.sources[i].name;
  }
  fail(FAE_CONFIG, "The session has no source '" + name + "'. Sources: " + known + ".", {fact("option", "source"), fact("found", name)});
}

void check_access(const Tensor& tensor, const std::string& name, const uint32_t* rows, uint64_t count, uint64_t values) {
  if (rows && tensor.kind != Tensor::Kind::table) {
    fail(FAE_CONFIG, "Tensor '" + name + "' has no rows: it is read and written whole. Leave out rows.", {fact("option", "rows")});
  }
  for (uint64_t i = 0; rows && i < count; i++) {
    if (rows[i] < tensor.rows) continue;
    fail(FAE_CONFIG, "Tensor '" + name + "' has no row " + std::to_string(rows[i]) + ": it has " + std::to_string(tensor.rows) + ". Use rows 0 to " +
                         std::to_string(tensor.rows - 1) + ".",
         {fact("option", "rows"), fact("found", rows[i]), fact("expected", tensor.rows)});
  }
  const uint64_t expected = (rows ? count : tensor.rows) * tensor.columns;
  if (values == expected) return;
  fail(FAE_SHAPE, "Tensor '" + name + "' takes " + std::to_string(expected) + " values here, found " + std::to_string(values) +
                      ". Give every value of the tensor, or of each row in `rows`.",
       {fact("tensor", name), fact("expected", expected), fact("found", values)});
}

void check_room(const SourceSpec& source, uint64_t room) {
  if (room >= source.rows) return;
  fail(FAE_SHAPE, "Source '" + source.name + "' has " + std::to_string(source.rows) + " inputs, there is room for " + std::to_string(room) + " scores. Make room for all.",
       {fact("source", source.name), fact("expected", source.rows), fact("found", room)});
}

Route check_segment(const Job& job, const fae_segment& segment) {
  const Route route = route_of(segment.route);
  if (!job.uses(route)) {
    fail(FAE_CONFIG, std::string("The plan has no route '") + segment.route + "'. Run segments of the plan's strategy.", {fact("found", segment.route)});
  }
  const SourceSpec& source = job.sources[find_source(job, segment.source)];
  const uint64_t batches = (static_cast<uint64_t>(source.rows) + job.batch - 1) / job.batch;
  for (uint32_t i = 0; i < segment.count; i++) {
    if (segment.batches[i] >= batches) {
      fail(FAE_CONFIG, std::string("Source '") + segment.source + "' has no batch " + std::to_string(segment.batches[i]) + ": it has " + std::to_string(batches) + ".",
           {fact("option", "batches"), fact("found", segment.batches[i]), fact("expected", batches)});
    }
    if (!(std::fabs(segment.learning_rates[i]) <= FLT_MAX)) {
      fail(FAE_CONFIG, "Learning rate " + std::to_string(i) + " of the segment is " + std::to_string(segment.learning_rates[i]) + ". Give finite numbers.",
           {fact("option", "learningRates"), fact("index", i)});
    }
  }
  return route;
}

}  // namespace fae
