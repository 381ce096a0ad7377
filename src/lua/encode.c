/* encode.c - see encode.h, and encode_machine.h for how it works. */
#include "lua/encode.h"

#include "echo/status.h"
#include "lua/encode_machine.h"
#include "lua/loan.h"
#include "lua/wire_put.h"

#include <string.h>

enum { KEPT_LATER = 64 /* entries of the queue that are cleared one by one */ };

/* ---- values ---- */

static int refuse_userdata(echo__encoder *e) {
  const char *name = echo__refusal_name_of(e->L, -1);
  if (name)
    echo__refusal_end(echo__encode_refuse(e), "userdata %.120s cannot travel", name);
  else
    echo__refusal_end(echo__encode_refuse(e), "userdata cannot travel");
  return ECHO_TRANSFER;
}

static int write_hooked_userdata(echo__encoder *e) {
  size_t origin = e->message->size;
  uint64_t met = echo__pointer_map_add(&e->codec->met, lua_topointer(e->L, -1), origin);
  if (met == ECHO__POINTER_FAILED) return ECHO_MEMORY;
  return met == ECHO__POINTER_ABSENT ? echo__write_hooked(e) : echo__write_reference(e, met);
}

static int write_userdata(echo__encoder *e) {
  const echo__shared_type *type;
  const echo__handle *handle = echo__handle_at(e->L, -1, &type);
  if (handle) return echo__write_handle(e, handle, type);
  if (!lua_getmetatable(e->L, -1)) return refuse_userdata(e);
  int hooked = echo__has_hook(e);
  lua_pop(e->L, 1);
  return hooked ? write_hooked_userdata(e) : refuse_userdata(e);
}

static int write_number(echo__encoder *e, int index) {
  if (!lua_isinteger(e->L, index)) return echo__put_float(e->message, lua_tonumber(e->L, index));
  return echo__put_integer(e->message, lua_tointeger(e->L, index));
}

static int write_string(echo__encoder *e, int index) {
  size_t size;
  const char *text = lua_tolstring(e->L, index, &size);
  return echo__put_text(e->L, text, size, e->message);
}

static int write_boolean(echo__encoder *e, int index) {
  return echo__put_byte(e->message,
                        lua_toboolean(e->L, index) ? ECHO__WIRE_TRUE : ECHO__WIRE_FALSE);
}

/* An address may be of what its sender frees; NULL, with which libraries for JSON stand for null,
 * is the same everywhere. */
static int write_light_userdata(echo__encoder *e) {
  if (lua_touserdata(e->L, -1) == NULL) return echo__put_byte(e->message, ECHO__WIRE_NULL);
  echo__refusal_end(echo__encode_refuse(e), "light userdata cannot travel");
  return ECHO_TRANSFER;
}

int echo__write_value(echo__encoder *e) {
  int type = lua_type(e->L, -1);
  switch (type) {
  case LUA_TNIL: return echo__put_byte(e->message, ECHO__WIRE_NIL);
  case LUA_TBOOLEAN: return write_boolean(e, -1);
  case LUA_TNUMBER: return write_number(e, -1);
  case LUA_TSTRING: return write_string(e, -1);
  case LUA_TTABLE: return echo__write_table(e);
  case LUA_TFUNCTION: return echo__write_function(e);
  case LUA_TUSERDATA: return write_userdata(e);
  case LUA_TLIGHTUSERDATA: return write_light_userdata(e);
  default:
    echo__refusal_end(echo__encode_refuse(e), "%s cannot travel", lua_typename(e->L, type));
    return ECHO_TRANSFER;
  }
}

static int write_known_key(echo__encoder *e, uint64_t number) {
  if (number < ECHO__WIRE_SMALL - ECHO__WIRE_SHORT_KEY)
    return echo__put_byte(e->message, ECHO__WIRE_SHORT_KEY + (int)number);
  return echo__put_tagged(e->message, ECHO__WIRE_KNOWN_KEY, number);
}

