/* The mailbox alone: letters, their order, and who is woken. */
#include "lua/mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/allocations.h"

typedef struct note {
  echo__letter letter;
  int discarded;
} note;

static void discard(echo__letter *letter) {
  ((note *)(void *)letter)->discarded++;
}

static void init(echo__mailbox *mailbox, note *notes, int count) {
  for (int i = 0; i < count; i++) {
    notes[i] =
        (note){.letter = {.mailbox = mailbox, .deadline = ECHO__FOREVER, .discard = discard}};
  }
}

static void expect_all(note *notes, int count) {
  for (int i = 0; i < count; i++)
    echo__letter_expect(&notes[i].letter);
}

/* The next letter's place in `notes`, or -1. */
static int take(echo__mailbox *mailbox, const note *notes) {
  echo__letter *letter = echo__mailbox_take(mailbox, echo__mailbox_look(mailbox));
  return letter != NULL ? (int)((note *)(void *)letter - notes) : -1;
}

static void end(echo__mailbox *mailbox) {
  echo__mailbox_close(mailbox);
  echo__mailbox_release(mailbox);
}

IT(gives_letters_out_in_the_order_in_which_they_were_posted) {
  echo__mailbox *mailbox = echo__mailbox_create();
  note notes[4];
  init(mailbox, notes, 4);
  expect_all(notes, 4);
  assert_int_equal(echo__mailbox_look(mailbox), 0);
  static const int order[] = {2, 0, 3, 1};
  for (int i = 0; i < 4; i++)
    echo__letter_post(&notes[order[i]].letter);
  for (int i = 0; i < 4; i++)
    assert_int_equal(take(mailbox, notes), order[i]);
  assert_int_equal(take(mailbox, notes), -1);
  assert_int_equal(mailbox->count, 0);
  end(mailbox);
}

IT(counts_a_letter_that_is_posted_twice_once) {
  echo__mailbox *mailbox = echo__mailbox_create();
  note notes[2];
  init(mailbox, notes, 2);
  expect_all(notes, 2);
  echo__letter_post(&notes[1].letter);
  echo__letter_post(&notes[0].letter);
  echo__letter_post(&notes[1].letter);
  assert_int_equal(take(mailbox, notes), 1);
  assert_int_equal(take(mailbox, notes), 0);
  assert_int_equal(take(mailbox, notes), -1);
  end(mailbox);
}

IT(leaves_what_comes_during_a_delivery_for_the_next) {
  echo__mailbox *mailbox = echo__mailbox_create();
  note notes[2];
  init(mailbox, notes, 2);
  expect_all(notes, 2);
  echo__letter_post(&notes[0].letter);
  uint64_t latest = echo__mailbox_look(mailbox);
  echo__letter_post(&notes[1].letter);
  assert_ptr_equal(echo__mailbox_take(mailbox, latest), &notes[0].letter);
  assert_null(echo__mailbox_take(mailbox, latest));
  assert_int_equal(take(mailbox, notes), 1);
  end(mailbox);
}

IT(remembers_what_is_posted_while_the_letter_is_out) {
  echo__mailbox *mailbox = echo__mailbox_create();
  note notes[1];
  init(mailbox, notes, 1);
  expect_all(notes, 1);
  echo__letter_post(&notes[0].letter);
  assert_int_equal(take(mailbox, notes), 0);
  echo__letter_post(&notes[0].letter);
  assert_int_equal(take(mailbox, notes), -1);
  expect_all(notes, 1);
  assert_int_equal(take(mailbox, notes), 0);
  expect_all(notes, 1);
  assert_int_equal(take(mailbox, notes), -1);
  end(mailbox);
}

IT(forgets_what_is_withdrawn) {
  echo__mailbox *mailbox = echo__mailbox_create();
  note notes[4];
  init(mailbox, notes, 4);
  expect_all(notes, 4);
  for (int i = 0; i < 3; i++)
    echo__letter_post(&notes[i].letter);
  echo__letter_withdraw(&notes[1].letter);
  echo__letter_withdraw(&notes[1].letter);
  echo__letter_withdraw(&notes[3].letter);
  assert_int_equal(take(mailbox, notes), 0);
  assert_int_equal(take(mailbox, notes), 2);
  assert_int_equal(take(mailbox, notes), -1);
  assert_int_equal(mailbox->count, 0);
  end(mailbox);
}

IT(posts_everything_when_it_is_roused) {
  echo__mailbox *mailbox = echo__mailbox_create();
  note notes[3];
  init(mailbox, notes, 3);
  expect_all(notes, 3);
  echo__letter_post(&notes[2].letter);
  echo__mailbox_rouse(mailbox, NULL);
  assert_int_equal(take(mailbox, notes), 2);
  assert_int_equal(take(mailbox, notes), 0);
  assert_int_equal(take(mailbox, notes), 1);
  end(mailbox);
}

