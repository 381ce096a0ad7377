/* Buffers from C: who frees the bytes, when and on which thread; and what runs out on the way. */
#include <echo/lua.h>

#include "lua/buffer.h"
#include "lua/decode.h"
#include "lua/encode.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <limits.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/allocations.h"

static char bytes[] = "some bytes that nobody copies";
enum { SIZE = sizeof bytes - 1 };

/* What the free call-back saw. */
static struct {
  atomic_int calls;
  void *bytes;
  size_t size;
  pthread_t thread;
} freed;

static void note(void *where, size_t size, void *data) {
  freed.bytes = where;
  freed.size = size;
  freed.thread = pthread_self();
  atomic_fetch_add((atomic_int *)data, 1);
}

static int set_up(void **state) {
  (void)state;
  atomic_store(&freed.calls, 0);
  return 0;
}

static echo_buffer *new_buffer(void) {
  echo_buffer *buffer = NULL;
  assert_int_equal(echo_buffer_create(bytes, SIZE, note, &freed.calls, &buffer), ECHO_OK);
  return buffer;
}

static int calls(void) {
  return atomic_load(&freed.calls);
}

/* ---- C alone ---- */

IT(a_buffer_has_the_callers_bytes_and_gives_them_back_once) {
  echo_buffer *buffer = new_buffer();
  assert_ptr_equal(echo_buffer_bytes(buffer), bytes);
  assert_int_equal(echo_buffer_size(buffer), SIZE);
  echo_buffer_retain(buffer);
  echo_buffer_release(buffer);
  assert_int_equal(calls(), 0);
  echo_buffer_release(buffer);
  assert_int_equal(calls(), 1);
  assert_ptr_equal(freed.bytes, bytes);
  assert_int_equal(freed.size, SIZE);
  echo_buffer_release(NULL);
}

static void *release(void *buffer) {
  echo_buffer_release(buffer);
  return NULL;
}

IT(bytes_are_freed_on_the_thread_that_lets_go_last) {
  echo_buffer *buffer = new_buffer();
  spec_threads threads = {.count = 0};
  spec_threads_add(&threads, release, buffer);
  spec_threads_join(&threads);
  assert_int_equal(calls(), 1);
  assert_false(pthread_equal(freed.thread, pthread_self()));
}

IT(a_buffer_may_have_no_bytes_and_no_call_back) {
  echo_buffer *buffer = NULL;
  assert_int_equal(echo_buffer_create(NULL, 0, note, &freed.calls, &buffer), ECHO_OK);
  assert_int_equal(echo_buffer_size(buffer), 0);
  assert_non_null(echo_buffer_bytes(buffer));
  echo_buffer_release(buffer);
  assert_int_equal(calls(), 1);
  assert_int_equal(echo_buffer_create(bytes, SIZE, NULL, NULL, &buffer), ECHO_OK);
  echo_buffer_release(buffer);
}

IT(what_cannot_be_made_leaves_the_bytes_alone) {
  echo_buffer *buffer = NULL;
  assert_int_equal(echo_buffer_create(NULL, 1, note, &freed.calls, &buffer), ECHO_INVALID);
  assert_int_equal(echo_buffer_create(bytes, SIZE, note, &freed.calls, NULL), ECHO_INVALID);
  assert_int_equal(echo_buffer_create(bytes, SIZE_MAX, note, &freed.calls, &buffer), ECHO_INVALID);
  atomic_store(&spec_allocated.refuse_after, 0);
  int status = echo_buffer_create(bytes, SIZE, note, &freed.calls, &buffer);
  atomic_store(&spec_allocated.refuse_after, -1);
  assert_int_equal(status, ECHO_MEMORY);
  assert_null(buffer);
  assert_int_equal(calls(), 0);
}

/* ---- slices ---- */

