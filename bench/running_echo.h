// A scheduler of Echo's that runs as long as this lives, for the contestants in C++. What goes
// wrong ends the program.
#ifndef BENCH_RUNNING_ECHO_H
#define BENCH_RUNNING_ECHO_H

#include <echo/scheduler.h>

#include <cstdio>
#include <cstdlib>

struct running_echo {
  echo_scheduler *scheduler = nullptr;

  explicit running_echo(unsigned workers, unsigned urgent = 0) {
    echo_builder *builder = nullptr;
    must(echo_builder_create(&builder));
    must(echo_builder_with_worker_count(builder, workers));
    must(echo_builder_with_urgent_workers(builder, urgent));
    must(echo_builder_build(builder, &scheduler));
    echo_builder_destroy(builder);
  }
  running_echo(const running_echo &) = delete;
  running_echo &operator=(const running_echo &) = delete;
  ~running_echo() {
    must(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, nullptr));
    echo_scheduler_release(scheduler);
  }
  static void must(int status) {
    if (status == ECHO_OK) return;
    std::fprintf(stderr, "Echo: %s\n", echo_strerror(status));
    std::_Exit(1);
  }
};

#endif
