#include "scheduler/loop.h"

#include <echo/scheduler.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "scheduler/scheduler.h"

/* -- its life --------------------------------------------------------------------------------- */

echo__loop *echo__loop_create(void) {
  echo__loop *loop = calloc(1, sizeof *loop);
  if (loop != NULL) echo__doorbell_init(&loop->bell);
  return loop;
}

/* The first loop of a process ends the process if it gets no descriptors: so it is asked for when
 * there are some. */
static bool has_descriptors(const echo__loop *loop) {
  enum { WANTED = 10 };
  int copies[WANTED], count = 0;
  while (count < WANTED && (copies[count] = dup(loop->bell.reads)) >= 0)
    count++;
  for (int i = 0; i < count; i++)
    close(copies[i]);
  return count == WANTED;
}

int echo__loop_open(echo__loop *loop) {
  if (loop->open) return ECHO_OK;
  if (loop->bell.reads < 0 && echo__doorbell_open(&loop->bell) != 0) return ECHO_DESCRIPTOR;
  if (!has_descriptors(loop)) return ECHO_DESCRIPTOR;
  int error = uv_loop_init(&loop->uv);
  if (error != 0) return error == UV_ENOMEM ? ECHO_MEMORY : ECHO_DESCRIPTOR;
  loop->open = true;
  loop->tasks = 0;
  loop->turned_at = echo__now();
  return ECHO_OK;
}

static void run(echo__loop *loop, uv_run_mode mode) {
  loop->runs = true;
  uv_run(&loop->uv, mode);
  loop->runs = false;
}

static void close_handle(uv_handle_t *handle, void *found) {
  *(bool *)found = true;
  if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

/* A call-back may have made more handles, or have asked uv_run to stop. */
void echo__loop_clear(echo__loop *loop) {
  if (!loop->open || loop->runs) return;
  for (;;) {
    bool found = false;
    uv_walk(&loop->uv, close_handle, &found);
    if (!found && !uv_loop_alive(&loop->uv)) return;
    run(loop, UV_RUN_DEFAULT);
  }
}

void echo__loop_close(echo__loop *loop) {
  if (!loop->open) return;
  echo__loop_clear(loop);
  uv_loop_close(&loop->uv);
  loop->open = false;
}

void echo__loop_destroy(echo__loop *loop) {
  if (loop == NULL) return;
  echo__doorbell_close(&loop->bell);
  free(loop);
}

/* -- running ---------------------------------------------------------------------------------- */

void echo__loop_turn(echo__loop *loop) {
  if (loop->runs) return;
  run(loop, UV_RUN_NOWAIT);
  loop->tasks = 0;
  loop->turned_at = echo__now();
}

void echo__loop_tick(echo__loop *loop) {
  if (++loop->tasks < ECHO__TURN_TASKS && echo__now() - loop->turned_at < ECHO__TURN_TIME) return;
  echo__loop_turn(loop);
}

bool echo__loop_is_awaited(const echo__loop *loop) {
  return !loop->runs && uv_loop_alive(&loop->uv);
}

/* -- sleeping --------------------------------------------------------------------------------- */

/* Milliseconds, rounded up, for poll(); -1: for ever. */
static int until(uint64_t deadline) {
  if (deadline == ECHO__FOREVER) return -1;
  uint64_t now = echo__now();
  uint64_t left = deadline > now ? (deadline - now + 999999) / 1000000 : 0;
  return left < INT_MAX ? (int)left : INT_MAX;
}

/* A loop with watchers that its own descriptor does not know of yet is due at once. */
static int time_to_sleep(echo__loop *loop, uint64_t deadline) {
  uv_update_time(&loop->uv);
  int due = uv_backend_timeout(&loop->uv), late = until(deadline);
  if (due < 0 || late < 0) return due < 0 ? late : due;
  return due < late ? due : late;
}

void echo__loop_sleep(echo__loop *loop, uint64_t deadline) {
  struct pollfd watched[] = {{.fd = uv_backend_fd(&loop->uv), .events = POLLIN},
                             {.fd = loop->bell.reads, .events = POLLIN}};
  if (poll(watched, 2, time_to_sleep(loop, deadline)) <= 0) return;
  if (watched[1].revents != 0) echo__doorbell_answer(&loop->bell);
}

void echo__loop_knock(const echo__loop *loop) {
  echo__doorbell_knock(&loop->bell);
}

/* -- what tasks call -------------------------------------------------------------------------- */

int echo_worker_loop(uv_loop_t **uv) {
  echo__worker *worker = echo__this_thread.worker;
  if (worker == NULL) return ECHO_INVALID;
  echo__loop *loop = echo__idle_loop(&worker->scheduler->idle, worker->index);
  if (loop == NULL) return ECHO_MEMORY;
  int status = echo__loop_open(loop);
  if (status != ECHO_OK) return status;
  worker->loop = loop;
  *uv = &loop->uv;
  return ECHO_OK;
}

void echo_worker_loop_clear(void) {
  echo__worker *worker = echo__this_thread.worker;
  if (worker != NULL && worker->loop != NULL) echo__loop_clear(worker->loop);
}