/* Equal short strings are one string inside Lua, so its address is its identity. Were it ever not
 * so, a key would only be written twice. */
int echo__write_string_key(echo__encoder *e, int index) {
  size_t size;
  const char *text = lua_tolstring(e->L, index, &size);
  if (size > ECHO__WIRE_KEY_LENGTH) return echo__put_text(e->L, text, size, e->message);
  echo__pointer_map *met = &e->codec->met;
  if (e->keys == ECHO__WIRE_DICTIONARY) {
    uint64_t number = echo__pointer_map_find(met, text);
    return number == ECHO__POINTER_ABSENT ? echo__put_string(e->message, text, size)
                                          : write_known_key(e, number);
  }
  uint64_t number = echo__pointer_map_add(met, text, e->keys);
  if (number == ECHO__POINTER_FAILED) return ECHO_MEMORY;
  if (number != ECHO__POINTER_ABSENT) return write_known_key(e, number);
  e->keys++;
  return echo__put_bytes(e->message, ECHO__WIRE_KEY, text, size);
}

/* ---- frames ---- */

static void put_count(echo__encoder *e, size_t at, uint64_t count) {
  uint32_t small = (uint32_t)count;
  memcpy(e->message->bytes + at, &small, sizeof small);
}

/* lua_next has taken the last key off, so the table is on top. */
static int close_table(echo__encoder *e, const echo__encode_frame *f) {
  if (f->items > UINT32_MAX || f->pairs > UINT32_MAX) return ECHO_MEMORY;
  put_count(e, f->counts, f->items);
  put_count(e, f->counts + ECHO__WIRE_COUNTS / 2, f->pairs);
  if (f->hint)
    memcpy(e->message->bytes + f->hint, e->message->bytes + f->counts, ECHO__WIRE_COUNTS);
  return ECHO__DONE;
}

/* Writes the key at -2, unless it is the one that follows the items before it. */
static int write_key(echo__encoder *e, echo__encode_frame *f) {
  if (f->pairs == 0 && lua_isinteger(e->L, -2) &&
      (lua_Unsigned)lua_tointeger(e->L, -2) == f->items + 1) {
    f->items++;
    return ECHO__DONE;
  }
  f->pairs++;
  if (lua_type(e->L, -2) == LUA_TSTRING) return echo__write_string_key(e, -2);
  lua_pushvalue(e->L, -2);
  f->in_key = 1;
  int status = echo__write_value(e);
  if (status == ECHO__DONE) {
    f->in_key = 0;
    lua_pop(e->L, 1);
  }
  return status;
}

static int run_table(echo__encoder *e, echo__encode_frame *f) {
  int status;
  int resumed_in_key = f->in_key;
  f->in_key = 0;
  for (;;) {
    if (!resumed_in_key) {
      if (!lua_next(e->L, f->at)) return close_table(e, f);
      status = write_key(e, f);
      if (status != ECHO__DONE) return status;
    }
    resumed_in_key = 0;
    status = echo__write_value(e);
    if (status != ECHO__DONE) return status;
    lua_pop(e->L, 1);
  }
}

/* The cell of an upvalue is an object too: two functions may share it. It is found again by its own
 * address (the owner's tag) and by the odd address next to it (which of the owner's upvalues). */
static int write_cell(echo__encoder *e, const echo__encode_frame *f) {
  echo__pointer_map *met = &e->codec->met;
  const char *cell = lua_upvalueid(e->L, f->at, f->upvalue);
  uint64_t owner = echo__pointer_map_add(met, cell, f->origin);
  if (owner == ECHO__POINTER_FAILED) return ECHO_MEMORY;
  if (owner == ECHO__POINTER_ABSENT) {
    if (echo__pointer_map_add(met, cell + 1, (uint64_t)f->upvalue) == ECHO__POINTER_FAILED)
      return ECHO_MEMORY;
    return echo__write_value(e);
  }
  e->message->bytes[owner] |= ECHO__WIRE_SHARED;
  int status = echo__put_tagged(e->message, ECHO__WIRE_CELL, e->message->size - owner);
  return status != ECHO__DONE
             ? status
             : echo__put_byte(e->message, (int)echo__pointer_map_find(met, cell + 1));
}

