/*
 * A channel: each message that was sent is received once or is in the channel when it ends, and
 * none that was not sent is; whoever waits is served or told of the end; the channel goes with its
 * last reference or waiter. channel.c, shared.c, waitlist.h and the lock are the real ones; a
 * parcel is a number, and whoever waits does as operation.c does on a thread of the host.
 *
 * A wake-up that is lost leaves somebody asleep for ever: a deadlock.
 */
#include "variant.h" /* before all that tells the model something */

#include <stddef.h>
#include <stdlib.h>

#include "system.hpp"

struct echo__channel;
static void model_look(struct echo__channel *channel);
static void *model_calloc(size_t count, size_t bytes);
static void model_free(void *memory);
#define calloc(count, bytes) model_calloc(count, bytes)
#define free(memory)         model_free(memory)
#define _Thread_local /* nothing else runs while a channel is disposed of */

#include "base/fork.h"
#include "base/lock.c"

inline void echo__fork_enter(echo__forkable *) { /* nobody forks */
}
inline void echo__fork_leave(echo__forkable *) {
}

#include "lua/channel.c"
#include "lua/shared.c"

unsigned echo__waitlist_forget_lost(echo__waitlist *) {
  return 0;
}

enum { MESSAGES = 4, PARCELS = MESSAGES + 1, WAITERS = 12 };

struct stage;
static stage *the_stage;

/* A waiter that is gone must not be served. */
struct wait {
  echo__seat seat;
  echo__channel_waiter w = {};
  wait(echo__channel *channel) {
    w.waiter.seat = &seat;
    w.channel = channel;
  }
};

struct stage : model::scenario {
  alignas(16) char memory[sizeof(echo__channel)];
  echo__channel *channel = NULL;
  bool gone = false;
  alignas(16) char parcels[PARCELS][sizeof(echo__parcel)];
  bool used[PARCELS] = {};
  echo__parcel *spares[model::THREADS] = {}; /* each thread's empty one, as in a codec */
  alignas(16) char waits[WAITERS][sizeof(wait)];
  int waits_used = 0;
  /* By message, 1 and on. */
  bool sent[MESSAGES + 1] = {};
  int received[MESSAGES + 1] = {}, dropped[MESSAGES + 1] = {};
  int messages = 0;
  bool settled = false, settled_at_look = false; /* nobody is about to put anything back */

  stage(size_t capacity) {
    the_stage = this;
    channel = echo__channel_create(capacity);
  }

  /* -- parcels -- */

  echo__parcel *pack() {
    echo__parcel *parcel = spares[model::self()];
    spares[model::self()] = NULL;
    for (int i = 0; i < PARCELS && parcel == NULL; i++) {
      if (used[i]) continue;
      used[i] = true;
      parcel = new (parcels[i], (model::scenario *)nullptr) echo__parcel();
    }
    CHECK(parcel != NULL && parcel->message == 0);
    parcel->message = ++messages;
    return parcel;
  }

  void keep(echo__parcel *parcel) {
    if (parcel == NULL) return;
    CHECK(parcel->message == 0);
    if (spares[model::self()] == NULL)
      spares[model::self()] = parcel;
    else
      echo__parcel_destroy(parcel);
  }

  int unpack(echo__parcel *parcel) {
    int message = parcel->message;
    CHECK(message > 0 && message <= messages);
    CHECK(++received[message] == 1);
    parcel->message = 0;
    keep(parcel);
    return message;
  }

  /* -- what waits does as operation.c does -- */

  wait *begin() {
    CHECK(waits_used < WAITERS);
    return new (waits[waits_used++], (model::scenario *)nullptr) wait(channel);
  }

  /* True if the time is up, which is at any moment unless `patient`. One that is patient may wake
   * to look around, too, but not for ever: a wake-up that is lost is to be seen. */
  bool sleep(wait *mine, bool (*enroll)(echo__channel_waiter *), bool patient) {
    echo__seat_rouse(&mine->seat);
    if (!enroll(&mine->w)) return false;
    return !echo__seat_sleep(&mine->seat, patient && model::choose(4) < 3 ? ECHO__FOREVER : 1) &&
           !patient;
  }

  bool settle_send(wait *mine, int message, bool passed) {
    if (passed) {
      sent[message] = true;
      keep(mine->w.parcel);
      mine->w.parcel = NULL;
    }
    echo__channel_leave_sender(&mine->w);
    mine->~wait();
    return passed;
  }