IT(a_slice_keeps_the_whole) {
  long before = atomic_load(&spec_allocated.live);
  echo_buffer *buffer = new_buffer();
  echo_buffer *slice = echo__buffer_slice(buffer, 5, 10);
  echo_buffer *part = echo__buffer_slice(slice, 2, 3);
  echo_buffer_release(buffer);
  echo_buffer_release(slice);
  assert_int_equal(calls(), 0);
  assert_ptr_equal(echo_buffer_bytes(part), bytes + 7);
  assert_int_equal(echo_buffer_size(part), 3);
  assert_int_equal(atomic_load(&spec_allocated.live), before + 2); /* not the slice between */
  echo_buffer_release(part);
  assert_int_equal(calls(), 1);
  assert_int_equal(atomic_load(&spec_allocated.live), before);
}

IT(a_slice_without_memory_takes_nothing) {
  echo_buffer *buffer = new_buffer();
  atomic_store(&spec_allocated.refuse_after, 0);
  echo_buffer *slice = echo__buffer_slice(buffer, 0, 1);
  atomic_store(&spec_allocated.refuse_after, -1);
  assert_null(slice);
  echo_buffer_release(buffer);
  assert_int_equal(calls(), 1);
}

/* ---- files ---- */

typedef struct file {
  char path[32];
} file;

static file new_file(const char *text) {
  file f = {"/tmp/echo-buffer-XXXXXX"};
  int descriptor = mkstemp(f.path);
  assert_true(descriptor >= 0);
  assert_int_equal(write(descriptor, text, strlen(text)), (ssize_t)strlen(text));
  close(descriptor);
  return f;
}

static bool is_mapped(const char *path) {
  char line[512];
  bool found = false;
  FILE *maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps))
    found = found || strstr(line, path);
  fclose(maps);
  return found;
}

static int count_descriptors(void) {
  int count = 0;
  for (int i = 0; i < 256; i++)
    count += fcntl(i, F_GETFD) >= 0;
  return count;
}

IT(a_file_is_mapped_as_long_as_somebody_holds_it) {
  echo_buffer *buffer = NULL;
  int descriptors = count_descriptors();
  file f = new_file("what is in the file");
  assert_int_equal(echo__buffer_map(f.path, &buffer), ECHO_OK);
  assert_int_equal(count_descriptors(), descriptors);
  assert_true(is_mapped(f.path));
  unlink(f.path);
  echo_buffer *slice = echo__buffer_slice(buffer, 8, 2);
  echo_buffer_release(buffer);
  assert_memory_equal(echo_buffer_bytes(slice), "in", 2);
  assert_true(is_mapped(f.path));
  echo_buffer_release(slice);
  assert_false(is_mapped(f.path));
}

IT(an_empty_file_is_an_empty_buffer) {
  echo_buffer *buffer = NULL;
  file f = new_file("");
  assert_int_equal(echo__buffer_map(f.path, &buffer), ECHO_OK);
  assert_int_equal(echo_buffer_size(buffer), 0);
  echo_buffer_release(buffer);
  unlink(f.path);
}

/* Who opens a FIFO for reading would wait for a writer. */
IT(what_cannot_be_mapped_says_so_and_leaves_nothing_open) {
  echo_buffer *buffer = NULL;
  int descriptors = count_descriptors();
  file f = new_file("x");
  unlink(f.path);
  assert_int_equal(echo__buffer_map(f.path, &buffer), ECHO_MISSING);
  assert_int_equal(errno, ENOENT);
  assert_int_equal(mkfifo(f.path, 0600), 0);
  assert_int_equal(echo__buffer_map(f.path, &buffer), ECHO_INVALID);
  unlink(f.path);
  assert_int_equal(echo__buffer_map("/", &buffer), ECHO_INVALID);
  assert_int_equal(echo__buffer_map("/proc/self/status", &buffer), ECHO_INVALID);
  assert_null(buffer);
  assert_int_equal(count_descriptors(), descriptors);
}