static int write_upvalue(echo__encoder *e, const echo__encode_frame *f, const char *name) {
  int is_table = lua_istable(e->L, -1);
  if (is_table && echo__encode_is_globals(e, lua_topointer(e->L, -1)) &&
      echo__may_be_environment(name))
    return echo__put_byte(e->message, ECHO__WIRE_GLOBALS);
  if (strcmp(name, "_ENV") == 0) {
    echo__refusal_end(echo__encode_refuse(e), "a changed _ENV cannot travel");
    return ECHO_TRANSFER;
  }
  int named = is_table && echo__names_may_have(&e->codec->names, lua_topointer(e->L, -1));
  int status = is_table && !named ? echo__check_names(e) : ECHO__DONE;
  return status != ECHO__DONE ? status : write_cell(e, f);
}

static int run_function(echo__encoder *e, echo__encode_frame *f) {
  while (f->upvalue < f->upvalues) {
    const char *name = lua_getupvalue(e->L, f->at, ++f->upvalue);
    int status = write_upvalue(e, f, name);
    if (status != ECHO__DONE) return status;
    lua_pop(e->L, 1);
  }
  return ECHO__DONE;
}

/* Runs frames until none is left; each takes its object off the stack. */
static int run(echo__encoder *e) {
  while (e->depth > 0) {
    echo__encode_frame *f = &e->frames[e->depth - 1];
    int status = f->is_function ? run_function(e, f) : run_table(e, f);
    if (status == ECHO__OPENED) continue;
    if (status != ECHO__DONE) return status;
    lua_settop(e->L, f->at - 1);
    e->depth--;
  }
  return ECHO__DONE;
}

/* ---- messages ---- */

static int open_body(echo__encoder *e) {
  size_t origin = (size_t)echo__pointer_map_find(&e->codec->met, lua_topointer(e->L, -1));
  if (lua_istable(e->L, -1)) {
    size_t counts = e->message->size;
    int left = echo__encode_leave_counts(e);
    return left != ECHO__DONE ? left : echo__encode_open_table(e, counts, origin + 1);
  }
  echo__code_slot *slot = echo__code_cache_find(e->L, &e->codec->codes);
  if (!slot) return ECHO_MEMORY;
  int upvalues = slot->code->upvalue_count;
  int status = echo__put_byte(e->message, upvalues);
  return status != ECHO__DONE ? status : echo__encode_open_function(e, origin, upvalues);
}

/* Writes the bodies of what the last value put off, and of what those put off. */
static int write_bodies(echo__encoder *e) {
  int status = ECHO__DONE;
  for (e->put_off = 1; status == ECHO__DONE && e->later_done < e->codec->later_count;) {
    lua_rawgeti(e->L, LUA_REGISTRYINDEX, e->codec->later);
    lua_rawgeti(e->L, -1, (lua_Integer)++e->later_done);
    lua_remove(e->L, -2);
    status = open_body(e);
    if (status == ECHO__OPENED) status = run(e);
  }
  e->put_off = 0;
  return status;
}

static int write_object_root(echo__encoder *e, int index) {
  lua_pushvalue(e->L, index);
  int status = echo__write_value(e);
  if (status == ECHO__OPENED)
    status = run(e);
  else if (status == ECHO__DONE)
    lua_pop(e->L, 1);
  if (status == ECHO__DONE && e->later_done < e->codec->later_count) status = write_bodies(e);
  return status;
}

/* The arguments of most calls are numbers and strings: they are written from where they are. */
int echo__write_root(echo__encoder *e, int index) {
  switch (lua_type(e->L, index)) {
  case LUA_TNUMBER: return write_number(e, index);
  case LUA_TSTRING: return write_string(e, index);
  default: return write_object_root(e, index);
  }
}

