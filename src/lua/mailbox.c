#include "lua/mailbox.h"

#include <errno.h>
#include <stdlib.h>

/* -- lists ------------------------------------------------------------------------------------ */

static void list_init(echo__letters *list) {
  list->first = NULL;
  list->end = &list->first;
}

static void append(echo__letters *list, echo__letter *letter) {
  letter->next = NULL;
  letter->link = list->end;
  *list->end = letter;
  list->end = &letter->next;
}

static void take_out(echo__letters *list, echo__letter *letter) {
  *letter->link = letter->next;
  if (letter->next != NULL)
    letter->next->link = letter->link;
  else
    list->end = letter->link;
  letter->link = NULL;
}

/* -- forks ------------------------------------------------------------------------------------ */

static echo__mailbox *mailbox_of(echo__forkable *forkable) {
  return (echo__mailbox *)(void *)((char *)forkable - offsetof(echo__mailbox, forkable));
}

static bool hold(echo__forkable *forkable) {
  return uv_mutex_trylock(&mailbox_of(forkable)->mutex) == 0;
}

static void let_go(echo__forkable *forkable) {
  uv_mutex_unlock(&mailbox_of(forkable)->mutex);
}

static void in_child(echo__forkable *forkable) {
  echo__mailbox *mailbox = mailbox_of(forkable);
  void (*wakeup)(void *data) = mailbox->wakeup;
  mailbox->sleeps = false;
  echo__doorbell_renew(&mailbox->bell);
  mailbox->wakeup = NULL;
  echo__mailbox_rouse(mailbox, NULL);
  mailbox->wakeup = wakeup;
}

/* -- life ------------------------------------------------------------------------------------- */

echo__mailbox *echo__mailbox_create(void) {
  echo__mailbox *mailbox = calloc(1, sizeof *mailbox);
  if (mailbox == NULL) return NULL;
  if (uv_mutex_init(&mailbox->mutex) != 0) {
    free(mailbox);
    return NULL;
  }
  echo__store(&mailbox->references, 1, relaxed);
  list_init(&mailbox->expected);
  list_init(&mailbox->posted);
  echo__doorbell_init(&mailbox->bell);
  mailbox->forkable = (echo__forkable){.hold = hold, .let_go = let_go, .in_child = in_child};
  echo__fork_enter(&mailbox->forkable);
  return mailbox;
}

void echo__mailbox_retain(echo__mailbox *mailbox) {
  echo__add(&mailbox->references, 1, relaxed);
}

void echo__mailbox_release(echo__mailbox *mailbox) {
  /* PAIR mailbox.release with itself: the last one to go frees what the others have used */
  if (echo__sub(&mailbox->references, 1, acq_rel) != 1) return;
  echo__fork_leave(&mailbox->forkable);
  uv_mutex_destroy(&mailbox->mutex);
  free(mailbox);
}

static echo__letter *any(echo__mailbox *mailbox) {
  uv_mutex_lock(&mailbox->mutex);
  echo__letters *posted = &mailbox->posted, *expected = &mailbox->expected;
  echo__letter *letter = posted->first != NULL ? posted->first : expected->first;
  uv_mutex_unlock(&mailbox->mutex);
  return letter;
}

void echo__mailbox_close(echo__mailbox *mailbox) {
  for (echo__letter *letter; (letter = any(mailbox)) != NULL;) {
    echo__letter_withdraw(letter);
    letter->discard(letter);
  }
  uv_mutex_lock(&mailbox->mutex);
  mailbox->wakeup = NULL;
  echo__doorbell_close(&mailbox->bell);
  uv_mutex_unlock(&mailbox->mutex);
}

/* -- posting ---------------------------------------------------------------------------------- */

static void call_embedder(echo__mailbox *mailbox) {
  if (mailbox->wakeup == NULL || mailbox->called) return;
  mailbox->called = true;
  mailbox->wakeup(mailbox->wakeup_data);
}

static void ring(echo__mailbox *mailbox) {
  if (mailbox->sleeps) {
    mailbox->sleeps = false;
    echo__store(&mailbox->word, 1, relaxed);
    echo__word_wake_one(&mailbox->word);
  }
  echo__doorbell_ring(&mailbox->bell);
  call_embedder(mailbox);
}

static void set_ready(echo__mailbox *mailbox, size_t count) {
  echo__store(&mailbox->ready, count, relaxed);
}

static void post(echo__mailbox *mailbox, echo__letter *letter) {
  take_out(&mailbox->expected, letter);
  letter->number = ++mailbox->number;
  append(&mailbox->posted, letter);
  set_ready(mailbox, echo__load(&mailbox->ready, relaxed) + 1);
  ring(mailbox);
}

void echo__letter_post(echo__letter *letter) {
  echo__mailbox *mailbox = letter->mailbox;
  uv_mutex_lock(&mailbox->mutex);
  if (letter->link == NULL)
    letter->missed = true;
  else if (letter->number == 0)
    post(mailbox, letter);
  uv_mutex_unlock(&mailbox->mutex);
}

void echo__mailbox_rouse(echo__mailbox *mailbox, const void *clock) {
  uv_mutex_lock(&mailbox->mutex);
  for (echo__letter *letter = mailbox->expected.first, *next; letter != NULL; letter = next) {
    next = letter->next;
    if (clock == NULL || letter->clock == clock) post(mailbox, letter);
  }
  uv_mutex_unlock(&mailbox->mutex);
}

