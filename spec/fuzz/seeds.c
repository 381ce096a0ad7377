/*
 * Writes files for the decoder's target to begin with: real messages, one of each kind of value and
 * each way to share. What the fuzzer cannot guess (a name in a table, a distance that fits) it
 * finds in them.
 *
 * Usage: seeds folder
 */
#include "echo/status.h"
#include "fuzz/receiver.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const seeds[] = {
    "return",
    "return nil, true, false, 0, -16, 111, 112, -17, math.maxinteger, math.mininteger",
    "return 0.5, -0.0, 1/0, -1/0, 0/0, 2^53",
    "return '', 'short', ('a'):byte(), 'a string that is longer than thirty-one bytes, by some'",
    "return {}, {1, 2, 3}, {a = 1, b = 2}, {1, nil, 3, x = {y = {z = 'deep'}}}",
    "return {{id = 1, name = 'one'}, {id = 2, name = 'two'}, {id = 3, name = 'one'}}",
    "return {[1.5] = 1, [true] = 2, [{}] = 3, [-1] = 4, [2^60] = 5, [plain] = 6}",
    "local t = {} t.self = t t[t] = t return t, {t, t}",
    "local t for i = 1, 150 do t = {t, i} end return t",
    "local t for i = 1, 150 do t = {t = t} end return t, {t}",
    "return plain, globals, nothing",
    "return one, two, many",
    "return two, one, {one = one, two = two}, two",
    "return self, inner, maker",
    "local t = {} for i = 1, 5 do t[i] = {one, two, self} end return t",
    "local t for i = 1, 120 do t = {t, one} end return t, two",
    "return string, string.format, math.floor, _G, select, table, coroutine.wrap",
    "return package.loaded.echo.buffer('bytes'), package.loaded.echo.buffer('')",
    "local b = package.loaded.echo.buffer('bytes') return b, {b, b}, b",
    "return object{x = 1, y = {2}}, object{}, Point",
    "local p = object{} p.p = p return p, {p}, {[p] = p}",
    "local t for i = 1, 130 do t = object{t} end return t",
    "return hooks{1, 2, 'three'}, 4",
    "local h = hooks{one, {5}} return h, h, {h = h}",
    "return hooks{hooks{hooks{1}}, object{2}}, hooks{}",
    "local t for i = 1, 120 do t = {t, hooks{i}} end return t",
    "return pcall, {pcall, remake, 1}, hooked",
    "local t = {} for i = 1, 70 do t['key' .. i] = i end return t, t.key1, {key69 = 1, key3 = 2}",
};

static void fill(fuzz_receiver *r, const char *seed, echo__message *message) {
  char code[4096];
  snprintf(code, sizeof code, "%s%s", fuzz_prelude, seed);
  if (luaL_loadbuffer(r->L, code, strlen(code), "@pool") || lua_pcall(r->L, 0, LUA_MULTRET, 0))
    fuzz_fail(seed, lua_tostring(r->L, -1));
  if (fuzz_encode(r, 1, message) != ECHO_OK) fuzz_fail(seed, "it does not encode");
}

static void store(const char *folder, size_t number, const uint8_t *bytes, size_t size) {
  char path[4096];
  snprintf(path, sizeof path, "%s/seed-%02zu", folder, number);
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(bytes, 1, size, file) != size || fclose(file)) fuzz_fail(path, "not written");
}

static void write_seed(const char *folder, size_t number, const char *seed) {
  uint8_t bytes[65536];
  fuzz_receiver r;
  echo__message message;
  echo__message_init(&message);
  fuzz_receiver_open(&r);
  fill(&r, seed, &message);
  size_t size = fuzz_file_write(&message, bytes, sizeof bytes);
  if (size == 0) fuzz_fail(seed, "it has an attachment of its own");
  store(folder, number, bytes, size);
  fuzz_receiver_close(&r);
  echo__message_release(&message);
}

int main(int count, char **arguments) {
  if (count != 2) {
    fprintf(stderr, "usage: seeds folder\n");
    return 2;
  }
  for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++)
    write_seed(arguments[1], i, seeds[i]);
  return 0;
}
