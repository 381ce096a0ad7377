/* code.c - see code.h. */
#include "lua/code.h"

#include "lua/factory.h"
#include "lua/stack.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

enum {
  CREDITS = 256,    /* references a slot draws from a code at once */
  KEPT_DUMP = 65536 /* bytes of dump buffer a state keeps */
};

void echo__code_retain(echo__code *code, size_t references) {
  echo__add(&code->count, references, relaxed);
}

void echo__code_release(echo__code *code, size_t references) {
  if (!code) return;
  /* Whatever each holder did to the code comes before its free. A load and not a fence, because
   * thread sanitizers do not understand fences. */
  if (echo__sub(&code->count, references, release) != references) return; /* PAIR code.count */
  (void)echo__load(&code->count, acquire);                                /* PAIR code.count */
  free(code);
}

/* Ids start at 1: 0 marks an empty place. At a billion a second they last for 584 years. */
static uint64_t next_id(void) {
  static echo__atomic(uint64_t) last;
  return echo__add(&last, 1, relaxed) + 1;
}

static uint64_t hash_bytes(const unsigned char *bytes, size_t size) {
  uint64_t hash = size * UINT64_C(0x9E3779B97F4A7C15);
  while (size > 0) {
    uint64_t word = 0;
    size_t part = size < sizeof word ? size : sizeof word;
    memcpy(&word, bytes, part);
    hash = (hash ^ word) * UINT64_C(0xD6E8FEB86659FD93);
    hash ^= hash >> 32;
    bytes += part;
    size -= part;
  }
  return hash;
}

/* Starts with one reference, the caller's. */
static echo__code *create_code(const unsigned char *bytes, size_t size, uint64_t hash,
                               int upvalue_count) {
  size_t wanted = (sizeof(echo__code) + size + ECHO__LINE - 1) / ECHO__LINE * ECHO__LINE;
  echo__code *code = aligned_alloc(ECHO__LINE, wanted);
  if (!code) return NULL;
  echo__store(&code->count, 1, relaxed);
  code->id = next_id();
  code->hash = hash;
  code->size = size;
  code->upvalue_count = upvalue_count;
  memcpy(code->bytes, bytes, size);
  return code;
}

void echo__code_cache_open(lua_State *L, echo__code_cache *cache) {
  memset(cache, 0, sizeof *cache);
  lua_createtable(L, ECHO__CODE_SLOTS, 0);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  cache->closures = luaL_ref(L, LUA_REGISTRYINDEX);
}

static void empty_slot(echo__code_slot *slot) {
  echo__code_release(slot->code, 1 + slot->credits);
  *slot = (echo__code_slot){0};
}

void echo__code_cache_close(echo__code_cache *cache) {
  for (size_t i = 0; i < ECHO__CODE_SLOTS; i++) {
    empty_slot(&cache->slots[i]);
    echo__code_release(cache->contents[i], 1);
    cache->contents[i] = NULL;
  }
  free(cache->dump);
  cache->dump = NULL;
  cache->dump_capacity = 0;
}

static int write_dump(lua_State *L, const void *bytes, size_t size, void *argument) {
  echo__code_cache *cache = argument;
  (void)L;
  if (cache->dump_capacity - cache->dump_size < size) {
    size_t wanted = (cache->dump_size + size) * 2;
    unsigned char *dump = realloc(cache->dump, wanted);
    if (!dump) return 1;
    cache->dump = dump;
    cache->dump_capacity = wanted;
  }
  if (size > 0) memcpy(cache->dump + cache->dump_size, bytes, size);
  cache->dump_size += size;
  return 0;
}

static int count_upvalues(lua_State *L) {
  lua_Debug about;
  lua_pushvalue(L, -1);
  lua_getinfo(L, ">u", &about);
  return about.nups;
}

/* The code with just these bytes, made at need; a reference for the caller. */
static echo__code *share_code(echo__code_cache *cache, int upvalue_count) {
  uint64_t hash = hash_bytes(cache->dump, cache->dump_size);
  echo__code **place = &cache->contents[hash & (ECHO__CODE_SLOTS - 1)];
  echo__code *code = *place;
  if (!code || code->hash != hash || code->size != cache->dump_size ||
      memcmp(code->bytes, cache->dump, code->size) != 0) {
    code = create_code(cache->dump, cache->dump_size, hash, upvalue_count);
    if (!code) return NULL;
    echo__code_release(*place, 1);
    *place = code;
  }
  echo__code_retain(code, 1);
  return code;
}

static echo__code *dump_code(lua_State *L, echo__code_cache *cache) {
  cache->dump_size = 0;
  int failed = lua_dump(L, write_dump, cache, 0);
  echo__code *code = failed ? NULL : share_code(cache, count_upvalues(L));
  if (cache->dump_capacity > KEPT_DUMP) {
    free(cache->dump);
    cache->dump = NULL;
    cache->dump_capacity = 0;
  }
  return code;
}

/* An address alone proves nothing: the closure may have died and another one live there. The weak
 * table forgets a closure before its memory is used again. */
