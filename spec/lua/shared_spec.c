/*
 * Counted objects that several Lua states hold. The objects here are of a type of the spec's own,
 * whose handles have a layout and a metatable of their own, as those of a scheduler have.
 */
#include "echo/lua.h"
#include "lua/decode.h"
#include "lua/encode.h"
#include "lua/shared.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

#include "support/allocations.h"

typedef struct thing {
  echo__shared shared;
  unsigned plain; /* written by every holder before it lets go */
} thing;

typedef struct thing_handle {
  echo__handle handle;
  const echo__host *host; /* what push was given */
} thing_handle;

static atomic_int destroyed;
static pthread_t destroyer; /* the thread of the last destroy */
static int push_fails;

static void destroy(echo__shared *shared) {
  destroyer = pthread_self();
  free(shared);
  atomic_fetch_add(&destroyed, 1);
}

static void push(lua_State *L, const echo__host *host, echo__shared *shared);
static const echo__shared_type thing_type = {
    .name = "spec.thing", .type = ECHO__TYPES, .destroy = destroy, .push = push};

static thing_handle *push_inert(lua_State *L) {
  thing_handle *handle = lua_newuserdatauv(L, sizeof *handle, 0);
  handle->handle.shared = NULL;
  if (luaL_newmetatable(L, "spec.thing")) {
    lua_pushcfunction(L, echo__handle_gc);
    lua_setfield(L, -2, "__gc");
    echo__shared_mark(L, &thing_type);
  }
  lua_setmetatable(L, -2);
  return handle;
}

static void push(lua_State *L, const echo__host *host, echo__shared *shared) {
  thing_handle *handle = push_inert(L);
  if (push_fails) luaL_error(L, "the type's push refuses");
  echo__shared_retain(shared);
  handle->handle.shared = shared;
  handle->host = host;
}

static thing *make_thing(void) {
  thing *made = malloc(sizeof *made);
  echo__shared_init(&made->shared, &thing_type);
  made->plain = 0;
  return made;
}

/* For scripts: thing() */
static int new_thing(lua_State *L) {
  thing_handle *handle = push_inert(L);
  handle->handle.shared = &make_thing()->shared;
  return 1;
}

static int new_inert(lua_State *L) {
  push_inert(L);
  return 1;
}

/* For scripts: another handle of the same object. */
static int another(lua_State *L) {
  push(L, NULL, ((thing_handle *)lua_touserdata(L, 1))->handle.shared);
  return 1;
}

typedef struct world {
  lua_State *from, *to;
  echo__message message;
} world;

static lua_State *new_state(void) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  lua_register(L, "thing", new_thing);
  lua_register(L, "inert", new_inert);
  lua_register(L, "another", another);
  echo__codec_open(L);
  return L;
}

static int set_up(void **state) {
  world *w = test_calloc(1, sizeof *w);
  atomic_store(&destroyed, 0);
  push_fails = 0;
  w->from = new_state();
  w->to = new_state();
  echo__message_init(&w->message);
  *state = w;
  return 0;
}

static int tear_down(void **state) {
  world *w = *state;
  lua_close(w->from);
  echo__message_release(&w->message);
  lua_close(w->to);
  test_free(w);
  return 0;
}

static int run(lua_State *L, const char *code) {
  int top = lua_gettop(L);
  if (luaL_dostring(L, code)) fail_msg("%s\n%s", lua_tostring(L, -1), code);
  return lua_gettop(L) - top;
}

static int encode(world *w, const char *code) {
  lua_settop(w->from, 0);
  int count = run(w->from, code);
  return echo__encode(w->from, echo__codec_of(w->from), 1, count, ECHO__ROOT_ARGUMENT, 1,
                      &w->message);
}

/* Lets go of what the sender's script left. */
static void forget(lua_State *L) {
  lua_settop(L, 0);
  lua_gc(L, LUA_GCCOLLECT);
  lua_gc(L, LUA_GCCOLLECT);
}

static int decode(lua_State *L) {
  int top = lua_gettop(L);
  int count = echo__decode(L, echo__codec_of(L), lua_touserdata(L, 1));
  if (count < 0) lua_error(L);
  return lua_gettop(L) - top;
}

static int receive(world *w) {
  lua_settop(w->to, 0);
  lua_pushcfunction(w->to, decode);
  lua_pushlightuserdata(w->to, &w->message);
  return lua_pcall(w->to, 1, LUA_MULTRET, 0);
}

