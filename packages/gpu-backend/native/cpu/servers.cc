#include "servers.h"

#include <algorithm>
#include <cstring>

#include "clock.h"

namespace fae::cpu {

namespace {

constexpr uint64_t block_elements = 4096;
constexpr size_t ahead = 16;

uint32_t owner(uint32_t kind, uint32_t number, uint32_t servers) {
  const uint32_t hash = (number + kind * 0x85ebca6bu) * 0x9e3779b1u;
  return (hash >> 16 ^ hash) % servers;
}

}  // namespace

Servers::Servers(const Job& job, const Kernels& kernels, const ParameterOffsets& offsets, const ParameterStore& store, const Tables& tables,
                 const std::vector<RowSpace> (&host)[3], Arena& device, Bus& bus)
    : job_(job),
      kernels_(kernels),
      offsets_(offsets),
      store_(store),
      tables_(tables),
      host_(host),
      bus_(bus),
      width_(job.width),
      blocks_(job.servers),
      servers_(job.servers) {
  uint64_t total = 0;
  for (const TableSpec& table : job.tables) {
    first_.push_back(total);
    total += static_cast<uint64_t>(job.batch) * job.step_count() * table.hotness;
  }
  rows_ = device.make<float>(total * width_, "pulled rows");
  sums_ = device.make<float>(total * width_, "summed row gradients");
  for (uint32_t p = 0; p < job.params.size(); p++) {
    const uint64_t elements = job.params[p].elements;
    for (uint64_t from = 0; from < elements; from += block_elements) {
      blocks_[owner(~p, static_cast<uint32_t>(from / block_elements), job.servers)].push_back(
          {offsets.first[p] + from, std::min(block_elements, elements - from)});
    }
  }
  // A push waits for at most `staleness` later pulls, and the batch being pulled needs one more.
  for (uint32_t i = 0; i < job.staleness + 2; i++) {
    messages_.push_back(std::make_unique<Message>());
    messages_[i]->shares.resize(job.servers);
  }
  for (uint32_t server = 0; server < job.servers; server++) {
    servers_[server].scratch.resize(width_);
  }
  start_threads(threads_, job.servers, [this](uint32_t server) { serve(server); }, [this] { stop(); });
}

Servers::~Servers() {
  stop();
  for (std::thread& thread : threads_) thread.join();
}

void Servers::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
}

void Servers::serve(uint32_t index) {
  Server& server = servers_[index];
  for (;;) {
    Command command;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || !server.commands.empty(); });
      if (stopping_) return;
      command = std::move(server.commands.front());
      server.commands.pop_front();
    }
    std::exception_ptr failure;
    try {
      command.work();
    } catch (...) {
      failure = std::current_exception();
    }
    bool awaited = command.is_pull;
    {
      const std::lock_guard lock(mutex_);
      if (failure && !failure_) failure_ = failure;
      if (command.is_pull) unanswered_--;
      awaited |= --outstanding_ == 0;
    }
    if (awaited) changed_.notify_all();
  }
}

void Servers::give(uint32_t server, std::function<void()> work, bool is_pull) {
  {
    const std::lock_guard lock(mutex_);
    servers_[server].commands.push_back({std::move(work), is_pull});
    outstanding_++;
  }
  changed_.notify_all();
}

void Servers::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return outstanding_ == 0; });
  if (failure_) std::rethrow_exception(failure_);
}

void Servers::apply_next() {
  const Message& message = *messages_[applied_++ % messages_.size()];
  for (uint32_t server = 0; server < servers_.size(); server++) {
    give(server, [this, server, &message] {
      const double start = now();
      update(server, message);
      servers_[server].seconds += now() - start;
    });
  }
}

void Servers::pull(uint32_t n, const Distinct& distinct, float* values) {
  while (applied_ + job_.staleness < n) apply_next();
  Message& message = *messages_[n % messages_.size()];
  unanswered_ = static_cast<uint32_t>(servers_.size());
  for (uint32_t server = 0; server < servers_.size(); server++) {
    const auto answer = [this, server, &message, &distinct, values] {
      collect(server, message, distinct);
      uint64_t bytes = 0;
      for (const Block& block : blocks_[server]) {
        std::memcpy(values + block.at, store_.values + block.at, block.count * sizeof(float));
        bytes += block.count * sizeof(float);
      }
      bus_.count(traffic_parameters, to_device, bytes);
    };
    give(server, answer, true);
  }
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return unanswered_ == 0; });
    if (failure_) std::rethrow_exception(failure_);
  }
  // The next pull needs this much applied: servers update while the worker computes.
  while (applied_ < pushed_ && applied_ + job_.staleness < n + 1) apply_next();
}

