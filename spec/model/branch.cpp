/* Fork and join: a branch runs once, wherever that is, what it did is seen by the join, and after
 * the join nobody touches it; no worker sleeps while a branch is on offer, nor in a join that is
 * over. */
#include "variant.h" /* before all that tells the model something */

#include "sleepers.hpp"

/* A branch whose memory is written to after the join: who still uses it races with that. */
struct marked {
  echo_branch branch;
  model::plain<int> runs = 0;

  static void mark(void *argument) {
    marked *self = (marked *)argument;
    self->runs = self->runs + 1;
  }
  void fork(void (*function)(void *) = mark) {
    runs = 0;
    echo_fork(&branch, function, this);
  }
  void join() {
    CHECK(echo_join(&branch) == ECHO_OK);
    CHECK(runs == 1);
    branch.function = NULL;
    branch.worker = NULL;
  }
};

static marked branches[4];

struct forking : stage {
  forking(unsigned count, int expected) : stage(count, expected) {
    for (marked &one : branches) {
      one.~marked();
      new (&one, (model::scenario *)nullptr) marked();
    }
  }
  void thread(unsigned index) override {
    if (index > 0) return work_as(index - 1);
    inject(0, root());
    begun();
  }
  virtual echo_task_function root() = 0;
  virtual void begun() {
  }
};

static void fork_twice(void *) {
  for (int i = 0; i < 2; i++) {
    branches[0].fork();
    branches[0].join();
  }
}

struct one_branch : forking {
  one_branch() : forking(2, 1) {
  }
  echo_task_function root() override {
    return fork_twice;
  }
};

static void set_and_mark(void *argument) {
  the_stage->child_ran.set();
  marked::mark(argument);
}

/* Needs another worker, which may be about to sleep. */
static void fork_and_need(void *) {
  branches[0].fork(set_and_mark);
  the_stage->child_ran.wait();
  branches[0].join();
}

struct needed : forking {
  needed() : forking(2, 1) {
  }
  echo_task_function root() override {
    return fork_and_need;
  }
};

/* The ring holds two: the join runs the third. */
static void fork_many(void *) {
  for (int i = 0; i < 3; i++)
    branches[i].fork();
  for (int i = 2; i >= 0; i--)
    branches[i].join();
}

struct many : forking {
  many() : forking(2, 1) {
  }
  echo_task_function root() override {
    return fork_many;
  }
};

static void fork_unordered(void *) {
  for (int i = 0; i < 2; i++)
    branches[i].fork();
  for (int i = 0; i < 2; i++)
    branches[i].join();
}

struct unordered : forking {
  unordered() : forking(2, 1) {
  }
  echo_task_function root() override {
    return fork_unordered;
  }
};

static void fork_inner(void *argument) {
  branches[1].fork();
  branches[1].join();
  marked::mark(argument);
}

static void fork_nested(void *) {
  branches[0].fork(fork_inner);
  branches[2].fork();
  branches[2].join();
  branches[0].join();
}

struct nested : forking {
  nested() : forking(3, 1) {
  }
  echo_task_function root() override {
    return fork_nested;
  }
};

/* A branch that waits for a task which the worker that joins has to run: it may not sleep. */
static void wait_and_mark(void *argument) {
  the_stage->all_started.set();
  the_stage->child_ran.wait();
  marked::mark(argument);
}

static void fork_and_be_needed(void *) {
  branches[0].fork(wait_and_mark);
  the_stage->all_started.wait();
  branches[0].join();
}

struct joiner_works : forking {
  joiner_works() : forking(2, 2) {
  }
  echo_task_function root() override {
    return fork_and_be_needed;
  }
  void begun() override {
    all_started.wait();
    inject(1, set_child_ran);
  }
};

/* A worker that comes from a join does not count as searching: else the last fork wakes nobody. */
static void join_then_need(void *) {
  branches[0].fork(wait_and_mark);
  the_stage->all_started.wait();
  branches[0].join();
  the_stage->child_ran.happened = false;
  branches[3].fork(set_and_mark);
  the_stage->child_ran.wait();
  branches[3].join();
}

struct joiner_needs : joiner_works {
  echo_task_function root() override {
    return join_then_need;
  }
};

SCENARIO(one_branch, 3, 40000, 1, 1)
SCENARIO(needed, 3, 40000, 2, 0)
SCENARIO(many, 3, 30000, 1, 0)
SCENARIO(unordered, 3, 30000, 1, 0)
SCENARIO(nested, 4, 30000, 1, 0)
SCENARIO(joiner_works, 3, 40000, 1, 0)
SCENARIO(joiner_needs, 3, 40000, 1, 0)
