#include "lua/host_wait.h"

#include <lauxlib.h>

#include "lua/attach.h"
#include "lua/report.h"
#include "lua/traceback.h"

static echo__host_wait *wait_of(echo__operation *operation) {
  return (echo__host_wait *)(void *)operation;
}

static echo__host_wait *of_letter(echo__letter *letter) {
  return (echo__host_wait *)((char *)letter - offsetof(echo__host_wait, letter));
}

bool echo__host_can_yield(lua_State *L, echo__host *host) {
  return host->worker == NULL && lua_isyieldable(L) && echo__host_try_mailbox(host) != NULL;
}

/* -- the coroutine is resumed ----------------------------------------------------------------- */

static bool waits_here(lua_State *coroutine, const echo__host_wait *wait) {
  return lua_status(coroutine) == LUA_YIELD && lua_gettop(coroutine) >= wait->index &&
         lua_touserdata(coroutine, wait->index) == wait;
}

/* The error stays on the coroutine's stack, too, for the variables that are to be closed. */
static void report(lua_State *L, echo__host *host, lua_State *coroutine) {
  lua_xmove(coroutine, L, 1);
  lua_pushvalue(L, -1);
  lua_xmove(L, coroutine, 1);
  echo__traceback_push(L, coroutine, 0);
  lua_resetthread(coroutine);
  echo__report(L, host, "a coroutine that poll resumed");
}

static void resume(lua_State *L, echo__host *host, lua_State *coroutine) {
  int count;
  int status = lua_resume(coroutine, L, 0, &count);
  if (status == LUA_OK || status == LUA_YIELD)
    lua_pop(coroutine, count);
  else
    report(L, host, coroutine);
}

static bool deliver(lua_State *L, echo__letter *letter) {
  echo__host_wait *wait = of_letter(letter);
  lua_rawgeti(L, LUA_REGISTRYINDEX, wait->reference);
  lua_State *coroutine = lua_tothread(L, -1); /* which L's stack keeps while it runs */
  bool waits = waits_here(coroutine, wait);
  if (waits) resume(L, wait->host, coroutine);
  lua_pop(L, 1);
  return waits;
}

static void discard(echo__letter *letter) {
  echo__operation_close(&of_letter(letter)->operation);
}

/* -- waiting ---------------------------------------------------------------------------------- */

void echo__host_wait_init(lua_State *L, echo__host_wait *wait, echo__host *host) {
  wait->letter = (echo__letter){
      .mailbox = host->mailbox, .deadline = ECHO__FOREVER, .deliver = deliver, .discard = discard};
  wait->host = host;
  wait->operation.seat.letter = &wait->letter;
  wait->reference = LUA_NOREF;
  wait->index = lua_gettop(L);
}

/* Any scheduler of this state that has not stopped can keep the time. If there is none, poll looks
 * at the clock by itself; only who waits for the descriptor is not woken then. */
static void start_timer(echo__host_wait *wait) {
  echo__operation *operation = &wait->operation;
  wait->letter.deadline = ECHO__FOREVER;
  wait->letter.clock = NULL;
  if (operation->deadline == ECHO__FOREVER) return;
  echo__operation_stop_timer(operation);
  for (echo__client *client = wait->host->clients; client != NULL; client = client->next) {
    if (client->runtime == NULL) continue;
    if (echo__operation_start_timer(operation, client->runtime) != ECHO_OK) continue;
    wait->letter.clock = client->runtime;
    return;
  }
  wait->letter.deadline = operation->deadline;
}

static void keep_coroutine(lua_State *L, echo__host_wait *wait) {
  lua_pushthread(L);
  wait->reference = luaL_ref(L, LUA_REGISTRYINDEX);
}

void echo__host_wait_forget(lua_State *L, echo__operation *operation) {
  echo__host_wait *wait = wait_of(operation);
  luaL_unref(L, LUA_REGISTRYINDEX, wait->reference);
  wait->reference = LUA_NOREF;
}

int echo__host_wait_begin(lua_State *L, echo__operation *operation, lua_KFunction next) {
  echo__host_wait *wait = wait_of(operation);
  keep_coroutine(L, wait);
  start_timer(wait);
  echo__letter_expect(&wait->letter);
  if (!operation->type->enroll(operation)) {
    echo__letter_withdraw(&wait->letter);
    echo__host_wait_forget(L, operation);
    return ECHO__WOKEN_MEANWHILE;
  }
  echo__attach_refresh(L, wait->host);
  return lua_yieldk(L, 0, (lua_KContext)operation, next);
}

/* Whoever resumed it may have passed values; and a finalizer may do so when all is over. */
void echo__host_wait_goes_on(lua_State *L, echo__operation *operation) {
  echo__host_wait *wait = wait_of(operation);
  lua_settop(L, wait->index);
  if (operation->type == NULL) luaL_error(L, "this Lua state is closing");
  echo__host_wait_forget(L, operation);
  echo__letter_withdraw(&wait->letter);
}

void echo__host_wait_close(echo__operation *operation) {
  echo__letter_withdraw(&wait_of(operation)->letter);
}