  bool send(bool patient) {
    wait *mine = begin();
    mine->w.parcel = pack();
    int message = messages;
    for (bool ends = false;;) {
      echo__passage passage = echo__channel_attempt_send(&mine->w);
      if (passage != ECHO__BARRED) return settle_send(mine, message, passage == ECHO__PASSED);
      if (ends) return settle_send(mine, message, !echo__channel_withdraw(&mine->w));
      ends = sleep(mine, echo__channel_enroll_sender, patient);
    }
  }

  /* The message, 0 if the channel was closed, or -1 if it gave up: one that is cancelled leaves
   * without having looked. */
  int receive(bool patient) {
    wait *mine = begin();
    echo__parcel *parcel = NULL;
    echo__passage passage;
    bool ends = false;
    while (!ends) {
      settled_at_look = settled;
      passage = echo__channel_attempt_receive(&mine->w, &spares[model::self()], &parcel);
      if (passage != ECHO__BARRED) break;
      ends = sleep(mine, echo__channel_enroll_receiver, patient);
      if (!patient) ends = ends || model::choose(2) == 1;
    }
    echo__channel_leave_receiver(&mine->w);
    mine->~wait();
    if (ends) return -1;
    return passage == ECHO__PASSED ? unpack(parcel) : 0;
  }

  void receive_all() {
    while (receive(true) > 0) {
    }
  }

  void after() override {
    if (!gone) echo__shared_release(&channel->shared);
    CHECK(gone);
    for (echo__parcel *&spare : spares) {
      echo__parcel_destroy(spare);
      spare = NULL;
    }
    for (bool one : used)
      CHECK(!one);
    for (int m = 1; m <= messages; m++)
      CHECK(received[m] + dropped[m] == 1 && (received[m] == 0 || sent[m]));
    check_dropped();
  }

  /* Nothing that was sent is lost where somebody receives till the end. */
  virtual void check_dropped() {
    for (int m = 1; m <= messages; m++)
      CHECK(sent[m] == (received[m] == 1));
  }
};

void echo__parcel_destroy(echo__parcel *parcel) {
  if (parcel == NULL) return;
  int number = (int)(((char *)parcel - the_stage->parcels[0]) / sizeof(echo__parcel));
  CHECK(number >= 0 && number < PARCELS && the_stage->used[number]);
  the_stage->used[number] = false;
  if (parcel->message != 0) the_stage->dropped[parcel->message]++;
  parcel->~echo__parcel();
}

static void *model_calloc(size_t, size_t bytes) {
  CHECK(bytes == sizeof(echo__channel));
  return new (the_stage->memory, (model::scenario *)nullptr) echo__channel();
}

static void model_free(void *memory) {
  CHECK(memory == the_stage->memory && !the_stage->gone);
  the_stage->gone = true;
  ((echo__channel *)memory)->~echo__channel();
}

static void look_at_waiters(const echo__waitlist *list) {
  for (echo__waiter *w = list->first; w != NULL; w = w->next) {
    const echo__channel_waiter *waiter = (echo__channel_waiter *)w;
    CHECK(w->waiting == ECHO__WAITING && waiter->holds);
    CHECK((w->next == NULL) == (w == list->last));
  }
}

/* What the header says always holds; called at the end of each section under the lock. */
static void model_look(echo__channel *channel) {
  bool senders = channel->senders.first != NULL, receivers = channel->receivers.first != NULL;
  if (receivers) CHECK(channel->first == NULL && !senders);
  if (senders) CHECK(channel->count >= channel->capacity);
  if (channel->closed) CHECK(!senders && !receivers);
  look_at_waiters(&channel->senders);
  look_at_waiters(&channel->receivers);
  size_t count = 0;
  for (echo__parcel *p = channel->first; p != NULL; p = p->next, count++) {
    CHECK(p->message != 0);
    if (p->next == NULL)
      CHECK(channel->last == p);
    else
      CHECK(p->number < ((echo__parcel *)p->next)->number);
  }
  CHECK(count == channel->count);
  for (echo__parcel *p = channel->empty; p != NULL; p = p->next)
    CHECK(p->message == 0);
}

/* From hand to hand, two senders and one who receives; everything arrives, each sender's in order.
 */
struct hand_over : stage {
  hand_over(size_t capacity = 0) : stage(capacity) {
  }
  void thread(unsigned index) override {
    if (index == 0) {
      for (int i = 0; i < 3; i++)
        CHECK(receive(true) > 0);
    } else {
      for (int i = 0; i < (int)index; i++)
        CHECK(send(true));
    }
  }
};

/* The same by way of a buffer. */
struct buffered : hand_over {
  buffered() : hand_over(1) {
  }
};

