#include "lua/deliver.h"

#include <echo/lua.h>
#include <errno.h>
#include <lauxlib.h>
#include <string.h>

#include "lua/attach.h"
#include "lua/check.h"
#include "lua/mailbox.h"
#include "lua/module.h"
#include "lua/operation.h"
#include "lua/stack.h"

/* A thread that sleeps looks up this often (in seconds): for hooks that a signal handler has set.
 */
static const double look_up = 0.1;

/* Sleeps until there is something or the deadline has passed; what `look` says then. */
static uint64_t wait_for_letters(lua_State *L, echo__mailbox *mailbox, uint64_t deadline) {
  uint64_t latest;
  while ((latest = echo__mailbox_look(mailbox)) == 0 && echo__now() < deadline) {
    uint64_t soon = echo__deadline_in(look_up);
    echo__mailbox_wait(mailbox, soon < deadline ? soon : deadline);
    echo__let_hooks_run(L);
  }
  return latest;
}

/* Delivers up to that one. */
static lua_Integer deliver_up_to(lua_State *L, echo__mailbox *mailbox, uint64_t latest,
                                 uint64_t deadline) {
  lua_Integer count = 0;
  for (echo__letter *letter; (letter = echo__mailbox_take(mailbox, latest)) != NULL;) {
    count += letter->deliver(L, letter);
    if (deadline != ECHO__FOREVER && echo__now() >= deadline) break;
  }
  return count;
}

lua_Integer echo__deliver(lua_State *L, echo__host *host, double seconds) {
  echo__mailbox *mailbox = host->mailbox;
  uint64_t latest = echo__mailbox_look(mailbox), deadline = ECHO__FOREVER;
  if (seconds > 0) deadline = echo__deadline_in(seconds);
  if (latest == 0 && seconds != 0) latest = wait_for_letters(L, mailbox, deadline);
  if (latest == 0) {
    echo__attach_refresh(L, host);
    return 0;
  }
  echo__stack_need(L, LUA_MINSTACK);
  lua_Integer count = deliver_up_to(L, mailbox, latest, deadline);
  echo__mailbox_leave(mailbox);
  echo__attach_refresh(L, host);
  return count;
}

/* -- from Lua --------------------------------------------------------------------------------- */

static echo__host *check_host(lua_State *L, const char *name) {
  echo__host *host = echo__host_of(L);
  echo__host_check(L, host, 1, ECHO__TYPE_SCHEDULER);
  echo__host_mailbox(L, host, name);
  return host;
}

int echo__poll(lua_State *L) {
  echo__host *host = check_host(L, "poll");
  double seconds = lua_isnoneornil(L, 2) ? 0 : echo__check_seconds(L, 2);
  lua_pushinteger(L, echo__deliver(L, host, seconds));
  lua_pushinteger(L, (lua_Integer)host->mailbox->count);
  return 2;
}

int echo__fd(lua_State *L) {
  const echo__host *host = check_host(L, "fd");
  int descriptor = echo__mailbox_descriptor(host->mailbox);
  if (descriptor < 0) return luaL_error(L, "fd: no descriptor could be made: %s", strerror(errno));
  lua_pushinteger(L, descriptor);
  return 1;
}

/* -- from C ----------------------------------------------------------------------------------- */

/* False in a worker's state and in one that closes. */
static bool open_mailbox(lua_State *L, echo__host *host) {
  return host->worker == NULL && !host->closed && echo__host_mailbox(L, host, "pump") != NULL;
}

int echo_lua_pump(lua_State *L, double seconds) {
  echo__host *host = echo__module_host(L);
  if (!open_mailbox(L, host)) return ECHO_INVALID;
  if (!(seconds > 0)) seconds = seconds < 0 ? -1 : 0;
  return (int)echo__deliver(L, host, seconds);
}

int echo_lua_set_wakeup(lua_State *L, void (*wakeup)(void *data), void *data) {
  echo__host *host = echo__module_host(L);
  if (!open_mailbox(L, host)) return ECHO_INVALID;
  echo__mailbox_set_wakeup(host->mailbox, wakeup, data);
  return ECHO_OK;
}
