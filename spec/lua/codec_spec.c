/*
 * What travels between two states, and what is refused.
 *
 * Values are made by Lua code in the state `from`, sent, and looked at by Lua code in the state
 * `to`, which finds them in the global `got` (a list with its length in `got.n`).
 */
#include "echo/lua.h"
#include "echo/status.h"
#include "lua/buffer.h"
#include "lua/decode.h"
#include "lua/encode.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct world {
  lua_State *from;
  lua_State *to;
  echo__codec *sender;
  echo__codec *receiver;
  echo__message message;
} world;

static world *nesting; /* for finalizers */

static int push_light(lua_State *L) {
  lua_pushlightuserdata(L, L);
  return 1;
}

static int push_bare(lua_State *L) {
  lua_newuserdatauv(L, 1, 0);
  return 1;
}

/* A C function that no module knows. */
static int unknown(lua_State *L) {
  return lua_gettop(L);
}

static int push_unknown(lua_State *L) {
  lua_pushcfunction(L, unknown);
  return 1;
}

/* An Echo handle. */
static int push_buffer(lua_State *L) {
  echo_buffer *buffer = echo__buffer_copy("bytes", 5);
  echo_lua_push_buffer(L, buffer);
  echo_buffer_release(buffer);
  return 1;
}

/* Both states know the metatable `Point`, and objects that say how they travel. */
static void open_echo(lua_State *L) {
  static const char code[] =
      "Point = package.loaded.echo.register('Point', {__index = function(p, k) return k end}) "
      "local function remake(...) return {made = {...}} end "
      "Hooked = {__echo_transfer = function(o) return remake, table.unpack(o) end} "
      "function point(t) return setmetatable(t, Point) end "
      "function hooked(t) return setmetatable(t, Hooked) end";
  luaL_requiref(L, "echo", luaopen_echo, 0);
  lua_pop(L, 1);
  assert_int_equal(luaL_dostring(L, code), LUA_OK);
}

static int set_up(void **state) {
  world *w = calloc(1, sizeof *w);
  w->from = luaL_newstate();
  w->to = luaL_newstate();
  luaL_openlibs(w->from);
  luaL_openlibs(w->to);
  lua_register(w->from, "light", push_light);
  lua_register(w->from, "bare", push_bare);
  lua_register(w->from, "unknown", push_unknown);
  lua_register(w->from, "buffer", push_buffer);
  w->sender = echo__codec_open(w->from);
  w->receiver = echo__codec_open(w->to);
  open_echo(w->from);
  open_echo(w->to);
  echo__message_init(&w->message);
  *state = w;
  return 0;
}

static int tear_down(void **state) {
  world *w = *state;
  lua_close(w->from); /* code in the message must outlive the sender */
  echo__message_release(&w->message);
  echo__message_release(&w->message);
  lua_close(w->to);
  free(w);
  return 0;
}

/* Runs a chunk and leaves its results on the stack; returns how many there are. */
static int run(lua_State *L, const char *code) {
  int top = lua_gettop(L);
  if (luaL_loadbuffer(L, code, strlen(code), "@spec.lua") || lua_pcall(L, 0, LUA_MULTRET, 0))
    fail_msg("%s\n%s", lua_tostring(L, -1), code);
  return lua_gettop(L) - top;
}

static int protected_decode(lua_State *L) {
  const echo__message *message = lua_touserdata(L, 2);
  int status = echo__decode(L, lua_touserdata(L, 1), message);
  lua_pushinteger(L, status);
  lua_insert(L, 3);
  return lua_gettop(L) - 2;
}

/* Decodes into the receiver's global `got`; returns what echo__decode() did. */
static int receive(world *w, const echo__message *message) {
  lua_State *L = w->to;
  lua_settop(L, 0);
  lua_getglobal(L, "table");
  lua_getfield(L, -1, "pack");
  lua_replace(L, 1);
  lua_pushcfunction(L, protected_decode);
  lua_pushlightuserdata(L, w->receiver);
  lua_pushlightuserdata(L, (void *)message);
  assert_int_equal(lua_pcall(L, 2, LUA_MULTRET, 0), LUA_OK);
  int status = (int)lua_tointeger(L, 2);
  assert_int_equal(lua_gettop(L), 2 + (status < 0 ? 1 : status));
  lua_remove(L, 2);
  lua_call(L, lua_gettop(L) - 1, 1);
  lua_setglobal(L, "got");
  return status;
}

static void send(world *w, const char *code) {
  lua_settop(w->from, 0);
  int count = run(w->from, code);
  int status = echo__encode(w->from, w->sender, 1, count, ECHO__ROOT_ARGUMENT, 1, &w->message);
  if (status != ECHO_OK) fail_msg("%s\n%s", lua_tostring(w->from, -1), code);
  assert_int_equal(lua_gettop(w->from), count);
}

static void check(world *w, const char *code) {
  run(w->to, code);
  lua_settop(w->to, 0);
}

/* Sends what `code` returns, and runs `checks` on what arrives. */
static void travels(world *w, const char *code, const char *checks) {
  send(w, code);
  int status = receive(w, &w->message);
  if (status < 0) {
    lua_getglobal(w->to, "got");
    lua_rawgeti(w->to, -1, 1);
    fail_msg("%s\n%s", lua_tostring(w->to, -1), code);
  }
  check(w, checks);
}

static void refused_as(world *w, echo__root root, int number, const char *code,
                       const char *sentence) {
  lua_settop(w->from, 0);
  int count = run(w->from, code);
  int status = echo__encode(w->from, w->sender, 1, count, root, number, &w->message);
  assert_int_equal(status, ECHO_TRANSFER);
  assert_int_equal(lua_gettop(w->from), count + 1);
  assert_string_equal(lua_tostring(w->from, -1), sentence);
  assert_int_equal(w->message.size, 0);
  assert_int_equal(w->message.attachment_count, 0);
}

static void refused(world *w, const char *code, const char *sentence) {
  refused_as(w, ECHO__ROOT_ARGUMENT, 1, code, sentence);
}

/* Decoding what `code` returns fails with a sentence that begins so. */
static void fails_to_arrive(world *w, const char *code, const char *beginning) {
  send(w, code);
  assert_int_equal(receive(w, &w->message), ECHO_TRANSFER);
  lua_getglobal(w->to, "got");
  lua_rawgeti(w->to, -1, 1);
  const char *sentence = lua_tostring(w->to, -1);
  if (strncmp(sentence, beginning, strlen(beginning)) != 0) fail_msg("%s", sentence);
}

/* ---- scalars ---- */

static void scalars(void **state) {
  world *w = *state;
  travels(w, "return", "assert(got.n == 0)");
  travels(w, "return nil, true, false, nil",
          "assert(got.n == 4 and got[1] == nil and got[2] == true and got[3] == false and "
          "got[4] == nil)");
}

static void integers_at_every_edge(void **state) {
  travels(*state,
          "local t = {} "
          "for shift = 0, 63 do for d = -20, 20 do t[#t + 1] = (1 << shift) + d "
          "t[#t + 1] = -(1 << shift) + d end end "
          "for i = -300, 300 do t[#t + 1] = i end "
          "local text = {} for i, n in ipairs(t) do text[i] = string.format('%d', n) end "
          "return t, text, math.mininteger, math.maxinteger, (1 << 53) + 1",
          "for i, text in ipairs(got[2]) do "
          "assert(math.type(got[1][i]) == 'integer' and string.format('%d', got[1][i]) == text) "
          "end "
          "assert(#got[1] == 2 * 41 * 64 + 601) "
          "assert(got[3] == math.mininteger and got[4] == math.maxinteger) "
          "assert(got[5] == 9007199254740993)");
}