static int slot_knows(lua_State *L, const echo__code_slot *slot, const void *closure, int index) {
  if (slot->closure != closure) return 0;
  lua_rawgeti(L, -1, index);
  int alive = lua_topointer(L, -1) == closure;
  lua_pop(L, 1);
  return alive;
}

static int fill_slot(lua_State *L, echo__code_cache *cache, echo__code_slot *slot, int index) {
  lua_pushvalue(L, -2);
  echo__code *code = dump_code(L, cache);
  if (!code) {
    lua_pop(L, 1);
    return 0;
  }
  empty_slot(slot);
  slot->closure = lua_topointer(L, -1);
  slot->code = code;
  lua_rawseti(L, -2, index);
  return 1;
}

echo__code_slot *echo__code_cache_find(lua_State *L, echo__code_cache *cache) {
  const void *closure = lua_topointer(L, -1);
  uint64_t mixed = (uint64_t)(uintptr_t)closure * UINT64_C(0x9E3779B97F4A7C15);
  size_t number = (size_t)(mixed >> 32) & (ECHO__CODE_SLOTS - 1);
  echo__code_slot *slot = &cache->slots[number];
  int index = (int)number + 1;
  lua_rawgeti(L, LUA_REGISTRYINDEX, cache->closures);
  if (!slot_knows(L, slot, closure, index) && !fill_slot(L, cache, slot, index)) slot = NULL;
  lua_pop(L, 1);
  return slot;
}

echo__code *echo__code_take(echo__code_slot *slot) {
  if (slot->credits == 0) {
    echo__code_retain(slot->code, CREDITS);
    slot->credits = CREDITS;
  }
  slot->credits--;
  return slot->code;
}

void echo__code_loaded_open(echo__code_loaded *loaded) {
  memset(loaded, 0, sizeof *loaded);
  loaded->functions = LUA_NOREF;
}

typedef struct piece {
  const echo__code *code;
  int given;
} piece;

static const char *read_piece(lua_State *L, void *argument, size_t *size) {
  piece *rest = argument;
  (void)L;
  if (rest->given) return NULL;
  rest->given = 1;
  *size = rest->code->size;
  return (const char *)rest->code->bytes;
}

int echo__code_load(lua_State *L, const echo__code *code) {
  piece rest = {code, 0};
  return lua_load(L, read_piece, &rest, "=echo", "b");
}

static void push_functions(lua_State *L, echo__code_loaded *loaded) {
  if (loaded->functions == LUA_NOREF) {
    lua_createtable(L, ECHO__CODE_LOADED, 0);
    loaded->functions = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, loaded->functions);
}

/* A task may have assigned to _ENV. Whoever holds that function keeps what he did to it; the next
 * one gets a new function. */
static int is_pristine(lua_State *L, const echo__code *code) {
  if (code->upvalue_count == 0) return 1;
  lua_getupvalue(L, -1, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  int same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same;
}

/* A slot per id modulo the size: ids count upwards, so the one in the way is the oldest. Ids are
 * never given again, so the cache needs no reference to the code it stands for. */
int echo__code_load_plain(lua_State *L, echo__code_loaded *loaded, const echo__code *code) {
  size_t number = (size_t)(code->id % ECHO__CODE_LOADED);
  push_functions(L, loaded);
  if (loaded->ids[number] == code->id) {
    lua_rawgeti(L, -1, (lua_Integer)number + 1);
    lua_remove(L, -2);
    if (is_pristine(L, code)) return LUA_OK;
    lua_pop(L, 1);
    push_functions(L, loaded);
  }
  int status = echo__code_load(L, code);
  if (status == LUA_OK) {
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, (lua_Integer)number + 1);
    loaded->ids[number] = code->id;
  }
  lua_remove(L, -2);
  return status;
}

/* Pushes the factory of code that was seen before, or a value that is no function. */
static void push_factory(lua_State *L, echo__code_loaded *loaded, const echo__code *code) {
  size_t number = (size_t)(code->id % ECHO__CODE_LOADED);
  lua_Integer place = -(lua_Integer)number - 1;
  push_functions(L, loaded);
  int functions = lua_gettop(L);
  if (loaded->seen[number] != code->id) {
    lua_pushnil(L);
    lua_rawseti(L, -2, place);
    loaded->seen[number] = code->id;
    return;
  }
  if (lua_rawgeti(L, -1, place) == LUA_TNIL) {
    echo__factory_push(L, code);
    if (lua_isnil(L, -1)) lua_pushboolean(L, 0);
    lua_pushvalue(L, -1);
    lua_rawseti(L, functions, place);
  }
}

/* Most functions come once: a factory, which costs more than to load, is made for the second time.
 */
int echo__code_load_new(lua_State *L, echo__code_loaded *loaded, const echo__code *code) {
  int top = lua_gettop(L);
  echo__stack_need(L, 8);
  push_factory(L, loaded, code);
  if (!lua_isfunction(L, -1)) {
    lua_settop(L, top);
    return echo__code_load(L, code);
  }
  lua_call(L, 0, 1);
  lua_replace(L, top + 1);
  lua_settop(L, top + 1);
  return LUA_OK;
}