// The rows that `server` owns, copied to the device.
void Servers::collect(uint32_t server, Message& message, const Distinct& distinct) {
  Share& share = message.shares[server];
  share.first.clear();
  share.ids.clear();
  share.places.clear();
  for (uint32_t t = 0; t < job_.tables.size(); t++) {
    share.first.push_back(static_cast<uint32_t>(share.ids.size()));
    for (uint32_t i = 0; i < distinct.count(t); i++) {
      const uint32_t id = distinct.ids(t)[i];
      if (servers_.size() > 1 && owner(t, id, job_.servers) != server) continue;
      share.ids.push_back(id);
      share.places.push_back(i);
    }
    for (size_t i = share.first[t]; i < share.ids.size(); i++) {
      if (i + ahead < share.ids.size()) {
        const float* next = tables_.row(t, 0, share.ids[i + ahead]);
        for (uint32_t c = 0; c < width_; c += 16) __builtin_prefetch(next + c);
      }
      std::memcpy(rows(t) + static_cast<uint64_t>(share.places[i]) * width_, tables_.row(t, 0, share.ids[i]), width_ * sizeof(float));
    }
  }
  share.first.push_back(static_cast<uint32_t>(share.ids.size()));
  share.gradients.resize(share.ids.size() * static_cast<size_t>(width_));
  bus_.count(traffic_rows, to_device, share.ids.size() * static_cast<uint64_t>(width_) * sizeof(float));
}

void Servers::push(uint32_t n, const float* gradients, const OptimizerStep& step, ThreadPool& pool) {
  Message& message = *messages_[n % messages_.size()];
  message.step = step;
  message.gradients.resize(offsets_.total);
  pool.run(static_cast<uint32_t>(servers_.size()), [&](uint32_t server, uint32_t) {
    Share& share = message.shares[server];
    for (uint32_t t = 0; t < job_.tables.size(); t++) {
      const float* sums = sums_ + first_[t] * width_;
      for (uint32_t i = share.first[t]; i < share.first[t + 1]; i++) {
        std::memcpy(share.gradients.data() + static_cast<uint64_t>(i) * width_, sums + static_cast<uint64_t>(share.places[i]) * width_,
                    width_ * sizeof(float));
      }
    }
    bus_.count(traffic_rows, to_host, share.gradients.size() * sizeof(float));
    for (const Block& block : blocks_[server]) {
      bus_.copy(traffic_parameters, to_host, message.gradients.data() + block.at, gradients + block.at, block.count * sizeof(float));
    }
  });
  pushed_ = n + 1;
  if (job_.staleness == 0) apply_next();
}

void Servers::update(uint32_t server, const Message& message) {
  const Share& share = message.shares[server];
  for (uint32_t t = 0; t < job_.tables.size(); t++) {
    RowUpdate update;
    update.step = message.step;
    update.width = width_;
    update.rows = host_[0][t];
    for (uint32_t slot = 1; slot < tables_.slots(); slot++) {
      update.state[slot - 1] = host_[slot][t];
      update.state_width[slot - 1] = tables_[t].widths[slot];
    }
    update.ids = share.ids.data();
    update.from = share.first[t];
    update.to = share.first[t + 1];
    update.summed = share.gradients.data();
    update.scratch = servers_[server].scratch.data();
    kernels_.update_rows(update);
  }
  for (const Block& block : blocks_[server]) {
    DenseUpdate update;
    update.step = message.step;
    update.weights = store_.values + block.at;
    update.gradient = message.gradients.data() + block.at;
    for (int slot = 0; slot < 2; slot++) update.state[slot] = store_.state[slot] ? store_.state[slot] + block.at : nullptr;
    update.count = block.count;
    kernels_.update_dense(update);
  }
}

void Servers::drain() {
  while (applied_ < pushed_) apply_next();
  wait();
  applied_ = pushed_ = 0;
}

void Servers::abandon() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return outstanding_ == 0; });
  failure_ = nullptr;
  applied_ = pushed_ = 0;
}

double Servers::update_seconds() {
  double sum = 0;
  for (Server& server : servers_) {
    sum += server.seconds;
    server.seconds = 0;
  }
  return sum / static_cast<double>(servers_.size());
}

}  // namespace fae::cpu