static void floats_bit_for_bit(void **state) {
  travels(*state,
          "local nan = string.unpack('<d', '\\1\\2\\3\\4\\5\\6\\xf8\\x7f') "
          "return 1.0, -0.0, nan, math.huge, -math.huge, 2^53 + 1, 5e-324, 0.1",
          "for i = 1, got.n do assert(math.type(got[i]) == 'float') end "
          "assert(got[1] == 1.0 and 1 / got[2] == -math.huge) "
          "assert(string.pack('<d', got[3]) == '\\1\\2\\3\\4\\5\\6\\xf8\\x7f') "
          "assert(got[4] == math.huge and got[5] == -math.huge and got[6] == 2^53 + 1) "
          "assert(got[7] == 5e-324 and got[8] == 0.1)");
}

static void strings_of_any_length_and_bytes(void **state) {
  travels(*state,
          "local all = {} for i = 0, 255 do all[#all + 1] = string.char(i) end "
          "local t = {} for n = 0, 300 do t[n + 1] = ('ab\\0'):rep(n):sub(1, n) end "
          "return table.concat(all), t, ('x'):rep(5000000)",
          "for i = 0, 255 do assert(got[1]:byte(i + 1) == i) end "
          "for n = 0, 300 do assert(got[2][n + 1] == ('ab\\0'):rep(n):sub(1, n)) end "
          "assert(got[3] == ('x'):rep(5000000))");
}

static void many_values(void **state) {
  travels(*state, "local t = {} for i = 1, 250 do t[i] = i * 3 end return table.unpack(t)",
          "assert(got.n == 250) for i = 1, 250 do assert(got[i] == i * 3) end");
}

static void more_values_than_a_stack_holds(void **state) {
  world *w = *state;
  echo__message_reset(&w->message);
  size_t count = 3000000;
  unsigned char *to = echo__message_reserve(&w->message, count + ECHO__MESSAGE_INLINE);
  assert_non_null(to);
  memcpy(to, "\xC0\x8D\xB7\x01", 4); /* 3,000,000 as a varint; then as many nils */
  memset(to + 4, 0, count);
  w->message.size = count + 4;
  assert_int_equal(receive(w, &w->message), ECHO_TRANSFER);
  check(w, "assert(got[1] == 'too many values for the stack')");
}

/* ---- tables ---- */

static void tables(void **state) {
  world *w = *state;
  travels(w, "return {}, {1, 2, 3}, {x = 1, ['y z'] = {true}}",
          "assert(next(got[1]) == nil and #got[2] == 3 and got[2][3] == 3) "
          "assert(got[3].x == 1 and got[3]['y z'][1] == true)");
  travels(w, "return {1, 2, nil, 4, [10] = 'ten', [0] = 'zero', [-1] = 'minus'}",
          "local t = got[1] assert(t[1] == 1 and t[2] == 2 and t[3] == nil and t[4] == 4) "
          "assert(t[10] == 'ten' and t[0] == 'zero' and t[-1] == 'minus')");
  travels(w, "local t = {} for i = 1000, 1, -1 do t[i] = i end return t",
          "for i = 1, 1000 do assert(got[1][i] == i) end");
}

static void keys_of_every_kind(void **state) {
  travels(*state,
          "local k, f = {name = 'key'}, function() return 'f' end "
          "local t = {[true] = 1, [false] = 2, [1.5] = 3, [math.huge] = 4, [k] = {k}, [f] = f, "
          "[print] = 'print', [string] = 'string', [''] = 5, [('k'):rep(41)] = 6, "
          "[('k'):rep(40)] = 7, [math.mininteger] = 8, [2^53] = 9} "
          "return t, k, f",
          "local t, k, f = table.unpack(got, 1, 3) "
          "assert(t[true] == 1 and t[false] == 2 and t[1.5] == 3 and t[math.huge] == 4) "
          "assert(t[k][1] == k and k.name == 'key' and t[f] == f and f() == 'f') "
          "assert(t[print] == 'print' and t[string] == 'string' and t[''] == 5) "
          "assert(t[('k'):rep(41)] == 6 and t[('k'):rep(40)] == 7) "
          "assert(t[math.mininteger] == 8 and t[1 << 53] == 9) "
          "local n = 0 for _ in pairs(t) do n = n + 1 end assert(n == 13)");
}

static void keys_that_nest(void **state) {
  travels(*state, "local k = {} for i = 1, 10 do k = {[k] = i} end return k",
          "local k = got[1] for i = 10, 1, -1 do local inner, n = next(k) assert(n == i) "
          "assert(next(k, inner) == nil) k = inner end assert(next(k) == nil)");
}

static void more_keys_than_the_dictionary_holds(void **state) {
  travels(*state,
          "local t, u = {}, {} for i = 1, 5000 do t['k' .. i] = i u['k' .. i] = -i end return t, u",
          "for i = 1, 5000 do assert(got[1]['k' .. i] == i and got[2]['k' .. i] == -i) end "
          "local n = 0 for _ in pairs(got[2]) do n = n + 1 end assert(n == 5000)");
}

static void sharing_and_cycles(void **state) {
  world *w = *state;
  travels(w, "local s = {} return {s, s, a = s}, s, {s}",
          "assert(got[1][1] == got[2] and got[1][2] == got[2] and got[1].a == got[2]) "
          "assert(got[3][1] == got[2])");
  travels(w, "local t = {} t.self = t t[t] = t t[1] = {up = t} return t",
          "local t = got[1] assert(t.self == t and t[t] == t and t[1].up == t)");
  travels(w,
          "local t = {n = 0} local first = t "
          "for i = 1, 300 do t.next = {n = i, before = t, first = first} t = t.next end "
          "first.last = t return first",
          "local t = got[1] local last = t.last for i = 1, 300 do "
          "assert(t.next.before == t and t.next.first == got[1]) t = t.next assert(t.n == i) end "
          "assert(t == last and t.next == nil)");
}

static void equal_tables_stay_apart(void **state) {
  travels(*state, "return {{}, {}}", "assert(got[1][1] ~= got[1][2])");
}

static void a_list_a_million_deep(void **state) {
  travels(*state, "local t for i = 1, 1000000 do t = {next = t} end return t, 'after'",
          "local t, n = got[1], 0 while t do t, n = t.next, n + 1 end "
          "assert(n == 1000000 and got[2] == 'after')");
}

/* The counts are known only when the body is written; the tag far before it has them too. */
static void what_is_put_off_is_sized_beforehand(void **state) {
  static const unsigned char tag[] = {0x12, 40, 0, 0, 0, 1, 0, 0, 0};
  world *w = *state;
  char code[200];
  snprintf(code, sizeof code,
           "local t = {x = 1} for i = 1, 40 do t[i] = i end for i = 1, %d do t = {t} end return t",
           ECHO__DEPTH);
  travels(w, code,
          "local t = got[1] while not t.x do t = t[1] end assert(#t == 40 and t[40] == 40)");
  assert_non_null(memmem(w->message.bytes, w->message.size, tag, sizeof tag));
}

static void closures_nested_deep(void **state) {
  travels(*state,
          "local f = function() return 0 end "
          "for i = 1, 1000 do local g = f f = function() return g() + 1 end end "
          "return f",
          "local f, n = got[1], 0 "
          "while f do local _, g = debug.getupvalue(f, 1) f = g n = n + 1 end "
          "assert(n == 1001) "
          "local ok, value = pcall(function() local f = got[1] "
          "for i = 1, 900 do f = select(2, debug.getupvalue(f, 1)) end return f() end) "
          "assert(ok and value == 100)");
}

