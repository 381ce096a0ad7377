/* receiver.c - see receiver.h. */
#include "fuzz/receiver.h"

#include "echo/lua.h"
#include "echo/status.h"
#include "lua/buffer.h"
#include "lua/decode.h"
#include "lua/encode.h"
#include "lua/module.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INSTRUCTIONS = 100, HUNDREDS = 20000 };

_Noreturn void fuzz_fail(const char *sentence, const char *detail) {
  fprintf(stderr, "%s: %s\n", sentence, detail ? detail : "");
  abort();
}

/* ---- the state ---- */

static void *allocate(void *data, void *block, size_t old_size, size_t new_size) {
  fuzz_receiver *r = data;
  if (!block) old_size = 0;
  if (new_size > old_size && r->memory - old_size + new_size > FUZZ_MEMORY) return NULL;
  void *moved = NULL;
  if (new_size == 0)
    free(block);
  else if (!(moved = realloc(block, new_size)))
    return NULL;
  r->memory += new_size - old_size;
  return moved;
}

static void count_down(lua_State *L, lua_Debug *about) {
  void *data;
  (void)about;
  lua_getallocf(L, &data);
  fuzz_receiver *r = data;
  if (r->instructions > 0 && r->instructions-- > 0) return;
  luaL_error(L, "too many instructions");
}

static void remove_fields(lua_State *L, const char *table, const char *const *names) {
  lua_getglobal(L, table);
  for (; *names; names++) {
    lua_pushnil(L);
    lua_setfield(L, -2, *names);
  }
  lua_pop(L, 1);
}

/* Leaves of the searchers the one that looks at package.preload. */
static void leave_one_searcher(lua_State *L) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "searchers");
  for (int i = 4; i > 1; i--) {
    lua_pushnil(L);
    lua_rawseti(L, -2, i);
  }
  lua_pop(L, 2);
}

static void remove_what_reaches_out(lua_State *L) {
  static const char *const globals[] = {"dofile", "loadfile", "load", "print", "warn", NULL};
  static const char *const strings[] = {"find", "match", "gmatch", "gsub", "rep", "dump", NULL};
  static const char *const tables[] = {"move", "insert", "remove", "concat", "sort", NULL};
  static const char *const packages[] = {"loadlib", "searchpath", NULL};
  remove_fields(L, "_G", globals);
  remove_fields(L, "string", strings);
  remove_fields(L, "table", tables);
  remove_fields(L, "package", packages);
  leave_one_searcher(L);
}

/* What is registered under names, has hooks, and is a module that is required on arrival. The
 * module `echo` itself could start threads and map files: of it there is what makes objects. */
static const char world[] =
    "local echo = package.loaded.echo "
    "package.loaded.echo = {register = echo.register, buffer = echo.buffer} "
    "Point = echo.register('Point', {__index = function(p, k) return k end, "
    "                                __gc = function(p) p.gone = true end}) "
    "Hooked = {__echo_transfer = function(o) return Remake or table.pack, table.unpack(o) end} "
    "remake_hooked = function(...) return setmetatable({...}, Hooked) end "
    "package.preload.lazy = function() return {value = {tostring, 1}, f = select} end "
    "package.preload.broken = function() error({}) end";

static int open_state(lua_State *L) {
  static const luaL_Reg libraries[] = {
      {LUA_GNAME, luaopen_base},          {LUA_LOADLIBNAME, luaopen_package},
      {LUA_COLIBNAME, luaopen_coroutine}, {LUA_TABLIBNAME, luaopen_table},
      {LUA_STRLIBNAME, luaopen_string},   {LUA_MATHLIBNAME, luaopen_math},
      {LUA_UTF8LIBNAME, luaopen_utf8},    {"echo", luaopen_echo}};
  for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
    luaL_requiref(L, libraries[i].name, libraries[i].func, libraries[i].func != luaopen_echo);
    lua_pop(L, 1);
  }
  remove_what_reaches_out(L);
  if (luaL_dostring(L, world)) lua_error(L);
  return 0;
}

void fuzz_receiver_open(fuzz_receiver *r) {
  r->memory = 0;
  r->instructions = HUNDREDS;
  r->L = lua_newstate(allocate, r);
  if (!r->L) fuzz_fail("no memory for a state", NULL);
  lua_pushcfunction(r->L, open_state);
  if (lua_pcall(r->L, 0, 0, 0)) fuzz_fail("the state did not open", lua_tostring(r->L, -1));
  r->codec = echo__module_host(r->L)->codec;
  lua_sethook(r->L, count_down, LUA_MASKCOUNT, INSTRUCTIONS);
}

void fuzz_receiver_close(fuzz_receiver *r) {
  lua_close(r->L);
  if (r->memory != 0) fuzz_fail("a closed state has memory left", NULL);
}

/* ---- what is attached ---- */

const char fuzz_prelude[] =
    "local a, b, c = 1, {}, 'c' "
    "local function plain() return 1 end "
    "local function globals() return tostring end "
    "local function one() a = a + 1 return a end "
    "local function two() return a, b end "
    "local function many() return a, b, c, tostring end "
    "local function remake(...) return {...} end "
    "Remake = remake "
    "local function nothing() end "
    "local function fails() error({}) end "
    "local function maker() local n = 0 return function() n = n + 1 return n end end "
    "local inner = maker() "
    "local function hooked(...) return remake_hooked(...) end "
    "local function self(x) if x then return self(x - 1) end return self end "
    "local function object(t) return setmetatable(t or {}, Point) end "
    "local function hooks(t) return setmetatable(t or {}, Hooked) end ";

