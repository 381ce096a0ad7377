/* Everything at once, at random, for two seconds; in the end every task is accounted for. */
#include <stdlib.h>

#include "base/random.h"
#include "base/wait.h"
#include "support/crew.h"

enum { THREADS = 4, HANDLES = 16, QUEUES = 2, BEDS = 8 };

static const char *const names[QUEUES] = {"one", "three"};
static const int limits[QUEUES] = {1, 3};

typedef struct world {
  echo_scheduler *scheduler;
  uint64_t deadline;
  atomic_int accepted, refused, ran, ended_ok, ended_cancelled, cancelled, wrong;
  atomic_int inside[QUEUES];
  /* Tasks that wait for somebody to resume them; one leaves its bed before anything else. */
  pthread_mutex_t door;
  echo_task *beds[BEDS];
  atomic_bool all_ended;
} world;

typedef struct job {
  world *world;
  uint64_t random; /* what the job does is drawn from this */
  int queue;       /* or -1 */
  atomic_int rounds, ended;
  echo_task *self; /* when it is in a bed */
  echo_timer timer;
  bool timed;
} job;

static int submit(world *w, echo__random *random, bool inside, echo_task **task);

/* A held task without a handle could never begin. */
static void let_go(echo_task *task) {
  if (task != NULL) echo_task_resume(task);
  echo_task_release(task);
}

/* A child that the task waits for, or not. */
static void have_child(world *w, echo__random *random) {
  echo_task *child;
  if (echo__random_below(random, 2)) {
    submit(w, random, true, NULL);
  } else if (submit(w, random, true, &child) == ECHO_OK) {
    /* Not for ever: the child may need the slot that its parent holds. */
    if (echo__random_below(random, 2)) echo_task_wait(child, 0.001);
    if (echo__random_below(random, 4) == 0 && echo_task_cancel(child) == ECHO_OK) {
      atomic_fetch_add(&w->cancelled, 1);
    }
    let_go(child);
  }
}

static void wake_one(world *w, unsigned bed) {
  pthread_mutex_lock(&w->door);
  echo_task *task = w->beds[bed];
  w->beds[bed] = NULL;
  if (task != NULL) echo_task_resume(task);
  pthread_mutex_unlock(&w->door);
}

static void wake_by_timer(void *task) {
  echo_task_resume(task);
}

static void get_up(job *j) {
  world *w = j->world;
  if (j->timed) echo_timer_cancel(w->scheduler, &j->timer);
  j->timed = false;
  if (j->self == NULL) return;
  pthread_mutex_lock(&w->door);
  for (int i = 0; i < BEDS; i++)
    if (w->beds[i] == j->self) w->beds[i] = NULL;
  pthread_mutex_unlock(&w->door);
  j->self = NULL;
}

/* Whoever lies there has to get up. */
static void lie_down(job *j, unsigned bed) {
  world *w = j->world;
  pthread_mutex_lock(&w->door);
  if (w->beds[bed] != NULL) echo_task_resume(w->beds[bed]);
  w->beds[bed] = j->self = echo_task_current();
  pthread_mutex_unlock(&w->door);
}

/* Is called again, one way or another. */
static void come_back(job *j, echo__random *random) {
  world *w = j->world;
  unsigned how = echo__random_below(random, 4);
  if (how == 0 || echo_task_suspend() != ECHO_OK) {
    echo_task_again();
  } else if (how == 1) {
    echo_task_set_priority(echo_task_current(), (echo_priority)echo__random_below(random, 2));
    echo_task_resume(echo_task_current());
  } else if (how == 2) {
    lie_down(j, echo__random_below(random, BEDS));
  } else {
    double seconds = 0.00001 * echo__random_below(random, 20);
    j->timed = true;
    if (echo_timer_start(w->scheduler, &j->timer, seconds, wake_by_timer, echo_task_current()))
      atomic_fetch_add(&w->wrong, 1);
  }
}

static void run(void *argument) {
  job *j = argument;
  world *w = j->world;
  get_up(j);
  echo__random random;
  echo__random_seed(&random, j->random);
  if (j->queue >= 0) {
    int inside = atomic_fetch_add(&w->inside[j->queue], 1) + 1;
    if (inside > limits[j->queue]) atomic_fetch_add(&w->wrong, 1);
  }
  if (echo__random_below(&random, 8) == 0) have_child(w, &random);
  if (j->queue >= 0) atomic_fetch_sub(&w->inside[j->queue], 1);
  atomic_fetch_add(&w->ran, atomic_load(&j->rounds) == 0);
  int goal = (int)echo__random_below(&random, 8) - 4;
  if (atomic_fetch_add(&j->rounds, 1) < goal) come_back(j, &random);
}

static void note_end(void *argument, int status) {
  job *j = argument;
  world *w = j->world;
  if (atomic_fetch_add(&j->ended, 1) != 0) atomic_fetch_add(&w->wrong, 1);
  atomic_fetch_add(status == ECHO_OK ? &w->ended_ok : &w->ended_cancelled, 1);
  if (status == ECHO_OK && atomic_load(&j->rounds) == 0) atomic_fetch_add(&w->wrong, 1);
  free(j);
}

/* Half of the tasks from inside are high, so that children do not pile up. */
static echo_priority any_priority(echo__random *random, bool inside) {
  if (inside && echo__random_below(random, 2)) return ECHO_PRIORITY_HIGH;
  return (echo_priority)((int)echo__random_below(random, 3) - 1);
}