IT(posts_only_what_a_clock_keeps_the_time_of_when_that_stops) {
  echo__mailbox *mailbox = echo__mailbox_create();
  note notes[4];
  init(mailbox, notes, 4);
  notes[1].letter.clock = notes[3].letter.clock = &notes[1];
  notes[2].letter.clock = &notes[2];
  expect_all(notes, 4);
  echo__mailbox_rouse(mailbox, &notes[1]);
  assert_int_equal(take(mailbox, notes), 1);
  assert_int_equal(take(mailbox, notes), 3);
  assert_int_equal(take(mailbox, notes), -1);
  end(mailbox);
}

IT(posts_a_letter_that_is_due) {
  echo__mailbox *mailbox = echo__mailbox_create();
  note notes[3];
  init(mailbox, notes, 3);
  notes[1].letter.deadline = echo__deadline_in(0.02);
  notes[2].letter.deadline = echo__deadline_in(1000);
  expect_all(notes, 3);
  assert_int_equal(echo__mailbox_look(mailbox), 0);
  while (echo__mailbox_look(mailbox) == 0)
    echo__mailbox_wait(mailbox, ECHO__FOREVER);
  assert_true(echo__now() >= notes[1].letter.deadline);
  assert_int_equal(take(mailbox, notes), 1);
  assert_int_equal(take(mailbox, notes), -1);
  end(mailbox);
}

IT(discards_what_it_has_when_it_closes_and_takes_no_harm_from_who_comes_late) {
  echo__mailbox *mailbox = echo__mailbox_create();
  note notes[3];
  init(mailbox, notes, 3);
  expect_all(notes, 3);
  echo__letter_post(&notes[1].letter);
  echo__mailbox_retain(mailbox);
  end(mailbox);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(notes[i].discarded, 1);
    echo__letter_post(&notes[i].letter);
  }
  echo__mailbox_rouse(mailbox, NULL);
  echo__mailbox_release(mailbox);
}

/* -- the descriptor --------------------------------------------------------------------------- */

static bool is_readable(int descriptor) {
  struct pollfd look = {.fd = descriptor, .events = POLLIN};
  return poll(&look, 1, 0) == 1;
}

