/* A host that forks, as servers do that become daemons after they have loaded their modules: before
 * the first submit both sides go on as if nothing had happened; afterwards the parent does, and the
 * child is told that its tasks are lost, at once, and may build anew. */
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

static lua_State *L;

/* Forks; the child runs the code, closes the state and leaves. A child that hangs is ended. */
static void in_child(const char *code) {
  fflush(NULL);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    alarm(30);
    host_run(L, code);
    lua_close(L);
    exit(0);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) fprintf(stderr, "signal %d\n", WTERMSIG(status));
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static const char build[] =
    "echo = require 'echo'\n"
    "s = echo.builder():with_worker_count(2):build()\n"
    "function sum(n) local x = 0 for i = 1, n do x = x + i end return x end\n"
    "fd = s:fd()";

static const char works[] = "assert(s:submit(sum, 100):wait() == 5050)";

/* As much under way as there can be: done, running, waiting, queued; call-backs and coroutines. */
static const char occupy[] =
    "done = s:submit(sum, 10)\n"
    "done:wait()\n"
    "open, told, awaited = echo.channel(), nil, nil\n"
    "local gate, echo = open, echo\n"
    "waiting = s:submit(function() return gate:receive() end)\n"
    "running = s:submit(function()\n"
    "  while true do\n"
    "    local ok, value = gate:try_receive()\n"
    "    if ok then return value end\n"
    "  end\n"
    "end)\n"
    "delayed = s:submit({ delay = 0.01 }, sum, 3)\n"
    "queued = {}\n"
    "for i = 1, 100 do queued[i] = s:submit({ priority = 'low' }, sum, i) end\n"
    "waiting:on_complete(function(t) told = { t:pwait() } end)\n"
    "coroutine.wrap(function() awaited = { echo.pawait(waiting) } end)()\n"
    "local quiet = echo.channel()\n"
    "coroutine.wrap(function() limited = { pcall(quiet.receive, quiet, 0.5) } end)()\n"
    "while waiting:status() ~= 'suspended' do end";

static const char is_told[] = "local function lost(ok, err)\n"
                              "  assert(not ok and err.kind == 'lost', tostring(err))\n"
                              "  assert(err.message:find('fork', 1, true), err.message)\n"
                              "end\n"
                              "assert(done:wait() == 55)\n"
                              "lost(pcall(s.submit, s, sum, 1))\n"
                              "lost(pcall(s.map, s, sum, { 1, 2 }))\n"
                              "lost(waiting:pwait())\n"
                              "lost(running:pwait(1000))\n"
                              "assert(running:cancel() == false)\n"
                              "repeat local _, left = s:poll(1) until left == 0\n"
                              "lost(told[1], told[2])\n"
                              "lost(awaited[1], awaited[2])\n"
                              "assert(not limited[1] and limited[2].kind == 'timeout')\n"
                              "local fine, abandoned = s:stop { timeout = 1000 }\n"
                              "assert(fine == nil and abandoned >= 2)\n"
                              "s = echo.builder():with_worker_count(2):build()\n"
                              "assert(s:submit(sum, 100):wait() == 5050)\n"
                              "local told\n"
                              "s:submit(sum, 2):on_complete(function(t) told = t:wait() end)\n"
                              "repeat s:poll(1) until told\n"
                              "assert(told == 3 and s:fd() == fd)";

static const char goes_on[] =
    "open:send(1) open:send(2)\n"
    "assert(waiting:wait() + running:wait() == 3 and delayed:wait() == 6)\n"
    "for i = 1, 100 do assert(queued[i]:wait() == sum(i)) end\n"
    "repeat local _, left = s:poll(1) until left == 0\n"
    "assert(told[1] and awaited[1])";

/* The moment of the fork is any moment of the workers'. The address sanitizer's allocator does not
 * expect one: its lock stays held in the child if a worker has it just then. */
static void fork_under_load(void) {
#if defined(__SANITIZE_ADDRESS__)
  return;
#endif
  host_run(L, "local function burst()\n"
              "  for i = 1, 200 do\n"
              "    s:submit(sum, i):on_complete(function() count = count + 1 end)\n"
              "  end\n"
              "end\n"
              "count, submit_some = 0, burst");
  for (int i = 0; i < 50; i++) {
    host_run(L, "submit_some()");
    in_child("assert(not pcall(s.submit, s, sum, 1))\n"
             "repeat local _, left = s:poll(1) until left == 0\n"
             "assert(count % 200 == 0)");
  }
  host_run(L, "repeat local _, left = s:poll(1) until left == 0\n"
              "assert(count == 50 * 200)");
}

int main(int count, char **arguments) {
  CHECK(count == 2);
  alarm(100);
  L = host_open(arguments[1]);
  host_run(L, "require 'echo'");
  in_child(host_work);
  host_run(L, build);
  in_child(works);
  host_run(L, works);
  host_run(L, occupy);
  in_child(is_told);
  in_child(""); /* and one that asks for nothing and just leaves */
  host_run(L, goes_on);
  fork_under_load();
  lua_close(L);
  return 0;
}
