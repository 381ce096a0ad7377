/*
 * encode_hook.c - objects with __echo_transfer, see encode_machine.h.
 *
 * A pass cannot call a hook, so it only notes the objects it meets that have one. What it wrote is
 * thrown away; the hooks are called, what they give is passed over in the same manner for further
 * objects, and in the end one pass writes what was given for each object, and then the values,
 * which refer to it.
 *
 * The first pass meets whatever else cannot travel. So all that is refused for its own sake is
 * refused before any hook is called.
 *
 * An object has a node, made when it was first met. Nodes are worked off depth first from a stack:
 * one is open while the objects that its given values lead to are being seen to, and is put in
 * order after them. To meet an open one is to go round in a circle: there would be no order. All of
 * it is kept on the Lua stack of this one encode; a hook may well encode something itself.
 *
 * Rejected: to call hooks where they are met. The table that is being walked could change, and a
 * hook could be called for values of which another one cannot travel. To write what was given where
 * the object is: what lies deep is put off, and the object would be made from empty tables.
 */
#include "lua/encode_machine.h"

#include "echo/status.h"
#include "lua/text.h"
#include "lua/wire_put.h"

#include <lauxlib.h>
#include <string.h>

/* Places on the Lua stack, from `places` on. */
enum {
  NODES, /* object -> node */
  ORDER, /* the nodes that are done, each after those it needs */
  STACK, /* the nodes to be worked off */
  PLACES
};

/* A node is a list of these, and of the values that the hook gave. */
enum { NODE_OBJECT = 1, NODE_PATH, NODE_MARK, NODE_COUNT, NODE_BEFORE_VALUES = NODE_COUNT };

enum { NEW, OPEN, FINISHED }; /* marks */

enum {
  NESTED = 10000, /* hooks that give further objects with hooks, one inside the other */
  ROUNDS = 10     /* for values that hooks change under our hands */
};

/* ---- in a pass ---- */

int echo__has_hook(echo__encoder *e) {
  lua_rawgeti(e->L, LUA_REGISTRYINDEX, e->codec->hook);
  lua_rawget(e->L, -2);
  int has = lua_toboolean(e->L, -1);
  lua_pop(e->L, 1);
  return has;
}

/* The mark of the node on top; NEW if it is nil. */
static lua_Integer mark_of(lua_State *L) {
  lua_Integer mark = NEW;
  if (lua_istable(L, -1)) {
    lua_rawgeti(L, -1, NODE_MARK);
    mark = lua_tointeger(L, -1);
    lua_pop(L, 1);
  }
  return mark;
}

/* Whether the object on top is one whose given values are being passed over. */
static int is_open(echo__encoder *e) {
  if (!e->places) return 0;
  lua_pushvalue(e->L, -1);
  lua_rawget(e->L, e->places + NODES);
  int open = mark_of(e->L) == OPEN;
  lua_pop(e->L, 1);
  return open;
}

static int note_path(echo__encoder *e) {
  echo__message *paths = &e->codec->paths;
  const echo__refusal *path = echo__encode_refuse(e);
  if (e->found == 0) echo__message_reset(paths);
  unsigned char *to = echo__message_reserve(paths, path->size + 1);
  if (!to) return ECHO_MEMORY;
  memcpy(to, path->text, path->size + 1);
  paths->size += path->size + 1;
  return ECHO__DONE;
}

int echo__write_hooked(echo__encoder *e) {
  if (is_open(e)) {
    echo__refusal_end(echo__encode_refuse(e),
                      "what __echo_transfer gives for an object cannot lead back to the object");
    return ECHO_TRANSFER;
  }
  if (note_path(e) != ECHO__DONE) return ECHO_MEMORY;
  lua_rawgeti(e->L, LUA_REGISTRYINDEX, e->codec->found);
  lua_pushvalue(e->L, -2);
  lua_rawseti(e->L, -2, (lua_Integer)++e->found);
  lua_pop(e->L, 1);
  return echo__put_byte(e->message, ECHO__WIRE_NIL); /* a later meeting may mark it */
}

/* Writes what was given for the object whose node is on top. */
static int write_given(echo__encoder *e) {
  lua_State *L = e->L;
  int node = lua_gettop(L);
  int status = ECHO__DONE;
  lua_rawgeti(L, node, NODE_PATH);
  e->given_by = lua_tostring(L, -1); /* the node keeps it */
  lua_rawgeti(L, node, NODE_COUNT);
  int count = (int)lua_tointeger(L, -1);
  lua_settop(L, node);
  for (int i = 1; i <= count && status == ECHO__DONE; i++) {
    lua_rawgeti(L, node, NODE_BEFORE_VALUES + i);
    e->number = i - 1;
    status = echo__write_root(e, node + 1);
    if (status == ECHO__DONE) lua_settop(L, node);
  }
  e->given_by = NULL;
  return status;
}

