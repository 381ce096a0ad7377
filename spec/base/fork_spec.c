/* What is entered is held over a fork, let go on both sides, and told in the child. */
#include "base/fork.h"

#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "support/spec.h"

typedef struct thing {
  echo__forkable forkable;
  uv_mutex_t mutex;
  int held, let_go, told, refusals;
} thing;

static bool hold(echo__forkable *forkable) {
  thing *t = (thing *)forkable;
  if (t->refusals > 0) {
    t->refusals--;
    return false;
  }
  if (uv_mutex_trylock(&t->mutex) != 0) return false;
  t->held++;
  return true;
}

static void let_go(echo__forkable *forkable) {
  thing *t = (thing *)forkable;
  t->let_go++;
  uv_mutex_unlock(&t->mutex);
}

static void in_child(echo__forkable *forkable) {
  thing *t = (thing *)forkable;
  t->told++;
}

static void enter(thing *t) {
  *t = (thing){.forkable = {.hold = hold, .let_go = let_go, .in_child = in_child}};
  assert_int_equal(uv_mutex_init(&t->mutex), 0);
  echo__fork_enter(&t->forkable);
}

static void leave(thing *t) {
  echo__fork_leave(&t->forkable);
  uv_mutex_destroy(&t->mutex);
}

/* Forks; true if the child found `told` in the thing, and its mutex free. */
static bool child_finds(thing *t, int told) {
  pid_t child = fork();
  if (child == 0) _exit(t->told == told && uv_mutex_trylock(&t->mutex) == 0 ? 0 : 1);
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

IT(holds_and_lets_go_on_both_sides_and_tells_the_child) {
  thing t;
  enter(&t);
  assert_true(child_finds(&t, 1));
  assert_int_equal(t.told, 0);
  assert_int_equal(t.held, 1);
  assert_int_equal(t.let_go, 1);
  leave(&t);
}

IT(forgets_what_has_left) {
  thing t;
  enter(&t);
  leave(&t);
  echo__fork_leave(&t.forkable);
  assert_int_equal(uv_mutex_init(&t.mutex), 0);
  assert_true(child_finds(&t, 0));
  assert_int_equal(t.held, 0);
  uv_mutex_destroy(&t.mutex);
}

IT(begins_anew_when_something_cannot_be_held_yet) {
  thing things[3];
  for (int i = 0; i < 3; i++)
    enter(&things[i]);
  things[0].refusals = 3; /* the last in the list, which the others precede */
  assert_true(child_finds(&things[0], 1));
  for (int i = 0; i < 3; i++) {
    assert_int_equal(things[i].held, i == 0 ? 1 : 4);
    assert_int_equal(things[i].let_go, things[i].held);
    leave(&things[i]);
  }
}

static void *use_both_ways(void *argument) {
  thing *things = argument;
  while (uv_mutex_trylock(&things[2].mutex) != 0) { /* until the test has it no more */
    uv_mutex_lock(&things[0].mutex);
    uv_mutex_lock(&things[1].mutex);
    uv_mutex_unlock(&things[1].mutex);
    uv_mutex_unlock(&things[0].mutex);
  }
  uv_mutex_unlock(&things[2].mutex);
  return NULL;
}

/* Others take the locks in the one order; the list has them in the other. */
IT(waits_for_nobody_while_it_holds_something) {
  thing things[3];
  spec_threads threads = {0};
  enter(&things[0]);
  enter(&things[1]);
  things[2] = (thing){0};
  assert_int_equal(uv_mutex_init(&things[2].mutex), 0);
  uv_mutex_lock(&things[2].mutex);
  spec_threads_add(&threads, use_both_ways, things);
  for (int i = 0; i < SPEC_ROUNDS(50) + 1; i++)
    assert_true(child_finds(&things[1], 1));
  uv_mutex_unlock(&things[2].mutex);
  spec_threads_join(&threads);
  uv_mutex_destroy(&things[2].mutex);
  leave(&things[1]);
  leave(&things[0]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(holds_and_lets_go_on_both_sides_and_tells_the_child),
      cmocka_unit_test(forgets_what_has_left),
      cmocka_unit_test(begins_anew_when_something_cannot_be_held_yet),
      cmocka_unit_test(waits_for_nobody_while_it_holds_something),
  };
  return cmocka_run_group_tests_name("fork", tests, NULL, NULL);
}
