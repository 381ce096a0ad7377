/* channel_methods.c - see channel_methods.h. What can be done at once needs no operation. */
#include "lua/channel_methods.h"

#include <stdint.h>

#include "lua/argument.h"
#include "lua/check.h"
#include "lua/error.h"
#include "lua/fiber.h"
#include "lua/operation.h"

static const lua_Integer most = INT32_MAX;

int echo__channel_make(lua_State *L) {
  const echo__host *host = echo__host_of(L);
  lua_Integer capacity = 0;
  if (!lua_isnoneornil(L, 1)) capacity = echo__check_integer(L, 1, "capacity", 0, most);
  echo__handle *handle = echo__handle_new(L, host, &echo__channel_type);
  echo__channel *channel = echo__channel_create((size_t)capacity);
  if (channel == NULL) return echo__fail_for_memory(L);
  handle->shared = &channel->shared;
  return 1;
}

static echo__channel *check(lua_State *L, const echo__host *host) {
  return (echo__channel *)echo__handle_check(L, host, 1, &echo__channel_type);
}

static echo__channel_waiter *waiter_of(echo__operation *operation) {
  return operation->own;
}

static echo__channel_waiter *sit_down(echo__operation *operation, echo__channel *channel) {
  echo__channel_waiter *waiter = waiter_of(operation);
  operation->seat.spins = true;
  waiter->waiter.seat = &operation->seat;
  waiter->channel = channel;
  return waiter;
}

static echo__channel_waiter *open_wait(lua_State *L, echo__host *host, echo__channel *channel,
                                       const echo__operation_type *type) {
  return sit_down(echo__operation_open(L, host, type), channel);
}

static echo__operation *operation_of(const echo__channel_waiter *waiter) {
  return (echo__operation *)((char *)waiter->waiter.seat - offsetof(echo__operation, seat));
}

static bool is_cancelled(const echo__host *host) {
  const echo__job *job = echo__fiber_job(host);
  return job != NULL && echo__job_is_cancelling(job);
}

/* -- sending ---------------------------------------------------------------------------------- */

static int push_closed_error(lua_State *L, const echo__host *host) {
  lua_pushliteral(L, "the channel is closed: nothing can be sent any more");
  echo__error_push_here(L, host, ECHO__KIND_ERROR);
  return ECHO__RAISES;
}

static int finish_wait(const echo__host *host, echo__channel_waiter *waiter) {
  echo__parcel_give(host, waiter->parcel);
  waiter->parcel = NULL;
  return 0;
}

/* A sender that was served has sent, so it is not told that it was cancelled: that comes with the
 * next thing the task does. Therefore the operation is shielded and looks for itself. */
static int attempt_send(lua_State *L, const echo__host *host, echo__operation *operation) {
  echo__channel_waiter *waiter = waiter_of(operation);
  switch (echo__channel_attempt_send(waiter)) {
  case ECHO__PASSED: return finish_wait(host, waiter);
  case ECHO__CLOSED: return push_closed_error(L, host);
  case ECHO__BARRED:
  default:
    if (!echo__operation_is_to_end(operation)) return ECHO__WAITS;
    return echo__channel_withdraw(waiter) ? echo__operation_end(L, operation)
                                          : finish_wait(host, waiter);
  }
}

static bool enroll_sender(echo__operation *operation) {
  return echo__channel_enroll_sender(waiter_of(operation));
}

static void leave_sender(echo__operation *operation) {
  echo__channel_leave_sender(waiter_of(operation));
}

/* A send knows no time. */
static int never(lua_State *L, const echo__host *host, echo__operation *operation) {
  (void)L, (void)host, (void)operation;
  return ECHO__WAITS;
}

static const echo__operation_type send_type = {"channel:send",
                                               attempt_send,
                                               enroll_sender,
                                               leave_sender,
                                               never,
                                               sizeof(echo__channel_waiter),
                                               true};

/* Sends what was packed, or says why not; the parcel is given up either way, unless it is barred.
 */
static echo__passage send_packed(const echo__host *host, echo__channel *channel,
                                 echo__parcel **parcel) {
  echo__passage passage = echo__channel_send(channel, parcel);
  if (passage == ECHO__BARRED) return passage;
  echo__parcel_give(host, *parcel);
  *parcel = NULL;
  return passage;
}

static int finish_send(lua_State *L, const echo__host *host, echo__passage passage) {
  if (passage == ECHO__PASSED) return 0;
  push_closed_error(L, host);
  return lua_error(L);
}

