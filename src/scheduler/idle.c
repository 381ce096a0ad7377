#include "scheduler/idle.h"

#include <echo/status.h>
#include <stdlib.h>

enum { WORD_BITS = 64 };

int echo__idle_init(echo__idle *idle, unsigned workers) {
  idle->workers = workers;
  idle->beyond = NULL;
  idle->sleepers = NULL;
  idle->call_up = NULL;
  if (workers == 0) return ECHO_OK;
  idle->sleepers = aligned_alloc(ECHO__LINE, workers * sizeof *idle->sleepers);
  if (idle->sleepers == NULL) return ECHO_MEMORY;
  for (unsigned i = 0; i < workers; i++)
    echo__store(&idle->sleepers[i].loop, NULL, relaxed);
  echo__idle_reset(idle);
  return ECHO_OK;
}

void echo__idle_reset(echo__idle *idle) {
  echo__store(&idle->searching, 0, relaxed);
  for (int i = 0; i < ECHO__PARKED_WORDS; i++) {
    echo__store(&idle->parked[i], 0, relaxed);
    echo__store(&idle->looping[i], 0, relaxed);
    echo__store(&idle->absent[i], 0, relaxed);
  }
  for (unsigned i = 0; i < idle->workers; i++)
    echo__store(&idle->sleepers[i].token, 0, relaxed);
}

void echo__idle_close(echo__idle *idle) {
  for (unsigned i = 0; i < idle->workers; i++)
    echo__loop_destroy(echo__load(&idle->sleepers[i].loop, relaxed));
  free(idle->sleepers);
}

static echo__atomic(uint64_t) * word_of(echo__idle *idle, unsigned worker) {
  return &idle->parked[worker / WORD_BITS];
}

static uint64_t bit_of(unsigned worker) {
  return UINT64_C(1) << (worker % WORD_BITS);
}

/* A sleeper that was given the same token before is on its way. */
static void give_token(echo__idle *idle, unsigned worker, uint32_t token) {
  echo__sleeper *sleeper = &idle->sleepers[worker];
  uint32_t before = echo__or(&sleeper->token, token, acq_rel); /* PAIR idle.token idle.loop */
  if (before & token) return;
  if (before & ECHO__ASLEEP) echo__word_wake_one(&sleeper->token);
  if (before & ECHO__ASLEEP_IN_LOOP) echo__loop_knock(echo__load(&sleeper->loop, relaxed));
}

/* Clears the bit; true if it was set, that is, if the caller is the one who cleared it. */
static bool clear_bit(echo__idle *idle, unsigned worker) {
  uint64_t bit = bit_of(worker);
  return echo__and(word_of(idle, worker), ~bit, acquire) & bit; /* PAIR idle.absent */
}

static void set_bit(echo__idle *idle, unsigned worker) {
  echo__or(word_of(idle, worker), bit_of(worker), release); /* PAIR idle.absent */
}

/* Of workers whose bits are set: one whom it costs least to have come. */
static unsigned best_of(const echo__idle *idle, unsigned word, uint64_t bits) {
  uint64_t present = bits & ~echo__load(&idle->absent[word], relaxed);
  uint64_t rested = present & ~echo__load(&idle->looping[word], relaxed);
  if (present == 0) present = bits;
  return word * WORD_BITS + (unsigned)__builtin_ctzll(rested != 0 ? rested : present);
}

static bool is_absent(const echo__idle *idle, unsigned worker) {
  return echo__load(&idle->absent[worker / WORD_BITS], relaxed) & bit_of(worker);
}

void echo__idle_expect(echo__idle *idle, unsigned worker) {
  echo__or(&idle->absent[worker / WORD_BITS], bit_of(worker), relaxed);
  set_bit(idle, worker);
}

/* For who has cleared the bit of an absent worker. It may be at work, or sleep and be claimed
 * again, before the call returns: so it is present before the call. */
static bool call_up(echo__idle *idle, unsigned worker) {
  echo__and(&idle->absent[worker / WORD_BITS], ~bit_of(worker), relaxed);
  if (idle->call_up(idle->context, worker)) return true;
  echo__idle_expect(idle, worker);
  return false;
}

/* Absent workers come last: there is nobody else in the word if one cannot be called up. */
static bool claim_in_word(echo__idle *idle, unsigned word) {
  uint64_t bits = echo__load(&idle->parked[word], seq_cst); /* PAIR idle.announce */
  while (bits != 0) {
    unsigned worker = best_of(idle, word, bits);
    bits &= ~bit_of(worker);
    if (!clear_bit(idle, worker)) continue;
    if (is_absent(idle, worker)) return call_up(idle, worker);
    echo__add(&idle->searching, 1, relaxed);
    give_token(idle, worker, ECHO__CLAIMED);
    return true;
  }
  return false;
}

bool echo__idle_notify_injected(echo__idle *idle) {
  if (echo__load(&idle->searching, seq_cst) != 0) return true; /* PAIR idle.announce */
  for (unsigned word = 0; word * WORD_BITS < idle->workers; word++) {
    if (claim_in_word(idle, word)) return true;
  }
  return false;
}

