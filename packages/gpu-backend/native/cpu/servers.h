// The server route's other side: rows and dense parameters are sharded by hash over servers, each a thread with a queue. A
// worker pulls the distinct rows of a batch and all parameters, and pushes their gradients; the server that owns a row updates
// it. Commands of a server run in the order in which they were given, so what a pull sees is exact.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "arena.h"
#include "distinct.h"
#include "kernels.h"
#include "parameters.h"
#include "tables.h"
#include "thread_pool.h"

namespace fae::cpu {

class Servers {
 public:
  Servers(const Job& job, const Kernels& kernels, const ParameterOffsets& offsets, const ParameterStore& store, const Tables& tables,
          const std::vector<RowSpace> (&host)[3], Arena& device, Bus& bus);
  ~Servers();

  // Copies the distinct rows of batch n to `rows(t)` and all parameters to `values`, after every push up to batch n - staleness - 1
  // of the segment is applied; waits for it.
  void pull(uint32_t n, const Distinct& distinct, float* values);
  // Hands over the gradients of batch n: `sums` laid out like `rows`, dense `gradients`. Applied when the order allows.
  void push(uint32_t n, const float* gradients, const OptimizerStep& step, ThreadPool& pool);
  // Ends a segment: applies every push, waits, and starts counting batches at 0 again.
  void drain();
  // Ends a segment that failed: pushes not yet applied are dropped.
  void abandon();

  // Device memory for one batch: row i of table t's distinct rows at rows(t) + i * D, and room for their summed gradients.
  float* rows(uint32_t t) const { return rows_ + first_[t] * width_; }
  float* sums() const { return sums_; }
  // Seconds of all servers together, divided by their number.
  double update_seconds();

 private:
  // What one server owns of one batch.
  struct Share {
    std::vector<uint32_t> first;    // per table, into ids; one more at the end
    std::vector<uint32_t> ids;      // row numbers
    std::vector<uint32_t> places;   // indices among the table's distinct rows
    std::vector<float> gradients;   // [ids, D]
  };
  // A batch between its pull and the end of its update.
  struct Message {
    std::vector<Share> shares;  // per server
    std::vector<float> gradients;  // of all parameters
    OptimizerStep step;
  };
  struct Command {
    std::function<void()> work;
    bool is_pull = false;
  };
  struct Server {
    std::deque<Command> commands;
    std::vector<float> scratch;
    double seconds = 0;
  };
  struct Block {
    uint64_t at, count;
  };
  void serve(uint32_t server);
  void give(uint32_t server, std::function<void()> work, bool is_pull = false);
  void stop();
  void wait();
  void apply_next();
  void collect(uint32_t server, Message& message, const Distinct& distinct);
  void update(uint32_t server, const Message& message);

  const Job& job_;
  const Kernels& kernels_;
  const ParameterOffsets& offsets_;
  const ParameterStore& store_;
  const Tables& tables_;
  const std::vector<RowSpace> (&host_)[3];
  Bus& bus_;
  const uint32_t width_;
  std::vector<uint64_t> first_;  // per table, rows before it
  float* rows_ = nullptr;
  float* sums_ = nullptr;
  std::vector<std::vector<Block>> blocks_;  // of parameters, per server
  std::vector<std::unique_ptr<Message>> messages_;  // by batch % size
  uint32_t applied_ = 0, pushed_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  uint32_t outstanding_ = 0, unanswered_ = 0;  // commands, and pulls among them, that are not done
  std::exception_ptr failure_;                 // the first of a command
  bool stopping_ = false;
  std::vector<Server> servers_;
  std::vector<std::thread> threads_;
};

}  // namespace fae::cpu
