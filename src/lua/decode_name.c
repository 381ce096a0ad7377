/* decode_name.c - what is not in the message but in this state, see decode_machine.h. */
#include "lua/decode_machine.h"
#include "lua/stack.h"
#include "lua/text.h"

#include <lauxlib.h>
#include <limits.h>

int echo__decode_named(echo__decoder *d) {
  uint64_t size;
  if (echo__decode_varint(d, &size) < 0) return ECHO_TRANSFER;
  if (size > echo__decode_left(d)) return echo__decode_cut_off(d);
  const char *name = (const char *)d->at;
  d->at += size;
  return echo__names_resolve(d->L, name, (size_t)size) == ECHO_OK ? ECHO__DECODE_READ
                                                                  : echo__decode_fail(d, NULL);
}

int echo__decode_registered(echo__decoder *d) {
  if (echo__decode_string(d) < 0) return ECHO_TRANSFER;
  return echo__registered_resolve(d->L, &d->codec->registered) == ECHO_OK
             ? ECHO__DECODE_READ
             : echo__decode_fail(d, NULL);
}

/* ---- what is made by a call ---- */

typedef struct rebuilt {
  const unsigned char *tag;
  const char *path; /* in the message */
  size_t path_size;
  int count; /* the function and what it is given */
} rebuilt;

static int read_head(echo__decoder *d, rebuilt *r) {
  uint64_t size, count;
  r->tag = d->at - 1;
  if (echo__decode_varint(d, &size) < 0) return ECHO_TRANSFER;
  if (size > echo__decode_left(d)) return echo__decode_cut_off(d);
  r->path = (const char *)d->at;
  r->path_size = (size_t)size;
  d->at += size;
  if (echo__decode_varint(d, &count) < 0) return ECHO_TRANSFER;
  if (count > echo__decode_left(d)) return echo__decode_cut_off(d);
  if (!echo__stack_fits(d->L, count, 12))
    return echo__decode_fail(d, "too many values for the stack");
  r->count = (int)count;
  return ECHO__DECODE_READ;
}

/* Ends with the sentence "path: reason" on top, whose reason is on top now. */
static int fail_to_rebuild(echo__decoder *d, const rebuilt *r, const char *what) {
  if (r->path_size > 0)
    lua_pushlstring(d->L, r->path, r->path_size);
  else
    lua_pushliteral(d->L, "function");
  lua_pushfstring(d->L, "%s: %s%s", lua_tostring(d->L, -1), what, lua_tostring(d->L, -2));
  return echo__decode_fail(d, NULL);
}

static int call(echo__decoder *d, const rebuilt *r) {
  int error = lua_pcall(d->L, r->count - 1, 1, 0);
  if (error == LUA_ERRMEM) lua_error(d->L);
  if (error) {
    echo__text_push(d->L, -1);
    return fail_to_rebuild(d, r, "the function of " ECHO__HOOK " failed: ");
  }
  if (lua_isnil(d->L, -1)) {
    lua_pushliteral(d->L, "the function of " ECHO__HOOK " returned nothing");
    return fail_to_rebuild(d, r, "");
  }
  return ECHO__DECODE_READ;
}

int echo__decode_rebuilt(echo__decoder *d) {
  rebuilt r;
  int top = lua_gettop(d->L);
  if (read_head(d, &r) < 0) return ECHO_TRANSFER;
  for (int i = 0; i < r.count; i++)
    if (echo__decode_root(d) < 0) return ECHO_TRANSFER;
  if (!lua_isfunction(d->L, top + 1)) return echo__decode_fail(d, "malformed message: no function");
  if (call(d, &r) < 0) return ECHO_TRANSFER;
  echo__decode_share(d, r.tag);
  lua_settop(d->L, top);
  return ECHO__DECODE_READ;
}
