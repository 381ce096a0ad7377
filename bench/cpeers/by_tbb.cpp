// oneTBB: an arena that keeps no slot for the caller, and a task_group for what is spawned.
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

#include <future>
#include <new>

#include "contestant.h"

namespace cpeers {
namespace {

long fork_fib(int n) {
  if (n < 2) return n;
  long first = 0;
  tbb::task_group group;
  group.run([&first, n] { first = fork_fib(n - 1); });
  long second = fork_fib(n - 2);
  group.wait();
  return first + second;
}

struct by_tbb : contestant {
  tbb::task_scheduler_handle handle{tbb::attach{}};
  tbb::global_control threads; // the calling thread counts
  tbb::task_arena arena;

  explicit by_tbb(unsigned workers)
      : threads(tbb::global_control::max_allowed_parallelism, workers + 1),
        arena(static_cast<int>(workers), 0) {
  }
  ~by_tbb() override {
    arena.terminate();
    tbb::finalize(handle, std::nothrow); // waits for its threads
  }
  void submit(task function, int count) override {
    for (int i = 0; i < count; i++)
      arena.enqueue([function] { function(); });
  }
  void spawn(task function, int count) override {
    tbb::task_group group;
    for (int i = 0; i < count; i++)
      group.run([function] { function(); });
    group.wait();
  }
  long fib(int n) override {
    std::promise<long> result;
    arena.enqueue([&result, n] { result.set_value(fork_fib(n)); });
    return result.get_future().get();
  }
};

} // namespace

std::unique_ptr<contestant> start_tbb(unsigned workers) {
  return std::make_unique<by_tbb>(workers);
}

} // namespace cpeers