struct roomy : hand_over {
  roomy() : hand_over(2) {
  }
};

/* One receiver leaves at any moment, maybe with a message in its hands; another gets what it puts
 * back. Who comes to see the end before it was put back misses it. */
struct cancelled_receiver : stage {
  cancelled_receiver() : stage(0) {
  }
  void thread(unsigned index) override {
    if (index == 0) {
      CHECK(send(true));
      CHECK(send(true));
      echo__channel_close(channel);
    } else if (index == 1) {
      receive(false);
      settled = true;
    } else {
      receive_all();
    }
  }
  void check_dropped() override {
    CHECK(sent[1] && sent[2] && dropped[1] + dropped[2] <= (settled_at_look ? 0 : 1));
  }
};

/* One receiver leaves and comes again: nothing has changed places. */
struct same_place : stage {
  same_place() : stage(1) {
  }
  void thread(unsigned index) override {
    if (index > 0) {
      for (int i = 0; i < 3; i++)
        CHECK(send(true));
      return;
    }
    for (int last = 0, message, left = 4; last < 3;) {
      message = receive(left-- <= 0);
      CHECK(message == -1 || message == last + 1);
      if (message > 0) last = message;
    }
  }
};

/* Two receivers leave at any moment, and put back in any order; then all is there, in order. */
struct two_put_back : stage {
  event over[2];
  two_put_back() : stage(3) {
  }
  void thread(unsigned index) override {
    if (index == 0) {
      for (int i = 0; i < 3; i++)
        CHECK(send(true));
      over[0].wait();
      over[1].wait();
      echo__channel_close(channel);
      for (int last = 0, message; (message = receive(true)) > 0; last = message)
        CHECK(message > last);
    } else {
      int message = receive(false);
      over[index - 1].set();
      CHECK(message != 0);
    }
  }
};

/* Who withdraws has sent or keeps the message, never both. */
struct cancelled_sender : stage {
  cancelled_sender() : stage(0) {
  }
  void thread(unsigned index) override {
    if (index == 2) return receive_all();
    send(false);
    if (index == 0) {
      send(false);
      echo__channel_close(channel);
    }
  }
};

/* Closing, while some wait on either side. */
struct close_with_senders : stage {
  close_with_senders() : stage(1) {
  }
  void thread(unsigned index) override {
    if (index < 2) {
      if (send(true)) send(true);
      return;
    }
    receive(false);
    CHECK(echo__channel_close(channel));
    CHECK(!echo__channel_close(channel));
    receive_all();
  }
};

struct close_with_receivers : stage {
  close_with_receivers() : stage(0) {
  }
  void thread(unsigned index) override {
    if (index < 2) return receive_all();
    send(false);
    CHECK(echo__channel_close(channel));
    CHECK(!send(true));
  }
};

/* The last reference goes while somebody waits, who then has to see to the end. */
struct orphaned : stage {
  orphaned() : stage(0) {
    echo__shared_retain(&channel->shared);
  }
  void thread(unsigned index) override {
    if (index == 1) {
      send(false);
      return echo__shared_release(&channel->shared);
    }
    wait *mine = begin();
    echo__parcel *parcel = NULL;
    bool waits = echo__channel_enroll_receiver(&mine->w);
    if (waits) {
      echo__shared_release(&channel->shared);
      echo__seat_sleep(&mine->seat, 1);
      if (model::choose(2) && mine->w.holds &&
          echo__channel_attempt_receive(&mine->w, &spares[0], &parcel) == ECHO__PASSED)
        unpack(parcel);
    }
    echo__channel_leave_receiver(&mine->w);
    mine->~wait();
    if (!waits) echo__shared_release(&channel->shared);
  }
  void after() override {
    CHECK(gone);
    stage::after();
  }
  void check_dropped() override {
  }
};

/* Who wakes to look around makes no end of schedules: they are random. */
SCENARIO(hand_over, 3, 100000, 0, 0)
SCENARIO(buffered, 3, 100000, 0, 0)
SCENARIO(roomy, 3, 100000, 0, 0)
SCENARIO(cancelled_receiver, 3, 100000, 0, 0)
SCENARIO(same_place, 2, 50000, 0, 0)
SCENARIO(two_put_back, 3, 100000, 0, 0)
SCENARIO(cancelled_sender, 3, 100000, 0, 0)
SCENARIO(close_with_senders, 3, 100000, 0, 0)
SCENARIO(close_with_receivers, 3, 100000, 0, 0)
SCENARIO(orphaned, 2, 50000, 0, 0)
