/* The event loops of workers. */
#include <stdlib.h>
#include <sys/resource.h>
#include <uv.h>

#include "scheduler/scheduler.h"
#include "support/crew.h"

/* -- parking in a loop, step by step ---------------------------------------------------------- */

enum { WORKERS = 3, ME = 1 };

static echo__idle idle;
static echo__loop *loop;
static uv_timer_t far_off; /* one sleeps in a loop only while something is alive there */

static void never(uv_timer_t *timer) {
  (void)timer;
  abort();
}

static int open_idle(void **state) {
  (void)state;
  if (echo__idle_init(&idle, WORKERS) != ECHO_OK) return -1;
  loop = echo__idle_loop(&idle, ME);
  if (echo__loop_open(loop) != ECHO_OK) return -1;
  uv_timer_init(&loop->uv, &far_off);
  uv_timer_start(&far_off, never, 1000000, 0);
  echo__loop_turn(loop); /* its descriptor knows of what was begun only then */
  return 0;
}

static int close_idle(void **state) {
  (void)state;
  echo__loop_close(loop);
  echo__idle_close(&idle);
  return 0;
}

typedef struct look {
  void (*act)(void);
  bool busy;
} look;

static bool second_look(void *context) {
  const look *l = context;
  if (l->act != NULL) l->act();
  return l->busy;
}

static bool park(void (*act)(void), bool busy, uint64_t deadline) {
  look l = {act, busy};
  return echo__idle_park(&idle, ME, deadline, loop, second_look, &l);
}

static void claim(void) {
  echo__idle_notify(&idle);
}

static void nudge(void) {
  echo__idle_nudge(&idle, ME);
}

static void expect_awake(unsigned searching) {
  assert_int_equal(echo__load(&idle.searching, relaxed), searching);
  assert_true(echo__load(&idle.parked[0], relaxed) == 0);
  assert_int_equal(echo__load(&idle.sleepers[ME].token, relaxed), 0);
}

IT(does_not_sleep_through_tokens_that_come_before_it_sleeps) {
  assert_true(park(claim, false, ECHO__FOREVER));
  expect_awake(1);
  echo__idle_stop_searching(&idle);
  assert_false(park(nudge, false, ECHO__FOREVER));
  expect_awake(0);
  assert_true(park(NULL, true, ECHO__FOREVER));
  expect_awake(1);
}

IT(sleeps_no_longer_than_to_its_deadline) {
  assert_false(park(NULL, false, echo__deadline_in(0.005)));
  expect_awake(0);
}

static void fire(uv_timer_t *timer) {
  *(int *)timer->data += 1;
}

IT(sleeps_until_something_is_due_and_leaves_it_to_a_turn) {
  int fired = 0;
  uv_timer_t timer = {.data = &fired};
  uv_timer_init(&loop->uv, &timer);
  uv_timer_start(&timer, fire, 10, 0);
  while (fired == 0) {
    assert_false(park(NULL, false, ECHO__FOREVER));
    expect_awake(0);
    assert_int_equal(fired, 0);
    echo__loop_turn(loop);
  }
  assert_int_equal(fired, 1);
  echo__loop_clear(loop);
}

/* Sleeps until it is woken; says how. */
static atomic_int woken;

static void *sleep_long(void *unused) {
  (void)unused;
  bool claimed = park(NULL, false, ECHO__FOREVER);
  atomic_store(&woken, claimed ? 1 : 2);
  return NULL;
}

static bool sleeps(void) {
  return echo__load(&idle.sleepers[ME].token, relaxed) & ECHO__ASLEEP_IN_LOOP;
}

static void wake_from_sleep(void (*act)(void), int how) {
  spec_threads threads = {0};
  atomic_store(&woken, 0);
  spec_threads_add(&threads, sleep_long, NULL);
  SPEC_UNTIL(sleeps());
  spec_nap();
  act();
  spec_threads_join(&threads);
  assert_int_equal(atomic_load(&woken), how);
}