/* Writes the object whose node is on top. Only when it is complete can others refer to it. */
static int write_node(echo__encoder *e) {
  lua_State *L = e->L;
  size_t size, origin = e->message->size;
  lua_rawgeti(L, -1, NODE_PATH);
  const char *path = lua_tolstring(L, -1, &size);
  int status = echo__put_bytes(e->message, ECHO__WIRE_REBUILT, path, size);
  lua_rawgeti(L, -2, NODE_COUNT);
  if (status == ECHO__DONE) status = echo__write_count(e, (int)lua_tointeger(L, -1));
  lua_pop(L, 2);
  if (status == ECHO__DONE) status = write_given(e);
  if (status != ECHO__DONE) return status;
  lua_rawgeti(L, -1, NODE_OBJECT);
  uint64_t met = echo__pointer_map_add(&e->codec->met, lua_topointer(L, -1), origin);
  lua_pop(L, 1);
  return met == ECHO__POINTER_FAILED ? ECHO_MEMORY : ECHO__DONE;
}

int echo__write_rebuilt(echo__encoder *e) {
  int status = ECHO__DONE;
  for (int i = 1; i <= e->order_count && status == ECHO__DONE; i++) {
    lua_rawgeti(e->L, e->places + ORDER, i);
    status = write_node(e);
    if (status == ECHO__DONE) lua_pop(e->L, 1);
  }
  return status;
}

/* ---- between passes ---- */

/* Pushes the node of the object on top, made at need. */
static void push_node(lua_State *L, int nodes, const char *path) {
  lua_pushvalue(L, -1);
  if (lua_rawget(L, nodes) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_createtable(L, NODE_BEFORE_VALUES + 4, 0);
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, NODE_OBJECT);
  lua_pushstring(L, path);
  lua_rawseti(L, -2, NODE_PATH);
  lua_pushvalue(L, -2);
  lua_pushvalue(L, -2);
  lua_rawset(L, nodes);
}

/* (encoder, nodes or nil, order, stack): pushes the nodes of what was found onto the stack, so that
 * the first one is worked off first, and returns the three tables. */
static int take_found(lua_State *L) {
  echo__encoder *e = lua_touserdata(L, 1);
  const char *path = (const char *)e->codec->paths.bytes;
  for (int i = 2; i < 2 + PLACES; i++) {
    if (lua_istable(L, i)) continue;
    lua_newtable(L);
    lua_replace(L, i);
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, e->codec->found);
  for (size_t i = 1; i <= e->found; i++) {
    lua_rawgeti(L, -1, (lua_Integer)i);
    push_node(L, 2 + NODES, path);
    lua_rawseti(L, 2 + STACK, (lua_Integer)((size_t)e->stack_count + e->found + 1 - i));
    lua_pop(L, 1);
    path += strlen(path) + 1;
  }
  lua_newtable(L);
  lua_rawseti(L, LUA_REGISTRYINDEX, e->codec->found);
  e->stack_count += (int)e->found;
  lua_settop(L, 1 + PLACES);
  return PLACES;
}

/* No finalizer may run before all is taken over: it could encode, and find something itself. */
static int call_take_found(echo__encoder *e) {
  lua_State *L = e->L;
  if (!lua_checkstack(L, 12)) return ECHO_MEMORY;
  int running = lua_gc(L, LUA_GCISRUNNING);
  if (running) lua_gc(L, LUA_GCSTOP);
  lua_pushcfunction(L, take_found);
  lua_pushlightuserdata(L, e);
  for (int i = 0; i < PLACES; i++) {
    if (e->places)
      lua_pushvalue(L, e->places + i);
    else
      lua_pushnil(L);
  }
  int failed = lua_pcall(L, 1 + PLACES, PLACES, 0);
  if (running) lua_gc(L, LUA_GCRESTART);
  if (failed) {
    lua_pop(L, 1);
    return ECHO_MEMORY;
  }
  if (e->places)
    lua_pop(L, PLACES);
  else
    e->places = lua_gettop(L) - PLACES + 1;
  return ECHO__DONE;
}

/* Lets go of the objects of a pass that has come to nothing. */
static void forget_found(echo__encoder *e) {
  lua_rawgeti(e->L, LUA_REGISTRYINDEX, e->codec->found);
  for (; e->found > 0; e->found--) {
    lua_pushnil(e->L);
    lua_rawseti(e->L, -2, (lua_Integer)e->found);
  }
  lua_pop(e->L, 1);
}

int echo__encode_end_found(echo__encoder *e, int status) {
  if (status == ECHO__DONE) status = call_take_found(e);
  if (status != ECHO__DONE) forget_found(e);
  return status;
}

/* The sentence about the object whose node is at `node`, for the caller to end. */
static echo__refusal *refuse_node(echo__encoder *e, int node) {
  lua_rawgeti(e->L, node, NODE_PATH);
  echo__refusal_begin_at(e->refusal, lua_tostring(e->L, -1));
  lua_pop(e->L, 1);
  return e->refusal;
}

