/* A host that closes its state, which unloads the module, with workers in every condition, and goes
 * on: no thread is in code that is gone, and none is left. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host.h"

static char fifo[64];

static const char *const leave_behind[] = {
    "s:submit(math.abs, -1):wait()",
    "for i = 1, 10000 do s:submit(math.abs, i) end",
    "for i = 1, 4 do s:submit(function() while true do " HOST_FOR_EVER " end) end",
    "for i = 1, 4 do s:submit(function() while true do pcall(error) " HOST_FOR_EVER " end) end",
    "local echo = echo s:submit(function() echo.sleep(1000) end) s:submit(math.abs, 1):wait()",
    "s:submit({ delay = 1000 }, math.abs, 1) s:submit(math.abs, 1):wait()",
    "local list = {} for i = 1, 100000 do list[i] = i end s:map(math.abs, list)",
    "s:submit(math.abs, 1):on_complete(print)",
};

/* In a C function that nothing interrupts: the close gives up waiting, and the host goes on beside
 * that thread until it returns from there. */
static void leave_stuck(const char *folder) {
  lua_State *L = host_open(folder);
  snprintf(fifo, sizeof fifo, "/tmp/echo-host-%d", (int)getpid());
  CHECK(mkfifo(fifo, 0600) == 0);
  lua_pushfstring(L, "cat %s", fifo);
  lua_setglobal(L, "command");
  host_run(L, "s = require 'echo'.builder():with_worker_count(1):build()\n"
              "s:submit(os.execute, command)");
  int end = open(fifo, O_WRONLY); /* waits for the reader */
  CHECK(end >= 0);
  lua_close(L);
  CHECK(host_threads(2) == 2);
  CHECK(close(end) == 0); /* now it returns, into code that must still be there */
  unlink(fifo);
  CHECK(host_threads(1) == 1);
}

int main(int count, char **arguments) {
  CHECK(count == 2);
  for (size_t i = 0; i < 3 * sizeof leave_behind / sizeof *leave_behind; i++) {
    lua_State *L = host_open(arguments[1]);
    host_run(L, "echo = require 'echo'\n"
                "s = echo.builder():with_worker_count(2):build()");
    host_run(L, leave_behind[i % (sizeof leave_behind / sizeof *leave_behind)]);
    lua_close(L);
    CHECK(host_threads(1) == 1);
  }
  leave_stuck(arguments[1]);
  return 0;
}