IT(wakes_from_its_sleep_for_a_claim_and_for_a_nudge) {
  wake_from_sleep(claim, 1);
  expect_awake(1);
  echo__idle_stop_searching(&idle);
  wake_from_sleep(nudge, 2);
  expect_awake(0);
}

/* Of a wake-up that came when the worker had got up for another reason. */
IT(gets_up_once_for_a_knock_that_came_late) {
  echo__loop_knock(loop);
  assert_false(park(NULL, false, ECHO__FOREVER));
  assert_false(park(NULL, false, echo__deadline_in(0.005)));
  expect_awake(0);
}

static void announce(unsigned worker) {
  echo__or(&idle.parked[0], UINT64_C(1) << worker, relaxed);
}

static void claim_others_first(void) {
  announce(0);
  announce(2);
  for (int i = 0; i < 2; i++) {
    echo__idle_notify(&idle);
    assert_int_equal(echo__load(&idle.parked[0], relaxed), i == 0 ? 6 : 2);
    echo__idle_stop_searching(&idle);
  }
  echo__idle_notify(&idle);
  assert_int_equal(echo__load(&idle.parked[0], relaxed), 0);
}

IT(is_claimed_after_those_that_sleep_on_their_tokens) {
  assert_true(park(claim_others_first, false, ECHO__FOREVER));
}

/* -- parking in a loop, raced ----------------------------------------------------------------- */

enum { PIECES = 50000 };

static atomic_uint made, done;

static bool has_work(void *unused) {
  (void)unused;
  return atomic_load_explicit(&made, memory_order_relaxed) !=
         atomic_load_explicit(&done, memory_order_relaxed);
}

static void *work(void *unused) {
  (void)unused;
  bool searching = false;
  while (atomic_load(&done) < SPEC_ROUNDS(PIECES)) {
    if (searching) echo__idle_stop_searching(&idle);
    searching = false;
    if (has_work(NULL)) {
      atomic_fetch_add(&done, 1);
      continue;
    }
    for (unsigned k = 0; k < atomic_load(&done) % 13; k++)
      echo__pause();
    echo__loop *where = atomic_load(&done) % 3 == 0 ? NULL : loop;
    searching = echo__idle_park(&idle, ME, ECHO__FOREVER, where, has_work, NULL);
  }
  if (searching) echo__idle_stop_searching(&idle);
  return NULL;
}

IT(loses_no_wake_up_wherever_it_sleeps) {
  spec_threads threads = {0};
  atomic_store(&made, 0);
  atomic_store(&done, 0);
  spec_threads_add(&threads, work, NULL);
  for (unsigned i = 0; i < SPEC_ROUNDS(PIECES); i++) {
    atomic_store_explicit(&made, i + 1, memory_order_relaxed);
    echo__idle_notify(&idle);
    while (atomic_load(&done) <= i)
      echo__pause();
    for (unsigned k = 0; k < i % 17; k++)
      echo__pause();
  }
  spec_threads_join(&threads);
  assert_int_equal(echo__load(&idle.searching, relaxed), 0);
}

/* -- the loop itself -------------------------------------------------------------------------- */

static void reenter(uv_timer_t *timer) {
  fire(timer);
  assert_false(echo__loop_is_awaited(loop));
  echo__loop_turn(loop);
  echo__loop_clear(loop);
}

IT(is_not_run_from_inside_of_a_call_back) {
  int fired = 0;
  uv_timer_t timer = {.data = &fired};
  uv_timer_init(&loop->uv, &timer);
  uv_timer_start(&timer, reenter, 0, 1000);
  echo__loop_turn(loop);
  assert_int_equal(fired, 1);
  assert_true(uv_is_active((uv_handle_t *)&timer));
  assert_true(echo__loop_is_awaited(loop));
  echo__loop_clear(loop);
}

static void stop_it(uv_timer_t *timer) {
  uv_stop(timer->loop);
}