static void metatables(void **state) {
  world *w = *state;
  travels(w, "return setmetatable({1}, {__name = 'thing', color = 'red'})",
          "assert(got[1][1] == 1 and getmetatable(got[1]) == nil)");
  refused(w, "return {setmetatable({}, {__index = {}, __name = 'x', __newindex = {}})}",
          "argument 1: [1]: table with metamethod __index cannot travel");
  refused(w, "return {list = {setmetatable({}, {__gc = false})}}",
          "argument 1: field \"list\"[1]: table with metamethod __gc cannot travel");
  travels(w,
          "package.loaded.guarded = setmetatable({}, {__index = error}) "
          "return package.loaded.guarded == nil",
          "package.loaded.guarded = {mark = 1}");
  travels(w, "return package.loaded.guarded, {package.loaded.guarded}",
          "assert(got[1] == package.loaded.guarded and got[2][1] == got[1])");
}

static void no_metamethod_is_run(void **state) {
  travels(*state,
          "ran = false "
          "local keys = setmetatable({a = 1}, {__name = 'n', "
          "pairs = function() ran = true end}) "
          "local r = {keys} return r, ran",
          "assert(got[1][1].a == 1 and got[2] == false)");
}

/* ---- functions ---- */

static void functions(void **state) {
  world *w = *state;
  travels(w, "return function(a, b) return a + b end, function() return math.floor(1.5) end",
          "assert(got[1](1, 2) == 3 and got[2]() == 1)");
  travels(w, "return function() x_set_there = 7 end",
          "x_set_there = nil got[1]() assert(_G.x_set_there == 7)");
  travels(w, "local cfg = {n = 5} return function() return cfg.n, print, _ENV end",
          "local n, p, env = got[1]() assert(n == 5 and p == print and env == _G)");
}

static void errors_name_file_and_line(void **state) {
  travels(*state,
          "return function()\n\nerror('oops') end, function() local named = 1 return "
          "debug.getlocal(1, 1) end",
          "local ok, e = pcall(got[1]) assert(e == 'spec.lua:3: oops') "
          "assert(got[2]() == 'named')");
}

static void shared_upvalues(void **state) {
  world *w = *state;
  travels(w, "local n = 1 return function() n = n + 1 return n end, {function() return n end}",
          "assert(got[1]() == 2 and got[2][1]() == 2 and got[1]() == 3 and got[2][1]() == 3)");
  travels(w,
          "local a, b = 1, 2 local function set(x, y) a, b = x, y end "
          "local function get() return b, a end return {get = get, set = set}",
          "local b, a = got[1].get() assert(a == 1 and b == 2) got[1].set('x', 'y') "
          "b, a = got[1].get() assert(a == 'x' and b == 'y')");
  travels(w,
          "local function make() local n = 0 return function() n = n + 1 return n end end "
          "return make(), make()",
          "assert(got[1]() == 1 and got[1]() == 2 and got[2]() == 1)");
  travels(w,
          "local G = _G local function set() G = 5 end local function get() return G end "
          "return set, get",
          "assert(got[2]() == _G) got[1]() assert(got[2]() == 5)");
}

static void each_transfer_has_its_own_upvalues(void **state) {
  world *w = *state;
  const char *code = "counter = counter or (function() local n = 0 return function() n = n + 1 "
                     "return n end end)() return counter";
  travels(w, code, "first = got[1] assert(first() == 1 and first() == 2)");
  travels(w, code, "assert(got[1]() == 1 and first() == 3)");
}

static void recursion(void **state) {
  world *w = *state;
  travels(w, "local function fac(n) return n < 2 and 1 or n * fac(n - 1) end return fac",
          "assert(got[1](10) == 3628800)");
  travels(w,
          "local even, odd function even(n) return n == 0 or odd(n - 1) end "
          "function odd(n) return n ~= 0 and even(n - 1) end return {even}, odd",
          "assert(got[1][1](10) and not got[2](10) and got[2](7))");
  travels(w,
          "local M = {} function M.f() return M.g() end function M.g() return 'g', M end "
          "return M.f",
          "local g, M = got[1]() assert(g == 'g' and M.f == got[1])");
  travels(w,
          "local f local t = {} f = function() return f, t end "
          "for i = 1, 10 do t = {t, f} end return t",
          "local t = got[1] local f = t[2] local g, u = f() assert(g == f and u == t) "
          "for i = 1, 9 do t = t[1] assert(t[2] == f) end");
}

static void environments(void **state) {
  world *w = *state;
  refused(w, "local _ENV = {} return function() return x end",
          "argument 1: upvalue \"_ENV\": a changed _ENV cannot travel");
  refused_as(w, ECHO__ROOT_ARGUMENT, 0, "local _ENV = {} return function() return x end",
             "upvalue \"_ENV\": a changed _ENV cannot travel");
  travels(w, "return load(string.dump(function() return print, _ENV end, true))",
          "local p, env = got[1]() assert(p == print and env == _G)");
  travels(w,
          "local a, b = 1, print return (function(...) local f = function() return a, type end "
          "return f end)()",
          "local a, t = got[1]() assert(a == 1 and t == type)");
  travels(w, "local t = _G return function() return t end, _G, {_G}",
          "assert(got[1]() == _G and got[2] == _G and got[3][1] == _G)");
}

static void a_task_that_changes_its_env_changes_only_its_own(void **state) {
  world *w = *state;
  const char *code = "changes = changes or function() local there = print ~= nil _ENV = {} "
                     "return there end return changes";
  for (int i = 0; i < 3; i++)
    travels(w, code, "assert(got[1]() == true and got[1] ~= before) before = got[1]");
}

static void a_plain_function_is_loaded_once(void **state) {
  world *w = *state;
  const char *code = "plain = plain or function() return type(1) end return plain";
  travels(w, code, "before = got[1] assert(before() == 'number')");
  travels(w, code, "assert(got[1] == before)");
  travels(w, "return function() end", "assert(got[1] ~= before)");
}

static void closures_of_one_prototype(void **state) {
  world *w = *state;
  const char *code = "make = make or function() return function() return type(2) end end "
                     "return make()";
  echo__message other;
  echo__message_init(&other);
  send(w, code);
  run(w->from, "collectgarbage() return make()");
  int index = lua_gettop(w->from);
  assert_int_equal(echo__encode(w->from, w->sender, index, 1, ECHO__ROOT_ARGUMENT, 1, &other),
                   ECHO_OK);
  assert_int_equal(other.attachment_count, 1);
  assert_ptr_equal(other.attachments[0].pointer, w->message.attachments[0].pointer);
  echo__message_release(&other);
  travels(w, "return {[make()] = 1, [make()] = 2}, {make(), make()}",
          "local n = 0 for f in pairs(got[1]) do n = n + 1 assert(f() == 'number') end "
          "assert(n == 2 and got[2][1] ~= got[2][2])");
}

static void an_address_used_again_is_another_function(void **state) {
  world *w = *state;
  for (int i = 0; i < 2000; i++) {
    char code[100], checks[100];
    snprintf(code, sizeof code,
             "if %d %% 7 == 0 then collectgarbage() end return load('return %d')", i, i);
    snprintf(checks, sizeof checks, "assert(got[1]() == %d)", i);
    travels(w, code, checks);
  }
}

static void code_outlives_its_sender(void **state) {
  world *w = *state;
  send(w, "local n = 4 return function() return n, type(n) end");
  lua_close(w->from);
  w->from = luaL_newstate();
  receive(w, &w->message);
  check(w, "local n, t = got[1]() assert(n == 4 and t == 'number')");
  receive(w, &w->message);
  check(w, "assert(got[1]() == 4)");
}

static void many_functions_at_once(void **state) {
  travels(*state, "local t = {} for i = 1, 3000 do t[i] = load('return ' .. i) end return t",
          "for i = 1, 3000 do assert(got[1][i]() == i) end");
}

