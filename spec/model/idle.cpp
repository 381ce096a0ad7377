/*
 * Sleeping and waking: no worker sleeps while work waits, and the count of those that search is
 * right. There is one priority.
 */
#include "variant.h" /* before all that tells the model something */

#include "sleepers.hpp"

/* One worker, submits from outside: behind each there may be a sleep. */
struct one_worker : stage {
  one_worker() : stage(1, 3) {
  }
  void thread(unsigned index) override {
    if (index > 0) return work_as(0);
    for (int i = 0; i < 3; i++)
      inject(i, nothing);
  }
};

/* As many tasks as workers, from outside: all workers must come. */
struct two_meet : stage {
  two_meet() : stage(2, 2) {
  }
  void thread(unsigned index) override {
    if (index > 0) return work_as(index - 1);
    for (unsigned i = 0; i < s.plan.workers; i++)
      inject((int)i, meet);
  }
};

struct three_meet : stage {
  three_meet() : stage(3, 3) {
  }
  void thread(unsigned index) override {
    if (index > 0) return work_as(index - 1);
    for (unsigned i = 0; i < s.plan.workers; i++)
      inject((int)i, meet);
  }
};

/* A task's child in its worker's deque. */
struct child : stage {
  child() : stage(2, 3) {
  }
  void thread(unsigned index) override {
    if (index > 0) return work_as(index - 1);
    inject(0, spawn);
    inject(2, nothing);
  }
};

/* Two submitters: each may rely on what the other does. */
struct two_submit : stage {
  two_submit() : stage(2, 2) {
  }
  void thread(unsigned index) override {
    if (index > 1) return work_as(index - 2);
    inject((int)index, meet);
  }
};

/* A worker that also wakes for nothing, and one whose time is up now and then. */
struct nudged : stage {
  nudged() : stage(2, 3) {
  }
  void thread(unsigned index) override {
    if (index > 0) {
      echo__worker *worker = &workers[index - 1];
      if (index == 1)
        for (int i = 0; i < 2; i++) /* as a wait with a limit does */
          if (echo__worker_step(worker) == ECHO_STEAL_EMPTY) echo__worker_rest(worker, NULL, 1);
      return work_as(index - 1);
    }
    inject(0, meet);
    echo__idle_nudge(&s.idle, 0);
    inject(1, meet);
    echo__idle_nudge(&s.idle, 1);
    inject(2, nothing);
  }
};

/* Work for one worker alone, which nobody else may take. */
struct one_pinned : stage {
  one_pinned() : stage(1, 3) {
  }
  void thread(unsigned index) override {
    if (index > 0) return work_as(0);
    for (int i = 0; i < 3; i++)
      pin(0, i, nothing);
  }
};

/* Two workers: what is pinned to each, and what is for both, from two threads. */
struct pinned_meet : stage {
  pinned_meet() : stage(2, 2) {
  }
  void thread(unsigned index) override {
    if (index > 1) return work_as(index - 2);
    pin(index, (int)index, meet);
  }
};

/* A worker that was claimed for other work finds what is pinned to it, and the other way round. */
struct pinned_and_not : stage {
  pinned_and_not() : stage(2, 3) {
  }
  void thread(unsigned index) override {
    if (index > 0) return work_as(index - 1);
    pin(0, 0, nothing);
    inject(1, nothing);
    pin(1, 2, nothing);
  }
};

/* As above, but the last of the workers are absent, and come when they are called, or
 * cannot come. */
template <class common, unsigned absent, bool fails = false> struct with_absent : common {
  struct seat {
    handover called;
    bool comes = false;
  } seats[WORKERS];

  static bool call_up(void *self, unsigned worker) {
    with_absent *stage = (with_absent *)self;
    CHECK(stage->is_late(worker) && !stage->seats[worker].comes);
    if (fails) return false;
    stage->seats[worker].comes = true;
    stage->seats[worker].called.set();
    return true;
  }
  bool is_late(unsigned worker) {
    return worker + absent >= this->s.plan.workers;
  }
  with_absent() {
    this->s.idle.call_up = call_up;
    this->s.idle.context = this;
    for (unsigned i = 0; i < this->s.plan.workers; i++)
      if (is_late(i)) echo__idle_expect(&this->s.idle, i);
  }
  void ends() override {
    for (seat &each : seats)
      each.called.set();
  }
  void after() override {
    common::after();
    for (unsigned i = 0; i < this->s.plan.workers; i++)
      CHECK(is_absent(&this->s.idle, i) == (is_late(i) && !seats[i].comes));
  }
  void work_as(unsigned worker) override {
    if (is_late(worker)) {
      seats[worker].called.wait();
      if (!seats[worker].comes) return;
    }
    common::work_as(worker);
  }
};