/* -- entering and taking ---------------------------------------------------------------------- */

void echo__letter_expect(echo__letter *letter) {
  echo__mailbox *mailbox = letter->mailbox;
  uv_mutex_lock(&mailbox->mutex);
  letter->number = 0;
  append(&mailbox->expected, letter);
  if (letter->missed) post(mailbox, letter);
  letter->missed = false;
  uv_mutex_unlock(&mailbox->mutex);
  mailbox->count += !letter->background;
  mailbox->timed += letter->deadline != ECHO__FOREVER;
}

/* With the mutex held. */
static void remove_one(echo__mailbox *mailbox, echo__letter *letter) {
  take_out(letter->number != 0 ? &mailbox->posted : &mailbox->expected, letter);
  if (letter->number != 0) set_ready(mailbox, echo__load(&mailbox->ready, relaxed) - 1);
  if (mailbox->posted.first == NULL) {
    echo__doorbell_quiet(&mailbox->bell);
    mailbox->called = false;
  }
  letter->number = 0;
  mailbox->count -= !letter->background;
  mailbox->timed -= letter->deadline != ECHO__FOREVER;
}

/* A loop that is held for what is expected must learn that nothing is. */
static void nudge(echo__mailbox *mailbox) {
  mailbox->nudged = true;
  echo__doorbell_ring(&mailbox->bell);
}

void echo__letter_withdraw(echo__letter *letter) {
  echo__mailbox *mailbox = letter->mailbox;
  uv_mutex_lock(&mailbox->mutex);
  if (letter->link != NULL) {
    remove_one(mailbox, letter);
    if (mailbox->count == 0 && mailbox->attached) nudge(mailbox);
  }
  uv_mutex_unlock(&mailbox->mutex);
}

/* The earliest deadline of a letter. */
static uint64_t next_deadline(echo__mailbox *mailbox) {
  uint64_t earliest = ECHO__FOREVER;
  if (mailbox->timed == 0) return earliest;
  for (echo__letter *letter = mailbox->expected.first; letter != NULL; letter = letter->next) {
    if (letter->deadline < earliest) earliest = letter->deadline;
  }
  return earliest;
}

static void post_due(echo__mailbox *mailbox) {
  if (mailbox->timed == 0) return;
  uint64_t now = echo__now();
  for (echo__letter *letter = mailbox->expected.first, *next; letter != NULL; letter = next) {
    next = letter->next;
    if (letter->deadline <= now) post(mailbox, letter);
  }
}

uint64_t echo__mailbox_look(echo__mailbox *mailbox) {
  bool empty = echo__load(&mailbox->ready, relaxed) == 0;
  if (empty && mailbox->timed == 0 && !mailbox->nudged) return 0;
  uv_mutex_lock(&mailbox->mutex);
  mailbox->called = mailbox->nudged = false;
  if (mailbox->posted.first == NULL) echo__doorbell_quiet(&mailbox->bell);
  post_due(mailbox);
  uint64_t latest = mailbox->posted.first != NULL ? mailbox->number : 0;
  uv_mutex_unlock(&mailbox->mutex);
  return latest;
}

echo__letter *echo__mailbox_take(echo__mailbox *mailbox, uint64_t latest) {
  uv_mutex_lock(&mailbox->mutex);
  echo__letter *letter = mailbox->posted.first;
  if (letter != NULL && letter->number <= latest)
    remove_one(mailbox, letter);
  else
    letter = NULL;
  uv_mutex_unlock(&mailbox->mutex);
  return letter;
}

void echo__mailbox_leave(echo__mailbox *mailbox) {
  uv_mutex_lock(&mailbox->mutex);
  if (mailbox->posted.first != NULL) call_embedder(mailbox);
  uv_mutex_unlock(&mailbox->mutex);
}

/* -- being woken ------------------------------------------------------------------------------ */

void echo__mailbox_wait(echo__mailbox *mailbox, uint64_t deadline) {
  uv_mutex_lock(&mailbox->mutex);
  uint64_t due = next_deadline(mailbox);
  mailbox->sleeps = mailbox->posted.first == NULL;
  echo__store(&mailbox->word, !mailbox->sleeps, relaxed);
  uv_mutex_unlock(&mailbox->mutex);
  echo__word_wait(&mailbox->word, 0, due < deadline ? due : deadline);
  uv_mutex_lock(&mailbox->mutex);
  mailbox->sleeps = false;
  uv_mutex_unlock(&mailbox->mutex);
}

int echo__mailbox_descriptor(echo__mailbox *mailbox) {
  uv_mutex_lock(&mailbox->mutex);
  int error = mailbox->bell.reads < 0 ? echo__doorbell_open(&mailbox->bell) : 0;
  if (mailbox->posted.first != NULL) echo__doorbell_ring(&mailbox->bell);
  int descriptor = mailbox->bell.reads;
  uv_mutex_unlock(&mailbox->mutex);
  errno = error;
  return descriptor;
}

void echo__mailbox_set_wakeup(echo__mailbox *mailbox, void (*wakeup)(void *data), void *data) {
  uv_mutex_lock(&mailbox->mutex);
  mailbox->wakeup = wakeup;
  mailbox->wakeup_data = data;
  mailbox->called = false;
  if (mailbox->posted.first != NULL) call_embedder(mailbox);
  uv_mutex_unlock(&mailbox->mutex);
}
