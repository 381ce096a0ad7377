/*
 * Workers for high tasks: none of them sleeps while one waits that no other worker is sure to take,
 * and no wake-up for another task is spent on them.
 */
#include "variant.h" /* before all that tells the model something */

#include "sleepers.hpp"

/* What is urgent must not wait for what is not: the low tasks end when the high one has run. */
static void set_high_ran(void *) {
  the_stage->high_ran.set();
}

static void wait_for_high(void *) {
  the_stage->high_ran.wait();
}

static void spawn_high(void *) {
  the_stage->push_high(model_here()->worker->index, 1, set_high_ran);
  the_stage->high_ran.wait();
}

/* The ordinary worker may be woken for the low one, be counted on for the high one, and find the
 * low one first. */
struct urgent_injected : stage {
  urgent_injected() : stage(2, 3, 1) {
  }
  void thread(unsigned index) override {
    if (index > 0) return work_as(index - 1);
    submit(0, ECHO_PRIORITY_LOW, wait_for_high);
    submit(1, ECHO_PRIORITY_HIGH, set_high_ran);
    submit(2, ECHO_PRIORITY_LOW, nothing);
  }
};

/* The same from two threads. */
struct urgent_two_submit : stage {
  urgent_two_submit() : stage(2, 2, 1) {
  }
  void thread(unsigned index) override {
    if (index > 1) return work_as(index - 2);
    if (index == 0)
      submit(0, ECHO_PRIORITY_LOW, wait_for_high);
    else
      submit(1, ECHO_PRIORITY_HIGH, set_high_ran);
  }
};

/* The high one lies in the deque of a worker that is inside of the low one. */
struct urgent_child : stage {
  urgent_child() : stage(2, 2, 1) {
  }
  void thread(unsigned index) override {
    if (index > 0) return work_as(index - 1);
    submit(0, ECHO_PRIORITY_LOW, spawn_high);
  }
};

/* What is pinned to an urgent worker, of normal priority, beside what it must leave alone. */
struct urgent_pinned : stage {
  urgent_pinned() : stage(2, 3, 1) {
  }
  void thread(unsigned index) override {
    if (index > 0) return work_as(index - 1);
    submit(0, ECHO_PRIORITY_LOW, wait_for_high);
    pin(1, 1, set_high_ran);
    submit(2, ECHO_PRIORITY_LOW, nothing);
  }
};

SCENARIO(urgent_injected, 3, 60000, 1, 0)
SCENARIO(urgent_two_submit, 4, 60000, 1, 0)
SCENARIO(urgent_child, 3, 60000, 1, 0)
SCENARIO(urgent_pinned, 3, 40000, 1, 0)