/* ---- names ---- */

static void c_functions_and_libraries(void **state) {
  world *w = *state;
  travels(w,
          "return print, string.format, string, io.lines, package, coroutine.wrap, require, "
          "package.loaded, io, package.searchpath",
          "assert(got[1] == print and got[2] == string.format and got[3] == string) "
          "assert(got[4] == io.lines and got[5] == package and got[6] == coroutine.wrap) "
          "assert(got[7] == require and got[8] == package.loaded and got[9] == io) "
          "assert(got[10] == package.searchpath)");
  travels(w, "local s, f = string, print return function() return s, f end",
          "local s, f = got[1]() assert(s == string and f == print)");
  travels(w, "another = string.rep _G.aaa = print return another, aaa, math.type",
          "assert(got[1] == string.rep and got[2] == print and got[3] == math.type)");
}

static void modules_loaded_late(void **state) {
  world *w = *state;
  check(w, "package.loaded.late = {mark = 'there', inner = {c = select}, f = type}");
  travels(w, "return string.rep", "assert(got[1] == string.rep)");
  travels(w,
          "late = {mark = 'here', f = function() return late end, inner = {c = unknown()}} "
          "package.loaded.late = late local l = late "
          "return late, function() return l.mark end, {late}, late.inner.c",
          "assert(got[1] == package.loaded.late and got[2]() == 'there') "
          "assert(got[3][1] == got[1] and got[4] == select)");
  travels(w,
          "package.loaded.late = {f = function() return 1 end} local l = package.loaded.late "
          "return function() return l end, package.loaded.late",
          "assert(got[1]() == package.loaded.late and got[2] == got[1]())");
  check(w, "package.loaded.late.g = rawlen");
  travels(w, "package.loaded.late.g = unknown() return package.loaded.late.g",
          "assert(got[1] == rawlen)");
}

static void modules_that_are_functions(void **state) {
  world *w = *state;
  check(w, "package.loaded.single = tostring");
  travels(w, "package.loaded.single = unknown() return package.loaded.single",
          "assert(got[1] == tostring)");
}

static void modules_are_required_on_arrival(void **state) {
  world *w = *state;
  check(w, "package.preload.lazy = function(name) return {name = name, f = {g = rawlen}} end");
  travels(w, "package.loaded.lazy = {f = {g = unknown()}} return package.loaded.lazy.f.g",
          "assert(got[1] == rawlen and package.loaded.lazy.name == 'lazy')");
  check(w, "package.preload.magic = function() return setmetatable({}, "
           "{__index = function(_, k) return k == 'f' and rawget or nil end}) end");
  travels(w,
          "package.loaded.magic = {f = function() end, "
          "g = unknown()} return package.loaded.magic",
          "assert(got[1].f == rawget)");
}

static void modules_that_are_not_there(void **state) {
  world *w = *state;
  fails_to_arrive(w, "package.loaded.absent = {f = unknown()} return {package.loaded.absent.f}",
                  "module \"absent\" not found:\n\tno field package.preload['absent']\n\tno file");
  check(w, "package.preload.broken = function() error('no luck', 0) end "
           "package.loaded.empty = {}");
  fails_to_arrive(w, "package.loaded.broken = {f = print} return package.loaded.broken",
                  "module \"broken\" cannot be loaded: no luck");
  fails_to_arrive(w,
                  "package.loaded.empty = {g = unknown()} package.loaded.absent = nil "
                  "return {package.loaded.empty.g}",
                  "module \"empty\" has no \"g\" here");
}

/* ---- refusals ---- */

static void refusals(void **state) {
  world *w = *state;
  refused(w, "return 1, {rows = {1, 2, {handle = io.stdout}}}",
          "argument 2: field \"rows\"[3].handle: userdata FILE* cannot travel");
  refused(w, "return light()", "argument 1: light userdata cannot travel");
  refused(w, "return 1, 2, bare()", "argument 3: userdata cannot travel");
  refused(w, "return coroutine.create(print)", "argument 1: thread cannot travel");
  refused(w, "return {['odd key'] = {['odd \"key\\n'] = light()}}",
          "argument 1: field \"odd key\"[\"odd \\\"key\\010\"]: light userdata cannot travel");
  refused(w, "return {{[true] = {[2.5] = light()}}}",
          "argument 1: [1][true][2.5]: light userdata cannot travel");
  refused(w, "return {[light()] = 1}", "argument 1: a key: light userdata cannot travel");
  refused(w, "return {x = {[{y = light()}] = 1}}",
          "argument 1: field \"x\" (a key).y: light userdata cannot travel");
  refused(w, "return {[{}] = light()}", "argument 1: [table]: light userdata cannot travel");
  refused(w, "return string.gmatch('a', 'a')",
          "argument 1: C function cannot travel: it is in no loaded module");
  refused(w, "local f = coroutine.create(print) return {cb = function() return f end}",
          "argument 1: field \"cb\", upvalue \"f\": thread cannot travel");
  refused(w,
          "local cfg = {handle = io.stderr} local f = function() return cfg end "
          "return function() return f end",
          "argument 1: upvalue \"f\", upvalue \"cfg\".handle: userdata FILE* cannot travel");
}

static void refusals_say_whose_value_it_is(void **state) {
  world *w = *state;
  refused_as(w, ECHO__ROOT_ARGUMENT, 0,
             "local cfg = {handle = io.stdout} return function() return cfg end",
             "upvalue \"cfg\".handle: userdata FILE* cannot travel");
  refused_as(w, ECHO__ROOT_ARGUMENT, 0, "return print, 1, io.stdout",
             "argument 2: userdata FILE* cannot travel");
  refused_as(w, ECHO__ROOT_ARGUMENT, 0, "return unknown()",
             "function: C function cannot travel: it is in no loaded module");
  refused_as(w, ECHO__ROOT_RESULT, 1, "return 1, io.stdout",
             "result 2: userdata FILE* cannot travel");
  refused_as(w, ECHO__ROOT_ITEM, 40, "return 1, {x = io.stdout}",
             "item 41: field \"x\": userdata FILE* cannot travel");
}

static void refusals_below_what_was_put_off(void **state) {
  world *w = *state;
  char sentence[200];
  const char *code = "local t = {x = light()} for i = 1, %d do t = {n = t} end return t";
  char full[200];
  snprintf(full, sizeof full, code, ECHO__DEPTH);
  refused(w, full, "argument 1: ... field \"x\": light userdata cannot travel");
  snprintf(full, sizeof full, code, 20000);
  lua_settop(w->from, 0);
  run(w->from, full);
  assert_int_equal(echo__encode(w->from, w->sender, 1, 1, ECHO__ROOT_ARGUMENT, 1, &w->message),
                   ECHO_TRANSFER);
  snprintf(sentence, sizeof sentence, "argument 1: ... field \"%s",
           20000 % ECHO__DEPTH ? "n" : "x");
  assert_true(strncmp(lua_tostring(w->from, -1), sentence, strlen(sentence)) == 0);
  travels(w, "return {a = {b = {c = {d = {e = 5}}}}}", "assert(got[1].a.b.c.d.e == 5)");
}

/* ---- objects ---- */

