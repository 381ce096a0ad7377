rockspec_format = "3.0"
package = "echo"
version = "scm-1"
source = {
   url = "git+https://github.com/CodeEditorLand/Echo.git",
}
description = {
   summary = "A priority work-stealing scheduler: Lua functions on every core",
   detailed = [[
      Submit Lua functions as high, normal or low priority tasks to a pool of
      worker threads, each with a Lua state of its own, and get the results back.
      High goes first everywhere, stop drains, a failing task hurts nobody.
   ]],
   labels = { "threads", "concurrency", "scheduler", "parallelism" },
   license = "MIT",
}
dependencies = {
   "lua >= 5.4, < 5.5",
}
external_dependencies = {
   LIBUV = { header = "uv.h" },
}
build = {
   type = "cmake",
   variables = {
      CMAKE_BUILD_TYPE = "Release",
      CMAKE_INSTALL_PREFIX = "$(PREFIX)",
      LUA_INCLUDE_DIR = "$(LUA_INCDIR)",
      ECHO_LUA_MODULES = "$(LUADIR)",
      ECHO_LUA_LIBRARIES = "$(LIBDIR)",
      ECHO_INSTALL_LIBRARY = "OFF",
      ECHO_BUILD_TESTS = "OFF",
      ECHO_BUILD_BENCH = "OFF",
   },
}