static int refuse_failed(echo__encoder *e, int node, int error) {
  if (error == LUA_ERRMEM) return ECHO_MEMORY;
  echo__text_push(e->L, -1);
  echo__refusal_end(refuse_node(e, node), ECHO__HOOK " failed: %s", lua_tostring(e->L, -1));
  return ECHO_TRANSFER;
}

/* Keeps in the node what the hook has given, which lies above `below`. */
static int keep_given(echo__encoder *e, int node, int below) {
  lua_State *L = e->L;
  int count = lua_gettop(L) - below;
  if (!lua_isfunction(L, below + 1)) {
    echo__refusal_end(refuse_node(e, node),
                      ECHO__HOOK " must return a function that makes the value anew, got %s",
                      count > 0 ? luaL_typename(L, below + 1) : "nothing");
    return ECHO_TRANSFER;
  }
  for (int i = count; i > 0; i--)
    lua_rawseti(L, node, NODE_BEFORE_VALUES + i);
  lua_pushinteger(L, count);
  lua_rawseti(L, node, NODE_COUNT);
  return ECHO__DONE;
}

/* Calls the hook of the object whose node is on top, once. */
static int call_hook(echo__encoder *e) {
  lua_State *L = e->L;
  int node = lua_gettop(L);
  if (!lua_checkstack(L, 12)) return ECHO_MEMORY;
  lua_rawgeti(L, node, NODE_OBJECT);
  if (!lua_getmetatable(L, -1)) lua_newtable(L); /* another hook took it away */
  lua_rawgeti(L, LUA_REGISTRYINDEX, e->codec->hook);
  lua_rawget(L, -2);
  lua_replace(L, node + 2);
  lua_insert(L, node + 1);
  int error = lua_pcall(L, 1, LUA_MULTRET, 0);
  e->names_checked = e->names_rebuilt = 0;
  int status = error ? refuse_failed(e, node, error) : keep_given(e, node, node);
  lua_settop(L, node);
  return status;
}

static void set_mark(lua_State *L, int node, int mark) {
  lua_pushinteger(L, mark);
  lua_rawseti(L, node, NODE_MARK);
}

/* Opens the node on top, and puts onto the stack what it needs. */
static int open_node(echo__encoder *e) {
  int node = lua_gettop(e->L);
  if (e->open_count == NESTED) {
    echo__refusal_end(refuse_node(e, node),
                      "more than %d objects with " ECHO__HOOK " one inside the other", NESTED);
    return ECHO_TRANSFER;
  }
  e->open_count++;
  set_mark(e->L, node, OPEN);
  int called = lua_rawgeti(e->L, node, NODE_COUNT) != LUA_TNIL;
  lua_pop(e->L, 1);
  int status = called ? ECHO__DONE : call_hook(e);
  return status == ECHO__DONE ? echo__encode_pass(e, write_given) : status;
}

static int finish_node(echo__encoder *e) {
  int node = lua_gettop(e->L);
  set_mark(e->L, node, FINISHED);
  lua_pushvalue(e->L, node);
  lua_rawseti(e->L, e->places + ORDER, ++e->order_count);
  e->open_count--;
  e->stack_count--;
  return ECHO__DONE;
}

static int work_off(echo__encoder *e) {
  int status = ECHO__DONE;
  while (status == ECHO__DONE && e->stack_count > 0) {
    lua_rawgeti(e->L, e->places + STACK, e->stack_count);
    switch (mark_of(e->L)) {
    case NEW: status = open_node(e); break;
    case OPEN: status = finish_node(e); break;
    default: e->stack_count--;
    }
    lua_pop(e->L, 1);
  }
  return status;
}

/* Every node becomes new again; what the hooks gave stays. */
static void start_over(echo__encoder *e) {
  lua_State *L = e->L;
  e->order_count = e->stack_count = e->open_count = 0;
  lua_pushnil(L);
  while (lua_next(L, e->places + NODES)) {
    set_mark(L, lua_gettop(L), NEW);
    lua_pop(L, 1);
  }
}

/* If the last pass still meets an object that is not in order, a hook has changed the values that
 * were passed over before. */
int echo__encode_with_hooks(echo__encoder *e) {
  for (int round = 0; round < ROUNDS; round++) {
    int status = work_off(e);
    if (status == ECHO__DONE) status = echo__encode_pass(e, echo__write_all);
    if (status != ECHO__DONE || e->found == 0) return status;
    start_over(e);
    status = echo__encode_pass(e, echo__write_all);
    if (status != ECHO__DONE || e->found == 0) return status;
  }
  echo__refusal_begin_at(e->refusal, "values");
  echo__refusal_end(e->refusal, "they change with every call of their " ECHO__HOOK);
  return ECHO_TRANSFER;
}
