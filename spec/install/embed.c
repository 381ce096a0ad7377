/* The smallest program of a user's: a task that runs. Exits with 0 if it did. */
#include <echo/scheduler.h>
#include <stdio.h>

static void say(void *argument) {
  puts(argument);
}

int main(void) {
  echo_builder *builder;
  echo_scheduler *scheduler;
  if (echo_builder_create(&builder) != ECHO_OK) return 1;
  if (echo_builder_build(builder, &scheduler) != ECHO_OK) return 1;
  echo_builder_destroy(builder);
  if (echo_scheduler_submit(scheduler, NULL, say, "hello from a worker", NULL) != ECHO_OK) return 1;
  int status = echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL);
  echo_scheduler_release(scheduler);
  return status == ECHO_OK ? 0 : 1;
}
