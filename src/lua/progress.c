#include "lua/progress.h"

#include <stdlib.h>

#include "lua/check.h"
#include "lua/decode.h"
#include "lua/encode.h"
#include "lua/error.h"
#include "lua/fiber.h"
#include "lua/here.h"
#include "lua/stack.h"

struct echo__told {
  echo__atomic(uint32_t) references;
  echo__message message;
};

typedef struct echo__told told;

static told *create(void) {
  told *t = malloc(sizeof *t);
  if (t == NULL) return NULL;
  echo__store(&t->references, 1, relaxed);
  echo__message_init(&t->message);
  return t;
}

static void drop(told *t) {
  if (t == NULL) return;
  /* PAIR told.drop with itself: the last one to go frees what the others have used */
  if (echo__sub(&t->references, 1, acq_rel) != 1) return;
  echo__message_release(&t->message);
  free(t);
}

void echo__progress_release(echo__extra *extra) {
  drop(extra->told);
  extra->told = NULL;
}

/* -- telling ---------------------------------------------------------------------------------- */

/* (told, values...): returns nothing, or a sentence and whether it is about memory. */
static int encode(lua_State *L) {
  told *t = lua_touserdata(L, 1);
  int status = echo__encode(L, echo__host_of(L)->codec, 2, lua_gettop(L) - 1, ECHO__ROOT_ARGUMENT,
                            1, &t->message);
  if (status == ECHO_OK) return 0;
  lua_pushinteger(L, status);
  return 2;
}

static void publish(echo__job *job, echo__extra *extra, told *t) {
  uv_mutex_t *stripe = echo__job_stripe(job);
  uv_mutex_lock(stripe);
  told *before = extra->told;
  extra->told = t;
  uv_mutex_unlock(stripe);
  drop(before);
}

static int tell(lua_State *L) {
  echo__host *host = echo__host_of_task(L, "echo.progress");
  int top = lua_gettop(L);
  echo__stack_need(L, 2);
  lua_pushlightuserdata(L, host);
  lua_pushcclosure(L, encode, 1);
  lua_insert(L, 1);
  echo__job *job = echo__fiber_job(host);
  echo__extra *extra = echo__job_extend(job);
  told *t = extra != NULL ? create() : NULL;
  if (t == NULL) return echo__fail_for_memory(L);
  lua_pushlightuserdata(L, t);
  lua_insert(L, 2);
  if (lua_pcall(L, top + 1, LUA_MULTRET, 0) == LUA_OK && lua_gettop(L) == 0) {
    publish(job, extra, t);
    return 0;
  }
  drop(t);
  if (lua_gettop(L) == 1) return lua_error(L);
  int status = (int)lua_tointeger(L, 2);
  lua_settop(L, 1);
  return echo__error_raise(L, host, echo__kind_of_status(status));
}

const luaL_Reg echo__progress_functions[] = {{"progress", tell}, {NULL, NULL}};

/* -- asking ----------------------------------------------------------------------------------- */

static told *look(echo__job *job) {
  uv_mutex_t *stripe = echo__job_stripe(job);
  uv_mutex_lock(stripe);
  told *t = echo__job_extra(job)->told;
  if (t != NULL) echo__add(&t->references, 1, relaxed);
  uv_mutex_unlock(stripe);
  return t;
}

/* (told) */
static int decode(lua_State *L) {
  const told *t = lua_touserdata(L, 1);
  const echo__host *host = echo__host_of(L);
  int count = echo__decode(L, host->codec, &t->message);
  return count >= 0 ? count : echo__error_raise(L, host, ECHO__KIND_TRANSFER);
}

int echo__progress_push(lua_State *L, const echo__host *host, echo__job *job) {
  int top = lua_gettop(L);
  lua_pushlightuserdata(L, (void *)host);
  lua_pushcclosure(L, decode, 1);
  told *t = look(job);
  if (t == NULL) return 0;
  lua_pushlightuserdata(L, t);
  int status = lua_pcall(L, 1, LUA_MULTRET, 0);
  drop(t);
  return status == LUA_OK ? lua_gettop(L) - top : lua_error(L);
}