static void registered_metatables(void **state) {
  world *w = *state;
  travels(w, "local p = point {x = 1} p[1] = p return p, {p, Point}, point {p}",
          "local p = got[1] assert(getmetatable(p) == Point and rawget(p, 'x') == 1 and p[1] == p) "
          "assert(got[2][1] == p and got[2][2] == Point and getmetatable(got[2]) == nil) "
          "assert(getmetatable(got[3]) == Point and got[3][1] == p)");
  travels(w,
          "local p = point {} for i = 1, 1000 do p = point {p, [point {i}] = point} end return p",
          "local p, n = got[1], 0 while p do n = n + 1 assert(getmetatable(p) == Point) "
          "local k = next(p, rawget(p, 1) and 1) assert(not k or getmetatable(k) == Point) "
          "p = rawget(p, 1) end assert(n == 1001)");
  lua_settop(w->from, 0);
  run(w->from, "return {Point}, point {2}");
  assert_int_equal(echo__encode(w->from, w->sender, 1, 2, ECHO__ROOT_SETUP, 0, &w->message),
                   ECHO_OK);
  receive(w, &w->message);
  check(w, "local copy = got[1][1] assert(copy ~= Point and copy.__index(1, 2) == 2) "
           "assert(getmetatable(got[2]) == Point)");
}

static void hooks(void **state) {
  world *w = *state;
  travels(w, "local h = hooked {1, nil, {2}} return h, {h, [h] = h}, hooked {h, point {h}}",
          "local h = got[1] assert(h.made[1] == 1 and h.made[2] == nil and h.made[3][1] == 2) "
          "assert(got[2][1] == h and got[2][h] == h and got[3].made[1] == h) "
          "assert(getmetatable(got[3].made[2]) == Point and got[3].made[2][1] == h)");
  travels(w,
          "local d = {} for i = 1, 500 do d = {d} end "
          "local h = hooked {d} for i = 1, 500 do h = {h} end return hooked {h}, h",
          "local h, n = got[1].made[1], 0 assert(h == got[2]) while not h.made do h = h[1] end "
          "h = h.made[1] while h[1] do h, n = h[1], n + 1 end assert(n == 500)");
  refused(w, "return {x = hooked {1, light()}}",
          "argument 1: field \"x\", value 2 of __echo_transfer: light userdata cannot travel");
}

static int a_finalizer_encodes(lua_State *L) {
  world *w = nesting;
  int top = lua_gettop(L);
  echo__message other;
  echo__message_init(&other);
  lua_getglobal(L, "sample");
  assert_int_equal(echo__encode(L, w->sender, top + 1, 1, ECHO__ROOT_ARGUMENT, 7, &other), ECHO_OK);
  lua_settop(L, top);
  echo__message_release(&other);
  return 0;
}

/* An encode that lets go of a long queue makes a table, and so may run a finalizer, just when it
 * has found objects with hooks and has not called them yet. */
static void an_encode_inside_an_encode(void **state) {
  world *w = *state;
  nesting = w;
  lua_register(w->from, "encode", a_finalizer_encodes);
  run(w->from, "sample = {hooked {1}, hooked {hooked {2}}, {x = hooked {}}} nested = 0 "
               "collectgarbage('incremental', 1, 1000, 1) "
               "function litter() for i = 1, 20 do setmetatable({}, {__gc = function() "
               "encode() nested = nested + 1 if nested < 2000 then litter() end end}) end end "
               "litter()");
  const char *code = "if not many then many = {} for i = 1, 100 do local d = {hooked {i}} "
                     "for k = 1, 120 do d = {d} end many[i] = {d, hooked {{i}}} end end "
                     "return many";
  lua_gc(w->from, LUA_GCSTOP);
  send(w, code);
  size_t alone = w->message.size;
  lua_gc(w->from, LUA_GCRESTART);
  for (int i = 0; i < 20; i++) {
    travels(w, code,
            "for i, p in ipairs(got[1]) do assert(p[2].made[1][1] == i) local d = p[1] "
            "while not d.made do d = d[1] end assert(d.made[1] == i) end assert(#got[1] == 100)");
    assert_int_equal(w->message.size, alone);
  }
  run(w->from, "assert(nested > 100, nested) collectgarbage('setpause', 200)");
}

/* ---- random values ---- */

/* Defines make(seed) and describe(...): a text that two values have in common when they have the
 * same structure, sharing included. Functions are described by what they return. */
static const char workshop[] =
    "local function scalar(r)\n"
    "  local k = r(9)\n"
    "  if k == 1 then return r(2) == 1 elseif k == 2 then return r(400) - 200\n"
    "  elseif k == 3 then return math.random(0) elseif k == 4 then return math.random()\n"
    "  elseif k == 5 then return 'k' .. r(30) elseif k == 6 then return ('s'):rep(r(90))\n"
    "  elseif k == 7 then return r(1000000) + 0.0 elseif k == 8 then return -0.0\n"
    "  else return r(60) end\n"
    "end\n"
    "function make(seed)\n"
    "  math.randomseed(seed)\n"
    "  local r, seen, budget = math.random, {}, math.random(120)\n"
    "  local function value(depth)\n"
    "    budget = budget - 1\n"
    "    local k = r(10)\n"
    "    if budget < 0 or k <= 4 then return scalar(r) end\n"
    "    if k == 5 and #seen > 0 then return seen[r(#seen)] end\n"
    "    if k == 6 then\n"
    "      local a, b\n"
    "      local f = function() return a, b end\n"
    "      seen[#seen + 1] = f\n"
    "      a, b = value(depth + 1), value(depth + 1)\n"
    "      if r(2) == 1 then seen[#seen + 1] = function() return b, a, f, type(a) end end\n"
    "      return f\n"
    "    end\n"
    "    local t = {}\n"
    "    seen[#seen + 1] = t\n"
    "    for i = 1, r(0, 6) do t[i] = value(depth + 1) end\n"
    "    for i = 1, r(0, 4) do t[scalar(r)] = value(depth + 1) end\n"
    "    if r(8) == 1 then t[value(depth + 1)] = 'by value' end\n"
    "    return t\n"
    "  end\n"
    "  local list = {}\n"
    "  for i = 1, r(4) do list[i] = value(0) end\n"
    "  return table.unpack(list)\n"
    "end\n"
    "local function atom(v)\n"
    "  if math.type(v) == 'float' then return 'f' .. string.pack('<d', v) end\n"
    "  return type(v) .. tostring(v)\n"
    "end\n"
    "function describe(...)\n"
    "  local out, number, count = {}, {}, 0\n"
    "  local visit\n"
    "  local function each(...)\n"
    "    for i = 1, select('#', ...) do visit((select(i, ...))) end\n"
    "  end\n"
    "  function visit(v)\n"
    "    if type(v) ~= 'table' and type(v) ~= 'function' then out[#out + 1] = atom(v) return end\n"
    "    if number[v] then out[#out + 1] = '@' .. number[v] return end\n"
    "    count = count + 1\n"
    "    number[v] = count\n"
    "    out[#out + 1] = '(' .. type(v)\n"
    "    if type(v) == 'function' then each(v()) else\n"
    "      local keys, objects = {}, 0\n"
    "      for k in next, v do\n"
    "        if type(k) == 'table' or type(k) == 'function' then objects = objects + 1\n"
    "        else keys[#keys + 1] = {atom(k), k} end\n"
    "      end\n"
    "      table.sort(keys, function(a, b) return a[1] < b[1] end)\n"
    "      for _, k in ipairs(keys) do out[#out + 1] = k[1] visit(v[k[2]]) end\n"
    "      for k, x in next, v do\n"
    "        if (type(k) == 'table' or type(k) == 'function') and objects == 1 then\n"
    "          visit(k) visit(x)\n"
    "        end\n"
    "      end\n"
    "      out[#out + 1] = 'objects' .. objects\n"
    "    end\n"
    "    out[#out + 1] = ')'\n"
    "  end\n"
    "  each(...)\n"
    "  return table.concat(out, ' ')\n"
    "end\n";

