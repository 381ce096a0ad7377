/*
 * Long strings that pass between states: which of them are copied, who holds what meanwhile, and
 * what becomes of it when memory runs out, a state is closed or the bytes lie. The states of
 * workers are stood in for by states with a worker's allocator.
 */
#include "lua/loan.h"

#include "echo/lua.h"
#include "echo/status.h"
#include "lua/alloc.h"
#include "lua/decode.h"
#include "lua/encode.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/allocations.h"

enum { LONG = 3 * ECHO__BLOCK };

typedef struct place {
  lua_State *L;
  echo__codec *codec;
  echo__alloc alloc; /* of a worker's */
} place;

static place host, one, other;
static echo__message message;

static int measure(lua_State *L) {
  echo__alloc_measure(L);
  return 0;
}

static void open_codec(place *p) {
  luaL_openlibs(p->L);
  luaL_requiref(p->L, "echo", luaopen_echo, 0);
  lua_pop(p->L, 1);
  p->codec = echo__codec_of(p->L);
}

static void open_worker(place *p) {
  echo__alloc_open(&p->alloc, 0);
  p->L = lua_newstate(echo__alloc_realloc, &p->alloc);
  lua_pushcfunction(p->L, measure);
  assert_int_equal(lua_pcall(p->L, 0, 0, 0), LUA_OK);
  open_codec(p);
}

static void close_worker(place *p) {
  if (p->L == NULL) return;
  lua_close(p->L);
  echo__alloc_close(&p->alloc);
  p->L = NULL;
}

static int set_up(void **state) {
  (void)state;
  host.L = luaL_newstate();
  open_codec(&host);
  open_worker(&one);
  open_worker(&other);
  echo__message_init(&message);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  echo__message_release(&message);
  lua_close(host.L);
  close_worker(&one);
  close_worker(&other);
  return 0;
}

/* Pushes what the code returns. */
static void make(place *p, const char *code) {
  lua_settop(p->L, 0);
  lua_pushinteger(p->L, LONG);
  lua_setglobal(p->L, "LONG");
  if (luaL_dostring(p->L, code) != LUA_OK) fail_msg("%s", lua_tostring(p->L, -1));
}

static void send(place *p) {
  int status = echo__encode(p->L, p->codec, 1, lua_gettop(p->L), ECHO__ROOT_RESULT, 1, &message);
  assert_int_equal(status, ECHO_OK);
}

typedef struct reception {
  place *at;
  bool last;
  int count;
} reception;

static int protected_receive(lua_State *L) {
  reception *r = lua_touserdata(L, 1);
  lua_settop(L, 0);
  r->count = r->last ? echo__decode_last(L, r->at->codec, &message)
                     : echo__decode(L, r->at->codec, &message);
  return lua_gettop(L);
}

/* The number of values, ECHO_TRANSFER, or ECHO_MEMORY if an error was raised. */
static int receive(place *p, bool last) {
  reception r = {p, last, 0};
  lua_settop(p->L, 0);
  lua_pushcfunction(p->L, protected_receive);
  lua_pushlightuserdata(p->L, &r);
  return lua_pcall(p->L, 1, LUA_MULTRET, 0) == LUA_OK ? r.count : ECHO_MEMORY;
}

static const char *text_at(place *p, int index) {
  return lua_tostring(p->L, index);
}

static echo__block *block(uint32_t i) {
  assert_true(i < message.attachment_count);
  assert_int_equal(message.attachments[i].kind, ECHO__ATTACHMENT_TEXT);
  return message.attachments[i].pointer;
}

static bool is_in(const char *text, const echo__block *in) {
  return text >= in->bytes && text < in->bytes + in->capacity;
}

static bool is_all(const char *text, char byte) {
  for (int i = 0; i < LONG; i++)
    if (text[i] != byte) return false;
  return text[LONG] == '\0';
}

/* -- which are copied ------------------------------------------------------------------------- */

IT(copies_a_hosts_string_once_on_its_way_to_a_worker) {
  make(&host, "return ('x'):rep(LONG)");
  send(&host);
  assert_true(message.size < 40);
  assert_int_equal(receive(&one, true), 1);
  assert_ptr_equal(text_at(&one, 1), block(0)->bytes + one.alloc.text_at);
  assert_int_equal(lua_rawlen(one.L, 1), LONG);
  assert_true(is_all(text_at(&one, 1), 'x'));
}

IT(copies_a_workers_string_once_on_its_way_to_a_host) {
  make(&one, "return ('x'):rep(LONG)");
  send(&one);
  assert_true(is_in(text_at(&one, 1), block(0)));
  assert_int_equal(receive(&host, true), 1);
  assert_false(is_in(text_at(&host, 1), block(0)));
  assert_true(is_all(text_at(&host, 1), 'x'));
}

