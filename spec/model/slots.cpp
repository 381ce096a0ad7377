/*
 * A named queue's slots: never more in use than the limit, each that is freed is handed on, the
 * most urgent task gets it, and no ticket is left over. named_queue.c is the real one; what the
 * scheduler does with its orders (end.c, suspend.c, stop.c) is made short here, and real in the
 * model of the whole.
 *
 * A slot that is not handed on leaves a task waiting and the workers asleep: a deadlock.
 */
#include "variant.h" /* before all that tells the model something */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system.hpp"

#define class class_
#include "scheduler/named_queue.c"
#undef class

enum { TASKS = 4 };

struct stage : model::scenario {
  alignas(16) char memory[sizeof(echo__named_queue) + 1];
  echo__named_queue *queue;
  echo_task tasks[TASKS], tickets[TASKS];
  bool in_pool[TASKS] = {}; /* tickets that were given back */
  bool cancelled[TASKS] = {}, begun[TASKS] = {};
  model::mutex mutex; /* guards what stands in for the work-stealing queue: */
  echo_task *out[TASKS];
  int count = 0;
  int expected, ended = 0, inside = 0;
  unsigned held = 0; /* tasks with a reserved ticket */
  bool evicts = false;

  stage(unsigned limit, int tasks_expected) : expected(tasks_expected) {
    memset(memory, 0, sizeof memory);
    queue = new (memory, (model::scenario *)nullptr) echo__named_queue();
    queue->limit = limit;
  }

  ~stage() {
    queue->~echo__named_queue();
  }

  int number_of(const echo_task *task) {
    int number = (int)(task - tasks);
    CHECK(number >= 0 && number < TASKS);
    return number;
  }

  /* What the header promises of the time between two changes; nobody else has gone on since the
   * mutex was given. */
  void look() {
    unsigned running = queue->running.peek(), owned = queue->spares, wanted = held;
    CHECK(running <= queue->limit);
    for (auto &one : queue->classes) {
      unsigned waiting = one.waiting, slots = queue->limit - running;
      CHECK(one.tickets >= (waiting < slots ? waiting : slots));
      owned += one.tickets;
      wanted += waiting > one.tickets ? waiting : one.tickets;
    }
    CHECK(owned >= wanted);
  }

  void carry_out(echo__named_orders orders) {
    look();
    if (orders.surplus != NULL) {
      int number = (int)(orders.surplus - tickets);
      CHECK(number >= 0 && number < TASKS && !in_pool[number]);
      in_pool[number] = true;
    }
    while (orders.issued != NULL) {
      echo_task *ticket = echo__task_of(orders.issued);
      orders.issued = ticket->node.next;
      mutex.lock();
      CHECK(count < TASKS);
      out[count++] = ticket;
      mutex.unlock();
      model::wake(&count, false);
    }
  }

  echo_task *fill(int number, int priority) {
    echo_task *task = &tasks[number];
    echo__store(&task->priority, (int8_t)priority, relaxed);
    task->flags = 0;
    return task;
  }

  void add(int number, int priority) {
    carry_out(echo__named_add(queue, fill(number, priority), &tickets[number]));
  }

  /* As a task that is held, and then resumed or cancelled. */
  void hold_and_let_go(int number, int priority) {
    echo_task *task = fill(number, priority);
    echo__named_reserve(queue, &tickets[number]);
    held++;
    look();
    bool resumed = model::choose(2) == 0;
    echo__named_orders orders =
        resumed ? echo__named_add(queue, task, NULL) : echo__named_unreserve(queue);
    held--;
    carry_out(orders);
    if (!resumed) end();
  }

  void end() {
    if (++ended < expected) return;
    model::wake(&count, true);
  }

  /* Any of them: the work-stealing queue promises no order between its parts. */
  echo_task *take_ticket() {
    mutex.lock();
    echo_task *ticket = NULL;
    if (count > 0) {
      unsigned which = model::choose((unsigned)count);
      ticket = out[which];
      out[which] = out[--count];
    }
    mutex.unlock();
    return ticket;
  }

  void check_urgency(const echo_task *task, int lowest) {
    int priority = task->priority.newest(); /* no step: as above */
    CHECK(priority >= lowest);
    for (int p = ECHO_PRIORITY_HIGH; p > priority; p--)
      CHECK(queue->classes[ECHO_PRIORITY_HIGH - p].waiting == 0);
  }