IT(a_file_without_memory_is_not_left_mapped) {
  echo_buffer *buffer = NULL;
  file f = new_file("x");
  atomic_store(&spec_allocated.refuse_after, 0);
  int status = echo__buffer_map(f.path, &buffer);
  atomic_store(&spec_allocated.refuse_after, -1);
  assert_int_equal(status, ECHO_MEMORY);
  assert_false(is_mapped(f.path));
  unlink(f.path);
}

/* ---- Lua ---- */

static lua_State *new_state(void) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  luaL_requiref(L, "echo", luaopen_echo, 1);
  lua_settop(L, 0);
  return L;
}

static void run(lua_State *L, const char *code) {
  if (luaL_dostring(L, code)) fail_msg("%s\n%s", lua_tostring(L, -1), code);
}

IT(a_lua_value_has_a_reference_of_its_own) {
  lua_State *L = new_state();
  echo_buffer *buffer = new_buffer();
  echo_lua_push_buffer(L, buffer);
  assert_ptr_equal(echo_lua_to_buffer(L, 1), buffer);
  echo_buffer_release(buffer);
  lua_setglobal(L, "b");
  run(L, "assert(tostring(b) == 'some bytes that nobody copies' and #b == 29)");
  assert_int_equal(calls(), 0);
  run(L, "b = nil collectgarbage() collectgarbage()");
  assert_int_equal(calls(), 1);
  lua_close(L);
  assert_int_equal(calls(), 1);
}

IT(a_buffer_is_pushed_where_nobody_required_the_module) {
  lua_State *L = luaL_newstate(); /* not even with libraries */
  echo_buffer *buffer = new_buffer();
  echo_lua_push_buffer(L, buffer);
  echo_buffer_release(buffer);
  assert_int_equal(luaL_len(L, 1), SIZE);
  lua_close(L);
  assert_int_equal(calls(), 1);
}

IT(what_is_no_buffer_is_not_taken_for_one) {
  lua_State *L = new_state();
  run(L, "return nil, 'x', {}, io.stdout, echo.builder(), echo.buffer('x')");
  for (int i = 1; i <= 5; i++)
    assert_null(echo_lua_to_buffer(L, i));
  assert_null(echo_lua_to_buffer(L, 7));
  assert_non_null(echo_lua_to_buffer(L, 6));
  lua_close(L);
}

/* Nobody reads so far: the size alone is what is said here. */
IT(more_bytes_than_an_int_counts_are_no_list_of_results) {
  lua_State *L = new_state();
  echo_buffer *buffer = NULL;
  size_t size = (size_t)INT_MAX + 10;
  assert_int_equal(echo_buffer_create(bytes, size, NULL, NULL, &buffer), ECHO_OK);
  echo_lua_push_buffer(L, buffer);
  echo_buffer_release(buffer);
  lua_setglobal(L, "b");
  run(L, "assert(#b == 2 ^ 31 + 9) local ok, e = pcall(b.byte, b, 1, -1) "
         "assert(not ok and e:find('buffer slice too long', 1, true), e)");
  lua_close(L);
}

/* Those of a state that is closing may find each other after their end. */
IT(a_handle_after_its_end_is_inert) {
  lua_State *L = new_state();
  run(L, "b = echo.buffer('x') debug.getmetatable(b).__gc(b) "
         "for _, call in ipairs { tostring, b.sub, b.byte, b.slice, function() return #b end } do "
         "local ok, e = pcall(call, b, 1) "
         "assert(not ok and e:find('this echo.buffer was closed with its state', 1, true), e) end "
         "assert(b == b and b ~= echo.buffer('x'))");
  lua_close(L);
}

IT(a_module_opened_again_knows_the_buffers_of_before) {
  lua_State *L = new_state();
  run(L, "b, before = echo.buffer('same'), echo package.loaded.echo = nil echo = nil");
  luaL_requiref(L, "echo", luaopen_echo, 1);
  run(L, "assert(echo ~= before and echo.buffer('same') == b and b.sub == echo.buffer('').sub)");
  lua_close(L);
}