/* Sends what `code` returns, and runs `checks` with what arrives as its arguments. */
static void travels(world *w, const char *code, const char *checks) {
  if (encode(w, code) != ECHO_OK) fail_msg("%s", lua_tostring(w->from, -1));
  if (receive(w) != LUA_OK) fail_msg("%s", lua_tostring(w->to, -1));
  assert_int_equal(luaL_loadstring(w->to, checks), LUA_OK);
  lua_insert(w->to, 1);
  if (lua_pcall(w->to, lua_gettop(w->to) - 1, 0, 0)) fail_msg("%s", lua_tostring(w->to, -1));
}

/* ---- references ---- */

IT(the_last_holder_destroys) {
  thing *t = make_thing();
  atomic_store(&destroyed, 0);
  echo__shared_retain(&t->shared);
  echo__shared_release(&t->shared);
  assert_int_equal(atomic_load(&destroyed), 0);
  echo__shared_release(NULL);
  echo__shared_release(&t->shared);
  assert_int_equal(atomic_load(&destroyed), 1);
}

enum { HOLDERS = 4 };

/* Writes without an atomic: the last one's destroy must see it all. A thread sanitizer would tell.
 */
static void *hold_and_let_go(void *argument) {
  thing **mine = argument;
  for (int i = 0; i < SPEC_ROUNDS(100000); i++) {
    echo__shared_retain(&(*mine)->shared);
    echo__shared_release(&(*mine)->shared);
  }
  echo__shared_release(&(*mine)->shared);
  return NULL;
}

IT(many_threads_let_go_and_one_destroys) {
  atomic_store(&destroyed, 0);
  for (int round = 1; round <= 20; round++) {
    thing *t = make_thing();
    spec_threads threads = {.count = 0};
    for (int i = 1; i < HOLDERS; i++)
      echo__shared_retain(&t->shared);
    for (int i = 0; i < HOLDERS; i++)
      spec_threads_add(&threads, hold_and_let_go, &t);
    spec_threads_join(&threads);
    assert_int_equal(atomic_load(&destroyed), round);
  }
}

static void *write_and_let_go(void *argument) {
  thing *mine = argument;
  mine->plain = 7;
  echo__shared_release(&mine->shared);
  return NULL;
}

IT(what_a_holder_wrote_comes_before_the_end_on_another_thread) {
  atomic_store(&destroyed, 0);
  for (int round = 0; round < SPEC_ROUNDS(1000); round++) {
    thing *t = make_thing();
    pthread_t thread;
    echo__shared_retain(&t->shared);
    assert_int_equal(pthread_create(&thread, NULL, write_and_let_go, t), 0);
    echo__shared_release(&t->shared);
    pthread_join(thread, NULL);
  }
  assert_int_equal(atomic_load(&destroyed), SPEC_ROUNDS(1000));
}

/* ---- handles ---- */

IT(a_handle_lets_go_once) {
  lua_State *L = new_state();
  atomic_store(&destroyed, 0);
  run(L, "local t = thing() local gc = debug.getmetatable(t).__gc gc(t) gc(t)");
  assert_int_equal(atomic_load(&destroyed), 1);
  lua_close(L);
  assert_int_equal(atomic_load(&destroyed), 1);
}

IT(an_inert_handle_ends_quietly) {
  lua_State *L = new_state();
  atomic_store(&destroyed, 0);
  run(L, "inert()");
  lua_close(L);
  assert_int_equal(atomic_load(&destroyed), 0);
}

IT(only_what_is_marked_is_a_handle) {
  const echo__shared_type *type;
  lua_State *L = new_state();
  run(L, "return thing(), io.stdout, {}, nil, setmetatable({}, {[1] = 1})");
  assert_non_null(echo__handle_at(L, 1, &type));
  assert_ptr_equal(type, &thing_type);
  lua_newuserdatauv(L, 8, 0);
  for (int i = 2; i <= lua_gettop(L); i++)
    assert_null(echo__handle_at(L, i, &type));
  assert_null(echo_lua_to_buffer(L, 1)); /* of another type */
  lua_close(L);
}

/* ---- messages ---- */

static void a_handle_travels_to_a_handle_of_its_own(void **state) {
  world *w = *state;
  travels(w, "return {thing()}, 'after'",
          "local t, after = ... assert(type(t[1]) == 'userdata' and after == 'after')");
}

static void the_type_pushes_with_the_receivers_host(void **state) {
  world *w = *state;
  assert_int_equal(encode(w, "return thing()"), ECHO_OK);
  assert_int_equal(receive(w), LUA_OK);
  const thing_handle *sent = lua_touserdata(w->from, 1), *got = lua_touserdata(w->to, 1);
  assert_ptr_equal(got->handle.shared, sent->handle.shared);
  assert_non_null(got->host);
  assert_ptr_equal(got->host->codec, echo__codec_of(w->to));
}

