#include "lua/on_task_end.h"

#include <lauxlib.h>

#include "lua/check.h"
#include "lua/error.h"
#include "lua/observer.h"
#include "lua/report.h"

/* A userdata with the function for a user value: kept by the registry while it observes, and by
 * whoever can take it back. */
typedef struct task_end {
  echo__observer observer; /* first: it begins with the letter */
  echo__host *host;
  int reference; /* in the registry, of the userdata; or LUA_NOREF */
} task_end;

/* -- what is told ----------------------------------------------------------------------------- */

static void set_text(lua_State *L, const char *field, const char *text) {
  lua_pushstring(L, text); /* nil for NULL */
  lua_setfield(L, -2, field);
}

static void set_seconds(lua_State *L, const char *field, uint64_t nanoseconds) {
  lua_pushnumber(L, (lua_Number)nanoseconds / 1e9);
  lua_setfield(L, -2, field);
}

static void push_ending(lua_State *L, const echo__ending *ending) {
  static const char *const statuses[] = {"done", "failed", "cancelled"};
  bool done = ending->state == ECHO__JOB_DONE;
  lua_createtable(L, 0, 8);
  set_text(L, "name", ending->name_length > 0 ? ending->text : NULL);
  set_text(L, "queue", ending->has_queue ? ending->text + ending->name_length + 1 : NULL);
  set_text(L, "priority", echo__priority_name((echo_priority)ending->priority));
  set_text(L, "status", statuses[ending->state - ECHO__JOB_DONE]);
  set_text(L, "kind", done ? NULL : echo__kind_text(ending->kind));
  if (ending->worker >= 0) {
    lua_pushinteger(L, ending->worker + 1);
    lua_setfield(L, -2, "worker");
  }
  if (ending->waited == ECHO__NEVER_BEGAN) return;
  if (ending->waited != ECHO__NOT_KNOWN) set_seconds(L, "waited", ending->waited);
  set_seconds(L, "ran", ending->ran);
}

/* (function, endings): calls the function with them. What is raised for want of memory on the way
 * is reported as what the function raises. */
static int call_with(lua_State *L) {
  const echo__endings *endings = lua_touserdata(L, 2);
  lua_Integer place = 0;
  lua_settop(L, 1);
  lua_createtable(L, (int)endings->count, 0);
  for (const echo__ending *ending = endings->first; ending != NULL; ending = ending->next) {
    push_ending(L, ending);
    lua_rawseti(L, 2, ++place);
  }
  lua_pushinteger(L, (lua_Integer)endings->dropped);
  lua_call(L, 2, 0);
  return 0;
}

/* -- telling ---------------------------------------------------------------------------------- */

/* After this the collector may have it. */
static void let_go(lua_State *L, task_end *t) {
  luaL_unref(L, LUA_REGISTRYINDEX, t->reference);
  t->reference = LUA_NOREF;
}

/* The function may do anything: poll, and take this back. The userdata is on the stack meanwhile.
 */
static bool deliver(lua_State *L, echo__letter *letter) {
  task_end *t = (task_end *)(void *)letter;
  echo__endings endings = echo__observer_take(&t->observer);
  bool tells = endings.first != NULL || endings.dropped > 0;
  lua_rawgeti(L, LUA_REGISTRYINDEX, t->reference);
  if (t->observer.runtime != NULL)
    echo__letter_expect(letter);
  else
    let_go(L, t);
  if (tells) {
    lua_pushcfunction(L, call_with);
    lua_getiuservalue(L, -2, 1);
    lua_pushlightuserdata(L, &endings);
    echo__call_reported(L, t->host, 2, "an on_task_end callback");
  }
  echo__endings_free(&endings);
  lua_pop(L, 1);
  return tells;
}

static void leave(echo__observer *observer) {
  echo__observer_leave(observer);
  echo__endings endings = echo__observer_take(observer);
  echo__endings_free(&endings);
}

/* Whoever takes it back after that has nothing to do. */
static void discard(echo__letter *letter) {
  task_end *t = (task_end *)(void *)letter;
  leave(&t->observer);
  t->reference = LUA_NOREF;
}

/* -- setting it ------------------------------------------------------------------------------- */

/* Upvalue 1 is the userdata. Harmless a second time. */
static int take_back(lua_State *L) {
  task_end *t = lua_touserdata(L, lua_upvalueindex(1));
  if (t->reference == LUA_NOREF) return 0;
  echo__letter_withdraw(&t->observer.letter);
  leave(&t->observer);
  let_go(L, t);
  return 0;
}

static task_end *push_task_end(lua_State *L, echo__host *host, echo__mailbox *mailbox) {
  task_end *t = lua_newuserdatauv(L, sizeof *t, 1);
  t->observer.letter = (echo__letter){.mailbox = mailbox,
                                      .deadline = ECHO__FOREVER,
                                      .background = true,
                                      .deliver = deliver,
                                      .discard = discard};
  t->host = host;
  lua_pushvalue(L, 2);
  lua_setiuservalue(L, -2, 1);
  return t;
}

int echo__on_task_end(lua_State *L, echo__host *host, echo__client *client) {
  echo__mailbox *mailbox = echo__host_mailbox(L, host, "on_task_end");
  echo__check_function(L, 2);
  lua_settop(L, 2);
  task_end *t = push_task_end(L, host, mailbox);
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, take_back, 1);
  lua_pushvalue(L, -2);
  t->reference = luaL_ref(L, LUA_REGISTRYINDEX);
  echo__letter_expect(&t->observer.letter);
  echo__observer_enter(&t->observer, client);
  return 1;
}