static int submit(world *w, echo__random *random, bool inside, echo_task **task) {
  job *j = calloc(1, sizeof *j);
  *j = (job){.world = w, .random = echo__random_next(random), .queue = -1};
  uint32_t choice = echo__random_below(random, 4 * QUEUES);
  if (choice < QUEUES) j->queue = (int)choice;
  echo_task_options options = {.priority = any_priority(random, inside),
                               .queue = j->queue >= 0 ? names[j->queue] : NULL,
                               .held = task != NULL && echo__random_below(random, 4) == 0,
                               .on_end = note_end};
  int status = echo_scheduler_submit(w->scheduler, &options, run, j, task);
  if (status == ECHO_OK) {
    atomic_fetch_add(&w->accepted, 1);
  } else {
    free(j);
    atomic_fetch_add(status == ECHO_STOPPED ? &w->refused : &w->wrong, 1);
  }
  return status;
}

/* One step of a thread from outside, with one of the handles that it holds. */
static bool step(world *w, echo__random *random, echo_task **handle) {
  if (*handle == NULL) {
    bool detached = echo__random_below(random, 2) == 0;
    return submit(w, random, false, detached ? NULL : handle) == ECHO_OK;
  }
  wake_one(w, echo__random_below(random, BEDS));
  switch (echo__random_below(random, 4)) {
  case 0:
    if (echo_task_cancel(*handle) == ECHO_OK) atomic_fetch_add(&w->cancelled, 1);
    return true;
  case 1: echo_task_wait(*handle, 0.0001 * echo__random_below(random, 3)); return true;
  default:
    let_go(*handle);
    *handle = NULL;
    return true;
  }
}

static void *live(void *argument) {
  world *w = argument;
  static atomic_int number;
  echo__random random;
  echo__random_seed(&random, spec_seed() + (uint64_t)atomic_fetch_add(&number, 1));
  echo_task *handles[HANDLES] = {NULL};
  bool goes_on = true;
  for (unsigned i = 0; goes_on && echo__now() < w->deadline; i++) {
    goes_on = step(w, &random, &handles[echo__random_below(&random, HANDLES)]);
    /* Not faster than the workers: what is tried out is the hand-over, not the memory. */
    while (atomic_load(&w->accepted) - atomic_load(&w->ended_ok) -
               atomic_load(&w->ended_cancelled) >
           5000)
      spec_nap();
  }
  for (int i = 0; i < HANDLES; i++)
    let_go(handles[i]);
  return NULL;
}

/* Sees to it that nobody lies for ever. */
static void *wake_all(void *argument) {
  world *w = argument;
  while (!atomic_load(&w->all_ended)) {
    for (unsigned bed = 0; bed < BEDS; bed++)
      wake_one(w, bed);
    spec_nap();
  }
  return NULL;
}

static echo_scheduler *build(unsigned workers) {
  echo_builder *builder;
  echo_scheduler *scheduler;
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_with_worker_count(builder, workers), ECHO_OK);
  assert_int_equal(echo_builder_with_fairness(builder, 7), ECHO_OK);
  for (int i = 0; i < QUEUES; i++)
    assert_int_equal(echo_builder_with_queue(builder, names[i], (unsigned)limits[i]), ECHO_OK);
  assert_int_equal(echo_builder_build(builder, &scheduler), ECHO_OK);
  echo_builder_destroy(builder);
  return scheduler;
}

static void expect_accounts(world *w, echo_stop_mode mode) {
  int accepted = atomic_load(&w->accepted), cancelled = atomic_load(&w->ended_cancelled);
  echo_stats stats;
  echo_scheduler_stats(w->scheduler, &stats);
  assert_int_equal(atomic_load(&w->wrong), 0);
  assert_int_equal(atomic_load(&w->ended_ok) + cancelled, accepted);
  assert_int_equal(stats.submitted, accepted);
  assert_int_equal(stats.ended, accepted);
  assert_int_equal(stats.cancelled, cancelled);
  if (mode == ECHO_STOP_DRAIN) assert_int_equal(cancelled, atomic_load(&w->cancelled));
}

/* Stops while the threads still submit, or after. */
static void live_for(double seconds, unsigned workers, echo_stop_mode mode, bool early) {
  world w = {.scheduler = build(workers),
             .deadline = echo__deadline_in(seconds),
             .door = PTHREAD_MUTEX_INITIALIZER};
  spec_threads threads = {0}, waker = {0};
  spec_threads_add(&waker, wake_all, &w);
  for (int i = 0; i < THREADS; i++)
    spec_threads_add(&threads, live, &w);
  while (early && echo__now() + 100000000 < w.deadline)
    spec_nap();
  if (!early) spec_threads_join(&threads);
  assert_int_equal(echo_scheduler_stop(w.scheduler, mode, ECHO_FOREVER, NULL), ECHO_OK);
  spec_threads_join(&threads);
  atomic_store(&w.all_ended, true);
  spec_threads_join(&waker);
  expect_accounts(&w, mode);
  echo_scheduler_release(w.scheduler);
}

IT(accounts_for_every_task_of_a_drain) {
  live_for(0.6, 3, ECHO_STOP_DRAIN, false);
}

IT(accounts_for_every_task_of_a_drain_under_way) {
  live_for(0.4, 2, ECHO_STOP_DRAIN, true);
}

IT(accounts_for_every_task_of_a_cancel) {
  live_for(0.6, 3, ECHO_STOP_CANCEL, false);
}

IT(accounts_for_every_task_of_a_cancel_under_way) {
  live_for(0.4, 1, ECHO_STOP_CANCEL, true);
}

int main(void) {
  spec_seed();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accounts_for_every_task_of_a_drain),
      cmocka_unit_test(accounts_for_every_task_of_a_drain_under_way),
      cmocka_unit_test(accounts_for_every_task_of_a_cancel),
      cmocka_unit_test(accounts_for_every_task_of_a_cancel_under_way),
  };
  return cmocka_run_group_tests_name("stress", tests, NULL, NULL);
}