int echo__write_count(echo__encoder *e, int count) {
  unsigned char *to = echo__message_reserve(e->message, ECHO__WIRE_VARINT);
  if (!to) return ECHO_MEMORY;
  e->message->size = (size_t)(echo__wire_put_varint(to, (uint64_t)count) - e->message->bytes);
  return ECHO__DONE;
}

int echo__write_all(echo__encoder *e) {
  int status = echo__write_count(e, e->count);
  if (status == ECHO__DONE && e->order_count > 0) status = echo__write_rebuilt(e);
  e->number = e->first_number;
  for (int i = 0; i < e->count && status == ECHO__DONE; i++) {
    status = echo__write_root(e, e->first + i);
    e->number++;
  }
  return status;
}

/* Lets go of what the queue holds. A long one is dropped whole: a table never shrinks by itself. */
static void empty_queue(echo__encoder *e) {
  lua_State *L = e->L;
  size_t count = e->codec->later_count;
  if (count > KEPT_LATER) {
    lua_newtable(L);
    lua_rawseti(L, LUA_REGISTRYINDEX, e->codec->later);
  } else {
    lua_rawgeti(L, LUA_REGISTRYINDEX, e->codec->later);
    for (size_t i = 1; i <= count; i++) {
      lua_pushnil(L);
      lua_rawseti(L, -2, (lua_Integer)i);
    }
    lua_pop(L, 1);
  }
  e->codec->later_count = 0;
}

/* Everything an attempt starts from. An earlier one may have ended in a Lua error at any point.
 * What was found is taken over first: to empty a long queue is to make a table, and a finalizer
 * that runs then may encode. */
static int attempt(echo__encoder *e, int (*write)(echo__encoder *e)) {
  int top = lua_gettop(e->L);
  if (e->codec->later_count > 0) empty_queue(e);
  echo__message_reset(e->message);
  echo__pointer_map_clear(&e->codec->met);
  e->depth = e->put_off = 0;
  e->later_done = 0;
  e->keys = 0;
  e->found = 0;
  e->given_by = NULL;
  int status = write(e);
  lua_settop(e->L, top);
  if (e->found > 0) status = echo__encode_end_found(e, status);
  if (e->codec->later_count > 0) empty_queue(e);
  return status;
}

int echo__encode_pass(echo__encoder *e, int (*write)(echo__encoder *e)) {
  int status;
  do
    status = attempt(e, write);
  while (status == ECHO__AGAIN);
  return status;
}

static int fail(echo__encoder *e, int status) {
  echo__message_reset(e->message);
  if (status == ECHO_MEMORY)
    lua_pushliteral(e->L, "not enough memory to send the values");
  else
    lua_pushlstring(e->L, e->refusal->text, e->refusal->size);
  return status;
}

static void begin(echo__encoder *e, int first, int count, int number) {
  e->globals = NULL;
  e->names_checked = e->names_rebuilt = 0;
  e->first = first;
  e->count = count;
  e->first_number = number;
  e->places = e->order_count = e->stack_count = e->open_count = 0;
}

int echo__encode(lua_State *L, echo__codec *codec, int first, int count, echo__root root,
                 int number, echo__message *message) {
  int top = lua_gettop(L);
  echo__encoder e;
  echo__refusal refusal;
  e.L = L;
  e.codec = codec;
  e.message = message;
  e.root = root;
  e.refusal = &refusal;
  begin(&e, first, count, number);
  if (!lua_checkstack(L, 12) || codec->closed) {
    echo__refusal_begin(&refusal, root, number);
    echo__refusal_end(&refusal, "the state is being closed");
    return fail(&e, codec->closed ? ECHO_TRANSFER : ECHO_MEMORY);
  }
  int status = echo__encode_pass(&e, echo__write_all);
  if (status == ECHO__DONE && e.found > 0) status = echo__encode_with_hooks(&e);
  lua_settop(L, top);
  return status == ECHO__DONE ? ECHO_OK : fail(&e, status);
}
