/* A host's process is its own: its locale, its signal handlers and what it blocks are afterwards as
 * they were before, with tasks that ran, were interrupted and ended. Echo takes one signal that
 * nobody had touched, and a number is a number in a locale with a decimal comma. */
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include "host.h"

enum { SIGNALS = 65 };

static void handler(int number) {
  (void)number;
}

static void look(struct sigaction *actions) {
  for (int i = 1; i < SIGNALS; i++)
    sigaction(i, NULL, &actions[i]);
}

static int count_changes(const struct sigaction *before, const struct sigaction *after) {
  int changes = 0;
  for (int i = 1; i < SIGNALS; i++) {
    bool same = before[i].sa_handler == after[i].sa_handler;
    if (!same) CHECK(before[i].sa_handler == SIG_DFL);
    changes += !same;
  }
  return changes;
}

int main(int count, char **arguments) {
  static const char *const commas[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "fr_FR.utf8"};
  struct sigaction before[SIGNALS], after[SIGNALS];
  struct sigaction own = {.sa_handler = handler};
  sigset_t blocked_before, blocked_after;
  CHECK(count == 2);
  setlocale(LC_ALL, "C.UTF-8");
  for (int i = 0; i < 4 && setlocale(LC_NUMERIC, commas[i]) == NULL; i++)
    continue;
  char *locale = strdup(setlocale(LC_ALL, NULL));
  sigaction(SIGURG, &own, NULL); /* the one that Echo would take first */
  sigaction(SIGUSR1, &own, NULL);
  sigaction(SIGPIPE, &own, NULL);
  sigemptyset(&blocked_before);
  sigaddset(&blocked_before, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &blocked_before, NULL);
  pthread_sigmask(SIG_BLOCK, NULL, &blocked_before);
  memset(before, 0, sizeof before);
  memset(after, 0, sizeof after);
  look(before);
  for (int i = 0; i < 3; i++) {
    lua_State *L = host_open(arguments[1]);
    host_run(L, host_work);
    host_run(L,
             "local echo = require 'echo'\n"
             "local s <close> = echo.builder():with_worker_count(1):build()\n"
             "local slow = s:submit({ priority = 'low' }, function() while true do " HOST_FOR_EVER
             " end)\n"
             "local x, y = s:submit({ priority = 'high' }, function(x) return x, 1 / 2 end, "
             "0.25):wait()\n"
             "assert(x == 1 / 4 and y == 1 / 2)\n"
             "assert(not s:submit(function() os.setlocale('C') end):pwait())\n"
             "slow:cancel()");
    lua_close(L);
  }
  look(after);
  CHECK(count_changes(before, after) <= 1);
  CHECK(after[SIGURG].sa_handler == handler && after[SIGPIPE].sa_handler == handler);
  pthread_sigmask(SIG_BLOCK, NULL, &blocked_after);
  for (int i = 1; i < SIGNALS; i++)
    CHECK(sigismember(&blocked_before, i) == sigismember(&blocked_after, i));
  CHECK(strcmp(setlocale(LC_ALL, NULL), locale) == 0);
  free(locale);
  return 0;
}
