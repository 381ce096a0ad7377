/*
 * A fuzzer's target: whatever the values are and whatever their hooks do meanwhile, encoding them
 * ends in a message that decodes to as many values, or in a sentence.
 *
 * The bytes are a program that builds values; what is left of them says what each hook does when it
 * is called.
 */
#include "echo/status.h"
#include "fuzz/receiver.h"

#include <lauxlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char builder[] =
    "local bytes, at = ..., 0\n"
    "local function byte() at = at + 1 return string.byte(bytes, at) or 0 end\n"
    "local values = {}\n"
    "local function any() return values[byte() % (#values + 1)] end\n"
    "local function new(value) values[#values + 1] = value end\n"
    "local function change(t, k, v)\n"
    "  if type(t) == 'table' and k ~= nil and k == k then rawset(t, k, v) end\n"
    "end\n"
    "local function remake(...) return {...} end\n"
    "local misbehave = {[0] =\n"
    "  function() return remake, any(), any() end,\n"
    "  function() error(any()) end,\n"
    "  function() end,\n"
    "  function() return any(), any() end,\n"
    "  function() change(any(), any(), any()) return remake, any() end,\n"
    "  function() collectgarbage() return remake, {any()} end,\n"
    "  function(o) setmetatable(o, nil) return remake, o end,\n"
    "  function(o) return remake, o end,\n"
    "  function(o) change(o, any(), setmetatable({}, getmetatable(o))) return remake, any() end,\n"
    "  function() for i = 1, 200 do values[i] = nil end return remake end,\n"
    "  function() return select, 1, any() end,\n"
    "  function() package.loaded[#values] = {any()} return remake, any() end,\n"
    "}\n"
    "local Hook = {__echo_transfer = function(o) return misbehave[byte() % 12](o) end}\n"
    "local make = {[0] =\n"
    "  function() new(byte() - 128) end,\n"
    "  function() new(byte() / 7) end,\n"
    "  function() local n, t = byte() % 60, {} for i = 1, n do t[i] = byte() end\n"
    "    new(string.char(table.unpack(t))) end,\n"
    "  function() new({}) end,\n"
    "  function() new(setmetatable({}, Point)) end,\n"
    "  function() new(setmetatable({any()}, Hook)) end,\n"
    "  function() change(any(), any(), any()) end,\n"
    "  function() change(any(), any(), any()) end,\n"
    "  function() local t = any() if type(t) == 'table' then change(t, #t + 1, any()) end end,\n"
    "  function() local t for _ = 1, byte() do t = {t} end new(t) end,\n"
    "  function() local x, y = any(), any() new(function() x = y return x end)\n"
    "    new(function() return x, tostring end) end,\n"
    "  function() local f f = function() return f, any end new(f) end,\n"
    "  function() new(math.floor) new(string) new(_G) end,\n"
    "  function() new(package.loaded.echo.buffer('bytes')) end,\n"
    "  function() new(setmetatable({}, {__index = any()})) end,\n"
    "  function() new(coroutine.create(remake)) end,\n"
    "}\n"
    "for _ = 1, byte() % 64 do make[byte() % 16]() end\n"
    "return table.unpack(values, 1, byte() % (#values + 1))\n";

/* Leaves the values on the stack; 0 if there is not enough memory, or the like. */
static int build(fuzz_receiver *r, const uint8_t *data, size_t size) {
  if (luaL_loadbuffer(r->L, builder, sizeof builder - 1, "=builder"))
    fuzz_fail("builder", lua_tostring(r->L, -1));
  lua_pushlstring(r->L, (const char *)data, size);
  int error = lua_pcall(r->L, 1, LUA_MULTRET, 0);
  if (error && error != LUA_ERRMEM && r->instructions > 0)
    fuzz_fail("builder", lua_tostring(r->L, -1));
  return error == LUA_OK;
}

static void there_and_back(fuzz_receiver *r) {
  echo__message message;
  echo__message_init(&message);
  int count = lua_gettop(r->L);
  if (fuzz_encode(r, 1, &message) == ECHO_OK) {
    int status = fuzz_decode(r, &message);
    if (status >= 0 && status != count) fuzz_fail("other values arrived", NULL);
    if (status == ECHO_TRANSFER && strncmp(lua_tostring(r->L, -1), "malformed", 9) == 0)
      fuzz_fail("what was encoded does not decode", lua_tostring(r->L, -1));
  }
  echo__message_release(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_receiver r;
  fuzz_receiver_open(&r);
  if (build(&r, data, size)) there_and_back(&r);
  lua_settop(r.L, 0);
  fuzz_receiver_close(&r);
  return 0;
}