IT(has_a_descriptor_that_is_readable_while_letters_lie_there) {
  echo__mailbox *mailbox = echo__mailbox_create();
  note notes[3];
  init(mailbox, notes, 3);
  expect_all(notes, 3);
  echo__letter_post(&notes[0].letter);
  int descriptor = echo__mailbox_descriptor(mailbox);
  assert_true(descriptor >= 0);
  assert_int_equal(echo__mailbox_descriptor(mailbox), descriptor);
  for (int i = 0; i < 3; i++) {
    echo__letter_post(&notes[i].letter);
    if (i == 1) echo__letter_post(&notes[2].letter);
    assert_true(is_readable(descriptor));
    assert_int_equal(take(mailbox, notes), i);
    assert_int_equal(is_readable(descriptor), i == 1);
  }
  expect_all(notes, 1);
  echo__letter_post(&notes[0].letter);
  assert_true(is_readable(descriptor));
  echo__letter_withdraw(&notes[0].letter);
  assert_false(is_readable(descriptor));
  assert_int_equal(fcntl(descriptor, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  assert_int_equal(fcntl(descriptor, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  end(mailbox);
  assert_int_equal(fcntl(descriptor, F_GETFD), -1);
  assert_int_equal(errno, EBADF);
}

IT(has_no_descriptor_where_the_process_may_open_no_more_but_tries_again) {
  echo__mailbox *mailbox = echo__mailbox_create();
  struct rlimit before, none;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  none = before;
  none.rlim_cur = 0;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
  int descriptor = echo__mailbox_descriptor(mailbox), error = errno;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
  assert_int_equal(descriptor, -1);
  assert_int_equal(error, EMFILE);
  assert_true(echo__mailbox_descriptor(mailbox) >= 0);
  end(mailbox);
}

IT(is_not_made_without_memory) {
  atomic_store(&spec_allocated.refuse_after, 0);
  echo__mailbox *mailbox = echo__mailbox_create();
  atomic_store(&spec_allocated.refuse_after, -1);
  assert_null(mailbox);
}

IT(tells_a_loop_that_is_attached_when_nothing_is_expected_any_more) {
  echo__mailbox *mailbox = echo__mailbox_create();
  note notes[2];
  init(mailbox, notes, 2);
  int descriptor = echo__mailbox_descriptor(mailbox);
  mailbox->attached = true;
  expect_all(notes, 2);
  echo__letter_withdraw(&notes[0].letter);
  assert_false(is_readable(descriptor));
  echo__letter_withdraw(&notes[1].letter);
  assert_true(is_readable(descriptor));
  assert_int_equal(echo__mailbox_look(mailbox), 0);
  assert_false(is_readable(descriptor));
  end(mailbox);
}

/* -- the call-back ---------------------------------------------------------------------------- */

static void count_up(void *count) {
  ++*(int *)count;
}

IT(calls_back_once_until_it_is_looked_into_or_empty) {
  echo__mailbox *mailbox = echo__mailbox_create();
  note notes[4];
  int calls = 0;
  init(mailbox, notes, 4);
  expect_all(notes, 4);
  echo__letter_post(&notes[0].letter);
  echo__mailbox_set_wakeup(mailbox, count_up, &calls);
  assert_int_equal(calls, 1);
  echo__letter_post(&notes[1].letter);
  assert_int_equal(calls, 1);
  assert_int_equal(take(mailbox, notes), 0);
  echo__mailbox_leave(mailbox);
  assert_int_equal(calls, 2);
  echo__letter_post(&notes[2].letter);
  assert_int_equal(calls, 2);
  assert_int_equal(take(mailbox, notes), 1);
  echo__letter_post(&notes[3].letter);
  assert_int_equal(calls, 3);
  echo__letter_withdraw(&notes[2].letter);
  echo__letter_withdraw(&notes[3].letter);
  echo__mailbox_leave(mailbox);
  assert_int_equal(calls, 3);
  expect_all(notes, 1);
  echo__letter_post(&notes[0].letter);
  assert_int_equal(calls, 4);
  echo__mailbox_set_wakeup(mailbox, NULL, NULL);
  assert_int_equal(take(mailbox, notes), 0);
  expect_all(notes, 1);
  echo__letter_post(&notes[0].letter);
  assert_int_equal(calls, 4);
  end(mailbox);
}

/* -- threads ---------------------------------------------------------------------------------- */

enum { POSTERS = 4, EACH = SPEC_ROUNDS(20000) };

typedef struct poster {
  note notes[EACH];
} poster;

static void *post_all(void *argument) {
  poster *p = argument;
  for (int i = 0; i < EACH; i++)
    echo__letter_post(&p->notes[i].letter);
  return NULL;
}

IT(loses_nothing_of_what_several_threads_post_and_keeps_the_order_of_each) {
  echo__mailbox *mailbox = echo__mailbox_create();
  poster *posters = calloc(POSTERS, sizeof *posters);
  spec_threads threads = {0};
  int next[POSTERS] = {0}, taken = 0;
  for (int i = 0; i < POSTERS; i++) {
    init(mailbox, posters[i].notes, EACH);
    expect_all(posters[i].notes, EACH);
  }
  for (int i = 0; i < POSTERS; i++)
    spec_threads_add(&threads, post_all, &posters[i]);
  while (taken < POSTERS * EACH) {
    uint64_t latest = echo__mailbox_look(mailbox);
    if (latest == 0) echo__mailbox_wait(mailbox, ECHO__FOREVER);
    for (echo__letter *letter; (letter = echo__mailbox_take(mailbox, latest)) != NULL; taken++) {
      int who = (int)(((char *)letter - (char *)posters) / (ptrdiff_t)sizeof *posters);
      assert_ptr_equal(letter, &posters[who].notes[next[who]++].letter);
    }
  }
  spec_threads_join(&threads);
  assert_int_equal(mailbox->count, 0);
  end(mailbox);
  free(posters);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gives_letters_out_in_the_order_in_which_they_were_posted),
      cmocka_unit_test(counts_a_letter_that_is_posted_twice_once),
      cmocka_unit_test(leaves_what_comes_during_a_delivery_for_the_next),
      cmocka_unit_test(remembers_what_is_posted_while_the_letter_is_out),
      cmocka_unit_test(forgets_what_is_withdrawn),
      cmocka_unit_test(posts_everything_when_it_is_roused),
      cmocka_unit_test(posts_only_what_a_clock_keeps_the_time_of_when_that_stops),
      cmocka_unit_test(posts_a_letter_that_is_due),
      cmocka_unit_test(discards_what_it_has_when_it_closes_and_takes_no_harm_from_who_comes_late),
      cmocka_unit_test(has_a_descriptor_that_is_readable_while_letters_lie_there),
      cmocka_unit_test(has_no_descriptor_where_the_process_may_open_no_more_but_tries_again),
      cmocka_unit_test(is_not_made_without_memory),
      cmocka_unit_test(tells_a_loop_that_is_attached_when_nothing_is_expected_any_more),
      cmocka_unit_test(calls_back_once_until_it_is_looked_into_or_empty),
      cmocka_unit_test(loses_nothing_of_what_several_threads_post_and_keeps_the_order_of_each),
  };
  return cmocka_run_group_tests_name("mailbox", tests, NULL, NULL);
}