IT(copies_once_between_workers_and_not_what_is_passed_on) {
  make(&host, "return ('x'):rep(LONG)");
  send(&host);
  receive(&one, true);
  const char *text = text_at(&one, 1);
  echo__message_release(&message);
  send(&one);
  assert_true(is_in(text, block(0)));
  assert_int_equal(receive(&other, true), 1);
  assert_ptr_not_equal(text_at(&other, 1), text);
  assert_true(is_all(text_at(&other, 1), 'x'));
}

/* Two states would each believe the block theirs. */
IT(makes_one_string_of_a_text_however_often_it_is_read) {
  make(&host, "local x = ('x'):rep(LONG) return x, x");
  send(&host);
  assert_int_equal(receive(&one, false), 2);
  assert_false(is_in(text_at(&one, 1), block(0)));
  assert_int_equal(receive(&one, true), 2);
  assert_true(is_in(text_at(&one, 1), block(0)));
  assert_int_equal(receive(&other, true), 2);
  assert_false(is_in(text_at(&other, 1), block(0)));
  assert_true(is_all(text_at(&other, 2), 'x'));
}

IT(sends_long_keys_upvalues_and_items) {
  make(&one, "local u = ('u'):rep(LONG) return {('a'):rep(LONG), [('k'):rep(LONG)] = 1, "
             "{{('b'):rep(LONG)}}}, function() return u end");
  send(&one);
  assert_int_equal(receive(&host, true), 2);
  lua_setglobal(host.L, "f");
  lua_setglobal(host.L, "t");
  make(&host, "assert(t[1] == ('a'):rep(LONG) and t[('k'):rep(LONG)] == 1) "
              "assert(t[2][1][1] == ('b'):rep(LONG) and f() == ('u'):rep(LONG))");
}

IT(copies_strings_of_a_state_with_another_allocator) {
  one.alloc.text_at = 0; /* as if it were not known, too */
  make(&one, "return ('x'):rep(LONG)");
  send(&one);
  assert_false(is_in(text_at(&one, 1), block(0)));
  assert_int_equal(receive(&one, true), 1);
  assert_false(is_in(text_at(&one, 1), block(0)));
  assert_true(is_all(text_at(&one, 1), 'x'));
}

/* -- who holds what --------------------------------------------------------------------------- */

IT(leaves_a_text_to_the_message_when_its_string_is_collected) {
  make(&one, "return ('x'):rep(LONG)");
  send(&one);
  size_t used = echo__alloc_used(&one.alloc);
  lua_settop(one.L, 0);
  lua_gc(one.L, LUA_GCCOLLECT);
  assert_true(echo__alloc_used(&one.alloc) + LONG <= used);
  assert_true(echo__block_is_sole(block(0)));
  assert_int_equal(receive(&host, true), 1);
  assert_true(is_all(text_at(&host, 1), 'x'));
}

IT(leaves_a_text_to_the_message_when_its_state_is_closed) {
  make(&one, "return ('x'):rep(LONG)");
  send(&one);
  close_worker(&one);
  assert_int_equal(receive(&host, true), 1);
  assert_true(is_all(text_at(&host, 1), 'x'));
}

IT(leaves_a_text_to_the_string_when_the_message_is_gone) {
  make(&host, "return ('x'):rep(LONG)");
  send(&host);
  receive(&one, true);
  echo__message_release(&message);
  lua_gc(one.L, LUA_GCCOLLECT);
  assert_true(is_all(text_at(&one, 1), 'x'));
}

IT(weighs_its_texts_too) {
  make(&host, "return ('x'):rep(LONG), ('y'):rep(LONG), 'short'");
  send(&host);
  assert_true(echo__message_weight(&message) >= 2 * LONG);
  assert_true(echo__message_weight(&message) < 3 * LONG);
}

/* -- what runs out ---------------------------------------------------------------------------- */

IT(counts_what_a_worker_is_given_for_its_limit) {
  make(&host, "return ('x'):rep(LONG)");
  send(&host);
  lua_gc(one.L, LUA_GCCOLLECT);
  size_t left = echo__load(&one.alloc.left, relaxed);
  echo__store(&one.alloc.left, LONG / 2, relaxed);
  assert_int_equal(receive(&one, true), ECHO_MEMORY);
  echo__store(&one.alloc.left, left, relaxed);
  assert_true(echo__block_is_sole(block(0))); /* nothing is offered any more */
  assert_int_equal(receive(&one, true), 1);
  assert_true(is_all(text_at(&one, 1), 'x'));
}

