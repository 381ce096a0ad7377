/* The whole scheduler: tasks that suspend, are resumed, are held, and are asked to end. */
#include "stage.hpp"

/* A task that suspends until it was resumed; who resumes may do so before it has returned. */
struct suspended : stage {
  echo_task *task, *self;
  handover begun, resumed;
  model::plain<int> given = 0;
  int homes[2];

  static void twice(void *) {
    suspended *me = (suspended *)the_stage;
    me->homes[me->ran] = echo_worker_index(me->s);
    if (++me->ran == 2) {
      CHECK(me->given == 7 && me->homes[0] == me->homes[1]);
      return;
    }
    me->self = echo_task_current();
    CHECK(echo_task_suspend() == ECHO_OK);
    me->begun.set();
  }
  void other() override {
    begun.wait();
    given = 7;
    echo_task_resume(self);
    resumed.set();
  }
};

/* Nothing is used any more that a release has freed, though the resume has not returned. */
struct suspend_release : suspended {
  void outside() override {
    CHECK(submit(twice, &task) == ECHO_OK);
    CHECK(echo_task_wait(task, ECHO_FOREVER) == ECHO_OK);
    CHECK(ran == 2 && ended == 1);
    echo_task_release(task);
    CHECK(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL) == ECHO_OK);
    echo_scheduler_release(s);
  }
};

/* The same without a handle: a drain waits for it. */
struct suspend_drain : suspended {
  void outside() override {
    CHECK(submit(twice, NULL) == ECHO_OK);
    CHECK(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL) == ECHO_OK);
    CHECK(ran == 2 && ended == 1);
    echo_scheduler_release(s);
  }
};

/* Two resume: however they fall together, the task is called after the later one and sees what was
 * written before it. */
struct two_resume : stage {
  echo_task *task;
  handover begun;
  event there;
  echo__atomic(int) arrived;

  static void until_both(void *) {
    two_resume *me = (two_resume *)the_stage;
    me->ran++;
    if (echo__load(&me->arrived, relaxed) == 2) return;
    CHECK(echo_task_suspend() == ECHO_OK);
    if (me->ran == 1) me->begun.set();
  }
  void one() {
    begun.wait();
    echo__add(&arrived, 1, relaxed);
    echo_task_resume(task);
  }
  void before() override {
    echo__store(&arrived, 0, relaxed);
  }
  void outside() override {
    CHECK(submit(until_both, &task) == ECHO_OK);
    one();
    there.wait();
    echo_task_release(task);
    CHECK(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL) == ECHO_OK);
    CHECK(ended == 1 && ran >= 2 && ran <= 3);
    echo_scheduler_release(s);
  }
  void other() override {
    one();
    there.set();
  }
};

static void wait_for_ever(void *) {
  the_stage->ran++;
  if (!echo_task_is_cancelled()) CHECK(echo_task_suspend() == ECHO_OK);
}

/* Nobody resumes it: a cancel does. */
struct suspend_cancel : stage {
  void outside() override {
    echo_task *task;
    CHECK(submit(wait_for_ever, &task) == ECHO_OK);
    CHECK(echo_task_cancel(task) == ECHO_OK);
    CHECK(echo_task_wait(task, ECHO_FOREVER) == ECHO_CANCELLED);
    CHECK(ended == 1 && ended_cancelled == 1 && ran <= 2);
    echo_task_release(task);
    CHECK(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL) == ECHO_OK);
    echo_scheduler_release(s);
  }
};

/* Or a stop does. */
struct suspend_stop : stage {
  void outside() override {
    CHECK(submit(wait_for_ever, NULL) == ECHO_OK);
    CHECK(echo_scheduler_stop(s, ECHO_STOP_CANCEL, ECHO_FOREVER, NULL) == ECHO_OK);
    CHECK(ended == 1 && ran <= 2 && (ended_cancelled == 1 || ran == 1));
    echo_scheduler_release(s);
  }
};

/* One that is told to end may suspend once more, and is called again when it is resumed. */
struct clean_up : stage {
  int told = 0;

