#include "lua/channel.h"

#include <stddef.h>
#include <stdlib.h>

/* -- parcels, under the lock ------------------------------------------------------------------ */

static echo__parcel *take_empty(echo__channel *channel) {
  echo__parcel *parcel = channel->empty;
  if (parcel == NULL) return NULL;
  channel->empty = parcel->next;
  channel->empty_count--;
  return parcel;
}

static void keep_empty(echo__channel *channel, echo__parcel **parcel) {
  if (*parcel == NULL || channel->empty_count == ECHO__SPARE_PARCELS) return;
  (*parcel)->next = channel->empty;
  channel->empty = *parcel;
  channel->empty_count++;
  *parcel = NULL;
}

static void append(echo__channel *channel, echo__parcel *parcel) {
  parcel->next = NULL;
  if (channel->last != NULL)
    channel->last->next = parcel;
  else
    channel->first = parcel;
  channel->last = parcel;
  channel->count++;
}

static echo__parcel *pop(echo__channel *channel) {
  echo__parcel *parcel = channel->first;
  channel->first = parcel->next;
  if (channel->first == NULL) channel->last = NULL;
  channel->count--;
  return parcel;
}

/* Among those that were sent before and after it: several may be put back, in any order. */
static void insert(echo__channel *channel, echo__parcel *parcel) {
  echo__parcel **place = &channel->first;
  while (*place != NULL && (*place)->number < parcel->number)
    place = &(*place)->next;
  parcel->next = *place;
  *place = parcel;
  if (parcel->next == NULL) channel->last = parcel;
  channel->count++;
}

/* -- sending and receiving, under the lock ---------------------------------------------------- */

static void serve_receiver(echo__channel *channel, echo__parcel *parcel) {
  ((echo__channel_waiter *)channel->receivers.first)->parcel = parcel;
  echo__waitlist_serve(&channel->receivers, ECHO__WAITING_OVER);
}

static echo__parcel *serve_sender(echo__channel *channel) {
  echo__channel_waiter *sender = (echo__channel_waiter *)channel->senders.first;
  echo__parcel *parcel = sender->parcel;
  parcel->number = channel->sent++;
  sender->parcel = take_empty(channel);
  echo__waitlist_serve(&channel->senders, ECHO__WAITING_OVER);
  return parcel;
}

static bool would_take(const echo__channel *channel) {
  return channel->receivers.first != NULL || channel->count < channel->capacity;
}

static bool would_give(const echo__channel *channel) {
  return channel->first != NULL || channel->senders.first != NULL;
}

static echo__passage put(echo__channel *channel, echo__parcel **parcel) {
  if (channel->closed) return ECHO__CLOSED;
  if (!would_take(channel)) return ECHO__BARRED;
  (*parcel)->number = channel->sent++;
  if (channel->receivers.first != NULL)
    serve_receiver(channel, *parcel);
  else
    append(channel, *parcel);
  *parcel = take_empty(channel);
  return ECHO__PASSED;
}

static echo__passage take(echo__channel *channel, echo__parcel **empty, echo__parcel **received) {
  if (!would_give(channel)) return channel->closed ? ECHO__CLOSED : ECHO__BARRED;
  keep_empty(channel, empty);
  if (channel->first == NULL) {
    *received = serve_sender(channel);
    return ECHO__PASSED;
  }
  *received = pop(channel);
  if (channel->senders.first != NULL && channel->count < channel->capacity)
    append(channel, serve_sender(channel));
  return ECHO__PASSED;
}

static void put_back(echo__channel *channel, echo__parcel *parcel) {
  if (channel->receivers.first != NULL)
    serve_receiver(channel, parcel);
  else
    insert(channel, parcel);
}

/* -- the lock --------------------------------------------------------------------------------- */

/* What may pass, if nothing changes: those who must wait anyway need not take the lock to learn it.
 * Who then lines up looks again, under the lock. */
enum { TAKES = 1, GIVES = 2, SHUT = 4 /* with both of the others */ };

static bool may_pass(const echo__channel *channel, unsigned way) {
  return echo__load(&channel->hint, relaxed) & way;
}

static void enter(echo__channel *channel) {
  echo__lock_take(&channel->lock);
}

