/* Channels and semaphores on both sides of a fork: whole, whoever was in them at that moment, and
 * without those who wait and are not there. */
#include "lua/channel.h"
#include "lua/host_wait.h"
#include "lua/semaphore.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/spec.h"

enum { STAYS = 20 /* milliseconds that somebody is inside */ };

/* Somebody who is inside of a lock while the process forks. */
typedef struct visitor {
  echo__lock *lock;
  spec_gate inside;
} visitor;

static void *visit(void *argument) {
  visitor *v = argument;
  echo__lock_take(v->lock);
  spec_gate_open(&v->inside);
  for (int i = 0; i < STAYS; i++)
    spec_nap();
  echo__lock_give(v->lock);
  return NULL;
}

/* Forks; true if the check holds in the child, where nothing of cmocka's may be used. The child
 * leaves by an exec: the thread sanitizer would miss the parent's threads at an exit. */
static bool holds_in_child(bool (*check)(void *data), void *data) {
  pid_t child = fork();
  if (child == 0) {
    alarm(30);
    execl(check(data) ? "/bin/true" : "/bin/false", "child", (char *)NULL);
    _exit(2);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool holds_with_a_visitor(echo__lock *lock, bool (*check)(void *data), void *data) {
  visitor v = {.lock = lock};
  spec_threads threads = {0};
  spec_gate_init(&v.inside);
  spec_threads_add(&threads, visit, &v);
  spec_gate_wait(&v.inside);
  bool holds = holds_in_child(check, data);
  spec_threads_join(&threads);
  return holds;
}

/* -- channels --------------------------------------------------------------------------------- */

static void release(echo__shared *shared) {
  echo__shared_release(shared);
}

static bool receive_and_destroy(echo__channel *channel) {
  echo__parcel *empty = NULL, *received = NULL;
  bool passed = echo__channel_receive(channel, &empty, &received) == ECHO__PASSED;
  echo__parcel_destroy(received);
  return passed;
}

static bool finds_one_message(void *data) {
  echo__channel *channel = data;
  bool well = echo__channel_count(channel) == 1 && receive_and_destroy(channel);
  well = well && echo__channel_count(channel) == 0;
  release(&channel->shared);
  return well;
}

IT(a_channel_is_whole_in_the_child_though_somebody_was_in_it) {
  echo__channel *channel = echo__channel_create(2);
  echo__parcel *parcel = echo__parcel_create();
  assert_int_equal(echo__channel_send(channel, &parcel), ECHO__PASSED);
  echo__parcel_destroy(parcel);
  assert_true(holds_with_a_visitor(&channel->lock, finds_one_message, channel));
  assert_true(finds_one_message(channel));
}

/* Three who wait: a thread that sleeps, a task, and a coroutine of a host, which has a letter. A
 * seat says in one place what it is to resume, post or wake. */
typedef struct waiting {
  echo__channel *channel;
  echo__seat seats[3];
  echo__channel_waiter thread, task, stays;
} waiting;

static void sit_down(waiting *w, echo__channel_waiter *waiter, echo__seat *seat) {
  waiter->waiter.seat = seat;
  waiter->channel = w->channel;
  assert_true(echo__channel_enroll_receiver(waiter));
}

static void line_up(waiting *w, size_t capacity) {
  static struct echo__letter letter; /* in no list: to post it does nothing */
  static echo__mailbox *mailbox;
  static echo__host host;
  static char core; /* nobody resumes it */
  if (mailbox == NULL) mailbox = echo__mailbox_create();
  letter.mailbox = mailbox;
  *w = (waiting){.channel = echo__channel_create(capacity),
                 .seats = {{.sitter = ECHO__SITS_THREAD, .host = &host},
                           {.sitter = ECHO__SITS_TASK, .core = (echo_task *)(void *)&core},
                           {.sitter = ECHO__SITS_COROUTINE, .letter = &letter}}};
  sit_down(w, &w->thread, &w->seats[0]);
  sit_down(w, &w->task, &w->seats[1]);
  sit_down(w, &w->stays, &w->seats[2]);
}

static bool has_sent_to(waiting *w, echo__channel_waiter *expected) {
  echo__parcel *parcel = echo__parcel_create();
  bool sent = echo__channel_send(w->channel, &parcel) == ECHO__PASSED;
  echo__parcel_destroy(parcel);
  return sent && expected->waiter.waiting == ECHO__WAITING_OVER;
}

static bool sends_to_the_coroutine(void *data) {
  waiting *w = data;
  bool well = w->thread.waiter.waiting == ECHO__WAITING_NOT;
  well = well && w->task.waiter.waiting == ECHO__WAITING_NOT && has_sent_to(w, &w->stays);
  well = well && w->channel->holding == 1;
  echo__channel_leave_receiver(&w->stays);
  release(&w->channel->shared);
  return well;
}

IT(a_message_goes_to_who_is_still_there) {
  waiting w;
  line_up(&w, 1);
  assert_true(holds_in_child(sends_to_the_coroutine, &w));
  assert_true(has_sent_to(&w, &w.thread)); /* the parent has them all */
  assert_int_equal(w.channel->holding, 3);
  echo__channel_leave_receiver(&w.task);
  echo__channel_leave_receiver(&w.thread);
  echo__channel_leave_receiver(&w.stays);
  release(&w.channel->shared);
}

IT(what_is_destroyed_is_not_held) {
  for (int i = 0; i < 3; i++)
    release(&echo__channel_create(1)->shared);
  release(&echo__semaphore_create(1)->shared);
  echo__channel *channel = echo__channel_create(1);
  echo__parcel *parcel = echo__parcel_create();
  assert_int_equal(echo__channel_send(channel, &parcel), ECHO__PASSED);
  echo__parcel_destroy(parcel);
  assert_true(holds_in_child(finds_one_message, channel));
  release(&channel->shared);
}

/* -- semaphores ------------------------------------------------------------------------------- */

static bool has_one_permit(void *data) {
  echo__semaphore *semaphore = data;
  bool well = echo__semaphore_try(semaphore) && !echo__semaphore_try(semaphore);
  release(&semaphore->shared);
  return well;
}

IT(a_semaphore_is_whole_in_the_child_though_somebody_was_in_it) {
  echo__semaphore *semaphore = echo__semaphore_create(2);
  assert_true(echo__semaphore_try(semaphore));
  assert_true(holds_with_a_visitor(&semaphore->lock, has_one_permit, semaphore));
  assert_true(has_one_permit(semaphore));
}

static bool keeps_what_is_released(void *data) {
  echo__semaphore *semaphore = data;
  return semaphore->holding == 0 && echo__semaphore_release(semaphore) && has_one_permit(semaphore);
}

IT(a_permit_does_not_go_to_who_is_not_there) {
  echo__semaphore *semaphore = echo__semaphore_create(1);
  echo__host host = {0};
  echo__seat asleep = {.sitter = ECHO__SITS_THREAD, .host = &host};
  echo__semaphore_waiter waiter = {.waiter.seat = &asleep, .semaphore = semaphore};
  assert_true(echo__semaphore_try(semaphore));
  assert_true(echo__semaphore_enroll(&waiter));
  assert_true(holds_in_child(keeps_what_is_released, semaphore));
  echo__semaphore_leave(&waiter);
  release(&semaphore->shared);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_channel_is_whole_in_the_child_though_somebody_was_in_it),
      cmocka_unit_test(a_message_goes_to_who_is_still_there),
      cmocka_unit_test(what_is_destroyed_is_not_held),
      cmocka_unit_test(a_semaphore_is_whole_in_the_child_though_somebody_was_in_it),
      cmocka_unit_test(a_permit_does_not_go_to_who_is_not_there),
  };
  return cmocka_run_group_tests_name("fork", tests, NULL, NULL);
}