  /* One that was cancelled while it waited takes its turn, and gives the slot back unused. */
  void redeem(echo_task *ticket) {
    int lowest = echo__task_priority(ticket);
    echo_task *task = NULL;
    echo__named_orders orders = echo__named_redeem(queue, ticket, &task);
    if (task != NULL) check_urgency(task, lowest);
    carry_out(orders);
    if (task == NULL) return;
    int number = number_of(task);
    CHECK(!begun[number] && (task->flags & ECHO__HAS_SLOT));
    begun[number] = true;
    if (!cancelled[number]) {
      CHECK(++inside <= (int)queue->limit);
      model::pause();
      inside--;
    }
    carry_out(echo__named_give_back(queue));
    end();
  }

  void work() {
    while (ended < expected) {
      echo_task *ticket = take_ticket();
      if (ticket != NULL)
        redeem(ticket);
      else if (ended < expected && count == 0)
        model::sleep_on(&count, false);
    }
  }

  /* What a stop that cancels does with those that wait. */
  void evict_all() {
    for (echo_task *task; (task = echo__named_evict(queue)) != NULL; end()) {
      int number = number_of(task);
      CHECK(!begun[number] && !(task->flags & ECHO__HAS_SLOT));
      begun[number] = true;
    }
  }

  void after() override {
    CHECK(ended == expected && queue->running == 0 && held == 0 && queue->reserved == 0);
    while (count > 0)
      redeem(out[--count]); /* those that nobody needed in the end: a look, and they are gone */
    for (auto &one : queue->classes)
      CHECK(one.waiting == 0 && one.tickets == 0);
    CHECK(inside == 0 && (evicts || queue->spares == 0)); /* an evict leaves them to the stop */
    for (echo_task *ticket; (ticket = echo__named_take_spare(queue)) != NULL;)
      carry_out({NULL, ticket});
    for (int i = 0; i < expected; i++)
      CHECK(in_pool[i]);
  }
};

static int some_priority() {
  return ECHO_PRIORITY_HIGH - (int)model::choose(ECHO_PRIORITIES);
}

/* Two slots, three workers, one of which submits. */
struct two_slots : stage {
  two_slots() : stage(2, 4) {
  }
  void thread(unsigned index) override {
    for (int i = 0; i < 4 && index == 0; i++)
      add(i, some_priority());
    work();
  }
};

/* One slot: all that wait depend on its being handed on. Two submit. */
struct one_slot : stage {
  one_slot() : stage(1, 3) {
  }
  void thread(unsigned index) override {
    if (index == 0) add(0, some_priority());
    for (int i = 1; i < 3 && index == 1; i++)
      add(i, some_priority());
    work();
  }
};

/* Whoever is cancelled while it waits leaves nothing behind, whenever that is. */
struct cancelled_waiter : stage {
  cancelled_waiter() : stage(1, 3) {
  }
  void thread(unsigned index) override {
    if (index > 0) return work();
    for (int i = 0; i < 3; i++)
      add(i, some_priority());
    cancelled[model::choose(3)] = true;
    work();
  }
};

/* Tickets that wait with their tasks, beside others that come and go. */
struct held_tasks : stage {
  held_tasks() : stage(2, 4) {
  }
  void thread(unsigned index) override {
    for (int i = 0; i < 2 && index == 0; i++)
      add(i, some_priority());
    for (int i = 2; i < 4 && index == 1; i++)
      hold_and_let_go(i, some_priority());
    work();
  }
};

/* Those that wait are taken out while slots are handed on. */
struct evicted : stage {
  evicted() : stage(1, 3) {
  }
  void thread(unsigned index) override {
    if (index > 0) return work();
    evicts = true;
    for (int i = 0; i < 3; i++)
      add(i, some_priority());
    evict_all();
    work();
  }
};

SCENARIO(two_slots, 3, 200000, 0, 0)
SCENARIO(one_slot, 3, 50000, 1, 0)
SCENARIO(cancelled_waiter, 3, 200000, 0, 0)
SCENARIO(held_tasks, 3, 200000, 0, 0)
SCENARIO(evicted, 3, 50000, 1, 0)
