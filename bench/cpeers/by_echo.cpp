#include <echo/branch.h>
#include <echo/scheduler.h>

#include "../running_echo.h"
#include "contestant.h"

namespace cpeers {
namespace {

void must(int status) {
  running_echo::must(status);
}

void call(void *argument) {
  reinterpret_cast<task>(argument)();
}

// One call of the recursion; it lives where its caller waits.
struct fib_call {
  int n;
  long result;
};

void run_fib(void *argument) {
  auto *mine = static_cast<fib_call *>(argument);
  if (mine->n < 2) {
    mine->result = mine->n;
    return;
  }
  fib_call first{mine->n - 1, 0}, second{mine->n - 2, 0};
  echo_branch branch;
  echo_fork(&branch, run_fib, &first);
  run_fib(&second);
  must(echo_join(&branch));
  mine->result = first.result + second.result;
}

struct by_echo : contestant, running_echo {
  explicit by_echo(unsigned workers) : running_echo(workers) {
  }
  void submit(task function, int count) override {
    for (int i = 0; i < count; i++)
      must(echo_scheduler_submit(scheduler, nullptr, call, reinterpret_cast<void *>(function),
                                 nullptr));
  }
  long fib(int n) override {
    fib_call all{n, 0};
    echo_task *task = nullptr;
    must(echo_scheduler_submit(scheduler, nullptr, run_fib, &all, &task));
    must(echo_task_wait(task, ECHO_FOREVER));
    echo_task_release(task);
    return all.result;
  }
};

} // namespace

std::unique_ptr<contestant> start_echo(unsigned workers) {
  return std::make_unique<by_echo>(workers);
}

} // namespace cpeers
