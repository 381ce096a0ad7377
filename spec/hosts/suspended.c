/* A host that sleeps in its event loop without a time limit, as an editor whose window has lost the
 * focus: the worker that has a result wakes it, by a call-back that knows nothing of Lua. */
#include <dlfcn.h>
#include <echo/lua.h>
#include <poll.h>
#include <unistd.h>

#include "host.h"

static int ends[2];

/* The module's C interface: what require has loaded is for its user alone, so it is asked by name.
 */
static int (*pump)(lua_State *L, double seconds);
static int (*set_wakeup)(lua_State *L, void (*wakeup)(void *data), void *data);

static void find_interface(const char *folder) {
  char path[4096];
  snprintf(path, sizeof path, "%s/echo.so", folder);
  void *module = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
  CHECK(module != NULL);
  *(void **)&pump = dlsym(module, "echo_lua_pump");
  *(void **)&set_wakeup = dlsym(module, "echo_lua_set_wakeup");
  CHECK(pump != NULL && set_wakeup != NULL);
}

static void wake(void *data) {
  (void)data;
  CHECK(write(ends[1], "!", 1) == 1);
}

/* Sleeps until woken; so many wake-ups were waiting. */
static int sleep_until_woken(void) {
  char bytes[64];
  struct pollfd wait = {.fd = ends[0], .events = POLLIN};
  CHECK(poll(&wait, 1, -1) == 1);
  return (int)read(ends[0], bytes, sizeof bytes);
}

int main(int count, char **arguments) {
  CHECK(count == 2);
  alarm(50);
  CHECK(pipe(ends) == 0);
  lua_State *L = host_open(arguments[1]);
  host_run(L, "local echo = require 'echo'\n"
              "s = echo.builder():with_worker_count(2):build()\n"
              "told = 0\n"
              "function begin()\n"
              "  for i = 1, 10 do\n"
              "    s:submit(function() echo.sleep(0.02) return i end)\n"
              "      :on_complete(function(t) told = told + 1 end)\n"
              "  end\n"
              "end");
  find_interface(arguments[1]);
  CHECK(set_wakeup(L, wake, NULL) == ECHO_OK);
  for (int round = 1; round <= 20; round++) {
    int wakes = 0, told = 0;
    host_run(L, "told = 0 begin()");
    while (told < 10) {
      wakes += sleep_until_woken();
      told += pump(L, 0);
    }
    CHECK(wakes <= 10); /* never one more than there were results, mostly far fewer */
    host_run(L, "assert(told == 10)");
  }
  host_run(L, "for i = 1, 10 do begin() end");
  lua_close(L); /* and nobody is woken by what is gone */
  return 0;
}
