/*
 * Who sleeps, who looks for work, and how nobody sleeps through work.
 *
 * A worker works, searches or is parked. `searching` counts the workers that look for work and have
 * none; `parked` has a bit per worker that sleeps or is about to. Each worker has a `token` word on
 * which it sleeps.
 *
 * The rule of waking: whoever makes work visible calls echo__idle_notify. It wakes one parked
 * worker if nobody searches, and does no system call otherwise. A searcher that finds work stops
 * searching and, if it was the last, notifies in turn if there is more; so one submit wakes one
 * worker, and a burst wakes them one after the other, each woken by the one before it.
 *
 * Why no wake-up is lost. A submitter makes its node visible, then looks at `searching` and
 * `parked`. A worker announces itself in `parked`, then looks for work once more, then sleeps. Both
 * have a sequentially consistent fence between the two steps (PAIR idle.announce), so of the two at
 * least one sees the other:
 * - If the submitter sees the bit, it claims the worker: clears the bit, counts it as searching,
 *   gives it the token CLAIMED. Only who clears the bit may do so: one claim, one token, one count.
 * - If it does not, the worker's second look comes after the node was made visible: it finds it,
 *   takes its bit back and goes on working.
 * - If the submitter sees somebody searching and wakes nobody, then that searcher has its own
 *   `searching` count still to take back. If it finds other work, it fences after the count and
 *   looks at what is left; if it finds nothing, it announces itself and looks again. Both looks
 *   come after the node was made visible. One that runs call-backs of its loop first, which may
 *   take long, looks before that as if it had found work.
 *
 * What the second look finds counts like what a search finds: the worker stays up as a searcher,
 * and when it has taken its node it looks at what is left. The submitter of a second node may have
 * seen this worker's search, just before it ended, and have relied on it.
 *
 * A worker that wants its bit back may find that somebody has cleared it: it was claimed, and the
 * token is on its way. It waits for the token before it goes on. Not doing so would let a late
 * token meet the next sleep: two counts in `searching` and one worker to take them back, and from
 * then on nobody would wake anybody.
 *
 * NUDGED is the token of other reasons to wake (the scheduler stops, the task that the worker waits
 * for has ended, work was pinned to the worker). It does not touch the bit and counts nothing, so
 * it must be told from CLAIMED.
 *
 * Work that is pinned to a worker is for it alone, so whoever searches is of no help, and only that
 * worker's bit is looked at (echo__idle_notify_pinned). For each sleep the argument is the one
 * above: the push and the load of the bit are sequentially consistent, so either the load sees the
 * announcement of this sleep, or the push comes before the fence behind it and the second look
 * finds the node. A bit that somebody has cleared in between belongs to a worker that was claimed:
 * it gets up, and before it sleeps again it announces itself again. What a worker pins to itself
 * needs no waking: its thread is awake and looks before it sleeps.
 *
 * A worker that has something alive on its event loop sleeps there instead of on its token, and
 * says so with ASLEEP_IN_LOOP. Who gives it a token then knocks at the loop's bell. The swap that
 * sets the bit and the one that gives the token are changes of the same word, so one comes first:
 * either the sleeper sees the token and does not sleep, or who gives it sees the bit, and with it
 * the loop (PAIR idle.loop). A knock may come late, when the worker has woken for another reason:
 * that ends its next sleep early, and no sleep relies on the knock of another, since it is the
 * token that is looked at after each. All else is as above: what is announced, and who claims,
 * does not depend on where a worker sleeps. A worker on its token is claimed before one in its
 * loop, which has a second purpose, and takes longer to come.
 *
 * Workers that take only urgent tasks (echo_builder_with_urgent_workers) are in an echo__idle of
 * their own, which `beyond` leads to: a wake-up for a task that they would leave alone must never
 * be spent on one of them, nor their searching be taken for a search that would find it. So each of
 * the two is what is told above, with its own bits and its own count, and "work" in the second is
 * what its workers take. Whoever makes an urgent task visible notifies the first, and the second if
 * that answers false. Then all ordinary workers are at work, and the fence that was before the look
 * at the first is before the look at the second, too. If it answers true, one was claimed or
 * searches; should that one find something else, and all others be at work by then, it is the last
 * to search, and it is the last searcher who looks at what is left and notifies both (end_search).
 * So the duty of waking an urgent worker passes on with the count until there is an ordinary one
 * for the task. Urgent workers only ever look for ordinary ones' help in the same way.
 *
 * A worker may be absent: its thread has not been made. Its bit in `parked` is set as if it slept,
 * and who claims it calls it up (`call_up`) instead of giving it a token. It does not count as
 * searching before it comes, which takes long: until then others are called for further tasks, so
 * that a burst has the threads that it has use for started side by side. When it comes it searches,
 * like one that was claimed, and when it has found something it sees to what is left. So it finds
 * the task it was called for, if nobody else has taken it, and the waking goes on. Whoever sees its
 * bit cleared, and nobody else to wake, relies not on it but on those who are present: all are at
 * work, and each looks once more before it sleeps; and one is present always. So it may also turn
 * out that there is no thread to be had: then the bit is set again, and the next who needs somebody
 * tries again. Absent workers are claimed last. A bit of `absent` belongs to whoever has cleared
 * the worker's bit in `parked`, which hands it on when it is set (PAIR idle.absent).
 *
 * Rejected: polling with a short sleep (a millisecond's delay and never idle); a condition variable
 * for all (every submit takes the mutex, and wakes whom it likes); an event count per submit (a
 * system call a task: fourteen times slower when measured); one word for count and bits (48 workers
 * at most, and the single swap buys nothing: an extra wake-up is all that can come of two steps).
 */
