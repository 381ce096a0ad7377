/* A host that starts processes, for which the standard library takes the lock of every open stream,
 * while a task waits for a FIFO: the one does not hold the other up. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host.h"

static const char *const readers[] = {
    "return io.open(path):read('a')",
    "return io.open(path):read('l')",
    "for line in io.lines(path) do return line end",
    "for line in io.open(path):lines() do return line end",
    "io.input(path) local text = io.read('a') io.close(io.input()) return text",
    "local p = io.popen('cat ' .. path) local text = p:read('a') p:close() return text",
};

/* In a read, or about to be: the thread sleeps, again and again. */
static void settle(void) {
  for (int i = 0; i < 50; i++)
    host_nap();
}

static void read_slowly(lua_State *L, const char *path, const char *reader) {
  CHECK(mkfifo(path, 0600) == 0);
  lua_pushfstring(L, "local path = '%s'\nt = s:submit(function() %s end)", path, reader);
  host_run(L, lua_tostring(L, -1));
  lua_settop(L, 0);
  int end = open(path, O_WRONLY); /* waits for the reader */
  CHECK(end >= 0);
  settle();
  host_run(L, "for i = 1, 3 do\n"
              "  local p = io.popen('echo ' .. i)\n"
              "  assert(p:read('a') == i .. '\\n' and p:close())\n"
              "end\n"
              "assert(t:status() == 'running')");
  CHECK(write(end, "text\n", 5) == 5);
  CHECK(close(end) == 0);
  host_run(L, "assert(t:wait():gsub('\\n', '') == 'text')");
  CHECK(unlink(path) == 0);
}

int main(int count, char **arguments) {
  char path[64];
  CHECK(count == 2);
  alarm(150);
  snprintf(path, sizeof path, "/tmp/echo-host-%d", (int)getpid());
  lua_State *L = host_open(arguments[1]);
  host_run(L, "s = require 'echo'.builder():with_worker_count(1):build()");
  for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
    read_slowly(L, path, readers[i]);
  lua_close(L);
  return 0;
}