static void leave(echo__channel *channel) {
  unsigned hint = TAKES | GIVES | SHUT;
  if (!channel->closed)
    hint = (would_take(channel) ? TAKES : 0) | (would_give(channel) ? GIVES : 0);
  echo__store(&channel->hint, hint, relaxed);
  echo__lock_give(&channel->lock);
}

/* -- forks ------------------------------------------------------------------------------------ */

static echo__channel *channel_of(echo__forkable *forkable) {
  return (echo__channel *)(void *)((char *)forkable - offsetof(echo__channel, forkable));
}

static bool hold(echo__forkable *forkable) {
  return echo__lock_try(&channel_of(forkable)->lock);
}

static void let_go_again(echo__forkable *forkable) {
  echo__lock_give(&channel_of(forkable)->lock);
}

static void in_child(echo__forkable *forkable) {
  echo__channel *channel = channel_of(forkable);
  enter(channel);
  unsigned lost = echo__waitlist_forget_lost(&channel->senders) +
                  echo__waitlist_forget_lost(&channel->receivers);
  channel->holding = channel->holding - lost;
  leave(channel);
}

/* -- the beginning and the end ---------------------------------------------------------------- */

echo__channel *echo__channel_create(size_t capacity) {
  echo__channel *channel = calloc(1, sizeof *channel);
  if (channel == NULL) return NULL;
  echo__shared_init(&channel->shared, &echo__channel_type);
  echo__lock_init(&channel->lock);
  channel->capacity = capacity;
  enter(channel);
  leave(channel);
  channel->forkable = (echo__forkable){NULL, NULL, hold, let_go_again, in_child};
  echo__fork_enter(&channel->forkable);
  return channel;
}

static void destroy_parcels(echo__parcel *parcel) {
  while (parcel != NULL) {
    echo__parcel *next = parcel->next;
    echo__parcel_destroy(parcel);
    parcel = next;
  }
}

/* A channel may be the last one to hold another, which holds another, and so on. They go one after
 * the other, not one inside the other: no stack is deep enough for as many as there can be. */
static void dispose(echo__channel *channel) {
  static _Thread_local echo__channel *doomed;
  static _Thread_local bool busy;
  channel->doomed = doomed;
  doomed = channel;
  if (busy) return;
  busy = true;
  while ((channel = doomed) != NULL) {
    doomed = channel->doomed;
    echo__fork_leave(&channel->forkable);
    destroy_parcels(channel->first);
    destroy_parcels(channel->empty);
    free(channel);
  }
  busy = false;
}

static void destroy(echo__shared *shared) {
  echo__channel *channel = (echo__channel *)shared;
  enter(channel);
  channel->orphaned = true;
  bool held = channel->holding > 0;
  leave(channel);
  if (!held) dispose(channel);
}

const echo__shared_type echo__channel_type = {
    .name = "echo.channel",
    .type = ECHO__TYPE_CHANNEL,
    .destroy = destroy,
};
/* -- without waiting -------------------------------------------------------------------------- */

echo__passage echo__channel_outlook(const echo__channel *channel) {
  if (may_pass(channel, SHUT)) return ECHO__CLOSED;
  return may_pass(channel, TAKES) ? ECHO__PASSED : ECHO__BARRED;
}

echo__passage echo__channel_send(echo__channel *channel, echo__parcel **parcel) {
  if (!may_pass(channel, TAKES)) return ECHO__BARRED;
  enter(channel);
  echo__passage passage = put(channel, parcel);
  leave(channel);
  return passage;
}

echo__passage echo__channel_receive(echo__channel *channel, echo__parcel **empty,
                                    echo__parcel **received) {
  if (!may_pass(channel, GIVES)) return ECHO__BARRED;
  enter(channel);
  echo__passage passage = take(channel, empty, received);
  leave(channel);
  return passage;
}

void echo__channel_put_back(echo__channel *channel, echo__parcel *parcel) {
  enter(channel);
  put_back(channel, parcel);
  leave(channel);
}