static void a_message_keeps_what_its_sender_no_longer_has(void **state) {
  world *w = *state;
  assert_int_equal(encode(w, "return thing(), {thing()}"), ECHO_OK);
  lua_close(w->from);
  w->from = new_state();
  assert_int_equal(atomic_load(&destroyed), 0);
  assert_int_equal(receive(w), LUA_OK);
  assert_int_equal(receive(w), LUA_OK);
  echo__message_release(&w->message);
  assert_int_equal(atomic_load(&destroyed), 0);
  forget(w->to);
  assert_int_equal(atomic_load(&destroyed), 2);
}

static void *release_message(void *argument) {
  echo__message_release(argument);
  return NULL;
}

static void a_message_that_nobody_reads_lets_go_where_it_is_released(void **state) {
  world *w = *state;
  spec_threads threads = {.count = 0};
  assert_int_equal(encode(w, "return thing()"), ECHO_OK);
  forget(w->from);
  spec_threads_add(&threads, release_message, &w->message);
  spec_threads_join(&threads);
  assert_int_equal(atomic_load(&destroyed), 1);
  assert_false(pthread_equal(destroyer, pthread_self()));
}

static void a_handle_that_is_sent_twice_is_one_on_arrival(void **state) {
  world *w = *state;
  travels(w, "local t = thing() return {t, t, [t] = t}, t, function() return t end",
          "local l, t, f = ... assert(rawequal(l[1], l[2]) and rawequal(l[1], t)) "
          "assert(rawequal(l[t], t) and rawequal(f(), t))");
  assert_int_equal(w->message.attachment_count, 2); /* the thing and the function's code */
}

static void two_handles_of_one_object_stay_two(void **state) {
  world *w = *state;
  travels(w, "local t = thing() local u = another(t) return {[t] = 1, [u] = 2}, t, u",
          "local l, t, u = ... assert(not rawequal(t, u) and l[t] == 1 and l[u] == 2)");
}

static void handles_lie_at_any_depth(void **state) {
  world *w = *state;
  travels(w,
          "local t, deep = thing(), thing() local d = {deep, t} "
          "for i = 1, 300 do d = {d} end return t, d, deep",
          "local t, d, deep = ... while d[1] and not d[2] do d = d[1] end "
          "assert(rawequal(d[1], deep) and rawequal(d[2], t))");
}

static void an_inert_handle_is_refused_with_its_place(void **state) {
  world *w = *state;
  assert_int_equal(encode(w, "return 1, {x = inert()}, thing()"), ECHO_TRANSFER);
  assert_string_equal(
      lua_tostring(w->from, -1),
      "argument 2: field \"x\": spec.thing cannot travel: it was closed with its state");
}

static void a_refusal_further_on_lets_go_of_the_handles_before_it(void **state) {
  world *w = *state;
  assert_int_equal(encode(w, "return thing(), {thing()}, io.stdout"), ECHO_TRANSFER);
  assert_int_equal(w->message.attachment_count, 0);
  forget(w->from);
  assert_int_equal(atomic_load(&destroyed), 2);
}

/* ---- hostile bytes ---- */

static void refuses(world *w, const char *bytes, size_t size, const char *sentence) {
  memcpy(w->message.bytes, bytes, size);
  w->message.size = size;
  assert_int_not_equal(receive(w), LUA_OK);
  assert_string_equal(lua_tostring(w->to, -1), sentence);
}

#define REFUSES(w, bytes, sentence) refuses((w), (bytes), sizeof(bytes) - 1, (sentence))

static void bytes_that_lie_about_attachments_are_refused(void **state) {
  world *w = *state;
  assert_int_equal(encode(w, "return function() end, thing()"), ECHO_OK);
  REFUSES(w, "\1\x0C\2", "malformed message: no such handle");
  REFUSES(w, "\1\x0C\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\1", "malformed message: no such handle");
  REFUSES(w, "\1\x0C\0", "malformed message: no such handle");
  REFUSES(w, "\1\x18\1", "malformed message: no such code");
  REFUSES(w, "\1\x14\1", "malformed message: no such code");
  REFUSES(w, "\1\x0C", "malformed message: bad number");
  REFUSES(w, "\1\x0C\xFF", "malformed message: bad number");
  REFUSES(w, "\2\x0C\1\x08\2", "malformed message: bad reference");
}

/* ---- memory ---- */