static const char functions[] = "return plain, globals, one, two, many, remake, nothing, fails, "
                                "maker, inner, hooked, self, object, hooks";

static echo__message pool; /* its bytes do not matter, its attachments do */

static void add_buffer(const char *bytes, size_t size) {
  echo_buffer *buffer = echo__buffer_copy(bytes, size);
  if (!buffer || echo__message_attach(&pool, ECHO__ATTACHMENT_SHARED, buffer) < 0)
    fuzz_fail("no memory for the pool", NULL);
}

/* Fills the pool once; it stays until the end of the program. */
static void ensure_pool(void) {
  static char code[4096];
  fuzz_receiver r;
  if (pool.bytes) return;
  echo__message_init(&pool);
  fuzz_receiver_open(&r);
  snprintf(code, sizeof code, "%s%s", fuzz_prelude, functions);
  if (luaL_loadbuffer(r.L, code, strlen(code), "@pool") || lua_pcall(r.L, 0, LUA_MULTRET, 0) ||
      fuzz_encode(&r, 1, &pool) != ECHO_OK)
    fuzz_fail("no pool", lua_tostring(r.L, -1));
  fuzz_receiver_close(&r);
  add_buffer("bytes", 5);
  add_buffer("", 0);
}

static int is_same(echo__attachment one, echo__attachment other) {
  if (one.kind != other.kind) return 0;
  if (one.kind == ECHO__ATTACHMENT_SHARED)
    return ((echo_buffer *)one.pointer)->size == ((echo_buffer *)other.pointer)->size;
  const echo__code *a = one.pointer, *b = other.pointer;
  return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

static int find_in_pool(echo__attachment attachment) {
  for (size_t i = 0; i < pool.attachment_count; i++)
    if (is_same(pool.attachments[i], attachment)) return (int)i;
  return -1;
}

/* ---- files ---- */

void fuzz_file_read(const uint8_t *data, size_t size, echo__message *message) {
  ensure_pool();
  size_t count = size > 0 ? *data % (FUZZ_ATTACHMENTS + 1) : 0;
  if (size > 0) data++, size--;
  for (; count > 0 && size > 0; count--, data++, size--) {
    echo__attachment attachment = pool.attachments[*data % pool.attachment_count];
    echo__attachment_retain(attachment);
    if (echo__message_attach(message, attachment.kind, attachment.pointer) < 0) abort();
  }
  unsigned char *to = echo__message_reserve(message, size);
  if (!to) abort();
  if (size > 0) memcpy(to, data, size);
  message->size = size;
}

size_t fuzz_file_write(const echo__message *message, uint8_t *to, size_t room) {
  ensure_pool();
  size_t count = message->attachment_count;
  if (count > FUZZ_ATTACHMENTS || message->size + count + 1 > room) return 0;
  *to++ = (uint8_t)count;
  for (size_t i = 0; i < count; i++) {
    int found = find_in_pool(message->attachments[i]);
    if (found < 0) return 0;
    *to++ = (uint8_t)found;
  }
  memcpy(to, message->bytes, message->size);
  return 1 + count + message->size;
}

/* ---- there and back ---- */

static int protected_decode(lua_State *L) {
  const echo__message *message = lua_touserdata(L, 2);
  int status = echo__decode(L, lua_touserdata(L, 1), message);
  lua_pushinteger(L, status);
  lua_replace(L, 1);
  lua_remove(L, 2);
  return lua_gettop(L);
}

int fuzz_decode(fuzz_receiver *r, const echo__message *message) {
  lua_State *L = r->L;
  int top = lua_gettop(L);
  lua_pushcfunction(L, protected_decode);
  lua_pushlightuserdata(L, r->codec);
  lua_pushlightuserdata(L, (void *)message);
  int error = lua_pcall(L, 2, LUA_MULTRET, 0);
  if (error) {
    if (error != LUA_ERRMEM && r->instructions > 0)
      fuzz_fail("decode raised an error", lua_tostring(L, -1));
    lua_settop(L, top);
    return ECHO_MEMORY;
  }
  int status = (int)lua_tointeger(L, top + 1);
  lua_remove(L, top + 1);
  if (lua_gettop(L) - top != (status < 0 ? 1 : status)) fuzz_fail("not so many values", NULL);
  if (status < 0 && lua_type(L, -1) != LUA_TSTRING) fuzz_fail("no sentence", NULL);
  return status;
}

static int protected_encode(lua_State *L) {
  echo__message *message = lua_touserdata(L, 2);
  int status =
      echo__encode(L, lua_touserdata(L, 1), 3, lua_gettop(L) - 2, ECHO__ROOT_RESULT, 1, message);
  lua_pushinteger(L, status);
  return 1;
}

int fuzz_encode(fuzz_receiver *r, int first, echo__message *message) {
  lua_State *L = r->L;
  int count = lua_gettop(L) - first + 1;
  if (!lua_checkstack(L, count + 4)) return ECHO_MEMORY;
  lua_pushcfunction(L, protected_encode);
  lua_pushlightuserdata(L, r->codec);
  lua_pushlightuserdata(L, message);
  for (int i = 0; i < count; i++)
    lua_pushvalue(L, first + i);
  int error = lua_pcall(L, count + 2, 1, 0);
  int status = error ? ECHO_MEMORY : (int)lua_tointeger(L, -1);
  if (error && error != LUA_ERRMEM && r->instructions > 0)
    fuzz_fail("encode raised an error", lua_tostring(L, -1));
  lua_pop(L, 1);
  if (status != ECHO_OK) echo__message_reset(message);
  return status;
}
