#include "scheduler/crew.h"

#include <stdio.h>

#include "base/thread.h"

static void name_thread(const echo__worker *worker) {
  char name[32];
  const char *prefix = worker->scheduler->plan.name;
  if (echo__is_urgent(worker))
    snprintf(name, sizeof name, "%.4s-urgent%u", prefix, worker->index);
  else
    snprintf(name, sizeof name, "%.10s-%u", prefix, worker->index);
  echo__thread_name(name);
}

static bool comes_at_once(const echo__worker *worker) {
  return worker->index == 0 || worker->scheduler->plan.pinning || echo__is_urgent(worker);
}

/* The hook may take long. Nobody relies on the worker meanwhile, and if more wait than come it
 * calls the next. Who has relied on it before waits for the hook at most: the worker searches
 * again. */
static void call_start(echo__worker *worker) {
  echo_scheduler *s = worker->scheduler;
  if (worker->searching) echo__idle_stop_searching(&s->idle);
  worker->searching = false;
  unsigned opening = echo__add(&s->opening, 1, relaxed) + 1;
  if (echo__queued(s) > opening) echo__idle_notify(&s->idle);
  s->plan.hooks.start(s->plan.hooks.data, worker->index);
  echo__sub(&s->opening, 1, relaxed);
}

static void set_up(echo__worker *worker) {
  echo_scheduler *s = worker->scheduler;
  const echo__hooks *hooks = &s->plan.hooks;
  name_thread(worker);
  if (!comes_at_once(worker)) echo__manner_adopt(&s->manner);
  if (s->plan.pinning && !echo__is_urgent(worker)) echo__thread_pin(worker->index);
  if (s->interrupts.call != NULL) echo__bell_open(worker);
  if (hooks->start != NULL) call_start(worker);
}

static void clear_up(echo__worker *worker) {
  echo_scheduler *s = worker->scheduler;
  const echo__hooks *hooks = &s->plan.hooks;
  if (hooks->stop != NULL) hooks->stop(hooks->data, worker->index);
  if (worker->loop != NULL) echo__loop_close(worker->loop);
  if (s->interrupts.call != NULL) echo__bell_shut(worker);
}

static void worker_main(void *argument) {
  echo__worker *worker = argument;
  echo__this_thread.worker = worker;
  echo__awake_begins(&worker->awake);
  set_up(worker);
  echo__worker_live(worker);
  clear_up(worker);
  echo__this_thread.worker = NULL;
  echo__awake_ends(&worker->awake);
  echo__store(&worker->left, true, release); /* PAIR worker.left */
  echo__progress(worker->scheduler);
}

static int make_thread(echo__worker *worker) {
  echo_scheduler *s = worker->scheduler;
  int status = ECHO_STOPPED;
  uv_mutex_lock(&s->crew);
  if (echo__load(&s->phase, relaxed) != ECHO__STOPPED) {
    status = echo__thread_start(&worker->thread, worker_main, worker);
    worker->has_thread = status == ECHO_OK;
  }
  uv_mutex_unlock(&s->crew);
  return status;
}

static bool call_up(void *scheduler, unsigned index) {
  const echo_scheduler *s = scheduler;
  return make_thread(&s->workers[index]) == ECHO_OK;
}

static void expect_others(echo_scheduler *s) {
  s->idle.call_up = call_up;
  s->idle.context = s;
  for (unsigned i = 0; i < s->plan.workers; i++)
    if (!comes_at_once(&s->workers[i])) echo__idle_expect(&s->idle, i);
}

/* As if nobody had been there. */
static void take_back(echo_scheduler *s) {
  echo__store(&s->phase, ECHO__STOPPED, release); /* PAIR stop.phase */
  echo__workers_join(s, ECHO__FOREVER);
  echo__workers_reset(s);
  echo__store(&s->phase, ECHO__FRESH, release); /* PAIR stop.phase */
}

/* Worker 0 comes for the task that is about to be submitted, and searches from now on: who submits
 * that need not call another. */
int echo__workers_start(echo_scheduler *s) {
  expect_others(s);
  echo__manner_note(&s->manner);
  s->workers[0].searching = true;
  echo__idle_begin_search(&s->idle);
  for (unsigned i = 0; i < s->plan.workers; i++) {
    if (!comes_at_once(&s->workers[i])) continue;
    int status = make_thread(&s->workers[i]);
    if (status == ECHO_OK) continue;
    take_back(s);
    return status;
  }
  return ECHO_OK;
}

void echo__workers_reset(echo_scheduler *s) {
  for (unsigned i = 0; i < s->plan.workers; i++) {
    s->workers[i] = (echo__worker){.scheduler = s, .index = i};
  }
  echo__idle_reset(&s->idle);
  echo__idle_reset(&s->urgent);
}

static bool has_left(const echo__worker *worker) {
  return echo__load(&worker->left, acquire); /* PAIR worker.left */
}

/* Without a deadline the join itself waits, and is woken once instead of twice. */
static bool wait_until_left(echo_scheduler *s, const echo__worker *worker, uint64_t deadline) {
  while (deadline != ECHO__FOREVER) {
    uint32_t seen = echo__load(&s->progress, acquire); /* PAIR stop.progress */
    if (has_left(worker)) return true;
    if (echo__word_wait(&s->progress, seen, deadline) == ECHO__TIMED_OUT) return has_left(worker);
  }
  return true;
}

static void settle_crew(echo_scheduler *s) {
  uv_mutex_lock(&s->crew);
  uv_mutex_unlock(&s->crew);
}

unsigned echo__workers_join(echo_scheduler *s, uint64_t deadline) {
  unsigned behind = 0;
  settle_crew(s);
  echo__idle_nudge_all(&s->idle);
  for (unsigned i = 0; i < s->plan.workers; i++) {
    echo__worker *worker = &s->workers[i];
    if (!worker->has_thread) continue;
    if (wait_until_left(s, worker, deadline)) {
      uv_thread_join(&worker->thread);
      continue;
    }
    echo__thread_leave_behind(&worker->thread);
    behind++;
  }
  return behind;
}