IT(is_clear_when_nothing_is_left_on_it_whatever_that_was) {
  uv_timer_t timer, unused, aside;
  uv_async_t async;
  uv_timer_init(&loop->uv, &timer);
  uv_timer_init(&loop->uv, &unused);
  uv_timer_init(&loop->uv, &aside);
  uv_async_init(&loop->uv, &async, NULL);
  uv_timer_start(&timer, stop_it, 0, 1);
  uv_timer_start(&aside, stop_it, 1000000, 0);
  uv_unref((uv_handle_t *)&aside);
  echo__loop_turn(loop);
  uv_stop(&loop->uv);
  echo__loop_clear(loop);
  assert_false(echo__loop_is_awaited(loop));
  assert_true(uv_is_closing((uv_handle_t *)&unused) && uv_is_closing((uv_handle_t *)&aside));
  echo__loop_clear(loop);
}

IT(can_be_opened_once_more) {
  echo__loop_close(loop);
  echo__loop_close(loop);
  assert_int_equal(echo__loop_open(loop), ECHO_OK);
  assert_int_equal(echo__loop_open(loop), ECHO_OK);
}

/* -- tasks ------------------------------------------------------------------------------------ */

/* A task that waits for a timer on its worker's loop. */
typedef struct sleeper {
  echo_task *task;
  uv_timer_t timer;
  unsigned milliseconds;
  int calls, status;
  atomic_bool over;
} sleeper;

static void resume(uv_timer_t *timer) {
  const sleeper *s = timer->data;
  uv_close((uv_handle_t *)timer, NULL);
  echo_task_resume(s->task);
}

static void sleep_in_task(void *argument) {
  sleeper *s = argument;
  uv_loop_t *uv;
  if (s->calls++ > 0) {
    atomic_store(&s->over, true);
    return;
  }
  s->status = echo_worker_loop(&uv);
  if (s->status != ECHO_OK) return;
  s->task = echo_task_current();
  s->timer.data = s;
  uv_timer_init(uv, &s->timer);
  uv_timer_start(&s->timer, resume, s->milliseconds, 0);
  echo_task_suspend();
}

IT(resumes_tasks_and_a_drain_waits_for_them) {
  enum { SLEEPERS = 100 };
  static sleeper sleepers[SLEEPERS];
  echo_scheduler *scheduler = spec_crew(2);
  for (unsigned i = 0; i < SLEEPERS; i++) {
    sleepers[i] = (sleeper){.milliseconds = i % 20};
    spec_submit(scheduler, sleep_in_task, &sleepers[i]);
  }
  spec_crew_end(scheduler);
  for (unsigned i = 0; i < SLEEPERS; i++) {
    assert_int_equal(sleepers[i].status, ECHO_OK);
    assert_int_equal(sleepers[i].calls, 2);
  }
}

IT(is_for_workers_alone) {
  uv_loop_t *uv;
  assert_int_equal(echo_worker_loop(&uv), ECHO_INVALID);
  echo_worker_loop_clear();
}

/* The worker sleeps in its loop, and comes for each of the tasks from outside. */
IT(lets_its_worker_be_woken_for_tasks) {
  enum { ROUNDS = 2000 };
  sleeper s = {.milliseconds = 1000000};
  echo_scheduler *scheduler = spec_crew(1);
  echo_task *asleep = spec_submit_held(scheduler, sleep_in_task, &s);
  atomic_int count = 0;
  for (int i = 0; i < SPEC_ROUNDS(ROUNDS); i++) {
    spec_submit(scheduler, spec_count, &count);
    while (atomic_load(&count) <= i)
      sched_yield();
  }
  echo_task_resume(asleep);
  assert_int_equal(echo_task_wait(asleep, ECHO_FOREVER), ECHO_OK);
  echo_task_release(asleep);
  spec_crew_end(scheduler);
}

/* A task that comes again and again until somebody else has gone on. */
static void be_busy(void *argument) {
  const sleeper *s = argument;
  if (!atomic_load(&s->over)) echo_task_again();
}

