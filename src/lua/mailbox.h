/*
 * A mailbox: how news reach a Lua state of a host, whatever its program waits with.
 *
 * There is one per host state. A letter is something that expects news on the state's behalf: a
 * call-back of on_complete, a coroutine that awaits. It is embedded in what it stands for. The
 * state's thread enters it (echo__letter_expect), any thread that has the news posts it, and the
 * state's thread takes the posted ones out, in the order in which they were posted, and delivers
 * them. What is posted while the letter is out, with its state's thread, counts when it is expected
 * again.
 *
 * Who may post: the rule of operation.h. A letter is posted with a lock held under which the
 * state's thread takes back whatever leads to it. So what is withdrawn after that was taken back
 * is never touched again, and a state that closes leaves nothing behind.
 *
 * Waking is coalesced. Whoever posts into an empty mailbox wakes the thread that sleeps in
 * echo__mailbox_wait and makes the descriptor readable, which it stays until the mailbox is empty.
 * The embedder's call-back is called once until the mailbox is looked into or empty again. All this
 * happens under the mailbox's mutex, the last in the order of locks: a call-back that was replaced
 * is not being called any more.
 *
 * In the child of a fork what is expected may never be posted any more: so all letters are, and
 * look for news, as when they are roused; but nobody is woken, since whoever could sleep has just
 * forked. The descriptor has the same number and is the child's own.
 *
 * References: the state's, until it closes, and one of each client, because a scheduler that stops
 * rouses its clients' mailboxes (echo__mailbox_rouse). Unless it says otherwise, a function is for
 * the state's thread.
 */
#ifndef ECHO_LUA_MAILBOX_H
#define ECHO_LUA_MAILBOX_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/doorbell.h"
#include "base/fork.h"
#include "base/wait.h"

struct echo__mailbox;

typedef struct echo__letter {
  struct echo__letter *next, **link; /* link: what points here; NULL when not in a list */
  struct echo__mailbox *mailbox;     /* its state's; set before anybody knows of the letter */
  uint64_t number;                   /* of a posted one, from 1 on; else 0 */
  uint64_t deadline;                 /* or ECHO__FOREVER: it is due then, if nobody posts it */
  const void *clock;                 /* whoever keeps its time otherwise, or NULL */
  bool missed;                       /* it was posted while it was in no list */
  bool background;                   /* nobody waits for it: it does not count as expected */
  /* Called when it was taken: tells the state. False if there was nothing to tell. May raise
   * nothing. */
  bool (*deliver)(lua_State *L, struct echo__letter *letter);
  /* Called instead when the state closes. */
  void (*discard)(struct echo__letter *letter);
} echo__letter;

typedef struct echo__letters {
  echo__letter *first, **end;
} echo__letters;

typedef struct echo__mailbox {
  echo__atomic(size_t) references;
  echo__atomic(size_t) ready; /* posted letters; written under the mutex */
  uv_mutex_t mutex;           /* guards the rest, but for the last four */
  echo__letters expected, posted;
  uint64_t number; /* of the letter that was posted last */
  echo__word word; /* what the state's thread sleeps on: 1 is woken */
  bool sleeps;
  bool called; /* the call-back, since the last look */
  bool nudged; /* the descriptor is readable although nothing lies here */
  echo__doorbell bell;
  void (*wakeup)(void *data); /* or NULL */
  void *wakeup_data;
  size_t count;  /* letters in both lists, without those in the background */
  size_t timed;  /* those of them that have a deadline */
  bool attached; /* an event loop watches the descriptor, see attach.h */
  echo__forkable forkable;
} echo__mailbox;

/* With one reference; NULL without memory. */
echo__mailbox *echo__mailbox_create(void);

/* Any thread that has a reference. */
void echo__mailbox_retain(echo__mailbox *mailbox);
void echo__mailbox_release(echo__mailbox *mailbox);

/* Discards all letters; nobody is woken any more. Before the last release. */
void echo__mailbox_close(echo__mailbox *mailbox);

/* Enters a letter that is in no list. */
void echo__letter_expect(echo__letter *letter);

/* Posts a letter, if it is not posted already. Any thread, under the rule above. */
void echo__letter_post(echo__letter *letter);

/* Takes a letter out, if it is in. */
void echo__letter_withdraw(echo__letter *letter);

/* Posts the letters whose time this clock keeps, or all if it is NULL: each looks whether there are
 * news. The others must keep their order. Any thread that has a reference. */
void echo__mailbox_rouse(echo__mailbox *mailbox, const void *clock);

/* Begins a delivery: the number of the latest letter that is posted or due. Costs one load if
 * there is none. */
uint64_t echo__mailbox_look(echo__mailbox *mailbox);

/* Takes the next letter out, unless there is none or its number is above `latest`. */
echo__letter *echo__mailbox_take(echo__mailbox *mailbox, uint64_t latest);

/* Ends a delivery: lets those be told again who wait for what is left. */
void echo__mailbox_leave(echo__mailbox *mailbox);

/* Sleeps until a letter is posted or due or the deadline passes; perhaps less. */
void echo__mailbox_wait(echo__mailbox *mailbox, uint64_t deadline);

/* A descriptor that is readable while posted letters lie here, made at the first call; or -1 with
 * the reason in errno. It is the mailbox's. */
int echo__mailbox_descriptor(echo__mailbox *mailbox);

/* Sets the call-back that is called, from any thread, when a letter is posted; NULL: none. */
void echo__mailbox_set_wakeup(echo__mailbox *mailbox, void (*wakeup)(void *data), void *data);

#endif