static void random_values(void **state) {
  world *w = *state;
  run(w->from, workshop);
  check(w, workshop);
  size_t longest = 0;
  for (int seed = 1; seed <= 4000; seed++) {
    char code[100];
    snprintf(code, sizeof code, "return make(%d)", seed);
    send(w, code);
    snprintf(code, sizeof code, "return describe(make(%d))", seed);
    run(w->from, code);
    assert_true(receive(w, &w->message) >= 0);
    run(w->to, "return describe(table.unpack(got, 1, got.n))");
    size_t size, arrived;
    const char *expected = lua_tolstring(w->from, -1, &size);
    const char *actual = lua_tolstring(w->to, -1, &arrived);
    if (size != arrived || memcmp(expected, actual, size) != 0)
      fail_msg("seed %d:\n%s\n%s", seed, expected, actual);
    longest = size > longest ? size : longest;
  }
  assert_true(longest > 500);
}

/* ---- Echo's own handles ---- */

static void handles(void **state) {
  world *w = *state;
  travels(w, "return buffer(), {x = {buffer()}}",
          "assert(got[1]:sub(2, 3) == 'yt' and tostring(got[2].x[1]) == 'bytes')");
  travels(w, "local b = buffer() return {b, [b] = b}, function() return b end, b",
          "local t, f, b = table.unpack(got) assert(rawequal(t[1], b) and rawequal(t[b], b)) "
          "assert(rawequal(f(), b))");
}

static void handles_below_what_was_put_off(void **state) {
  travels(*state, "local b = buffer() local d = {b} for i = 1, 300 do d = {d, b} end return d, b",
          "local d, b = got[1], got[2] while d[2] do assert(rawequal(d[2], b)) d = d[1] end "
          "assert(rawequal(d[1], b))");
}

/* ---- hostile bytes ---- */

static const char *const samples[] = {
    "return 1, -1, 1000, -100000, 1.5, 'short', ('long'):rep(20), nil, true, false",
    "return {1, 2, 3, x = 1, y = {x = 2, z = {}}, [1.5] = {}}",
    "local t = {} t.t = t t[t] = {t, t} return t, t",
    "local d for i = 1, 250 do d = {d, i} end return d",
    "local n, m = 1, {} local function f() return n, m, f end return f, function() n = m end, {f}",
    "local f for i = 1, 250 do local g = f f = function() return g end end return f",
    "return print, string, string.rep, _G, function() return print end, package.loaded",
    "local t = {} for i = 1, 70 do t['key' .. i] = i end return {t, t}, {key1 = t, key70 = 1}",
    "local b = buffer() return {b, b, [b] = buffer()}, function() return b end, function() end, b",
    "local p = point {1, x = {}} p.p = p return p, Point, {point {p}}, point {}",
    "local p = point {} for i = 1, 120 do p = point {p, {Point}} end return p",
    "local h = hooked {1, {2}} return h, {h, hooked {h, {h}}}, hooked {print}",
    "local x = ('x'):rep(40000) return x, {x, [x] = x}",
};

enum { SAMPLES = sizeof samples / sizeof *samples };

/* A copy of the first `size` bytes in memory of just that size, so that a sanitizer sees the end.
 */
static void copy_message(echo__message *to, const echo__message *from, size_t size) {
  echo__message_init(to);
  to->bytes = malloc(size ? size : 1);
  to->capacity = to->size = size;
  memcpy(to->bytes, from->bytes, size);
  for (size_t i = 0; i < from->attachment_count; i++) {
    echo__attachment attachment = from->attachments[i];
    echo__attachment_retain(attachment);
    assert_int_equal(echo__message_attach(to, attachment.kind, attachment.pointer), i);
  }
}

static void every_message_that_is_cut_off(void **state) {
  world *w = *state;
  for (size_t s = 0; s < SAMPLES; s++) {
    send(w, samples[s]);
    for (size_t size = 0; size < w->message.size; size++) {
      echo__message cut;
      copy_message(&cut, &w->message, size);
      assert_int_equal(receive(w, &cut), ECHO_TRANSFER);
      check(w, "assert(type(got[1]) == 'string')");
      echo__message_release(&cut);
    }
  }
}

static void a_byte_too_many(void **state) {
  world *w = *state;
  send(w, "return 1");
  *echo__message_reserve(&w->message, 1) = 0;
  w->message.size++;
  assert_int_equal(receive(w, &w->message), ECHO_TRANSFER);
  check(w, "assert(got[1] == 'malformed message: more bytes than values')");
}

static void every_byte_changed(void **state) {
  static const unsigned char masks[] = {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xFF};
  world *w = *state;
  size_t refusals = 0;
  check(w, "package.searchers = {package.searchers[1]}");
  for (size_t s = 0; s < SAMPLES; s++) {
    send(w, samples[s]);
    for (size_t i = 0; i < w->message.size * sizeof masks; i++) {
      echo__message bad;
      copy_message(&bad, &w->message, w->message.size);
      bad.bytes[i / sizeof masks] ^= masks[i % sizeof masks];
      int status = receive(w, &bad);
      assert_true(status >= 0 || status == ECHO_TRANSFER);
      refusals += status < 0;
      echo__message_release(&bad);
    }
  }
  assert_true(refusals > 1000);
  travels(w, "return {x = 1}", "assert(got[1].x == 1)");
}

static void random_bytes(void **state) {
  world *w = *state;
  uint64_t random = 88172645463325252u;
  send(w, "local n = 1 return function() end, function() return n end, buffer()");
  for (int round = 0; round < 20000; round++) {
    echo__message noise;
    copy_message(&noise, &w->message, w->message.size);
    unsigned char *to = echo__message_reserve(&noise, 64);
    noise.size += 64;
    for (int i = 0; i < 64; i++) {
      random ^= random << 13, random ^= random >> 7, random ^= random << 17;
      /* mostly tags, so that it goes deep */
      to[i] = (unsigned char)(random >> 20) & (random & 0x700 ? 0x1F : 0xFF);
    }
    noise.bytes[0] = (unsigned char)(random >> 40) & 15;
    int status = receive(w, &noise);
    assert_true(status >= 0 || status == ECHO_TRANSFER);
    echo__message_release(&noise);
  }
}

static void a_header_that_lies(void **state) {
  world *w = *state;
  static const unsigned char lie[] = {1, 0x10, 255, 255, 255, 127, 255, 255, 255, 127, 0, 0};
  echo__message_reset(&w->message);
  memcpy(echo__message_reserve(&w->message, sizeof lie), lie, sizeof lie);
  w->message.size = sizeof lie;
  size_t before = (size_t)lua_gc(w->to, LUA_GCCOUNT);
  assert_int_equal(receive(w, &w->message), ECHO_TRANSFER);
  assert_true((size_t)lua_gc(w->to, LUA_GCCOUNT) < before + 100);
}

static void keys_that_cannot_be(void **state) {
  world *w = *state;
  static const unsigned char nil_key[] = {1, 0x10, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2};
  static const unsigned char nan_key[] = {1, 0x10, 0, 0, 0, 0, 1, 0,    0,    0,
                                          4, 0,    0, 0, 0, 0, 0, 0xF8, 0x7F, 2};
  echo__message_reset(&w->message);
  memcpy(echo__message_reserve(&w->message, sizeof nil_key), nil_key, sizeof nil_key);
  w->message.size = sizeof nil_key;
  receive(w, &w->message);
  check(w, "assert(got[1] == 'malformed message: bad table key')");
  echo__message_reset(&w->message);
  memcpy(echo__message_reserve(&w->message, sizeof nan_key), nan_key, sizeof nan_key);
  w->message.size = sizeof nan_key;
  receive(w, &w->message);
  check(w, "assert(got[1] == 'malformed message: bad table key')");
}

/* ---- memory and nesting ---- */