/* A task's operation is there already, so that no Lua code comes between the packing and the wait,
 * and what is packed has an owner. But packing may run Lua code that waits, too, with the same
 * operation; therefore it comes first. */
static int send_in_task(lua_State *L, echo__host *host, echo__channel *channel, int count) {
  echo__parcel *parcel = echo__parcel_pack(L, host, 2, count);
  echo__passage passage = send_packed(host, channel, &parcel);
  if (passage != ECHO__BARRED) return finish_send(L, host, passage);
  echo__operation *operation = echo__operation_open_in_task(host, &send_type);
  if (operation == NULL) {
    echo__parcel_give(host, parcel);
    return echo__fail_for_memory(L);
  }
  sit_down(operation, channel)->parcel = parcel;
  return echo__operation_run(L, operation, -1);
}

/* Elsewhere an operation is made for each wait, which may run finalizers and fail for want of
 * memory. So it comes first, if it looks as if there was to be a wait, and for whatever must not be
 * packed twice. */
static int send_and_wait(lua_State *L, echo__host *host, echo__channel *channel, int count) {
  echo__channel_waiter *waiter = open_wait(L, host, channel, &send_type);
  waiter->parcel = echo__parcel_pack(L, host, 2, count);
  return echo__operation_run(L, operation_of(waiter), -1);
}

static int send_elsewhere(lua_State *L, echo__host *host, echo__channel *channel, int count) {
  if (echo__channel_outlook(channel) == ECHO__BARRED || !echo__parcel_is_simple(L, 2, count))
    return send_and_wait(L, host, channel, count);
  echo__parcel *parcel = echo__parcel_pack(L, host, 2, count);
  echo__passage passage = send_packed(host, channel, &parcel);
  if (passage != ECHO__BARRED) return finish_send(L, host, passage);
  echo__parcel_give(host, parcel);
  return send_and_wait(L, host, channel, count);
}

static int check_values(lua_State *L) {
  int count = lua_gettop(L) - 1;
  if (count <= 0) echo__argument_error(L, 2, "nothing to send: a message is one value or more");
  return count;
}

/* What is not going to be sent is not packed: it may be something that moves. */
static int send_(lua_State *L) {
  echo__host *host = echo__host_of(L);
  echo__channel *channel = check(L, host);
  int count = check_values(L);
  if (echo__channel_outlook(channel) == ECHO__CLOSED) return finish_send(L, host, ECHO__CLOSED);
  bool in_task = host->worker != NULL && host->worker->fiber != NULL;
  return in_task ? send_in_task(L, host, channel, count) : send_elsewhere(L, host, channel, count);
}

static int try_send(lua_State *L) {
  const echo__host *host = echo__host_of(L);
  echo__channel *channel = check(L, host);
  int count = check_values(L);
  echo__passage passage = echo__channel_outlook(channel);
  if (passage == ECHO__PASSED) {
    echo__parcel *parcel = echo__parcel_pack(L, host, 2, count);
    passage = send_packed(host, channel, &parcel);
    echo__parcel_give(host, parcel);
  }
  if (passage == ECHO__CLOSED) return finish_send(L, host, passage);
  lua_pushboolean(L, passage == ECHO__PASSED);
  return 1;
}

/* -- receiving -------------------------------------------------------------------------------- */

typedef struct reception {
  echo__channel_waiter waiter;
  bool iterates;
} reception;

/* Pushes what is in the parcel and returns its count or ECHO__RAISES. One that cannot be unpacked
 * is used up, or it would be in everybody's way; but not if the task was cancelled meanwhile. */
static int open_parcel(lua_State *L, const echo__host *host, echo__channel *channel,
                       echo__parcel *parcel) {
  int count = echo__parcel_unpack(L, host, parcel);
  if (count == ECHO__UNPACK_FAILED && is_cancelled(host))
    echo__channel_put_back(channel, parcel);
  else
    echo__parcel_give(host, parcel);
  if (count >= 0) return count;
  if (count == ECHO__UNPACK_REFUSED) echo__error_push_here(L, host, ECHO__KIND_TRANSFER);
  return ECHO__RAISES;
}

static int open_for_loop(lua_State *L, const echo__host *host, echo__channel *channel,
                         echo__parcel *parcel) {
  int count = open_parcel(L, host, channel, parcel);
  if (count < 0 || !lua_isnil(L, -count)) return count;
  lua_pushliteral(L, "a message that begins with nil would end the loop: use channel:receive()");
  echo__error_push_here(L, host, ECHO__KIND_ERROR);
  return ECHO__RAISES;
}

