#include "question.h"

#include <sched.h>
#include <semaphore.h>
#include <unistd.h>
#include <uv.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <thread>

#include "../report.h"

namespace cpeers {
namespace {

constexpr int producers = 4, fork_number = 30, fork_spawns = 1346268;

// Its workers have started, and sleep again.
std::unique_ptr<contestant> make(const trial &t, int tasks) {
  auto made = t.start(t.workers);
  made->reserve(tasks + 1);
  made->submit(count_end, 1);
  made->wait(1);
  usleep(20000);
  return made;
}

double since(uint64_t start, int count) {
  return static_cast<double>(uv_hrtime() - start) / count;
}

std::vector<double> outside(const trial &t) {
  auto library = make(t, t.amount);
  uint64_t start = uv_hrtime();
  library->submit(count_end, t.amount);
  library->wait(1 + t.amount);
  return {since(start, t.amount)};
}

std::vector<double> outside4(const trial &t) {
  int each = (t.amount + producers - 1) / producers;
  auto library = make(t, each * producers);
  std::atomic<int> ready{0};
  std::atomic<bool> go{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < producers; i++)
    threads.emplace_back([&] {
      library->enter();
      ready++;
      go.wait(false);
      library->submit(count_end, each);
      wait_for_ends(1 + each * producers);
      library->leave();
    });
  while (ready < producers)
    usleep(100);
  uint64_t start = uv_hrtime();
  go = true;
  go.notify_all();
  library->wait(1 + each * producers);
  double cost = since(start, each * producers);
  for (std::thread &thread : threads)
    thread.join();
  return {cost};
}

contestant *spawned_on;
int spawned;

void spawn_all() {
  spawned_on->spawn(count_end, spawned);
}

std::vector<double> inside(const trial &t) {
  auto library = make(t, t.amount + 1);
  spawned_on = library.get();
  spawned = t.amount;
  uint64_t start = uv_hrtime();
  library->submit(spawn_all, 1);
  library->wait(1 + t.amount);
  return {since(start, t.amount)};
}

// The Fibonacci number, and how often its recursion spawns.
long fib_of(int n) {
  long a = 0, b = 1;
  for (; n > 0; n--) {
    long sum = a + b;
    a = b, b = sum;
  }
  return a;
}

int spawns_of(int n) {
  return static_cast<int>(fib_of(n + 1)) - 1;
}

std::vector<double> fork_join(const trial &t) {
  int n = fork_number;
  while (n > 2 && spawns_of(n) > t.amount)
    n--;
  auto library = make(t, 1);
  uint64_t start = uv_hrtime();
  long result = library->fib(n);
  double cost = since(start, spawns_of(n));
  if (result != fib_of(n)) {
    std::fprintf(stderr, "fib(%d): expected %ld, got %ld\n", n, fib_of(n), result);
    std::_Exit(1);
  }
  return {cost};
}

std::atomic<uint64_t> woken_at{0};

void note_time() {
  woken_at = uv_hrtime();
}

std::vector<double> idle(const trial &t) {
  std::vector<double> delays;
  auto library = make(t, t.amount);
  for (int i = 0; i < t.amount; i++) {
    usleep(1000);
    woken_at = 0;
    uint64_t start = uv_hrtime();
    library->submit(note_time, 1);
    while (woken_at == 0)
      usleep(50);
    delays.push_back(static_cast<double>(woken_at - start) / 1000);
  }
  return {bench_quantile(delays.data(), t.amount, 0.5),
          bench_quantile(delays.data(), t.amount, 0.99)};
}

sem_t began;

void tell() {
  sem_post(&began);
}

std::vector<double> start_stop(const trial &t) {
  sem_init(&began, 0, 0);
  uint64_t start = uv_hrtime();
  for (int i = 0; i < t.amount; i++) {
    auto library = t.start(t.workers);
    library->reserve(1);
    library->submit(tell, 1);
    sem_wait(&began);
  }
  return {since(start, t.amount) / 1000};
}

std::atomic<unsigned> held{0};
std::atomic<bool> is_open{false};

// It does not sleep: that would be a reason for more threads to libdispatch.
void hold() {
  held++;
  while (!is_open)
    sched_yield();
}

double resident_bytes() {
  long pages = 0;
  std::FILE *file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr || std::fscanf(file, "%*d %ld", &pages) != 1) std::_Exit(1);
  std::fclose(file);
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

// All that is reserved counts: it is the caller's, but it is memory.
std::vector<double> bytes(const trial &t) {
  auto library = t.start(t.workers);
  double before = resident_bytes();
  library->reserve(t.amount + static_cast<int>(t.workers));
  library->submit(hold, static_cast<int>(t.workers));
  while (held < t.workers)
    usleep(100);
  library->submit(count_end, t.amount);
  double each = (resident_bytes() - before) / t.amount;
  is_open = true;
  library->wait(t.amount);
  return {each};
}

double processor_microseconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

std::vector<double> rest(const trial &t) {
  auto library = make(t, 0);
  double before = processor_microseconds();
  usleep(static_cast<useconds_t>(t.amount) * 1000);
  return {(processor_microseconds() - before) * 1000 / t.amount};
}

} // namespace

const std::vector<question> &questions() {
  static const std::vector<question> all{
      {"outside", {{"C peers: from outside", "ns"}}, bench_count(1000000), outside},
      {"outside4", {{"C peers: from 4 threads outside", "ns"}}, bench_count(1000000), outside4},
      {"inside", {{"C peers: from inside a task", "ns"}}, bench_count(1000000), inside},
      {"fork",
       {{"C peers: a spawn of fork-join fib(30)", "ns"}},
       bench_count(fork_spawns),
       fork_join},
      {"idle",
       {{"C peers: idle to first instruction, p50", "us"},
        {"C peers: idle to first instruction, p99", "us"}},
       bench_count(1000),
       idle},
      {"start", {{"C peers: start, one task, stop", "us"}}, bench_count(200), start_stop},
      {"bytes", {{"C peers: a queued task", "bytes"}}, bench_count(1000000), bytes},
      {"rest", {{"C peers: processor time at rest", "us/s used"}}, bench_count(2000), rest},
  };
  return all;
}

} // namespace cpeers