/* Fails once `left` allocations have been made; -1: never. */
static void *rationed(void *left, void *block, size_t old, size_t wanted) {
  (void)old;
  if (wanted == 0) {
    free(block);
    return NULL;
  }
  if (*(int *)left == 0) return NULL;
  if (*(int *)left > 0) --*(int *)left;
  return realloc(block, wanted);
}

static int decode_only(lua_State *L) {
  int count = echo__decode(L, lua_touserdata(L, 1), lua_touserdata(L, 2));
  lua_pushboolean(L, count >= 0);
  return 1;
}

static void memory_runs_out_while_decoding(void **state) {
  world *w = *state;
  int left = -1, failures = 0, done = 0;
  send(w, "local n = {} local d for i = 1, 250 do d = {d, key = n, f = function() return n end} "
          "end return d, n, ('x'):rep(5000), string, function() end");
  lua_State *L = lua_newstate(rationed, &left);
  luaL_openlibs(L);
  echo__codec *codec = echo__codec_open(L);
  for (int ration = 0; !done; ration++) {
    lua_gc(L, LUA_GCCOLLECT);
    lua_pushcfunction(L, decode_only);
    lua_pushlightuserdata(L, codec);
    lua_pushlightuserdata(L, &w->message);
    left = ration;
    int status = lua_pcall(L, 2, 1, 0);
    left = -1;
    assert_true(status == LUA_OK || status == LUA_ERRMEM);
    failures += status == LUA_ERRMEM;
    done = status == LUA_OK && lua_toboolean(L, -1);
    lua_settop(L, 0);
  }
  assert_true(failures > 100);
  lua_close(L);
}

/* Counts the allocations that are made. */
static void *counted(void *count, void *block, size_t old, size_t wanted) {
  (void)old;
  if (wanted == 0) {
    free(block);
    return NULL;
  }
  ++*(int *)count;
  return realloc(block, wanted);
}

static int allocations_of_decode(lua_State *L, int *count, echo__codec *codec, echo__message *m) {
  lua_settop(L, 0);
  lua_pushcfunction(L, decode_only);
  lua_pushlightuserdata(L, codec);
  lua_pushlightuserdata(L, m);
  int before = *count;
  assert_int_equal(lua_pcall(L, 2, 1, 0), LUA_OK);
  assert_true(lua_toboolean(L, -1));
  return *count - before;
}

static void tables_are_made_as_large_as_they_will_be(void **state) {
  world *w = *state;
  int count = 0;
  lua_State *L = lua_newstate(counted, &count);
  echo__codec *codec = echo__codec_open(L);
  lua_gc(L, LUA_GCSTOP);
  send(w, "local t = {} for i = 1, 1000 do t[i] = i t[-i] = i end return {t}");
  assert_true(allocations_of_decode(L, &count, codec, &w->message) < 10);
  lua_close(L);
}

static void code_is_loaded_once(void **state) {
  world *w = *state;
  int count = 0;
  lua_State *L = lua_newstate(counted, &count);
  echo__codec *codec = echo__codec_open(L);
  lua_gc(L, LUA_GCSTOP);
  send(w,
       "local n, inner = 1, {} for i = 1, 500 do inner[i] = 'if n == ' .. i .. "
       "' then return function() return n end end' end "
       "return load('local n = ... return function() ' .. table.concat(inner, ' ') .. ' end')(n)");
  assert_true(allocations_of_decode(L, &count, codec, &w->message) > 500);
  allocations_of_decode(L, &count, codec, &w->message);
  for (int i = 0; i < 5; i++)
    assert_true(allocations_of_decode(L, &count, codec, &w->message) < 10);
  lua_close(L);
}

static int encode_only(lua_State *L) {
  echo__codec *codec = lua_touserdata(L, 1);
  echo__message *message = lua_touserdata(L, 2);
  int count = lua_gettop(L) - 2;
  int status = echo__encode(L, codec, 3, count, ECHO__ROOT_ARGUMENT, 1, message);
  lua_pushinteger(L, status);
  return 1;
}

static void memory_runs_out_with_objects(void **state) {
  world *w = *state;
  int left = -1, failures = 0, done = 0;
  lua_State *L = lua_newstate(rationed, &left);
  luaL_openlibs(L);
  echo__codec *codec = echo__codec_open(L);
  open_echo(L);
  for (int ration = 0; !done; ration++) {
    echo__message message;
    echo__message_init(&message);
    lua_settop(L, 0);
    lua_pushcfunction(L, encode_only);
    lua_pushlightuserdata(L, codec);
    lua_pushlightuserdata(L, &message);
    int count = run(L, "local t = {} for i = 1, 20 do t[i] = hooked {point {i}, {hooked {i}}} end "
                       "return t, Point, point {t}");
    lua_gc(L, LUA_GCCOLLECT);
    left = ration;
    int status = lua_pcall(L, 2 + count, 1, 0);
    left = -1;
    done = status == LUA_OK && lua_tointeger(L, -1) == ECHO_OK;
    failures += !done;
    assert_true(status == LUA_OK || status == LUA_ERRMEM);
    assert_true(done || status != LUA_OK || lua_tointeger(L, -1) == ECHO_MEMORY);
    if (done) assert_int_equal(receive(w, &message), 3);
    echo__message_release(&message);
  }
  assert_true(failures > 50);
  check(w, "for i = 1, 20 do local m = got[1][i].made assert(rawget(m[1], 1) == i) "
           "assert(m[2][1].made[1] == i) end assert(got[2] == Point and got[3][1] == got[1])");
  lua_close(L);
}

static void memory_runs_out_while_rebuilding(void **state) {
  world *w = *state;
  int left = -1, failures = 0, done = 0;
  lua_State *L = lua_newstate(rationed, &left);
  luaL_openlibs(L);
  echo__codec *codec = echo__codec_open(L);
  open_echo(L);
  send(w, "local n = 1 local t = {} for i = 1, 20 do t[i] = hooked {point {i}, {hooked {i}}, "
          "function() return n end} end return t, Point, point {t}");
  for (int ration = 0; !done; ration++) {
    lua_settop(L, 0);
    lua_gc(L, LUA_GCCOLLECT);
    lua_pushcfunction(L, decode_only);
    lua_pushlightuserdata(L, codec);
    lua_pushlightuserdata(L, &w->message);
    left = ration;
    int status = lua_pcall(L, 2, 1, 0);
    left = -1;
    assert_true(status == LUA_OK || status == LUA_ERRMEM);
    failures += status == LUA_ERRMEM;
    done = status == LUA_OK && lua_toboolean(L, -1);
  }
  assert_true(failures > 50);
  lua_close(L);
}

static void memory_runs_out_while_encoding(void **state) {
  world *w = *state;
  int left = -1, done = 0, failures = 0;
  lua_State *L = lua_newstate(rationed, &left);
  luaL_openlibs(L);
  echo__codec *codec = echo__codec_open(L);
  for (int ration = 0; !done; ration++) {
    lua_settop(L, 0);
    lua_pushcfunction(L, encode_only);
    lua_pushlightuserdata(L, codec);
    lua_pushlightuserdata(L, &w->message);
    int count = run(L, "local d for i = 1, 300 do d = {d, function() return d end} end "
                       "return d, print, {f = type}, function() end");
    lua_gc(L, LUA_GCCOLLECT);
    left = ration;
    int status = lua_pcall(L, 2 + count, 1, 0);
    left = -1;
    done = status == LUA_OK && lua_tointeger(L, -1) == ECHO_OK;
    failures += !done;
    assert_true(status == LUA_OK || status == LUA_ERRMEM);
    assert_true(done || status != LUA_OK || lua_tointeger(L, -1) == ECHO_MEMORY);
  }
  assert_true(failures > 3);
  receive(w, &w->message);
  check(w, "assert(got[2] == print and got[3].f == type and got[1][1][1][1][2])");
  lua_close(L);
}

