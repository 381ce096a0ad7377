/* A named queue's tickets, step by step and without threads. */
#include <stdlib.h>

#include "base/random.h"
#include "scheduler/named_queue.h"
#include "support/spec.h"

#define HIGH   ECHO_PRIORITY_HIGH
#define NORMAL ECHO_PRIORITY_NORMAL
#define LOW    ECHO_PRIORITY_LOW

enum { OUT = 4096 };

static echo__named_queue *queue;
static echo_task *out[OUT]; /* the tickets that are out */
static unsigned outs;
static int objects; /* tickets that exist */

static void carry_out(echo__named_orders orders) {
  if (orders.surplus != NULL) {
    free(orders.surplus);
    objects--;
  }
  while (orders.issued != NULL) {
    echo_task *ticket = echo__task_of(orders.issued);
    orders.issued = ticket->node.next;
    assert_true(outs < OUT);
    out[outs++] = ticket;
  }
}

static void open_queue(unsigned limit) {
  outs = 0;
  objects = 0;
  queue = echo__named_create("few", limit);
  assert_non_null(queue);
}

static void close_queue(void) {
  for (unsigned i = 0; i < outs; i++)
    free(out[i]);
  objects -= (int)outs;
  for (echo_task *t; (t = echo__named_take_spare(queue)) != NULL; objects--)
    free(t);
  echo__named_destroy(queue);
  assert_int_equal(objects, 0);
}

static echo_task *add(echo_priority priority) {
  echo_task *task = calloc(1, sizeof *task), *ticket = calloc(1, sizeof *ticket);
  task->priority = (int8_t)priority;
  objects++;
  carry_out(echo__named_add(queue, task, ticket));
  return task;
}

/* Redeems the ticket at `index`; the task that it gave, or NULL. */
static echo_task *redeem(unsigned index) {
  echo_task *ticket = out[index], *task;
  out[index] = out[--outs];
  carry_out(echo__named_redeem(queue, ticket, &task));
  return task;
}

static void give_back(echo_task *task) {
  free(task);
  carry_out(echo__named_give_back(queue));
}

static unsigned tickets_of(echo_priority priority) {
  unsigned count = 0;
  for (unsigned i = 0; i < outs; i++)
    count += out[i]->priority == priority;
  return count;
}

static unsigned index_of(echo_priority priority) {
  for (unsigned i = 0; i < outs; i++) {
    if (out[i]->priority == priority) return i;
  }
  fail_msg("no ticket of priority %d is out", priority);
  return 0;
}

IT(issues_a_ticket_for_each_task_that_could_start) {
  open_queue(2);
  echo_task *tasks[3];
  for (int i = 0; i < 3; i++)
    tasks[i] = add(NORMAL);
  assert_int_equal(tickets_of(NORMAL), 2);
  assert_ptr_equal(redeem(0), tasks[0]);
  assert_ptr_equal(redeem(0), tasks[1]);
  assert_int_equal(outs, 0); /* no slot, no ticket */
  give_back(tasks[0]);
  assert_int_equal(tickets_of(NORMAL), 1);
  assert_ptr_equal(redeem(0), tasks[2]);
  give_back(tasks[1]);
  give_back(tasks[2]);
  close_queue();
}

IT(gives_the_most_urgent_task_for_a_lower_ticket) {
  open_queue(1);
  echo_task *low = add(LOW), *high = add(HIGH);
  assert_ptr_equal(redeem(index_of(LOW)), high);
  give_back(high);
  assert_ptr_equal(redeem(index_of(LOW)), low);
  give_back(low);
  close_queue();
}

/* A high ticket is taken before what waits outside of the queue: it must not let a low task in. */
IT(gives_nothing_for_a_ticket_that_is_higher_than_all_that_waits) {
  open_queue(2);
  echo_task *low = add(LOW), *high = add(HIGH);
  assert_ptr_equal(redeem(index_of(LOW)), high);
  assert_null(redeem(index_of(HIGH)));
  assert_int_equal(tickets_of(LOW), 1); /* and the low one is not forgotten */
  assert_ptr_equal(redeem(index_of(LOW)), low);
  give_back(low);
  give_back(high);
  close_queue();
}

IT(gives_nothing_while_all_slots_are_taken) {
  open_queue(1);
  echo_task *high = add(HIGH), *low = add(LOW);
  assert_ptr_equal(redeem(index_of(HIGH)), high);
  assert_null(redeem(index_of(LOW)));
  assert_int_equal(outs, 0);
  give_back(high);
  assert_ptr_equal(redeem(index_of(LOW)), low);
  give_back(low);
  close_queue();
}

IT(evicts_what_waits_without_a_slot) {
  open_queue(1);
  echo_task *first = add(LOW), *low = add(LOW), *high = add(HIGH);
  assert_ptr_equal(redeem(index_of(LOW)), high);
  assert_ptr_equal(echo__named_evict(queue), first);
  assert_ptr_equal(echo__named_evict(queue), low);
  assert_null(echo__named_evict(queue));
  free(first);
  free(low);
  give_back(high);
  close_queue();
}

/* -- whatever happens ------------------------------------------------------------------------- */

typedef struct model {
  unsigned limit, running, waiting[ECHO_PRIORITIES];
  echo_task *tasks[64]; /* those that run */
} model;

static void expect_invariant(const model *m) {
  for (int p = LOW; p <= HIGH; p++) {
    unsigned waiting = m->waiting[p + 1], slots = m->limit - m->running;
    assert_true(tickets_of((echo_priority)p) >= (waiting < slots ? waiting : slots));
  }
}

static void step(model *m, echo__random *random) {
  uint32_t choice = echo__random_below(random, 5);
  if (choice < 2) {
    echo_priority priority = (echo_priority)((int)echo__random_below(random, 3) - 1);
    m->waiting[priority + 1]++;
    add(priority);
  } else if (choice < 4 && outs > 0) {
    echo_task *task = redeem(echo__random_below(random, outs));
    if (task == NULL) return;
    m->waiting[task->priority + 1]--;
    m->tasks[m->running++] = task;
    assert_true(m->running <= m->limit);
  } else if (m->running > 0) {
    give_back(m->tasks[--m->running]);
  }
  expect_invariant(m);
}

IT(leaves_no_slot_idle_whatever_happens) {
  for (unsigned limit = 1; limit <= 16; limit *= 2) {
    model m = {.limit = limit};
    echo__random random;
    echo__random_seed(&random, spec_seed() + limit);
    open_queue(limit);
    for (int i = 0; i < 3000; i++)
      step(&m, &random);
    while (outs > 0 || m.running > 0) {
      if (m.running > 0) give_back(m.tasks[--m.running]);
      echo_task *task = outs > 0 ? redeem(0) : NULL;
      if (task == NULL) continue;
      m.waiting[task->priority + 1]--;
      m.tasks[m.running++] = task;
    }
    for (int p = 0; p < ECHO_PRIORITIES; p++)
      assert_int_equal(m.waiting[p], 0);
    close_queue();
  }
}

int main(void) {
  spec_seed();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(issues_a_ticket_for_each_task_that_could_start),
      cmocka_unit_test(gives_the_most_urgent_task_for_a_lower_ticket),
      cmocka_unit_test(gives_nothing_for_a_ticket_that_is_higher_than_all_that_waits),
      cmocka_unit_test(gives_nothing_while_all_slots_are_taken),
      cmocka_unit_test(evicts_what_waits_without_a_slot),
      cmocka_unit_test(leaves_no_slot_idle_whatever_happens),
  };
  return cmocka_run_group_tests_name("ticket", tests, NULL, NULL);
}
