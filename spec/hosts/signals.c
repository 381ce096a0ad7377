/* A host on which signals rain, thousands a second, while tasks run, wait, sleep and stop: those
 * that it handles itself, some without SA_RESTART, so that system calls return EINTR; and the one
 * that Echo uses, sent by others, to the process and to each of its threads. The script
 * (signals.lua) accounts for everything. If it comes to no end, the thread that sends the signals
 * tells, before the test's own time-out, what the script waits for and which signals each thread
 * blocks. */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "host.h"

enum { BETWEEN = 150000 /* ns */, LEAST = 100, PLENTY = 1500 /* of each */ };

static const int rain[] = {SIGUSR1, SIGCHLD, SIGWINCH, SIGURG};
enum { KINDS = sizeof rain / sizeof *rain };

static atomic_int received[KINDS];
static atomic_bool over;
static _Atomic(const char *) place = "the beginning"; /* what the script is at */
static time_t patient, last; /* until when it rains plenty; when it should long have ended */

/* See the handler in src/base/signal.c. */
static void admit_again(const void *context) {
#if defined(__SANITIZE_THREAD__)
  pthread_sigmask(SIG_SETMASK, &((const ucontext_t *)context)->uc_sigmask, NULL);
#else
  (void)context;
#endif
}

static void count(int signal, siginfo_t *info, void *context) {
  (void)info;
  int saved = errno;
  admit_again(context);
  for (int i = 0; i < KINDS; i++)
    if (rain[i] == signal) atomic_fetch_add(&received[i], 1);
  errno = saved;
}

static void handle(int signal, int flags) {
  struct sigaction action = {.sa_sigaction = count, .sa_flags = SA_SIGINFO | flags};
  sigemptyset(&action.sa_mask);
  CHECK(sigaction(signal, &action, NULL) == 0);
}

/* Echo's own goes to every thread, the others reach those that do not block them. */
static void pour_on_threads(int signal) {
  DIR *threads = opendir("/proc/self/task");
  if (threads == NULL) return;
  for (struct dirent *entry; (entry = readdir(threads)) != NULL;) {
    int thread = atoi(entry->d_name);
    if (thread > 0) syscall(SYS_tgkill, getpid(), thread, signal);
  }
  closedir(threads);
}

/* Name, mask and what is pending, as the kernel has them. */
static void tell_of_thread(const char *thread) {
  char path[64], line[128];
  snprintf(path, sizeof path, "/proc/self/task/%.16s/status", thread);
  FILE *status = fopen(path, "r");
  if (status == NULL) return;
  while (fgets(line, sizeof line, status) != NULL) {
    if (strncmp(line, "Name", 4) == 0 || strncmp(line, "SigPnd", 6) == 0 ||
        strncmp(line, "SigBlk", 6) == 0)
      fprintf(stderr, "  %s", line);
  }
  fclose(status);
}

static void give_up(void) {
  DIR *threads = opendir("/proc/self/task");
  fprintf(stderr, "hangs at %s\n", atomic_load(&place));
  for (int i = 0; i < KINDS; i++)
    fprintf(stderr, "signal %d: received %d\n", rain[i], atomic_load(&received[i]));
  for (struct dirent *entry; threads != NULL && (entry = readdir(threads)) != NULL;)
    if (*entry->d_name != '.') tell_of_thread(entry->d_name);
  host_fail(__FILE__, __LINE__, "it came to no end");
}

static void *pour(void *nothing) {
  for (unsigned i = 0; !atomic_load(&over); i++) {
    if (time(NULL) > last) give_up();
    kill(getpid(), rain[i % KINDS]);
    if (i % 8 == 0) pour_on_threads(rain[i / 8 % KINDS]);
    nanosleep(&(struct timespec){.tv_nsec = BETWEEN}, NULL);
  }
  return nothing;
}

static pthread_t start_rain(void) {
  sigset_t all, before;
  pthread_t thread;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  CHECK(pthread_create(&thread, NULL, pour, NULL) == 0);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return thread;
}

/* What the script calls between its rounds: whether it has rained enough. Of SIGURG there is
 * nothing to be counted: Echo's handler has it. On a busy processor several come as one. */
static int has_rained(lua_State *L) {
  bool enough = true;
  int wanted = time(NULL) < patient ? PLENTY : LEAST;
  for (int i = 0; i < KINDS - 1; i++)
    enough = enough && atomic_load(&received[i]) >= wanted;
  lua_pushboolean(L, enough);
  return 1;
}

/* The script is about to do what the text says. */
static int at(lua_State *L) {
  static const char *const places[] = {"submitting", "a wait that times out",
                                       "cancelling", "stopping",
                                       "tasks",      "call-backs",
                                       "the rain",   NULL};
  atomic_store(&place, places[luaL_checkoption(L, 1, NULL, places)]);
  return 0;
}

/* The module's folder, the script, and the seconds after which the test is ended, or a minute. */
int main(int arguments, char **values) {
  CHECK(arguments >= 3);
  int seconds = arguments > 3 ? atoi(values[3]) : 60;
  patient = time(NULL) + seconds / 10;
  last = time(NULL) + seconds * 4 / 5;
  handle(SIGUSR1, 0);
  handle(SIGCHLD, 0);
  handle(SIGWINCH, SA_RESTART);
  lua_State *L = host_open(values[1]);
  lua_register(L, "has_rained", has_rained);
  lua_register(L, "at", at);
  host_run(L, "require('echo').builder():build()"); /* Echo has its signal */
  pthread_t thread = start_rain();
  if (luaL_dofile(L, values[2]) != LUA_OK) host_fail(values[2], 0, lua_tostring(L, -1));
  lua_close(L);
  atomic_store(&over, true);
  pthread_join(thread, NULL);
  for (int i = 0; i < KINDS - 1; i++) /* its handlers are the host's still */
    CHECK(atomic_load(&received[i]) >= LEAST);
  CHECK(host_threads(1) == 1);
  return 0;
}