static int decode_inside(lua_State *L) {
  int top = lua_gettop(L);
  int count = echo__decode(L, nesting->receiver, &nesting->message);
  lua_pushboolean(L, count == 1);
  lua_insert(L, top + 1);
  return lua_gettop(L) - top;
}

static void a_decode_inside_a_decode(void **state) {
  world *w = *state;
  echo__message outer;
  echo__message_init(&outer);
  nesting = w;
  run(w->from, "return {{c = 1, d = 'two', b = {c = 3}}}");
  assert_int_equal(
      echo__encode(w->from, w->sender, lua_gettop(w->from), 1, ECHO__ROOT_ARGUMENT, 1, &w->message),
      ECHO_OK);
  lua_register(w->to, "decode", decode_inside);
  check(w,
        "nested = 0 "
        "function litter() for i = 1, 50 do setmetatable({}, {__gc = function() "
        "local ok, t = decode() assert(ok and t[1].c == 1 and t[1].d == 'two') "
        "nested = nested + 1 if nested < 5000 then litter() end end}) end end "
        "litter() collectgarbage('setpause', 10) collectgarbage('setstepmul', 1000) "
        "package.preload.inside = function() local ok, t = decode() return {t = t, f = type} end");
  run(w->from,
      "package.loaded.inside = {f = function() end} local t = {} "
      "for i = 1, 1000 do t[i] = {a = i, b = {a = i + 1, x = 'x' .. i}, ['c' .. i % 9] = true} end "
      "t.inside = package.loaded.inside return t");
  int index = lua_gettop(w->from);
  assert_int_equal(echo__encode(w->from, w->sender, index, 1, ECHO__ROOT_ARGUMENT, 1, &outer),
                   ECHO_OK);
  for (int i = 0; i < 5; i++) {
    receive(w, &outer);
    check(w, "for i, r in ipairs(got[1]) do assert(r.a == i and r.b.a == i + 1 and "
             "r.b.x == 'x' .. i and r['c' .. i % 9]) end assert(#got[1] == 1000) "
             "assert(got[1].inside.t[1].b.c == 3)");
  }
  check(w, "assert(nested > 100) collectgarbage('setpause', 200)");
  echo__message_release(&outer);
}

static void one_codec_for_a_state(void **state) {
  world *w = *state;
  lua_State *coroutine = lua_newthread(w->from);
  assert_ptr_equal(echo__codec_open(coroutine), w->sender);
  assert_ptr_equal(echo__codec_of(w->from), w->sender);
  lua_State *other = luaL_newstate();
  assert_null(echo__codec_of(other));
  lua_close(other);
}

static int encode_late(lua_State *L) {
  world *w = nesting;
  lua_pushinteger(L, 1);
  assert_int_equal(echo__encode(L, w->sender, lua_gettop(L), 1, ECHO__ROOT_RESULT, 1, &w->message),
                   ECHO_TRANSFER);
  assert_string_equal(lua_tostring(L, -1), "result 1: the state is being closed");
  nesting = NULL;
  return 0;
}

/* Finalizers run in the reverse order of their making: this one is older than the codec. */
static void a_state_that_is_closing(void **state) {
  world *w = *state;
  lua_close(w->from);
  w->from = luaL_newstate();
  lua_newuserdatauv(w->from, 1, 0);
  lua_newtable(w->from);
  lua_pushcfunction(w->from, encode_late);
  lua_setfield(w->from, -2, "__gc");
  lua_setmetatable(w->from, -2);
  w->sender = echo__codec_open(w->from);
  nesting = w;
  lua_close(w->from);
  assert_null(nesting);
  w->from = luaL_newstate();
}

static void a_message_used_again(void **state) {
  world *w = *state;
  travels(w, "return ('x'):rep(1000), function() end", "assert(#got[1] == 1000)");
  travels(w, "return 1", "assert(got.n == 1 and got[1] == 1)");
  assert_int_equal(w->message.attachment_count, 0);
  echo__message_release(&w->message);
  assert_ptr_equal(w->message.bytes, w->message.inline_bytes);
  travels(w, "return 2", "assert(got[1] == 2)");
}

/* Its owner may read it while somebody writes and releases the values. */
static void a_text_that_is_kept_beside_the_values(void **state) {
  world *w = *state;
  echo__message_init(&w->message);
  assert_null(echo__message_kept(&w->message));
  assert_false(echo__message_keep(&w->message, "a text that is longer than any message keeps"));
  assert_null(echo__message_kept(&w->message));
  assert_true(echo__message_keep(&w->message, "kept"));
  const char *kept = echo__message_kept(&w->message);
  for (int i = 0; i < 3; i++) {
    travels(w, "return ('x'):rep(1000), print, 1", "assert(#got[1] == 1000)");
    travels(w, "return ('x'):rep(5), true", "assert(#got[1] == 5)");
    assert_ptr_equal(echo__message_kept(&w->message), kept);
    echo__message_release(&w->message);
    assert_string_equal(kept, "kept");
    for (int bytes = 0; bytes <= ECHO__MESSAGE_INLINE; bytes++) {
      memset(echo__message_reserve(&w->message, 1), '!', 1);
      w->message.size++;
    }
    assert_string_equal(kept, "kept");
    echo__message_release(&w->message);
  }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(scalars),
      CASE(integers_at_every_edge),
      CASE(floats_bit_for_bit),
      CASE(strings_of_any_length_and_bytes),
      CASE(many_values),
      CASE(more_values_than_a_stack_holds),
      CASE(tables),
      CASE(keys_of_every_kind),
      CASE(keys_that_nest),
      CASE(more_keys_than_the_dictionary_holds),
      CASE(sharing_and_cycles),
      CASE(equal_tables_stay_apart),
      CASE(a_list_a_million_deep),
      CASE(what_is_put_off_is_sized_beforehand),
      CASE(closures_nested_deep),
      CASE(metatables),
      CASE(no_metamethod_is_run),
      CASE(functions),
      CASE(errors_name_file_and_line),
      CASE(shared_upvalues),
      CASE(each_transfer_has_its_own_upvalues),
      CASE(recursion),
      CASE(environments),
      CASE(a_task_that_changes_its_env_changes_only_its_own),
      CASE(a_plain_function_is_loaded_once),
      CASE(closures_of_one_prototype),
      CASE(an_address_used_again_is_another_function),
      CASE(code_outlives_its_sender),
      CASE(many_functions_at_once),
      CASE(c_functions_and_libraries),
      CASE(modules_loaded_late),
      CASE(modules_that_are_functions),
      CASE(modules_are_required_on_arrival),
      CASE(modules_that_are_not_there),
      CASE(refusals),
      CASE(refusals_say_whose_value_it_is),
      CASE(refusals_below_what_was_put_off),
      CASE(registered_metatables),
      CASE(hooks),
      CASE(an_encode_inside_an_encode),
      CASE(random_values),
      CASE(handles),
      CASE(handles_below_what_was_put_off),
      CASE(every_message_that_is_cut_off),
      CASE(a_byte_too_many),
      CASE(every_byte_changed),
      CASE(random_bytes),
      CASE(a_header_that_lies),
      CASE(keys_that_cannot_be),
      CASE(memory_runs_out_while_decoding),
      CASE(memory_runs_out_while_encoding),
      CASE(memory_runs_out_with_objects),
      CASE(memory_runs_out_while_rebuilding),
      CASE(tables_are_made_as_large_as_they_will_be),
      CASE(code_is_loaded_once),
      CASE(a_decode_inside_a_decode),
      CASE(one_codec_for_a_state),
      CASE(a_state_that_is_closing),
      CASE(a_message_used_again),
      CASE(a_text_that_is_kept_beside_the_values),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