/* The collector has to make room first, and what was offered is not there any more. */
IT(makes_do_with_what_the_collector_frees) {
  make(&host, "return ('x'):rep(LONG)");
  send(&host);
  lua_gc(one.L, LUA_GCCOLLECT);
  lua_gc(one.L, LUA_GCSTOP);
  make(&one, "local garbage = ('g'):rep(2 * LONG)");
  echo__store(&one.alloc.left, LONG / 2, relaxed);
  assert_int_equal(receive(&one, true), 1);
  assert_true(is_all(text_at(&one, 1), 'x'));
}

static void refuse_from(int first) {
  atomic_store(&spec_allocated.refuse_after, first);
}

IT(says_so_when_a_text_finds_no_memory) {
  make(&host, "return ('x'):rep(LONG), ('y'):rep(LONG)");
  long before = atomic_load(&spec_allocated.live);
  int status = ECHO_MEMORY, refused = 0;
  for (; status == ECHO_MEMORY; refused++) {
    refuse_from(refused);
    status = echo__encode(host.L, host.codec, 1, 2, ECHO__ROOT_RESULT, 1, &message);
    refuse_from(-1);
    if (status == ECHO_MEMORY) {
      assert_string_equal(lua_tostring(host.L, -1), "not enough memory to send the values");
      lua_pop(host.L, 1);
      echo__message_release(&message);
      assert_int_equal(atomic_load(&spec_allocated.live), before);
    }
  }
  assert_int_equal(status, ECHO_OK);
  assert_true(refused > 2);
}

/* -- what lies -------------------------------------------------------------------------------- */

/* Writes a text's bytes into the message anew. */
static void lie(uint64_t index, uint64_t at, uint64_t size) {
  message.size = 0;
  unsigned char *to = echo__message_reserve(&message, 64);
  assert_non_null(to);
  *to++ = 1;
  *to++ = ECHO__WIRE_TEXT;
  to = echo__wire_put_varint(to, index);
  to = echo__wire_put_varint(to, at);
  message.size = (size_t)(echo__wire_put_varint(to, size) - message.bytes);
}

IT(refuses_a_text_that_is_not_in_its_block) {
  make(&host, "return ('x'):rep(LONG)");
  send(&host);
  size_t capacity = block(0)->capacity;
  const uint64_t ends[][2] = {{0, capacity},           {capacity, 0},   {1, capacity - 1},
                              {UINT64_MAX, 2},         {0, UINT64_MAX}, {capacity - 10, 10},
                              {UINT64_MAX, UINT64_MAX}};
  for (unsigned i = 0; i < SPEC_COUNT(ends); i++) {
    lie(0, ends[i][0], ends[i][1]);
    assert_int_equal(receive(&one, true), ECHO_TRANSFER);
    assert_string_equal(lua_tostring(one.L, 1), "malformed message: the text ends too early");
  }
  lie(1, 24, LONG);
  assert_int_equal(receive(&one, true), ECHO_TRANSFER);
  assert_string_equal(lua_tostring(one.L, 1), "malformed message: no such text");
}

IT(does_no_harm_with_a_text_of_another_size_or_place) {
  const uint64_t lies[][2] = {{24, 0}, {24, 1},    {24, LONG - 1},
                              {0, 10}, {25, LONG}, {24, LONG + 1}};
  for (unsigned i = 0; i < SPEC_COUNT(lies); i++) {
    make(&host, "return ('x'):rep(LONG)");
    send(&host);
    memset(block(0)->bytes, 'x', block(0)->capacity);
    lie(0, lies[i][0], lies[i][1]);
    assert_int_equal(receive(&one, true), 1);
    assert_int_equal(lua_rawlen(one.L, 1), lies[i][1]);
    echo__message_release(&message);
    lua_gc(one.L, LUA_GCCOLLECT);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      TEST(copies_a_hosts_string_once_on_its_way_to_a_worker),
      TEST(copies_a_workers_string_once_on_its_way_to_a_host),
      TEST(copies_once_between_workers_and_not_what_is_passed_on),
      TEST(makes_one_string_of_a_text_however_often_it_is_read),
      TEST(sends_long_keys_upvalues_and_items),
      TEST(copies_strings_of_a_state_with_another_allocator),
      TEST(leaves_a_text_to_the_message_when_its_string_is_collected),
      TEST(leaves_a_text_to_the_message_when_its_state_is_closed),
      TEST(leaves_a_text_to_the_string_when_the_message_is_gone),
      TEST(weighs_its_texts_too),
      TEST(counts_what_a_worker_is_given_for_its_limit),
      TEST(makes_do_with_what_the_collector_frees),
      TEST(says_so_when_a_text_finds_no_memory),
      TEST(refuses_a_text_that_is_not_in_its_block),
      TEST(does_no_harm_with_a_text_of_another_size_or_place),
#undef TEST
  };
  return cmocka_run_group_tests_name("loan", tests, NULL, NULL);
}
