#include "lua/callback.h"

#include <lauxlib.h>

#include "lua/check.h"
#include "lua/operation.h"

/* Its user value is the table of what the call-back was called with. */
typedef struct answer {
  echo__seat *seat; /* of who waits, or NULL */
  bool given;
  int count;
} answer;

/* Where they lie, from the beginning of the wait to its end. */
enum { ANSWER = 1, FUNCTION = 2 };

enum { MOST = 250 }; /* arguments, about as many as a call in Lua can have */

/* -- the call-back ---------------------------------------------------------------------------- */

static int call_back(lua_State *L) {
  answer *a = lua_touserdata(L, lua_upvalueindex(1));
  if (a->given) return 0;
  int count = lua_gettop(L);
  lua_createtable(L, count, 0);
  lua_insert(L, 1);
  for (int i = count; i > 0; i--)
    lua_rawseti(L, 1, i);
  lua_setiuservalue(L, lua_upvalueindex(1), 1);
  a->count = count;
  a->given = true;
  if (a->seat != NULL) echo__seat_wake(a->seat);
  return 0;
}

/* -- the operation ---------------------------------------------------------------------------- */

/* The answer lies on the stack of who waits. An operation that an error has left behind may outlive
 * it, and goes to it only to take back what it has entered there. */
typedef struct waiting {
  answer *answer;
  bool enrolled;
} waiting;

static waiting *waiting_of(echo__operation *operation) {
  return operation->own;
}

static int give(lua_State *L, const answer *a) {
  luaL_checkstack(L, a->count + 1, "too many results");
  lua_getiuservalue(L, ANSWER, 1);
  int table = lua_gettop(L);
  for (int i = 1; i <= a->count; i++)
    lua_rawgeti(L, table, i);
  return a->count;
}

static void leave(echo__operation *operation) {
  waiting *w = waiting_of(operation);
  if (w->enrolled) w->answer->seat = NULL;
  w->enrolled = false;
}

static int attempt(lua_State *L, const echo__host *host, echo__operation *operation) {
  (void)host;
  const answer *a = waiting_of(operation)->answer;
  if (!a->given) return ECHO__WAITS;
  leave(operation); /* what follows may raise errors */
  return give(L, a);
}

static bool enroll(echo__operation *operation) {
  waiting *w = waiting_of(operation);
  w->answer->seat = &operation->seat;
  w->enrolled = true;
  return !w->answer->given;
}

static const echo__operation_type type = {"echo.await", attempt,         enroll, leave,
                                          NULL,         sizeof(waiting), false};

/* -- the call --------------------------------------------------------------------------------- */

/* A function of luv's that could not begin returns nil, a message and a name: it calls nobody. */
static void check_begun(lua_State *L) {
  if (lua_gettop(L) - FUNCTION < 3 || !lua_isnil(L, FUNCTION + 1)) return;
  if (lua_type(L, FUNCTION + 2) != LUA_TSTRING || lua_type(L, FUNCTION + 3) != LUA_TSTRING) return;
  lua_pushvalue(L, FUNCTION + 2);
  lua_error(L);
}

static void check_place(lua_State *L, const echo__operation *operation) {
  if (operation->seat.sitter != ECHO__SITS_THREAD) return;
  luaL_error(L, "echo.await with a function waits in tasks and in coroutines that can yield: here "
                "the thread would sleep, and nobody could call back");
}

/* The function has returned: it may have waited itself, so the operation begins only now. */
static int wait(lua_State *L, int status, lua_KContext context) {
  (void)status;
  echo__host *host = (echo__host *)context;
  answer *a = lua_touserdata(L, ANSWER);
  if (a->given) return give(L, a);
  check_begun(L);
  lua_settop(L, ANSWER);
  echo__operation *operation = echo__operation_open(L, host, &type);
  waiting_of(operation)->answer = a;
  check_place(L, operation);
  return echo__operation_run(L, operation, -1);
}

static void push_callback(lua_State *L) {
  answer *a = lua_newuserdatauv(L, sizeof *a, 1);
  *a = (answer){NULL, false, 0};
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, call_back, 1);
}

/* (argc, function, arguments...) becomes answer, function, and a call of it with its arguments. */
int echo__await_callback(lua_State *L, echo__host *host) {
  enum { FIRST = 2 }; /* the first argument's place is this far behind its number */
  int place = (int)echo__check_integer(L, 1, "the call-back's place", 1, MOST);
  echo__check_function(L, 2);
  luaL_checkstack(L, place + LUA_MINSTACK, NULL);
  if (lua_gettop(L) < FIRST + place) lua_settop(L, FIRST + place);
  push_callback(L);
  lua_replace(L, FIRST + place);
  lua_replace(L, ANSWER);
  lua_pushvalue(L, FUNCTION);
  lua_insert(L, FUNCTION);
  lua_callk(L, lua_gettop(L) - FUNCTION - 1, LUA_MULTRET, (lua_KContext)host, wait);
  return wait(L, LUA_OK, (lua_KContext)host);
}