IT(has_its_turn_while_its_worker_is_busy) {
  sleeper s = {.milliseconds = 5};
  echo_scheduler *scheduler = spec_crew(1);
  spec_submit(scheduler, sleep_in_task, &s);
  spec_submit(scheduler, be_busy, &s);
  spec_crew_end(scheduler);
  assert_int_equal(s.calls, 2);
}

/* The loop has its turn while a task waits in C, for one that waits for the loop. */
static void wait_for_sleeper(void *argument) {
  sleeper *s = argument;
  echo_task *task = NULL;
  echo_scheduler_submit(echo__this_thread.worker->scheduler, NULL, sleep_in_task, s, &task);
  echo_task_wait(task, ECHO_FOREVER);
  echo_task_release(task);
}

IT(has_its_turn_while_a_task_waits) {
  sleeper s = {.milliseconds = 5};
  echo_scheduler *scheduler = spec_crew(1);
  spec_submit(scheduler, wait_for_sleeper, &s);
  spec_crew_end(scheduler);
  assert_int_equal(s.calls, 2);
}

/* A call-back that waits for a task holds its worker, but another one runs it. */
static void block(uv_timer_t *timer) {
  sleeper *s = timer->data;
  atomic_int count = 0;
  echo_task *task = NULL;
  echo_scheduler_submit(echo__this_thread.worker->scheduler, NULL, spec_count, &count, &task);
  echo_task_wait(task, ECHO_FOREVER);
  echo_task_release(task);
  s->status = atomic_load(&count);
  resume(timer);
}

static void block_in_call_back(void *argument) {
  sleeper *s = argument;
  sleep_in_task(s);
  if (s->calls == 1) uv_timer_start(&s->timer, block, 0, 0);
}

IT(can_wait_for_a_task_in_a_call_back) {
  sleeper s = {0};
  echo_scheduler *scheduler = spec_crew(2);
  spec_submit(scheduler, block_in_call_back, &s);
  spec_crew_end(scheduler);
  assert_int_equal(s.status, 1);
}

/* -- resuming there and then ------------------------------------------------------------------ */

static void run_on(uv_timer_t *timer) {
  sleeper *s = timer->data;
  uv_close((uv_handle_t *)timer, NULL);
  s->status = echo_task_resume_now(s->task);
  if (s->calls != 2) s->status = -100; /* not there and then */
}

static void be_run_on(void *argument) {
  sleeper *s = argument;
  sleep_in_task(s);
  if (s->calls > 1) return;
  s->status = echo_task_resume_now(s->task); /* it runs */
  if (s->status == ECHO_INVALID) uv_timer_start(&s->timer, run_on, 5, 0);
}

IT(runs_a_suspended_task_there_and_then) {
  sleeper s = {0};
  echo_scheduler *scheduler = spec_crew(2);
  echo_task *task = spec_submit_held(scheduler, be_run_on, &s);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  spec_crew_end(scheduler);
  assert_int_equal(s.status, ECHO_OK);
  assert_int_equal(s.calls, 2);
  assert_int_equal(echo_task_resume_now(task), ECHO_INVALID);
  echo_task_release(task);
}

IT(does_not_run_a_task_of_another_thread) {
  sleeper s = {.milliseconds = 1000000};
  echo_scheduler *scheduler = spec_crew(1);
  echo_task *task = spec_submit_held(scheduler, sleep_in_task, &s);
  echo_stats stats = {0};
  while (stats.suspended == 0) {
    spec_nap();
    echo_scheduler_stats(scheduler, &stats);
  }
  assert_int_equal(echo_task_resume_now(task), ECHO_INVALID);
  echo_task_resume(task);
  echo_task_wait(task, ECHO_FOREVER);
  echo_task_release(task);
  spec_crew_end(scheduler);
  assert_int_equal(s.calls, 2);
}

/* -- the end ---------------------------------------------------------------------------------- */

/* Leaves a timer that never fires and work under way behind. */
typedef struct leftovers {
  uv_timer_t timer;
  uv_work_t work;
  atomic_int worked, came_back;
} leftovers;