static int send(lua_State *L, echo__message *message) {
  return echo__encode(L, echo__codec_open(L), 1, 1, ECHO__ROOT_ARGUMENT, 1, message);
}

static int receive(lua_State *L) {
  return echo__decode(L, echo__codec_open(L), lua_touserdata(L, 1)) == 1;
}

IT(the_bytes_stay_where_they_are_from_state_to_state) {
  lua_State *from = new_state(), *to = luaL_newstate();
  echo__message message;
  echo__message_init(&message);
  echo_buffer *buffer = new_buffer();
  echo_lua_push_buffer(from, buffer);
  echo_buffer_release(buffer);
  assert_int_equal(send(from, &message), ECHO_OK);
  lua_close(from);
  lua_pushcfunction(to, receive);
  lua_pushlightuserdata(to, &message);
  assert_int_equal(lua_pcall(to, 1, 1, 0), LUA_OK);
  echo__message_release(&message);
  assert_ptr_equal(echo_buffer_bytes(echo_lua_to_buffer(to, 1)), bytes);
  assert_int_equal(calls(), 0);
  lua_close(to);
  assert_int_equal(calls(), 1);
}

/* ---- memory ---- */

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

static int push_only(lua_State *L) {
  echo_lua_push_buffer(L, lua_touserdata(L, 1));
  return 1;
}

IT(a_push_without_memory_takes_nothing) {
  int left = -1, failures = 0, status;
  lua_State *L = lua_newstate(rationed, &left);
  echo_buffer *buffer = new_buffer();
  do {
    lua_settop(L, 0);
    lua_pushcfunction(L, push_only);
    lua_pushlightuserdata(L, buffer);
    left = failures;
    status = lua_pcall(L, 1, 1, 0);
    left = -1;
    failures += status != LUA_OK;
    assert_true(status == LUA_OK || status == LUA_ERRMEM);
  } while (status != LUA_OK);
  assert_true(failures > 10);
  lua_close(L);
  assert_int_equal(calls(), 0);
  echo_buffer_release(buffer);
  assert_int_equal(calls(), 1);
}

IT(a_script_hears_that_memory_ran_out) {
  lua_State *L = new_state();
  file f = new_file("x");
  lua_pushstring(L, f.path);
  lua_setglobal(L, "path");
  run(L, "b = echo.buffer('x')");
  static const char *const codes[] = {"echo.buffer('yy')", "b:slice(1)",
                                      "echo.buffer{file = path}"};
  for (size_t i = 0; i < SPEC_COUNT(codes); i++) {
    long before = atomic_load(&spec_allocated.live);
    atomic_store(&spec_allocated.refuse_after, 0);
    int status = luaL_dostring(L, codes[i]);
    atomic_store(&spec_allocated.refuse_after, -1);
    assert_int_not_equal(status, LUA_OK);
    assert_string_equal(lua_tostring(L, -1), "not enough memory");
    assert_int_equal(atomic_load(&spec_allocated.live), before);
  }
  assert_false(is_mapped(f.path));
  unlink(f.path);
  lua_close(L);
}

/* ---- the collector ---- */

enum { LARGE = 1 << 20, MANY = 200 };

static void free_memory(void *memory, size_t size, void *data) {
  (void)size;
  free(memory);
  atomic_fetch_sub((atomic_int *)data, 1);
}

/* A large buffer as a C function in a task makes it. */
static echo_buffer *new_large(atomic_int *live) {
  echo_buffer *buffer = NULL;
  assert_int_equal(echo_buffer_create(malloc(LARGE), LARGE, free_memory, live, &buffer), ECHO_OK);
  atomic_fetch_add(live, 1);
  return buffer;
}

IT(a_collector_hears_of_the_memory_behind_what_a_script_makes) {
  lua_State *L = new_state();
  long before = atomic_load(&spec_allocated.live), most = 0;
  run(L, "text = ('x'):rep(2 ^ 20)");
  for (int i = 0; i < MANY; i++) {
    run(L, "echo.buffer(text)");
    long live = atomic_load(&spec_allocated.live) - before;
    if (live > most) most = live;
  }
  assert_true(most < MANY / 4);
  lua_close(L);
}

