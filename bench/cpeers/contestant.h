// Who takes part in bench-cpeers: a library at work, made when a process of its own begins to
// answer a question and gone when it has. All are given the same functions, without an argument.
//
// One thread makes, uses and ends a contestant. Others submit between their own enter and leave. At
// most as many tasks as were reserved are queued, and all have ended when it goes.
#ifndef BENCH_CPEERS_CONTESTANT_H
#define BENCH_CPEERS_CONTESTANT_H

#include <memory>

#include "ended.h"

namespace cpeers {

using task = void (*)();

struct contestant {
  virtual ~contestant() = default;

  // So many tasks may be queued: the memory that the library wants from its caller.
  virtual void reserve(int) {
  }
  // Another thread than the maker's begins to submit, and ends.
  virtual void enter() {
  }
  virtual void leave() {
  }
  // Queues so many calls one by one, each a task that nobody waits for. Outside of tasks.
  virtual void submit(task function, int count) = 0;
  // The same inside a task.
  virtual void spawn(task function, int count) {
    submit(function, count);
  }
  // The maker's thread waits until so many tasks that count their end have ended since the process
  // began.
  virtual void wait(long count) {
    wait_for_ends(count);
  }
  // The Fibonacci number, computed by the workers: each call spawns the first of its two calls as a
  // task, makes the second, and waits for the first. From outside.
  virtual long fib(int) {
    return -1;
  }
};

std::unique_ptr<contestant> start_bare(unsigned workers); // threads on a futex, and plain calls
std::unique_ptr<contestant> start_echo(unsigned workers);
std::unique_ptr<contestant> start_tbb(unsigned workers);
std::unique_ptr<contestant> start_taskflow(unsigned workers);
std::unique_ptr<contestant> start_enki(unsigned workers);
std::unique_ptr<contestant> start_dispatch(unsigned workers);
std::unique_ptr<contestant> start_libuv(unsigned workers);

} // namespace cpeers

#endif