#ifndef ECHO_SCHEDULER_IDLE_H
#define ECHO_SCHEDULER_IDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/tuning.h"
#include "base/wait.h"
#include "scheduler/loop.h"

enum { ECHO__PARKED_WORDS = (ECHO__MAX_WORKERS + 63) / 64 };

/* Bits of a token. */
enum { ECHO__CLAIMED = 1, ECHO__NUDGED = 2, ECHO__ASLEEP = 4, ECHO__ASLEEP_IN_LOOP = 8 };

typedef struct echo__sleeper {
  ECHO__ALIGNED echo__word token;
  echo__atomic(echo__loop *) loop; /* NULL until the worker first asks for it */
} echo__sleeper;

typedef struct echo__idle {
  unsigned workers;
  struct echo__idle *beyond; /* where the workers are numbered that come after these; NULL: none */
  echo__sleeper *sleepers;   /* one a worker */
  /* Makes an absent worker's thread; false if there is none to be had. Any thread. */
  bool (*call_up)(void *context, unsigned worker);
  void *context;
  ECHO__ALIGNED echo__atomic(uint32_t) searching;
  echo__atomic(uint64_t) parked[ECHO__PARKED_WORDS];
  echo__atomic(uint64_t) looping[ECHO__PARKED_WORDS]; /* those that sleep in their loop: a hint */
  echo__atomic(uint64_t) absent[ECHO__PARKED_WORDS];
} echo__idle;

/* There is nobody beyond. ECHO_OK or ECHO_MEMORY; without workers it allocates nothing. */
int echo__idle_init(echo__idle *idle, unsigned workers);

/* From now on the worker is absent. Before anybody notifies, and not before `call_up` is set. */
void echo__idle_expect(echo__idle *idle, unsigned worker);

/* As after init: nobody is there, nor absent. A worker that leaves may still count as searching.
 * Not beyond. */
void echo__idle_reset(echo__idle *idle);
void echo__idle_close(echo__idle *idle);

/* Work was made visible: wakes a worker if one is needed. True if one was woken or searches; false
 * if all are at work. Any thread. */
bool echo__idle_notify(echo__idle *idle);

/* The same right after echo_queue_inject, which has no need of the fence: its operations on the
 * injector are sequentially consistent themselves, and so are the loads that follow here. In their
 * single order a load that misses a worker's announcement comes before that worker's fence, and
 * with it the injection, which the worker's second look then finds. Any thread. */
bool echo__idle_notify_injected(echo__idle *idle);

/* The same right after echo_queue_pin: wakes this worker, here or beyond, if it sleeps. Any
 * thread. */
void echo__idle_notify_pinned(echo__idle *idle, unsigned worker);

/* Wakes this worker, or all, here or beyond, for a reason other than work. Any thread. */
void echo__idle_nudge(echo__idle *idle, unsigned worker);
void echo__idle_nudge_all(echo__idle *idle);

/* Counts the caller as searching, unless half of the workers do already. Worker only. */
bool echo__idle_search(echo__idle *idle);

/* Counts the caller, or one whose thread the caller is about to make, as searching. */
void echo__idle_begin_search(echo__idle *idle);

/* Takes a count back; true if it was the last. Whoever found work then looks, behind a fence, at
 * what is left. Worker only. */
bool echo__idle_stop_searching(echo__idle *idle);

/* The worker's loop, here or beyond, made if there is none; NULL without memory. Worker only. */
echo__loop *echo__idle_loop(echo__idle *idle, unsigned worker);

/* Parks the worker until it is claimed, nudged or the deadline passes; if `loop` is not NULL, also
 * until something is due there, or for no reason. Must not count as searching. `busy` is asked once
 * after the announcement: if it answers true the worker does not sleep. True if it was claimed or
 * did not sleep: it then counts as searching. Worker only. */
bool echo__idle_park(echo__idle *idle, unsigned worker, uint64_t deadline, echo__loop *loop,
                     bool (*busy)(void *context), void *context);

#endif
