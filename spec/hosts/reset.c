/* A host that reloads its scripts in the state it has, as Textadept's reset does: package.loaded is
 * emptied and everything is required again, while what was there before is garbage that nobody has
 * collected yet. What was submitted before comes back all the same, to the call-backs of then. The
 * old pool ends when it is collected, and the new one is not concerned. */
#include "host.h"

static const char script[] = "echo = require 'echo'\n"
                             "s = echo.builder():with_worker_count(2):build()\n"
                             "local tasks = {}\n"
                             "for i = 1, 20 do\n"
                             "  tasks[i] = s:submit(function(x) return x end, i)\n"
                             "  tasks[i]:on_complete(function(t) sum = sum + t:wait() end)\n"
                             "end\n"
                             "local echo = echo\n"
                             "s:submit(function() echo.sleep(1000) end)\n"
                             "s:submit(function() while true do local _ = tostring(1.5) end end)";

static const char reset[] = "for name in pairs(package.loaded) do\n"
                            "  if name == 'echo' then package.loaded[name] = nil end\n"
                            "end\n"
                            "old, s, echo = echo, nil, nil";

int main(int count, char **arguments) {
  CHECK(count == 2);
  lua_State *L = host_open(arguments[1]);
  host_run(L, "sum = 0");
  for (int i = 1; i <= 10; i++) {
    host_run(L, script);
    if (i % 3 == 0)
      lua_gc(L, LUA_GCCOLLECT, 0); /* the one before goes, whose module was reloaded */
    host_run(L, "assert(s:submit(math.abs, -1):wait() == 1)\n"
                "assert(old ~= echo)");
    host_run(L, reset);
  }
  host_run(L, "s = require 'echo'.builder():with_worker_count(1):build()\n"
              "s:submit(math.abs, 1):wait()\n"
              "repeat local _, left = s:poll(1) until left == 0\n"
              "assert(sum == 10 * 210, sum)\n"
              "collectgarbage() collectgarbage()\n"
              "assert(s:submit(math.abs, -1):wait() == 1)");
  CHECK(host_threads(3) <= 3); /* of all the pools the last one's worker is left, and its clock */
  lua_close(L);
  CHECK(host_threads(1) == 1);
  return 0;
}