bool echo__idle_notify(echo__idle *idle) {
  echo__fence(seq_cst); /* PAIR idle.announce */
  return echo__idle_notify_injected(idle);
}

void echo__idle_notify_pinned(echo__idle *idle, unsigned worker) {
  if (worker >= idle->workers) {
    echo__idle_notify_pinned(idle->beyond, worker - idle->workers);
    return;
  }
  uint64_t bits = echo__load(word_of(idle, worker), seq_cst); /* PAIR idle.announce */
  if (bits & bit_of(worker)) give_token(idle, worker, ECHO__NUDGED);
}

void echo__idle_nudge(echo__idle *idle, unsigned worker) {
  if (worker >= idle->workers)
    echo__idle_nudge(idle->beyond, worker - idle->workers);
  else
    give_token(idle, worker, ECHO__NUDGED);
}

void echo__idle_nudge_all(echo__idle *idle) {
  for (unsigned i = 0; i < idle->workers; i++)
    echo__idle_nudge(idle, i);
  if (idle->beyond != NULL) echo__idle_nudge_all(idle->beyond);
}

bool echo__idle_search(echo__idle *idle) {
  if (2 * echo__load(&idle->searching, relaxed) >= idle->workers) return false;
  echo__idle_begin_search(idle);
  return true;
}

void echo__idle_begin_search(echo__idle *idle) {
  echo__add(&idle->searching, 1, relaxed);
}

bool echo__idle_stop_searching(echo__idle *idle) {
  /* Sequentially consistent, because the look that follows must come after it in the eyes of a
   * submitter that read the count (PAIR idle.announce). */
  return echo__sub(&idle->searching, 1, seq_cst) == 1;
}

/* Sleeps until one of `tokens` is there or the deadline passes. */
static void sleep_for(echo__word *word, uint32_t tokens, uint64_t deadline) {
  for (;;) {
    uint32_t seen = echo__load(word, relaxed);
    if (seen & tokens) return;
    uint32_t asleep = seen | ECHO__ASLEEP;
    if (seen != asleep && !echo__cas(word, &seen, asleep, relaxed)) continue;
    if (echo__word_wait(word, asleep, deadline) == ECHO__TIMED_OUT) return;
  }
}

/* The same in the loop, but once. */
static void sleep_in(echo__loop *loop, echo__word *word, uint32_t tokens, uint64_t deadline) {
  uint32_t seen = echo__load(word, relaxed);
  do {
    if (seen & tokens) return;
  } while (!echo__cas(word, &seen, seen | ECHO__ASLEEP_IN_LOOP, release)); /* PAIR idle.loop */
  echo__loop_sleep(loop, deadline);
}

/* Takes the bit back and clears the tokens; true if the worker was claimed. */
static bool rise(echo__idle *idle, unsigned worker) {
  echo__word *word = &idle->sleepers[worker].token;
  bool claimed = !clear_bit(idle, worker);
  if (claimed) sleep_for(word, ECHO__CLAIMED, ECHO__FOREVER);
  echo__exchange(word, 0, acquire); /* PAIR idle.token */
  return claimed;
}

echo__loop *echo__idle_loop(echo__idle *idle, unsigned worker) {
  if (worker >= idle->workers) return echo__idle_loop(idle->beyond, worker - idle->workers);
  echo__sleeper *sleeper = &idle->sleepers[worker];
  echo__loop *loop = echo__load(&sleeper->loop, relaxed);
  if (loop == NULL) loop = echo__loop_create();
  echo__store(&sleeper->loop, loop, relaxed);
  return loop;
}

static void sleep_somewhere(echo__idle *idle, unsigned worker, uint64_t deadline,
                            echo__loop *loop) {
  echo__word *word = &idle->sleepers[worker].token;
  if (loop != NULL)
    sleep_in(loop, word, ECHO__CLAIMED | ECHO__NUDGED, deadline);
  else
    sleep_for(word, ECHO__CLAIMED | ECHO__NUDGED, deadline);
}

/* Says whether the worker sleeps in its loop, if that has changed. */
static void note_loop(echo__idle *idle, unsigned worker, bool loops) {
  echo__atomic(uint64_t) *word = &idle->looping[worker / WORD_BITS];
  uint64_t bit = bit_of(worker);
  if (((echo__load(word, relaxed) & bit) != 0) == loops) return;
  if (loops)
    echo__or(word, bit, relaxed);
  else
    echo__and(word, ~bit, relaxed);
}

bool echo__idle_park(echo__idle *idle, unsigned worker, uint64_t deadline, echo__loop *loop,
                     bool (*busy)(void *context), void *context) {
  note_loop(idle, worker, loop != NULL);
  set_bit(idle, worker);
  echo__fence(seq_cst); /* PAIR idle.announce */
  bool stays = busy(context);
  if (!stays) sleep_somewhere(idle, worker, deadline, loop);
  if (rise(idle, worker)) return true;
  if (stays) echo__add(&idle->searching, 1, relaxed);
  return stays;
}
