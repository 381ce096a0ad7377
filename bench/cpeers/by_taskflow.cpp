// Taskflow: asynchronous tasks of an executor, and its task groups, as its own example computes
// fib.
#include <taskflow/taskflow.hpp>

#include "contestant.h"

namespace cpeers {
namespace {

long fork_fib(tf::Executor &executor, int n) {
  if (n < 2) return n;
  long first = 0;
  tf::TaskGroup group = executor.task_group();
  group.silent_async([&executor, &first, n] { first = fork_fib(executor, n - 1); });
  long second = fork_fib(executor, n - 2);
  group.corun();
  return first + second;
}

struct by_taskflow : contestant {
  tf::Executor executor;

  explicit by_taskflow(unsigned workers) : executor(workers) {
  }
  ~by_taskflow() override {
    executor.wait_for_all();
  }
  void submit(task function, int count) override {
    for (int i = 0; i < count; i++)
      executor.silent_async([function] { function(); });
  }
  long fib(int n) override {
    return executor.async([this, n] { return fork_fib(executor, n); }).get();
  }
};

} // namespace

std::unique_ptr<contestant> start_taskflow(unsigned workers) {
  return std::make_unique<by_taskflow>(workers);
}

} // namespace cpeers
