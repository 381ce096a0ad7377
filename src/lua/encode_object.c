/* encode_object.c - tables, functions and handles, see encode_machine.h. */
#include "lua/encode_machine.h"

#include "echo/status.h"
#include "lua/wire_put.h"

#include <string.h>

static const char *current_upvalue(echo__encoder *e, const echo__encode_frame *f) {
  const char *name = lua_getupvalue(e->L, f->at, f->upvalue);
  lua_pop(e->L, 1);
  return name;
}

echo__refusal *echo__encode_refuse(echo__encoder *e) {
  echo__refusal *refusal = e->refusal;
  if (e->given_by)
    echo__refusal_begin_given(refusal, e->given_by, e->number);
  else
    echo__refusal_begin(refusal, e->root, e->number);
  if (e->put_off) echo__refusal_skip(refusal);
  for (int i = 0; i < e->depth; i++) {
    const echo__encode_frame *f = &e->frames[i];
    if (f->is_function)
      echo__refusal_add_upvalue(refusal, current_upvalue(e, f));
    else if (f->in_key)
      echo__refusal_add_own_key(refusal);
    else
      echo__refusal_add_key(refusal, e->L, f->at + 1);
  }
  return refusal;
}

/* ---- objects ---- */

int echo__write_reference(echo__encoder *e, uint64_t origin) {
  e->message->bytes[origin] |= ECHO__WIRE_SHARED;
  return echo__put_tagged(e->message, ECHO__WIRE_REFERENCE, e->message->size - origin);
}

int echo__check_names(echo__encoder *e) {
  if (e->names_checked) return ECHO__DONE;
  e->names_checked = 1;
  if (!echo__names_stale(e->L, &e->codec->names)) return ECHO__DONE;
  int status = echo__names_build(e->L, &e->codec->names);
  return status < 0 ? status : ECHO__AGAIN;
}

/* A value is about to be refused for want of a name. A module may have got a new field, which only
 * a new map can tell. Refusals are programming errors: they may cost some microseconds, each time.
 */
static int rebuild_names(echo__encoder *e) {
  if (e->names_rebuilt) return ECHO__DONE;
  e->names_checked = e->names_rebuilt = 1;
  int status = echo__names_build(e->L, &e->codec->names);
  return status < 0 ? status : ECHO__AGAIN;
}

/* Writes the name, which it takes off the stack. */
static int write_name(echo__encoder *e) {
  size_t size;
  const char *name = lua_tolstring(e->L, -1, &size);
  int status = echo__put_bytes(e->message, ECHO__WIRE_NAMED, name, size);
  lua_pop(e->L, 1);
  return status;
}

/* Puts the object on top into the queue. The tag's counts are filled in with the body. */
static int put_off(echo__encoder *e) {
  lua_rawgeti(e->L, LUA_REGISTRYINDEX, e->codec->later);
  lua_pushvalue(e->L, -2);
  lua_rawseti(e->L, -2, (lua_Integer)++e->codec->later_count);
  lua_pop(e->L, 1);
  return ECHO__DONE;
}

static int open_frame(echo__encoder *e, echo__encode_frame **opened) {
  if (!lua_checkstack(e->L, 12)) return ECHO_MEMORY;
  echo__encode_frame *f = &e->frames[e->depth++];
  f->at = lua_gettop(e->L);
  f->in_key = 0;
  *opened = f;
  return ECHO__OPENED;
}

int echo__encode_leave_counts(echo__encoder *e) {
  if (!echo__message_reserve(e->message, ECHO__WIRE_COUNTS)) return ECHO_MEMORY;
  e->message->size += ECHO__WIRE_COUNTS;
  return ECHO__DONE;
}

int echo__encode_open_table(echo__encoder *e, size_t counts, size_t hint) {
  echo__encode_frame *f;
  if (open_frame(e, &f) < 0) return ECHO_MEMORY;
  f->is_function = 0;
  f->hint = hint;
  f->items = f->pairs = 0;
  f->counts = counts;
  lua_pushnil(e->L);
  return ECHO__OPENED;
}