static void do_work(uv_work_t *request) {
  leftovers *l = request->data;
  for (int i = 0; i < 20; i++)
    spec_nap();
  atomic_fetch_add(&l->worked, 1);
}

static void come_back(uv_work_t *request, int status) {
  leftovers *l = request->data;
  if (status == 0) atomic_fetch_add(&l->came_back, 1);
}

static void leave_things(void *argument) {
  leftovers *l = argument;
  uv_loop_t *uv;
  if (echo_worker_loop(&uv) != ECHO_OK) return;
  l->work.data = l;
  uv_timer_init(uv, &l->timer);
  uv_timer_start(&l->timer, never, 1000000, 0);
  uv_queue_work(uv, &l->work, do_work, come_back);
}

IT(holds_no_stop_up_but_awaits_requests_under_way) {
  leftovers l = {0};
  echo_scheduler *scheduler = spec_crew(1);
  spec_submit(scheduler, leave_things, &l);
  spec_crew_end(scheduler);
  assert_true(uv_is_closing((uv_handle_t *)&l.timer));
  assert_int_equal(atomic_load(&l.worked), 1);
  assert_int_equal(atomic_load(&l.came_back), 1);
}

IT(lets_a_cancel_reach_those_that_wait) {
  sleeper s = {.milliseconds = 1000000};
  echo_scheduler *scheduler = spec_crew(1);
  spec_submit(scheduler, sleep_in_task, &s);
  SPEC_UNTIL(echo__load(&scheduler->idle.sleepers[0].token, relaxed) & ECHO__ASLEEP_IN_LOOP);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_CANCEL, 20, NULL), ECHO_OK);
  echo_scheduler_release(scheduler);
  assert_int_equal(s.calls, 2);
}

static void ask_for_loop(void *status) {
  uv_loop_t *uv;
  *(int *)status = echo_worker_loop(&uv);
}

IT(says_when_the_system_gives_no_descriptor) {
  struct rlimit limit, few;
  int status = 1;
  echo_scheduler *scheduler = spec_crew(1);
  atomic_int count = 0;
  spec_submit(scheduler, spec_count, &count);
  SPEC_UNTIL(atomic_load(&count) == 1);
  getrlimit(RLIMIT_NOFILE, &limit);
  few = limit;
  for (few.rlim_cur = 3; few.rlim_cur < 64; few.rlim_cur++) { /* up to where there are enough */
    setrlimit(RLIMIT_NOFILE, &few);
    echo_task *task = spec_submit_held(scheduler, ask_for_loop, &status);
    echo_task_wait(task, ECHO_FOREVER);
    echo_task_release(task);
    if (status == ECHO_OK) break;
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_int_equal(status, ECHO_DESCRIPTOR);
  }
  setrlimit(RLIMIT_NOFILE, &limit);
  assert_int_equal(status, ECHO_OK);
  assert_true(few.rlim_cur > 3);
  spec_crew_end(scheduler);
}

#define IN_A_LOOP(test) cmocka_unit_test_setup_teardown(test, open_idle, close_idle)

/* -- what its worker owes the others ---------------------------------------------------------- */

/* A worker that searches comes to its loop. Just before, the other goes to sleep, and a task comes
 * for which nobody is woken, since there is one that searches. */
typedef struct late {
  echo_scheduler *scheduler;
  spec_blocker other;
  uv_loop_t *uv;
  uv_timer_t timer;
  unsigned worker;
  atomic_bool ran, ran_meanwhile, over;
} late;

static _Atomic(late *) late_one;

static void run_late(void *argument) {
  late *l = argument;
  atomic_store(&l->ran, true);
}

static void stand(uv_timer_t *timer) {
  late *l = timer->data;
  for (int i = 0; i < 5000 && !atomic_load(&l->ran); i++)
    spec_nap();
  atomic_store(&l->ran_meanwhile, atomic_load(&l->ran));
  uv_close((uv_handle_t *)timer, NULL);
  atomic_store(&l->over, true);
}

