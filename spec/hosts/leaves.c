/* A host that ends without closing its state, so that no __gc runs: by returning from main, by exit
 * inside the script's call, or at once; with workers that are busy. */
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

/* The thread sanitizer sleeps for a second at each exit. */
#if defined(__SANITIZE_THREAD__)
enum { ROUNDS = 3 };
#else
enum { ROUNDS = 20 };
#endif

static void say_goodbye(void) {
  fflush(NULL);
  host_nap();
}

static int leave(lua_State *L) {
  if (lua_toboolean(L, 1)) exit(7);
  _Exit(7);
}

static int run(const char *folder, const char *how) {
  atexit(say_goodbye);
  lua_State *L = host_open(folder);
  lua_register(L, "leave", leave);
  host_run(L, "local echo = require 'echo'\n"
              "s = echo.builder():with_worker_count(2):build()\n"
              "for i = 1, 3 do s:submit(function() while true do " HOST_FOR_EVER " end) end\n"
              "for i = 1, 1000 do s:submit(math.abs, i):on_complete(print) end");
  host_run(L, how);
  return 7; /* main returns */
}

/* Each way in a process of its own: fork comes before anything of Echo's. */
int main(int count, char **arguments) {
  static const char *const ways[] = {"leave(true)", "leave(false)", "", "os.exit(7)",
                                     "os.exit(7, true)"};
  CHECK(count == 2);
  for (int i = 0; i < ROUNDS * (int)(sizeof ways / sizeof *ways); i++) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      alarm(100);
      return run(arguments[1], ways[i % (sizeof ways / sizeof *ways)]);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status)) fprintf(stderr, "%s: signal %d\n", ways[i % 5], WTERMSIG(status));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
  }
  return 0;
}