/* The one who is present does it all, until somebody needs the other and gets him. */
struct few_and_meet : stage {
  few_and_meet() : stage(2, 4) {
  }
  void thread(unsigned index) override {
    if (index > 0) return work_as(index - 1);
    inject(0, nothing);
    inject(1, nothing);
    inject(2, meet);
    inject(3, meet);
  }
};

struct absent_meet : with_absent<two_meet, 1> {};
struct absent_of_three : with_absent<three_meet, 1> {};
struct absent_two : with_absent<three_meet, 2> {};
struct absent_two_submit : with_absent<two_submit, 1> {};
struct absent_child : with_absent<child, 1> {};
struct absent_delayed : with_absent<few_and_meet, 1> {};

/* Nobody relies on one who cannot come. */
struct few : stage {
  few() : stage(2, 3) {
  }
  void thread(unsigned index) override {
    if (index > 1) return work_as(index - 2);
    inject((int)index, nothing);
    if (index == 0) inject(2, nothing);
  }
};
struct absent_late : with_absent<few, 1, true> {};

/* As above, of workers that sleep in their loops, or of which one does. */
struct one_in_loop : one_worker {
  one_in_loop() {
    give_loop(0);
  }
};

struct one_pinned_in_loop : one_pinned {
  one_pinned_in_loop() {
    give_loop(0);
  }
};

struct two_meet_in_loops : two_meet {
  two_meet_in_loops() {
    give_loop(0);
    give_loop(1);
  }
};

struct one_of_two_in_loop : pinned_and_not {
  one_of_two_in_loop() {
    give_loop(0);
  }
};

struct nudged_in_loop : nudged {
  nudged_in_loop() {
    give_loop(0);
  }
};

SCENARIO(absent_late, 4, 30000, 1, 0)
/* A worker that was woken for what another one takes then runs a call-back of its loop, which takes
 * as long as the next task: nobody may rely on its search meanwhile. */
static int turns;

static void wait_in_call_back() {
  if (++turns > 1) the_stage->child_ran.wait();
}

static void set_all_started(void *) {
  the_stage->all_started.set();
}

struct long_call_back : stage {
  event other_may_begin;

  long_call_back() : stage(2, 2) {
    turns = 0;
    give_loop(0);
    loops[0].turn = wait_in_call_back;
  }
  void thread(unsigned index) override {
    if (index == 1) return work_as(0);
    if (index == 0) {
      other_may_begin.wait();
      return work_as(1);
    }
    inject(0, set_all_started);
    other_may_begin.set();
    all_started.wait();
    inject(1, set_child_ran);
  }
};

SCENARIO(long_call_back, 3, 5000, 1, 0)
SCENARIO(one_in_loop, 2, 60000, 3, 1)
SCENARIO(one_pinned_in_loop, 2, 60000, 3, 1)
SCENARIO(two_meet_in_loops, 3, 60000, 1, 0)
SCENARIO(one_of_two_in_loop, 3, 60000, 1, 0)
SCENARIO(nudged_in_loop, 3, 40000, 0, 0)
SCENARIO(one_worker, 2, 60000, 3, 1)
SCENARIO(two_meet, 3, 60000, 2, 1)
SCENARIO(three_meet, 4, 60000, 1, 0)
SCENARIO(child, 3, 40000, 2, 0)
SCENARIO(two_submit, 4, 60000, 2, 0)
SCENARIO(one_pinned, 2, 60000, 3, 1)
SCENARIO(pinned_meet, 4, 60000, 1, 0)
SCENARIO(pinned_and_not, 3, 60000, 1, 0)
SCENARIO(nudged, 3, 40000, 0, 0)
SCENARIO(absent_meet, 3, 30000, 1, 1)
SCENARIO(absent_of_three, 4, 30000, 1, 0)
SCENARIO(absent_two, 4, 30000, 1, 0)
SCENARIO(absent_two_submit, 4, 30000, 1, 0)
SCENARIO(absent_child, 3, 20000, 1, 0)
SCENARIO(absent_delayed, 3, 20000, 1, 0)
