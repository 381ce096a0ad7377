// enkiTS: task sets of one, which are the caller's memory. When 256 are queued by a thread, it runs
// the next itself.
#include <TaskScheduler.h>

#include <atomic>
#include <thread>
#include <vector>

#include "contestant.h"

namespace cpeers {
namespace {

constexpr uint32_t outside_threads = 16;

struct one_call : enki::ITaskSet {
  task function = nullptr;
  void ExecuteRange(enki::TaskSetPartition, uint32_t) override {
    function();
  }
};

struct fib_call : enki::ITaskSet {
  enki::TaskScheduler &scheduler;
  int n;
  long result = 0;

  fib_call(enki::TaskScheduler &of, int number) : scheduler(of), n(number) {
  }
  void ExecuteRange(enki::TaskSetPartition, uint32_t) override {
    result = compute(scheduler, n);
  }
  static long compute(enki::TaskScheduler &scheduler, int n) {
    if (n < 2) return n;
    fib_call first(scheduler, n - 1);
    scheduler.AddTaskSetToPipe(&first);
    long second = compute(scheduler, n - 2);
    scheduler.WaitforTask(&first);
    return first.result + second;
  }
};

struct by_enki : contestant {
  enki::TaskScheduler scheduler;
  std::vector<one_call> calls;
  std::atomic<size_t> used{0};

  explicit by_enki(unsigned workers) {
    enki::TaskSchedulerConfig config;
    config.numTaskThreadsToCreate = workers;
    config.numExternalTaskThreads = outside_threads;
    scheduler.Initialize(config);
  }
  ~by_enki() override {
    scheduler.WaitforAllAndShutdown();
  }
  void reserve(int tasks) override {
    calls = std::vector<one_call>(static_cast<size_t>(tasks));
  }
  void enter() override {
    scheduler.RegisterExternalTaskThread();
  }
  void leave() override {
    scheduler.DeRegisterExternalTaskThread();
  }
  void submit(task function, int count) override {
    size_t from = used.fetch_add(static_cast<size_t>(count));
    for (size_t i = from; i < from + static_cast<size_t>(count); i++) {
      calls[i].function = function;
      scheduler.AddTaskSetToPipe(&calls[i]);
    }
  }
  // The caller is no worker: it sleeps, and does not help, which WaitforTask would.
  long fib(int n) override {
    fib_call all(scheduler, n);
    scheduler.AddTaskSetToPipe(&all);
    while (!all.GetIsComplete())
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    return all.result;
  }
};

} // namespace

std::unique_ptr<contestant> start_enki(unsigned workers) {
  return std::make_unique<by_enki>(workers);
}

} // namespace cpeers