  static void slowly(void *) {
    clean_up *me = (clean_up *)the_stage;
    me->ran++;
    me->told += echo_task_is_cancelled();
    if (me->told == 2) return;
    CHECK(echo_task_suspend() == ECHO_OK);
    if (me->told == 1) echo_task_resume(echo_task_current());
  }
  void outside() override {
    CHECK(submit(slowly, NULL) == ECHO_OK);
    CHECK(echo_scheduler_stop(s, ECHO_STOP_CANCEL, ECHO_FOREVER, NULL) == ECHO_OK);
    CHECK(ended == 1 && ended_cancelled == 1 && (ran == 0 || told == 2));
    echo_scheduler_release(s);
  }
};

/* A cancel while the task ends: what the cancel was told, on_end and the state agree. */
struct cancel_late : stage {
  echo_task *task;
  event begun;

  static void begins(void *) {
    the_stage->ran++;
    ((cancel_late *)the_stage)->begun.set();
  }
  void outside() override {
    CHECK(submit(begins, &task) == ECHO_OK);
    begun.wait();
    int status = echo_task_cancel(task);
    int outcome = echo_task_wait(task, ECHO_FOREVER);
    CHECK((status == ECHO_OK) == (outcome == ECHO_CANCELLED));
    CHECK(ended == 1 && ended_cancelled == (status == ECHO_OK));
    echo_task_release(task);
    CHECK(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL) == ECHO_OK);
    echo_scheduler_release(s);
  }
};

/* A held task, resumed, cancelled and stopped at once: it ends once. */
struct held : stage {
  echo_task *task;
  handover there, resumed;

  void outside() override {
    echo_task_options held = options;
    held.held = true;
    CHECK(echo_scheduler_submit(s, &held, nothing, NULL, &task) == ECHO_OK);
    CHECK(echo_task_get_state(task) == ECHO_TASK_SUSPENDED);
    CHECK(submit(nothing, NULL) == ECHO_OK); /* threads are there */
    there.set();
    bool cancels = model::choose(2);
    if (cancels) CHECK(echo_task_cancel(task) == ECHO_OK || ran > 0);
    CHECK(echo_scheduler_stop(s, cancels ? ECHO_STOP_DRAIN : ECHO_STOP_CANCEL, ECHO_FOREVER,
                              NULL) == ECHO_OK);
    CHECK(ended == 2 && ran + ended_cancelled >= 2);
    resumed.wait();
    echo_task_release(task);
    echo_scheduler_release(s);
  }
  void other() override {
    there.wait();
    if (model::choose(4) > 0) echo_task_resume(task);
    resumed.set();
  }
};

/* A task that is suspended on a worker which then is stuck: it is lost, and ends all the same when
 * the worker comes back. */
struct abandon_suspended : stage {
  echo_task *task;
  handover there, seen;

  void outside() override {
    stuck_ends = handover();
    CHECK(submit(wait_for_ever, &task) == ECHO_OK);
    there.set();
    CHECK(submit(stuck, NULL) == ECHO_OK);
    CHECK(submit(stuck, NULL) == ECHO_OK);
    int status = echo_scheduler_stop(s, ECHO_STOP_CANCEL, 0.5, NULL);
    seen.wait();
    stuck_ends.set();
    int outcome = echo_task_wait(task, ECHO_FOREVER);
    CHECK(outcome != ECHO_LOST || status == ECHO_TIMEOUT);
    echo_task_release(task);
    echo_scheduler_release(s);
  }
  void other() override {
    there.wait();
    int outcome = echo_task_wait(task, ECHO_FOREVER);
    CHECK(outcome == ECHO_OK || outcome == ECHO_CANCELLED || outcome == ECHO_LOST);
    seen.set();
  }
  void after() override {
    CHECK(ended == 3);
    stage::after();
  }
};

SCENARIO(suspend_release, 4, 30000, 1, 0)
SCENARIO(suspend_drain, 4, 20000, 1, 0)
SCENARIO(two_resume, 4, 30000, 1, 0)
SCENARIO(suspend_cancel, 3, 20000, 1, 0)
SCENARIO(suspend_stop, 3, 150000, 1, 0)
SCENARIO(clean_up, 3, 20000, 1, 0)
SCENARIO(cancel_late, 3, 20000, 1, 0)
SCENARIO(held, 4, 20000, 0, 0)
/* A deadline may pass at any step: too many schedules for all of them. */
SCENARIO(abandon_suspended, 4, 20000, 0, 0)
