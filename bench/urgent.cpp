// How soon does an urgent task start among many that are not, beside other libraries?
//
// 200,000 tasks of 20 us and low priority are queued; a high one is submitted each millisecond.
// What counts is from before the submit to the first instruction. Every library has as many workers
// and gets the same functions; they take turns, in one process, over several rounds:
//
//   Echo          echo_scheduler_submit with priority high and low
//   Echo, urgent  the same with one worker more, for high tasks alone
//   oneTBB        two task arenas, of priority high and low
//   libdispatch   the global queues of high and low priority, each of which has threads of its own:
//                 the urgent one runs beside the workers, on one more thread than the others have
//   original      Echo in Rust, Submit with priority High and Low, in a program of its own
//
// What is not installed is skipped by name. Usage: bench-urgent [workers [rounds]]
#include <echo/scheduler.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "report.h"
#include "running_echo.h"
#ifdef BENCH_TBB
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#endif
#ifdef BENCH_DISPATCH
#ifndef __clang__ // for which alone its headers are written
#define __has_feature(name)   0
#define __has_extension(name) 0
#endif
#include <dispatch/dispatch.h>
#endif

namespace {

const int lows = bench_count(200000);
constexpr uint64_t low_time = 20000; // nanoseconds

std::atomic<uint64_t> started_at{0};
std::atomic<int> lows_left{0};

void note_time(void *) {
  started_at = uv_hrtime();
}

void low(void *) {
  for (uint64_t end = uv_hrtime() + low_time; uv_hrtime() < end;) {
  }
  lows_left--;
}

// A library at work: made when its round begins, gone when that is over.
struct contestant {
  virtual ~contestant() = default;
  virtual void submit(bool high, void (*function)(void *)) = 0;
};

struct by_echo : contestant, running_echo {
  explicit by_echo(unsigned workers, unsigned urgent = 0) : running_echo(workers, urgent) {
  }
  void submit(bool high, void (*function)(void *)) override {
    echo_task_options options{};
    options.priority = high ? ECHO_PRIORITY_HIGH : ECHO_PRIORITY_LOW;
    must(echo_scheduler_submit(scheduler, &options, function, nullptr, nullptr));
  }
};

struct by_echo_urgent : by_echo {
  explicit by_echo_urgent(unsigned workers) : by_echo(workers, 1) {
  }
};

#ifdef BENCH_TBB
struct by_tbb : contestant {
  tbb::global_control threads; // the calling thread counts
  tbb::task_arena high_arena, low_arena;

  explicit by_tbb(unsigned workers)
      : threads(tbb::global_control::max_allowed_parallelism, workers + 1),
        high_arena(static_cast<int>(workers), 0, tbb::task_arena::priority::high),
        low_arena(static_cast<int>(workers), 0, tbb::task_arena::priority::low) {
  }
  void submit(bool high, void (*function)(void *)) override {
    (high ? high_arena : low_arena).enqueue([function] { function(nullptr); });
  }
};
#endif

#ifdef BENCH_DISPATCH
struct by_dispatch : contestant {
  explicit by_dispatch(unsigned) {
  }
  void submit(bool high, void (*function)(void *)) override {
    long priority = high ? DISPATCH_QUEUE_PRIORITY_HIGH : DISPATCH_QUEUE_PRIORITY_LOW;
    dispatch_async_f(dispatch_get_global_queue(priority, 0), nullptr, function);
  }
};
#endif

double sample(contestant &library) {
  usleep(1000);
  started_at = 0;
  uint64_t start = uv_hrtime();
  library.submit(true, note_time);
  while (started_at == 0)
    usleep(20);
  return static_cast<double>(started_at - start) / 1000;
}

double quantile(std::vector<double> &values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}

void add(const char *name, double median, double p99) {
  bench_add("C: high among 200,000 low, p50", name, "us", median);
  bench_add("C: high among 200,000 low, p99", name, "us", p99);
}

struct entry {
  const char *name;
  std::function<std::unique_ptr<contestant>(unsigned)> start;

  void run(unsigned workers) {
    std::vector<double> delays;
    auto library = start(workers);
    lows_left = lows;
    for (int i = 0; i < lows; i++)
      library->submit(false, low);
    while (lows_left > lows / 20)
      delays.push_back(sample(*library));
    while (lows_left > 0)
      usleep(1000);
    add(name, quantile(delays, 0.5), quantile(delays, 0.99));
  }
};

#ifdef BENCH_ORIGINAL
void run_original(unsigned workers) {
  std::string command = BENCH_ORIGINAL " original urgent " + std::to_string(workers) + " ";
  std::FILE *answer = popen((command + std::to_string(lows)).c_str(), "r");
  double median = 0, p99 = 0;
  int count = answer == nullptr ? 0 : std::fscanf(answer, "%lf %lf", &median, &p99);
  if (answer != nullptr && pclose(answer) == 0 && count == 2)
    add("original", median, p99);
  else
    bench_skip("original", "failed");
}
#endif

template <class library> std::unique_ptr<contestant> start(unsigned workers) {
  return std::make_unique<library>(workers);
}

} // namespace

int main(int argc, char **argv) {
  unsigned workers = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 2;
  int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  if (workers < 1 || rounds < 1) {
    std::fprintf(stderr, "usage: bench-urgent [workers [rounds]], both at least 1\n");
    return 2;
  }
  std::vector<entry> entries{{"echo", start<by_echo>}, {"echo + 1 urgent", start<by_echo_urgent>}};
#ifdef BENCH_TBB
  entries.push_back({"oneTBB", start<by_tbb>});
#else
  bench_skip("oneTBB", "not installed");
#endif
#ifdef BENCH_DISPATCH
  entries.push_back({"libdispatch", start<by_dispatch>});
#else
  bench_skip("libdispatch", "not installed");
#endif
#ifndef BENCH_ORIGINAL
  bench_skip("original", "not installed");
#endif
  for (int i = 0; i < rounds; i++) {
    for (entry &each : entries)
      each.run(workers);
#ifdef BENCH_ORIGINAL
    run_original(workers);
#endif
  }
  bench_print();
  return 0;
}