static uint32_t token_of(const late *l, unsigned worker) {
  return echo__load(&l->scheduler->idle.sleepers[worker].token, relaxed);
}

static void come_late(late *l) {
  spec_unblock(&l->other);
  SPEC_UNTIL(token_of(l, 1 - l->worker) & ECHO__ASLEEP);
  spec_submit(l->scheduler, run_late, l);
  uv_timer_start(&l->timer, stand, 0, 0);
}

int __real_uv_loop_alive(const uv_loop_t *uv);
int __wrap_uv_loop_alive(const uv_loop_t *uv);

int __wrap_uv_loop_alive(const uv_loop_t *uv) {
  late *l = atomic_load(&late_one);
  if (l != NULL && l->uv == uv && echo__load(&l->scheduler->idle.searching, relaxed) == 1) {
    atomic_store(&late_one, NULL);
    come_late(l);
  }
  return __real_uv_loop_alive(uv);
}

static void keep_loop_alive(void *argument) {
  late *l = argument;
  echo_worker_loop(&l->uv);
  l->timer.data = l;
  l->worker = (unsigned)echo_worker_index(l->scheduler);
  uv_timer_init(l->uv, &l->timer);
  uv_timer_start(&l->timer, never, 1000000, 0);
}

IT(leaves_no_task_to_a_worker_that_runs_call_backs) {
  late l = {.scheduler = spec_crew(2)};
  spec_crew_gather(l.scheduler, 2);
  echo_task *task = spec_submit_held(l.scheduler, keep_loop_alive, &l);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  SPEC_UNTIL(token_of(&l, l.worker) & ECHO__ASLEEP_IN_LOOP);
  SPEC_UNTIL(token_of(&l, 1 - l.worker) & ECHO__ASLEEP);
  spec_block(l.scheduler, &l.other);
  SPEC_UNTIL(token_of(&l, l.worker) & ECHO__ASLEEP_IN_LOOP);
  atomic_store(&late_one, &l);
  assert_true(echo__idle_notify(&l.scheduler->idle));
  SPEC_UNTIL(atomic_load(&l.over));
  assert_true(atomic_load(&l.ran_meanwhile));
  echo_task_release(task);
  spec_crew_end(l.scheduler);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      IN_A_LOOP(does_not_sleep_through_tokens_that_come_before_it_sleeps),
      IN_A_LOOP(sleeps_no_longer_than_to_its_deadline),
      IN_A_LOOP(sleeps_until_something_is_due_and_leaves_it_to_a_turn),
      IN_A_LOOP(wakes_from_its_sleep_for_a_claim_and_for_a_nudge),
      IN_A_LOOP(gets_up_once_for_a_knock_that_came_late),
      IN_A_LOOP(is_claimed_after_those_that_sleep_on_their_tokens),
      IN_A_LOOP(loses_no_wake_up_wherever_it_sleeps),
      IN_A_LOOP(is_not_run_from_inside_of_a_call_back),
      IN_A_LOOP(is_clear_when_nothing_is_left_on_it_whatever_that_was),
      IN_A_LOOP(can_be_opened_once_more),
      cmocka_unit_test(resumes_tasks_and_a_drain_waits_for_them),
      cmocka_unit_test(is_for_workers_alone),
      cmocka_unit_test(lets_its_worker_be_woken_for_tasks),
      cmocka_unit_test(has_its_turn_while_its_worker_is_busy),
      cmocka_unit_test(has_its_turn_while_a_task_waits),
      cmocka_unit_test(can_wait_for_a_task_in_a_call_back),
      cmocka_unit_test(runs_a_suspended_task_there_and_then),
      cmocka_unit_test(does_not_run_a_task_of_another_thread),
      cmocka_unit_test(holds_no_stop_up_but_awaits_requests_under_way),
      cmocka_unit_test(lets_a_cancel_reach_those_that_wait),
      cmocka_unit_test(says_when_the_system_gives_no_descriptor),
      cmocka_unit_test(leaves_no_task_to_a_worker_that_runs_call_backs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
