/*
 * A channel: parcels on their way from whoever sends to whoever receives. Any thread may do
 * anything here at any time; one lock guards all of it. No Lua.
 *
 *   buffer     what was sent and nobody has taken, oldest first
 *   senders    those who wait, each with its parcel, because the buffer is full
 *   receivers  those who wait because there is nothing
 *
 * What always holds: if a receiver waits, the buffer is empty and no sender waits; if a sender
 * waits, the buffer is as full as may be and no receiver waits. So whoever comes finds what to do
 * without looking past somebody who came before: first come, first served, on either side.
 *
 * A parcel is sent when it is in the buffer or in a receiver's hands. A sender that leaves before
 * has not sent; one that was served has, whatever becomes of it. A receiver that was served and
 * leaves without having looked (it was cancelled) puts its parcel back where it was, and whoever
 * comes next gets it; so a buffer may for a while hold more than its capacity.
 *
 * Closing ends the waits of both sides. What is in the buffer can still be received; what senders
 * who waited hold was not sent.
 *
 * A waiter holds on to the channel from when it lines up until it has looked or left: the last
 * reference may go meanwhile (an operation can outlive the call that began it), and then the last
 * waiter destroys the channel. It is counted under the lock, which is taken anyway, because
 * references cost more than the rest of a wait. A waiter is used by its own thread only, but for
 * what waitlist.h says.
 *
 * The lock is held over a fork. The child's channel has in its buffer what was there, and of those
 * who wait the coroutines of the state that forked.
 */
#ifndef ECHO_LUA_CHANNEL_H
#define ECHO_LUA_CHANNEL_H

#include "base/fork.h"
#include "base/lock.h"
#include "lua/parcel.h"
#include "lua/shared.h"
#include "lua/waitlist.h"

typedef struct echo__channel {
  echo__shared shared;
  echo__lock lock;
  echo__atomic(unsigned) hint; /* what would pass now, for those who come without the lock */
  bool closed;
  bool orphaned;    /* nobody refers to it but waiters */
  unsigned holding; /* waiters */
  size_t capacity;
  size_t count; /* in the buffer */
  uint64_t sent;
  echo__parcel *first, *last;
  echo__parcel *empty; /* to be used again */
  size_t empty_count;
  echo__waitlist senders, receivers;
  struct echo__channel *doomed; /* the next one to be destroyed */
  echo__forkable forkable;
} echo__channel;

typedef enum echo__passage {
  ECHO__PASSED,
  ECHO__BARRED, /* not without waiting */
  ECHO__CLOSED
} echo__passage;

/* What somebody waits with. `parcel` is the sender's until it was sent, and the receiver's from
 * when it was served. */
typedef struct echo__channel_waiter {
  echo__waiter waiter; /* begins as zeros, with a seat */
  echo__channel *channel;
  echo__parcel *parcel;
  bool holds;
} echo__channel_waiter;

extern const echo__shared_type echo__channel_type;

/* With one reference, the caller's; NULL without memory. */
echo__channel *echo__channel_create(size_t capacity);

/* What a send would come to, as it seems at this moment. */
echo__passage echo__channel_outlook(const echo__channel *channel);

/* Sends *parcel if that can be done at once; *parcel then is an empty one, or NULL. */
echo__passage echo__channel_send(echo__channel *channel, echo__parcel **parcel);

/* Receives if that can be done at once. *empty is an empty parcel, or NULL; if the channel keeps it
 * to be used again, it is NULL afterwards. */
echo__passage echo__channel_receive(echo__channel *channel, echo__parcel **empty,
                                    echo__parcel **received);

/* Puts what was received, and not looked at, back to where it was. */
void echo__channel_put_back(echo__channel *channel, echo__parcel *parcel);

/* False if it was closed before. */
bool echo__channel_close(echo__channel *channel);

/* How many parcels are in the buffer, at this moment. */
size_t echo__channel_count(echo__channel *channel);

/* The steps of those who wait, in the sense of operation.h. Leaving frees a parcel that was not
 * sent. */
echo__passage echo__channel_attempt_send(echo__channel_waiter *waiter);
echo__passage echo__channel_attempt_receive(echo__channel_waiter *waiter, echo__parcel **empty,
                                            echo__parcel **received);
bool echo__channel_enroll_sender(echo__channel_waiter *waiter);
bool echo__channel_enroll_receiver(echo__channel_waiter *waiter);
void echo__channel_leave_sender(echo__channel_waiter *waiter);
void echo__channel_leave_receiver(echo__channel_waiter *waiter);

/* Takes a sender out that would rather not wait any longer: true if it has not sent, and now will
 * not; false if it was served meanwhile. */
bool echo__channel_withdraw(echo__channel_waiter *sender);

#endif
