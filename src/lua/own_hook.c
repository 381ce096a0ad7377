#include "lua/own_hook.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/interrupt.h"
#include "lua/state.h"

/* A count is cut into pieces, after each of which we can look up. */
enum { MOST_AT_ONCE = 10000 };

static const char key; /* its address names the records' table in the registry */

void echo__own_hook_init(echo__worker_state *state) {
  state->no_hook = (echo__own_hook){.state = state};
  *(echo__own_hook **)lua_getextraspace(state->L) = &state->no_hook;
}

/* -- records ---------------------------------------------------------------------------------- */

/* Pushes the record's userdata, whose user value is the function; or nil. */
static void push_record(lua_State *L, lua_State *coroutine) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &key);
  lua_pushthread(coroutine);
  if (coroutine != L) lua_xmove(coroutine, L, 1);
  lua_rawget(L, -2);
  lua_remove(L, -2);
}

static echo__own_hook *make_record(lua_State *L, lua_State *coroutine) {
  echo__own_hook *own = lua_newuserdatauv(L, sizeof *own, 1);
  *own = (echo__own_hook){.state = echo__state_of(L), .L = coroutine};
  lua_rawgetp(L, LUA_REGISTRYINDEX, &key);
  lua_pushthread(coroutine);
  if (coroutine != L) lua_xmove(coroutine, L, 1);
  lua_pushvalue(L, -3);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  echo__fiber *fiber = echo__fiber_of(coroutine);
  *(fiber != NULL ? &fiber->own_hook : (echo__own_hook **)lua_getextraspace(coroutine)) = own;
  return own;
}

/* Pushes the record, which is made if there is none. */
static echo__own_hook *push_own(lua_State *L, lua_State *coroutine) {
  luaL_checkstack(L, 4, NULL);
  if (coroutine != L && !lua_checkstack(coroutine, 1)) luaL_error(L, "stack overflow");
  echo__own_hook *own = echo__own_hook_of(coroutine);
  if (own->L == NULL) return make_record(L, coroutine);
  push_record(L, coroutine);
  return own;
}

void echo__own_hook_forget(lua_State *L) {
  echo__own_hook *own = echo__own_hook_of(L);
  if (own->L == NULL) return;
  own->mask = 0;
  push_record(L, L);
  lua_pushnil(L);
  lua_setiuservalue(L, -2, 1);
  lua_pop(L, 1);
}

/* -- events ----------------------------------------------------------------------------------- */

static int next_step(const echo__own_hook *own) {
  return own->left < MOST_AT_ONCE ? own->left : MOST_AT_ONCE;
}

/* Lua has just begun to count anew. True if the count is complete. */
static bool count_down(lua_State *L, echo__own_hook *own) {
  own->left -= own->step;
  bool complete = own->left <= 0;
  if (complete) own->left = own->count;
  int step = next_step(own);
  if (step == own->step) return complete;
  own->step = step;
  lua_sethook(L, lua_gethook(L), lua_gethookmask(L), step);
  return complete;
}

/* Lua has counted what the function executed, and if a yield follows it forgets that. So we have it
 * forget that always. */
static void count_again(lua_State *L, const echo__own_hook *own) {
  if (own->mask & LUA_MASKCOUNT) lua_sethook(L, lua_gethook(L), lua_gethookmask(L), own->step);
}

static void call(lua_State *L, const lua_Debug *event) {
  static const char *const names[] = {"call", "return", "line", "count", "tail call"};
  push_record(L, L);
  lua_getiuservalue(L, -1, 1);
  lua_remove(L, -2);
  lua_pushstring(L, names[event->event]);
  if (event->currentline >= 0)
    lua_pushinteger(L, event->currentline);
  else
    lua_pushnil(L);
  lua_call(L, 2, 0);
}

void echo__own_hook_event(lua_State *L, echo__own_hook *own, const lua_Debug *event) {
  int number = event->event == LUA_HOOKTAILCALL ? LUA_HOOKCALL : event->event;
  if (!(own->mask & (1 << number))) return;
  if (number == LUA_HOOKCALL) own->entered = event->i_ci;
  if (number == LUA_HOOKCOUNT && !count_down(L, own)) return;
  call(L, event);
  if (number == LUA_HOOKCOUNT) count_again(L, echo__own_hook_of(L));
}

/* -- what the task sees ----------------------------------------------------------------------- */

static lua_State *coroutine_here(lua_State *L, int *before) {
  *before = lua_isthread(L, 1);
  return *before ? lua_tothread(L, 1) : L;
}

static int mask_of(const char *text, int count) {
  int mask = count > 0 ? LUA_MASKCOUNT : 0;
  if (strchr(text, 'c')) mask |= LUA_MASKCALL;
  if (strchr(text, 'r')) mask |= LUA_MASKRET;
  if (strchr(text, 'l')) mask |= LUA_MASKLINE;
  return mask;
}

/* ([coroutine,] [function, mask [, count]]), as Lua's own. */
static int sethook(lua_State *L) {
  int before, mask = 0, count = 0;
  lua_State *coroutine = coroutine_here(L, &before);
  if (lua_isnoneornil(L, before + 1)) {
    lua_settop(L, before);
    lua_pushnil(L);
  } else {
    const char *text = luaL_checkstring(L, before + 2);
    luaL_checktype(L, before + 1, LUA_TFUNCTION);
    count = (int)luaL_optinteger(L, before + 3, 0);
    mask = mask_of(text, count);
  }
  echo__own_hook *own = push_own(L, coroutine);
  lua_pushvalue(L, before + 1);
  lua_setiuservalue(L, -2, 1);
  own->left = own->count = count;
  own->step = next_step(own);
  own->entered = NULL;
  own->mask = mask;
  echo__interrupts_set(coroutine);
  return 0;
}

static int gethook(lua_State *L) {
  int before;
  lua_State *coroutine = coroutine_here(L, &before);
  if (echo__interrupts_foreign(coroutine)) {
    lua_pushliteral(L, "external hook");
    lua_pushliteral(L, "");
    lua_pushinteger(L, 0);
    return 3;
  }
  const echo__own_hook *own = push_own(L, coroutine);
  if (own->mask == 0) return lua_pushnil(L), 1;
  char text[4], *end = text;
  if (own->mask & LUA_MASKCALL) *end++ = 'c';
  if (own->mask & LUA_MASKRET) *end++ = 'r';
  if (own->mask & LUA_MASKLINE) *end++ = 'l';
  lua_getiuservalue(L, -1, 1);
  lua_pushlstring(L, text, (size_t)(end - text));
  lua_pushinteger(L, own->count);
  return 3;
}

void echo__own_hook_install(lua_State *L) {
  static const luaL_Reg functions[] = {{"sethook", sethook}, {"gethook", gethook}, {NULL, NULL}};
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
  /* a program's openlibs may have left it out */
  if (lua_getglobal(L, "debug") == LUA_TTABLE) luaL_setfuncs(L, functions, 0);
  lua_pop(L, 1);
}