/* What a reception comes to, as an operation's attempt. */
static int come_to(lua_State *L, const echo__host *host, echo__channel *channel,
                   echo__passage passage, echo__parcel *parcel, bool iterates) {
  switch (passage) {
  case ECHO__PASSED:
    return iterates ? open_for_loop(L, host, channel, parcel)
                    : open_parcel(L, host, channel, parcel);
  case ECHO__CLOSED:
    lua_pushnil(L);
    lua_pushliteral(L, "closed");
    return 2;
  case ECHO__BARRED:
  default: return ECHO__WAITS;
  }
}

static int attempt_receive(lua_State *L, const echo__host *host, echo__operation *operation) {
  const reception *r = operation->own;
  echo__parcel *parcel = NULL;
  echo__passage passage =
      echo__channel_attempt_receive(waiter_of(operation), &host->codec->parcel, &parcel);
  return come_to(L, host, r->waiter.channel, passage, parcel, r->iterates);
}

static bool enroll_receiver(echo__operation *operation) {
  return echo__channel_enroll_receiver(waiter_of(operation));
}

static void leave_receiver(echo__operation *operation) {
  echo__channel_leave_receiver(waiter_of(operation));
}

static int expire(lua_State *L, const echo__host *host, echo__operation *operation) {
  (void)operation;
  lua_pushliteral(L, "the wait ran out of time: no message came");
  echo__error_push_here(L, host, ECHO__KIND_TIMEOUT);
  return ECHO__RAISES;
}

static const echo__operation_type receive_type = {"channel:receive",
                                                  attempt_receive,
                                                  enroll_receiver,
                                                  leave_receiver,
                                                  expire,
                                                  sizeof(reception),
                                                  false};

static int receive_at_once(lua_State *L, const echo__host *host, echo__channel *channel,
                           bool iterates) {
  echo__parcel *parcel = NULL;
  echo__passage passage = echo__channel_receive(channel, &host->codec->parcel, &parcel);
  return come_to(L, host, channel, passage, parcel, iterates);
}

static int receive(lua_State *L, echo__host *host, echo__channel *channel, double seconds,
                   bool iterates) {
  int count = receive_at_once(L, host, channel, iterates);
  if (count >= 0) return count;
  if (count == ECHO__RAISES) return lua_error(L);
  echo__channel_waiter *waiter = open_wait(L, host, channel, &receive_type);
  ((reception *)waiter)->iterates = iterates;
  return echo__operation_run(L, operation_of(waiter), seconds);
}

static int receive_(lua_State *L) {
  echo__host *host = echo__host_of(L);
  echo__channel *channel = check(L, host);
  double seconds = echo__check_seconds(L, 2);
  lua_settop(L, 1);
  return receive(L, host, channel, seconds, false);
}

static int try_receive(lua_State *L) {
  const echo__host *host = echo__host_of(L);
  echo__channel *channel = check(L, host);
  echo__parcel *parcel = NULL;
  lua_settop(L, 1);
  echo__passage passage = echo__channel_receive(channel, &host->codec->parcel, &parcel);
  if (passage != ECHO__PASSED) {
    lua_pushboolean(L, 0);
    lua_pushstring(L, passage == ECHO__CLOSED ? "closed" : "empty");
    return 2;
  }
  lua_pushboolean(L, 1);
  int count = open_parcel(L, host, channel, parcel);
  return count < 0 ? lua_error(L) : count + 1;
}

/* (channel, what the last round got) */
static int next(lua_State *L) {
  echo__host *host = echo__host_of(L);
  echo__channel *channel = check(L, host);
  lua_settop(L, 1);
  return receive(L, host, channel, -1, true);
}

static int iter(lua_State *L) {
  check(L, echo__host_of(L));
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushcclosure(L, next, 1);
  lua_pushvalue(L, 1);
  return 2;
}

/* -- the rest --------------------------------------------------------------------------------- */

static int close_(lua_State *L) {
  lua_pushboolean(L, echo__channel_close(check(L, echo__host_of(L))));
  return 1;
}

static int length(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)echo__channel_count(check(L, echo__host_of(L))));
  return 1;
}

const luaL_Reg echo__channel_methods[] = {
    {"send", send_}, {"try_send", try_send}, {"receive", receive_}, {"try_receive", try_receive},
    {"iter", iter},  {"close", close_},      {NULL, NULL}};

const luaL_Reg echo__channel_metamethods[] = {{"__len", length},
                                              {"__close", close_},
                                              {"__eq", echo__handle_equal},
                                              {"__gc", echo__handle_gc},
                                              {NULL, NULL}};