IT(a_collector_that_was_stopped_stays_so) {
  lua_State *L = new_state();
  long before = atomic_load(&spec_allocated.live);
  run(L, "collectgarbage 'stop' local text = ('x'):rep(2 ^ 16) "
         "for i = 1, 200 do echo.buffer(text) end assert(not collectgarbage 'isrunning')");
  assert_true(atomic_load(&spec_allocated.live) - before >= MANY);
  lua_close(L);
}

static void carry(lua_State *from, lua_State *to, echo__message *message) {
  assert_int_equal(send(from, message), ECHO_OK);
  lua_settop(from, 0);
  lua_pushcfunction(to, receive);
  lua_pushlightuserdata(to, message);
  assert_int_equal(lua_pcall(to, 1, 0, 0), LUA_OK);
  echo__message_reset(message);
}

/* One is made in a worker and goes to the host, which throws it away: both have garbage. */
IT(both_the_first_state_and_the_next_hear_of_it) {
  lua_State *from = new_state(), *to = new_state();
  atomic_int live = 0;
  int most = 0;
  echo__message message;
  echo__message_init(&message);
  for (int i = 0; i < MANY; i++) {
    echo_buffer *buffer = new_large(&live);
    echo_lua_push_buffer(from, buffer);
    echo_buffer_release(buffer);
    carry(from, to, &message);
    if (atomic_load(&live) > most) most = atomic_load(&live);
  }
  assert_true(most < MANY / 4);
  lua_close(from);
  lua_close(to);
  assert_int_equal(atomic_load(&live), 0);
}

IT(what_is_sent_about_is_told_to_two_only) {
  echo_buffer *buffer = new_buffer();
  echo_buffer *slice = echo__buffer_slice(buffer, 0, 1);
  assert_int_equal(echo__buffer_take_weight(buffer), SIZE);
  assert_int_equal(echo__buffer_take_weight(slice), SIZE);
  for (int i = 0; i < 5; i++) {
    assert_int_equal(echo__buffer_take_weight(buffer), 0);
    assert_int_equal(echo__buffer_take_weight(slice), 0);
  }
  echo_buffer_release(buffer);
  echo_buffer_release(slice);
}

#define CASE(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(a_buffer_has_the_callers_bytes_and_gives_them_back_once),
      CASE(bytes_are_freed_on_the_thread_that_lets_go_last),
      CASE(a_buffer_may_have_no_bytes_and_no_call_back),
      CASE(what_cannot_be_made_leaves_the_bytes_alone),
      CASE(a_slice_keeps_the_whole),
      CASE(a_slice_without_memory_takes_nothing),
      CASE(a_file_is_mapped_as_long_as_somebody_holds_it),
      CASE(an_empty_file_is_an_empty_buffer),
      CASE(what_cannot_be_mapped_says_so_and_leaves_nothing_open),
      CASE(a_file_without_memory_is_not_left_mapped),
      CASE(a_lua_value_has_a_reference_of_its_own),
      CASE(a_buffer_is_pushed_where_nobody_required_the_module),
      CASE(what_is_no_buffer_is_not_taken_for_one),
      CASE(more_bytes_than_an_int_counts_are_no_list_of_results),
      CASE(a_handle_after_its_end_is_inert),
      CASE(a_module_opened_again_knows_the_buffers_of_before),
      CASE(the_bytes_stay_where_they_are_from_state_to_state),
      CASE(a_push_without_memory_takes_nothing),
      CASE(a_script_hears_that_memory_ran_out),
      CASE(a_collector_hears_of_the_memory_behind_what_a_script_makes),
      CASE(a_collector_that_was_stopped_stays_so),
      CASE(both_the_first_state_and_the_next_hear_of_it),
      CASE(what_is_sent_about_is_told_to_two_only),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