int echo__encode_open_function(echo__encoder *e, size_t origin, int upvalues) {
  echo__encode_frame *f;
  if (open_frame(e, &f) < 0) return ECHO_MEMORY;
  f->is_function = 1;
  f->origin = origin;
  f->upvalue = 0;
  f->upvalues = upvalues;
  return ECHO__OPENED;
}

/* The metamethod that makes the metatable on top one that cannot be left behind; of several the
 * first in the alphabet, so that the message does not depend on the order of a walk. */
static const char *find_metamethod(lua_State *L) {
  const char *found = NULL;
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
    if (strncmp(key, "__", 2) == 0 && strcmp(key, "__name") != 0 &&
        (!found || strcmp(key, found) < 0))
      found = key;
    lua_pop(L, 1);
  }
  return found;
}

/* The metatable is on top; takes it off. */
static int refuse_metamethods(echo__encoder *e) {
  const char *metamethod = find_metamethod(e->L);
  lua_pop(e->L, 1);
  if (!metamethod) return ECHO__DONE;
  int status = rebuild_names(e);
  if (status != ECHO__DONE) return status;
  echo__refusal_end(echo__encode_refuse(e), "table with metamethod %.60s cannot travel",
                    metamethod);
  return ECHO_TRANSFER;
}

/* Writes the table on top as its tag, its counts to be, the name if `named` (which lies above it
 * and is taken off) and, unless it is put off, what is in it. */
static int write_contents(echo__encoder *e, int named) {
  int later = e->depth == ECHO__DEPTH;
  int tag = named ? ECHO__WIRE_OBJECT : ECHO__WIRE_TABLE;
  int status = echo__put_byte(e->message, later ? tag | ECHO__WIRE_LATER : tag);
  size_t counts = e->message->size;
  if (status == ECHO__DONE) status = echo__encode_leave_counts(e);
  if (named) {
    if (status == ECHO__DONE) status = echo__write_string_key(e, -1);
    lua_pop(e->L, 1);
  }
  if (status != ECHO__DONE) return status;
  return later ? put_off(e) : echo__encode_open_table(e, counts, 0);
}

/* The table on top has a metatable, which is above it and is taken off. A hook says more of how an
 * object travels than the name does. */
static int write_object(echo__encoder *e) {
  if (echo__has_hook(e)) {
    lua_pop(e->L, 1);
    return echo__write_hooked(e);
  }
  if (echo__registered_name(e->L, &e->codec->registered, -1)) {
    lua_remove(e->L, -2);
    return write_contents(e, 1);
  }
  int status = refuse_metamethods(e);
  return status == ECHO__DONE ? write_contents(e, 0) : status;
}

/* Writes the name that the table on top is registered under. */
static int write_registered(echo__encoder *e) {
  int status = echo__put_byte(e->message, ECHO__WIRE_REGISTERED);
  if (status != ECHO__DONE) return status;
  echo__registered_name(e->L, &e->codec->registered, -1);
  status = echo__write_string_key(e, -1);
  lua_pop(e->L, 1);
  return status;
}

/* If a registered table is what a module returned, the module's name says more: over there it can
 * be required. A setup gets the table itself, to register it. */
int echo__write_table(echo__encoder *e) {
  const void *table = lua_topointer(e->L, -1);
  if (echo__encode_is_globals(e, table)) return echo__put_byte(e->message, ECHO__WIRE_GLOBALS);
  int registered = echo__registered_has(&e->codec->registered, table);
  int status = registered ? echo__check_names(e) : ECHO__DONE;
  if (status != ECHO__DONE) return status;
  if (echo__names_may_have(&e->codec->names, table) && echo__names_find(e->L, &e->codec->names, -1))
    return write_name(e);
  if (registered && e->root != ECHO__ROOT_SETUP) return write_registered(e);
  uint64_t met = echo__pointer_map_add(&e->codec->met, table, e->message->size);
  if (met == ECHO__POINTER_FAILED) return ECHO_MEMORY;
  if (met != ECHO__POINTER_ABSENT) return echo__write_reference(e, met);
  return lua_getmetatable(e->L, -1) ? write_object(e) : write_contents(e, 0);
}