bool echo__channel_close(echo__channel *channel) {
  enter(channel);
  bool closes = !channel->closed;
  channel->closed = true;
  while (channel->senders.first != NULL)
    echo__waitlist_serve(&channel->senders, ECHO__WAITING_NOT);
  while (channel->receivers.first != NULL)
    echo__waitlist_serve(&channel->receivers, ECHO__WAITING_NOT);
  leave(channel);
  return closes;
}

size_t echo__channel_count(echo__channel *channel) {
  enter(channel);
  size_t count = channel->count;
  leave(channel);
  return count;
}

/* -- waiting ---------------------------------------------------------------------------------- */

static void line_up(echo__waitlist *list, echo__channel_waiter *waiter) {
  echo__waitlist_add(list, &waiter->waiter);
  waiter->channel->holding++;
  waiter->holds = true;
}

/* The end of a waiter's last section. */
static void let_go(echo__channel_waiter *waiter) {
  echo__channel *channel = waiter->channel;
  waiter->holds = false;
  bool last = --channel->holding == 0 && channel->orphaned;
  leave(channel);
  if (last) dispose(channel);
}

echo__passage echo__channel_attempt_send(echo__channel_waiter *waiter) {
  echo__channel *channel = waiter->channel;
  if (!waiter->holds) return echo__channel_send(channel, &waiter->parcel);
  enter(channel);
  echo__waiting waiting = waiter->waiter.waiting;
  if (waiting == ECHO__WAITING) {
    leave(channel);
    return ECHO__BARRED;
  }
  let_go(waiter);
  return waiting == ECHO__WAITING_OVER ? ECHO__PASSED : ECHO__CLOSED;
}

/* One that was told of the end gets what was put back after it. */
static echo__passage look(echo__channel_waiter *waiter, echo__parcel **empty,
                          echo__parcel **received) {
  if (waiter->waiter.waiting == ECHO__WAITING_NOT) return take(waiter->channel, empty, received);
  keep_empty(waiter->channel, empty);
  *received = waiter->parcel;
  return ECHO__PASSED;
}

echo__passage echo__channel_attempt_receive(echo__channel_waiter *waiter, echo__parcel **empty,
                                            echo__parcel **received) {
  echo__channel *channel = waiter->channel;
  if (!waiter->holds) return echo__channel_receive(channel, empty, received);
  enter(channel);
  if (waiter->waiter.waiting == ECHO__WAITING) {
    leave(channel);
    return ECHO__BARRED;
  }
  echo__passage passage = look(waiter, empty, received);
  let_go(waiter);
  return passage;
}

static bool enroll(echo__channel_waiter *waiter, echo__waitlist *list,
                   bool (*would_pass)(const echo__channel *)) {
  echo__channel *channel = waiter->channel;
  enter(channel);
  if (!waiter->holds && !channel->closed && !would_pass(channel)) line_up(list, waiter);
  bool waits = waiter->holds && waiter->waiter.waiting == ECHO__WAITING;
  leave(channel);
  return waits;
}

bool echo__channel_enroll_sender(echo__channel_waiter *waiter) {
  return enroll(waiter, &waiter->channel->senders, would_take);
}

bool echo__channel_enroll_receiver(echo__channel_waiter *waiter) {
  return enroll(waiter, &waiter->channel->receivers, would_give);
}

bool echo__channel_withdraw(echo__channel_waiter *sender) {
  if (!sender->holds) return true;
  enter(sender->channel);
  if (sender->waiter.waiting == ECHO__WAITING)
    echo__waitlist_remove(&sender->channel->senders, &sender->waiter);
  bool sent = sender->waiter.waiting == ECHO__WAITING_OVER;
  let_go(sender);
  return !sent;
}

void echo__channel_leave_sender(echo__channel_waiter *waiter) {
  echo__channel_withdraw(waiter);
  echo__parcel_destroy(waiter->parcel);
  waiter->parcel = NULL;
}

void echo__channel_leave_receiver(echo__channel_waiter *waiter) {
  if (!waiter->holds) return;
  enter(waiter->channel);
  if (waiter->waiter.waiting == ECHO__WAITING)
    echo__waitlist_remove(&waiter->channel->receivers, &waiter->waiter);
  else if (waiter->waiter.waiting == ECHO__WAITING_OVER)
    put_back(waiter->channel, waiter->parcel);
  let_go(waiter);
}