static void a_push_that_fails_takes_nothing(void **state) {
  world *w = *state;
  assert_int_equal(encode(w, "return thing()"), ECHO_OK);
  push_fails = 1;
  assert_int_equal(receive(w), LUA_ERRRUN);
  assert_string_equal(lua_tostring(w->to, -1), "the type's push refuses");
  forget(w->to);
  forget(w->from);
  assert_int_equal(atomic_load(&destroyed), 0);
  echo__message_release(&w->message);
  assert_int_equal(atomic_load(&destroyed), 1);
}

/* The objects are made beforehand: what is refused here is what the codec asks for. */
static void encoding_without_memory_lets_go_of_everything(void **state) {
  world *w = *state;
  run(w->from, "things = {} for i = 1, 40 do things[i] = thing() end");
  int refusals = 0;
  for (long left = 0;; left++) {
    echo__message_release(&w->message);
    lua_settop(w->from, 0);
    run(w->from, "return table.unpack(things)");
    atomic_store(&spec_allocated.refuse_after, left);
    int status =
        echo__encode(w->from, echo__codec_of(w->from), 1, 40, ECHO__ROOT_ARGUMENT, 1, &w->message);
    atomic_store(&spec_allocated.refuse_after, -1);
    if (status == ECHO_OK) break;
    assert_int_equal(status, ECHO_MEMORY);
    assert_int_equal(w->message.attachment_count, 0);
    refusals++;
  }
  assert_true(refusals >= 3); /* the attachments grow three times, the bytes too */
  assert_int_equal(w->message.attachment_count, 40);
  echo__message_release(&w->message);
  run(w->from, "things = nil");
  forget(w->from);
  assert_int_equal(atomic_load(&destroyed), 40);
}

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

static int decode_rationed(world *w, int *left, int ration) {
  lua_settop(w->to, 0);
  lua_pushcfunction(w->to, decode);
  lua_pushlightuserdata(w->to, &w->message);
  *left = ration;
  int status = lua_pcall(w->to, 1, LUA_MULTRET, 0);
  *left = -1;
  return status;
}

static lua_State *new_rationed_state(int *left) {
  lua_State *L = lua_newstate(rationed, left);
  luaL_openlibs(L);
  echo__codec_open(L);
  return L;
}

static size_t references(lua_State *L) {
  return (size_t)lua_rawlen(L, LUA_REGISTRYINDEX);
}

/* The receiving state has not opened the module: its types are made on the way, and an attempt goes
 * on where the one before it failed. */
static void receiving_without_memory_takes_nothing(void **state) {
  world *w = *state;
  int left = -1, failures = 0, status;
  assert_int_equal(encode(w, "return thing()"), ECHO_OK);
  assert_int_equal(receive(w), LUA_OK);
  size_t honest = references(w->to);
  lua_close(w->to);
  w->to = new_rationed_state(&left);
  while ((status = decode_rationed(w, &left, failures)) != LUA_OK) {
    assert_int_equal(status, LUA_ERRMEM);
    failures++;
  }
  assert_true(failures > 10);
  assert_int_equal(references(w->to), honest);
  assert_non_null(((thing_handle *)lua_touserdata(w->to, 1))->handle.shared);
  forget(w->to);
  forget(w->from);
  assert_int_equal(atomic_load(&destroyed), 0);
  echo__message_release(&w->message);
  assert_int_equal(atomic_load(&destroyed), 1);
  lua_close(w->to);
  w->to = new_state();
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_last_holder_destroys),
      cmocka_unit_test(many_threads_let_go_and_one_destroys),
      cmocka_unit_test(what_a_holder_wrote_comes_before_the_end_on_another_thread),
      cmocka_unit_test(a_handle_lets_go_once),
      cmocka_unit_test(an_inert_handle_ends_quietly),
      cmocka_unit_test(only_what_is_marked_is_a_handle),
      CASE(a_handle_travels_to_a_handle_of_its_own),
      CASE(the_type_pushes_with_the_receivers_host),
      CASE(a_message_keeps_what_its_sender_no_longer_has),
      CASE(a_message_that_nobody_reads_lets_go_where_it_is_released),
      CASE(a_handle_that_is_sent_twice_is_one_on_arrival),
      CASE(two_handles_of_one_object_stay_two),
      CASE(handles_lie_at_any_depth),
      CASE(an_inert_handle_is_refused_with_its_place),
      CASE(a_refusal_further_on_lets_go_of_the_handles_before_it),
      CASE(bytes_that_lie_about_attachments_are_refused),
      CASE(a_push_that_fails_takes_nothing),
      CASE(encoding_without_memory_lets_go_of_everything),
      CASE(receiving_without_memory_takes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