static int write_c_function(echo__encoder *e) {
  if (echo__names_find(e->L, &e->codec->names, -1)) return write_name(e);
  int status = rebuild_names(e);
  if (status != ECHO__DONE) return status;
  echo__refusal_end(echo__encode_refuse(e), "C function cannot travel: it is in no loaded module");
  return ECHO_TRANSFER;
}

int echo__may_be_environment(const char *name) {
  return strcmp(name, "_ENV") == 0 || *name == '(' || *name == 0;
}

/* Whether the function on top needs nothing but code and globals. */
static int is_plain(echo__encoder *e, int upvalues) {
  if (upvalues != 1) return upvalues == 0;
  const char *name = lua_getupvalue(e->L, -1, 1);
  int plain = echo__encode_is_globals(e, lua_topointer(e->L, -1)) && echo__may_be_environment(name);
  lua_pop(e->L, 1);
  return plain;
}

/* Sets *index to the attachment that is this code, and *fresh if it was attached just now. */
static int attach_code(echo__encoder *e, echo__code_slot *slot, uint64_t *index, int *fresh) {
  uint64_t next = e->message->attachment_count;
  uint64_t met = echo__pointer_map_add(&e->codec->met, slot->code, next);
  if (met == ECHO__POINTER_FAILED) return ECHO_MEMORY;
  *fresh = met == ECHO__POINTER_ABSENT;
  *index = *fresh ? next : met;
  if (*fresh && echo__message_attach(e->message, ECHO__ATTACHMENT_CODE, echo__code_take(slot)) < 0)
    return ECHO_MEMORY;
  return ECHO__DONE;
}

/* Two closures of one code stay two: only the first may be written as plain, which the reader
 * answers with a function that it keeps. */
static int write_new_function(echo__encoder *e, size_t origin) {
  int fresh;
  uint64_t index;
  echo__code_slot *slot = echo__code_cache_find(e->L, &e->codec->codes);
  if (!slot || attach_code(e, slot, &index, &fresh) < 0) return ECHO_MEMORY;
  int upvalues = slot->code->upvalue_count;
  if (fresh && is_plain(e, upvalues)) return echo__put_tagged(e->message, ECHO__WIRE_PLAIN, index);
  int later = e->depth == ECHO__DEPTH;
  int status = echo__put_tagged(
      e->message, later ? ECHO__WIRE_FUNCTION | ECHO__WIRE_LATER : ECHO__WIRE_FUNCTION, index);
  if (status != ECHO__DONE) return status;
  return later ? put_off(e) : echo__encode_open_function(e, origin, upvalues);
}

int echo__write_function(echo__encoder *e) {
  int in_table = e->depth > 0 && !e->frames[e->depth - 1].is_function;
  int status = in_table ? echo__check_names(e) : ECHO__DONE;
  if (status != ECHO__DONE) return status;
  if (lua_iscfunction(e->L, -1)) return write_c_function(e);
  size_t origin = e->message->size;
  uint64_t met = echo__pointer_map_add(&e->codec->met, lua_topointer(e->L, -1), origin);
  if (met == ECHO__POINTER_FAILED) return ECHO_MEMORY;
  return met == ECHO__POINTER_ABSENT ? write_new_function(e, origin)
                                     : echo__write_reference(e, met);
}

int echo__write_handle(echo__encoder *e, const echo__handle *handle,
                       const echo__shared_type *type) {
  size_t origin = e->message->size;
  uint64_t met = echo__pointer_map_add(&e->codec->met, lua_topointer(e->L, -1), origin);
  if (met == ECHO__POINTER_FAILED) return ECHO_MEMORY;
  if (met != ECHO__POINTER_ABSENT) return echo__write_reference(e, met);
  if (!handle->shared) {
    echo__refusal_end(echo__encode_refuse(e), "%.120s cannot travel: it was closed with its state",
                      type->name);
    return ECHO_TRANSFER;
  }
  if (type->travels) type->travels(handle->shared);
  echo__shared_retain(handle->shared);
  int64_t index = echo__message_attach(e->message, ECHO__ATTACHMENT_SHARED, handle->shared);
  return index < 0 ? ECHO_MEMORY : echo__put_tagged(e->message, ECHO__WIRE_HANDLE, (uint64_t)index);
}
