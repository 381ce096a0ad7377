/*
 * For programs with Lua under the thread sanitizer, which puts a signal by until its thread calls
 * the C library: a loop in Lua that calls nothing would never be interrupted. Lua itself is not
 * built with the sanitizer, so where a signal finds a thread in Lua's own code the sanitizer's
 * books are in order, as they are at any call of Lua's, and such a call is made for it. Where it
 * does not, it comes again once the thread has worked for a while.
 *
 * Whoever is linked with this exports `sigaction`, so that the module finds it before the
 * sanitizer's. This file itself is not to be built with the sanitizer.
 */
#include <dlfcn.h>
#include <link.h>
#include <lua.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

typedef int (*setter)(int, const struct sigaction *, struct sigaction *);

/* What the kernel takes for an action. */
typedef struct kernel_action {
  void (*handler)(int, siginfo_t *, void *);
  unsigned long flags;
  void (*restorer)(void);
  unsigned long mask;
} kernel_action;

enum { HANDLERS = 65, AGAIN = 1000000 /* nanoseconds */ };

static void (*sanitizers[HANDLERS])(int, siginfo_t *, void *);
static struct sigaction asked_for[HANDLERS];
static uintptr_t lua_begin, lua_end;
static __thread int timer;
static __thread bool timer_exists;

static int find_lua(struct dl_phdr_info *object, size_t size, void *data) {
  (void)size;
  (void)data;
  uintptr_t inside = (uintptr_t)lua_sethook;
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
    uintptr_t begin = object->dlpi_addr + segment->p_vaddr, end = begin + segment->p_memsz;
    if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X)) continue;
    if (inside < begin || inside >= end) continue;
    lua_begin = begin;
    lua_end = end;
  }
  return lua_begin != 0;
}

static bool is_in_lua(const void *context) {
#if defined(__x86_64__)
  uintptr_t at = (uintptr_t)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
#else
  uintptr_t at = (uintptr_t)((const ucontext_t *)context)->uc_mcontext.pc;
#endif
  return at >= lua_begin && at < lua_end;
}

static int set_timer(void) {
  struct itimerspec once = {.it_value = {.tv_nsec = AGAIN}};
  return (int)syscall(SYS_timer_settime, timer, 0, &once, NULL);
}

/* A child of a fork has none of its parent's timers. */
static void come_again(int number) {
  if (timer_exists && set_timer() == 0) return;
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = number};
  event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
  timer_exists = syscall(SYS_timer_create, CLOCK_THREAD_CPUTIME_ID, &event, &timer) == 0;
  if (timer_exists) set_timer();
}

static void handle(int number, siginfo_t *info, void *context) {
  if (info->si_code != SI_TIMER) sanitizers[number](number, info, context);
  if (is_in_lua(context))
    usleep(0); /* behind it the sanitizer calls the handlers that are due */
  else
    come_again(number);
}

/* Puts our handler before the sanitizer's, where that has just become the kernel's. */
static void stand_before(int number, const struct sigaction *asked) {
  kernel_action action;
  if (syscall(SYS_rt_sigaction, number, NULL, &action, sizeof action.mask) != 0) return;
  if (action.handler == handle) return;
  asked_for[number] = *asked;
  sanitizers[number] = action.handler;
  action.handler = handle;
  syscall(SYS_rt_sigaction, number, &action, NULL, sizeof action.mask);
}

static setter find_next(void) {
  setter next;
  void *found = dlsym(RTLD_NEXT, "sigaction");
  memcpy(&next, &found, sizeof next);
  return next;
}

__attribute__((visibility("default"))) int sigaction(int number, const struct sigaction *action,
                                                     struct sigaction *before) {
  static setter next;
  if (next == NULL) next = find_next();
  if (lua_begin == 0) dl_iterate_phdr(find_lua, NULL);
  if (next(number, action, before) != 0) return -1;
  if (before != NULL && before->sa_sigaction == handle) *before = asked_for[number];
  bool concerns_echo = number == SIGURG || number >= SIGRTMIN;
  if (action != NULL && (action->sa_flags & SA_SIGINFO) && concerns_echo)
    stand_before(number, action);
  return 0;
}
