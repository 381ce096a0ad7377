-- Tasks that mean harm, and end: what they take away is their own, and the rest goes on. The list for
-- users is docs/hostile.md; what never ends is in hostile_endless_spec.lua, what is finalized or closed
-- in hostile_close_spec.lua.

local assert = require "luassert"
local hostile = require "spec.lua.support.hostile"
local includes = require "spec.lua.support.includes"

-- The task ends as `expected` says ("done", or an error's kind with a part of its message), all others
-- are right, and the worker and the process go on.
local function survives(sentence, body, expected, options)
  it(sentence, function()
    local result = hostile.run(body, options)
    local task, others, stop = result.out:match("^(.*)\n(%d+)\n(%a+)\n$")
    assert.equal("", result.err)
    assert.equal(0, result.code)
    assert.equal("0", others)
    assert.equal("true", stop)
    for _, part in ipairs(type(expected) == "table" and expected or { expected }) do
      includes(part, task)
    end
  end)
end

describe("the debug library in a task", function()
  survives("gives basic types other metatables", [[
    local function spoil() error("spoiled", 0) end
    local broken = { __index = spoil, __add = spoil, __call = spoil, __concat = spoil, __len = spoil }
    for _, value in ipairs { "", 1, true, print, coroutine.create(print) } do
      debug.setmetatable(value, broken)
    end
    debug.setmetatable(nil, broken)]], "done")
  survives("takes the methods of strings away", [[debug.setmetatable("", nil)]], "done")
  survives("empties the metatables of Echo's handles", [[
    local handles = { echo.channel(), echo.semaphore(1), echo.buffer("x"), echo.builder(), echo.submit(type, 1) }
    for _, handle in ipairs(handles) do
      local metatable = debug.getmetatable(handle)
      for key in pairs(metatable) do metatable[key] = nil end
    end]], "done")
  survives("finalizes Echo's handles early, and twice", [[
    local handles = { echo.channel(), echo.semaphore(1), echo.buffer("x"), echo.builder(),
      echo.submit(type, 1), echo.builder():build() }
    for _, handle in ipairs(handles) do
      local metatable = debug.getmetatable(handle)
      for _ = 1, 3 do metatable.__gc(handle) end
      for name, method in pairs(metatable.__index) do pcall(method, handle) end
      if metatable.__tostring then pcall(tostring, handle) end
      pcall(function() return #handle, handle == handles[1] end)
    end]], "done")
  survives("finalizes a scope that is open", [[
    return echo.scope(function(scope)
      local metatable = debug.getmetatable(scope)
      for _ = 1, 3 do metatable.__gc(scope) end
      return (pcall(scope.submit, scope, type, 1))
    end)]], "done\tfalse")
  survives("breaks the metatable of Echo's errors", [[
    local _, err = pcall(echo.timeout, 0, echo.submit(echo.sleep, 0.1))
    local metatable = debug.getmetatable(err)
    metatable.__index = function() error("index") end
    metatable.__tostring = error
    err.kind, err.message = nil, setmetatable({}, { __tostring = error })
    error(err)]], { "error\t", "error object whose metamethods failed" })
  -- Not the hidden ones of a loop: that ruins the loop, and nobody else.
  local write_over = [[
    local function write_over(level, value)
      for i = 1, 20 do
        local name = debug.getlocal(level + 1, i)
        if name and not name:find("for state") then debug.setlocal(level + 1, i, value) end
      end
    end ]]
  survives("writes over the locals and upvalues of all that is on the stack", write_over .. [[
    local level = 2
    while debug.getinfo(level, "f") do
      for i = 1, 20 do pcall(debug.setupvalue, debug.getinfo(level, "f").func, i, nil) end
      write_over(level, false)
      level = level + 1
    end]], "")
  survives("writes over what a scope keeps on the stack", write_over .. [[
    echo.scope(function()
      write_over(2, nil)
      collectgarbage()
    end)]], "")
  survives("joins and changes upvalues of the functions that it was sent", [[
    local a, b = 1, 2
    local function f() return a end
    local function g() return b end
    debug.upvaluejoin(f, 1, g, 1)
    debug.setupvalue(f, 1, 7)
    return g(), echo.await(echo.submit(f))]], "done\t7")
  survives("changes the user values of Echo's handles", [[
    for _, handle in ipairs { echo.channel(), echo.semaphore(1), echo.submit(type, 1) } do
      for i = 1, 3 do debug.setuservalue(handle, {}, i) end
    end]], "done")
  survives("has a hook that raises", [[debug.sethook(error, "", 1) for _ = 1, 10 do end]], "error\t")
  survives("has a hook that yields", [[
    debug.sethook(coroutine.yield, "", 1) for _ = 1, 10 do end]], "error\tattempt to yield")
  survives("has a hook that waits", [[
    debug.sethook(function() debug.sethook() echo.sleep(1) end, "", 1)
    for _ = 1, 10 do end]], "echo.sleep cannot wait here")
  survives("puts debug.sethook and debug.traceback away", [[
    debug.sethook, debug.traceback = nil, error
    error("as ever", 0)]], "error\tas ever")
  survives("removes the loaded modules from the registry", [[
    local registry = debug.getregistry()
    for key in pairs(registry) do
      if type(key) == "string" then registry[key] = nil end
    end]], "done")
end)

describe("what a task replaces", function()
  survives("is pcall, error, coroutine, require and the like", [[
    pcall, error, coroutine, require, package, string, table, debug, setmetatable, next = nil]], "done")
  survives("is all that there is", [[
    local G, next = _G, next
    for key in next, G do G[key] = nil end]], "done")
  survives("is what the module echo has", [[for key in pairs(echo) do echo[key] = nil end]], "done")
  survives("is what is loaded", [[
    for key in pairs(package.loaded) do package.loaded[key] = nil end
    package.preload.echo, package.searchers[1] = nil, nil]], "done")
  survives("is the coroutine library's content", [[
    for key in pairs(coroutine) do coroutine[key] = error end]], "done")

  it("stays for its neighbours, unless tasks are isolated", function()
    for isolation, expected in pairs { none = "function\tnil\n", task = "function\tfunction\n" } do
      local result = hostile.run("pcall = nil", {
        builder = (":with_isolation %q"):format(isolation),
        after = [[
          local t = require("echo").builder():with_worker_count(1):with_isolation "]] .. isolation .. [[" :build()
          local function what() return type(pcall) end
          local before = t:submit(what):wait()
          t:submit(function() pcall = nil end):wait()
          print(before, t:submit(what):wait())]],
      })
      assert.equal("done\tnil\n0\ntrue\n" .. expected, result.out)
    end
  end)
end)

describe("what would end the program", function()
  survives("is refused as os.exit", [[os.exit(3)]], { "error\t", "os.exit is not for tasks" })
  survives("is refused as a change of the locale", [[os.setlocale("C")]], "os.setlocale is not for tasks")
  survives("is refused as uv.run, uv.walk and uv.loop_close", [[
    local uv = require "luv"
    for _, name in ipairs { "run", "walk", "loop_close" } do
      local went_well, err = pcall(uv[name], print)
      assert(not went_well and err:find("is not for tasks"), name)
    end
    uv.stop()]], "done")
  survives("does not close the standard files", [[io.stdout:close() io.stderr:close() io.close()]], "done")
end)

describe("memory", function()
  local limited = { builder = ":with_memory_limit(4 << 20)" }
  survives("that one string would need", [[return #("x"):rep(1 << 30)]], "memory\tnot enough memory", limited)
  survives("that a table would need", [[
    local list = {} for i = 1, 1e9 do list[i] = i end]], "memory\tnot enough memory", limited)
  survives("that a deep stack would need", [[
    local function deep(n) return 1 + deep(n + 1) end
    deep(1)]], "memory\t", limited)
  survives("that no machine has", [[return #("x"):rep(1 << 45)]], "error\t")
  survives("that is asked for again and again", [[
    for _ = 1, 200 do pcall(string.rep, "x", 1 << 30) end
    return "still here"]], "done\tstill here", limited)

  it("comes back although a task has stopped the collector", function()
    local result = hostile.run([[collectgarbage("stop")]], { after = [[
      local t = require("echo").builder():with_worker_count(1):build()
      local function work()
        local running = collectgarbage("isrunning")
        for i = 1, 2e5 do local _ = { i } end
        return running and collectgarbage("count") < 10000
      end
      t:submit(function() collectgarbage("stop") end):wait()
      print(t:submit(work):wait(), t:submit(work):wait())
      local u = require("echo").builder():with_worker_count(1):with_setup(collectgarbage, "stop"):build()
      print(u:submit(collectgarbage, "isrunning"):wait(), u:submit(collectgarbage, "isrunning"):wait())]] })
    assert.equal("done\tnil\n0\ntrue\ntrue\ttrue\nfalse\tfalse\n", result.out)
  end)
end)

describe("recursion", function()
  survives("in Lua", [[local function f() return 1 + f() end f()]], { "error\t", "stack overflow" })
  survives("in pcall", [[local function f() pcall(f) end f()]], "done")
  survives("in the message handler", [[
    local function f() xpcall(error, f) end f() return "out"]], "done\tout")
  survives("in the call-back of gsub", [[
    local function f(x) return (x:gsub(".", f)) end f("x")]], "C stack overflow")
  survives("in a metamethod", [[
    local t = setmetatable({}, { __index = function(t, k) return t[k + 1] end })
    return t[1] ]], "C stack overflow")
  survives("in __tostring", [[
    local function f(x) return tostring(setmetatable({}, { __tostring = f })) end f()]], "stack overflow")
  survives("in coroutines", [[local function f() coroutine.wrap(f)() end f()]], "C stack overflow")
  survives("in load", [[local function f() load(f) end f() return "out"]], "done\tout")
  survives("in patterns", [[return string.find(("a"):rep(3e5), ("a?"):rep(3e5))]], "pattern too complex")
  survives("in captures", [[return ("x"):find(("("):rep(99))]], "too many captures")
  survives("in the text of a program", [[return load("return " .. ("("):rep(1e5))]], "done\tnil")
  survives("in what is sent", [[
    local t = {} for _ = 1, 1e5 do t = { t } end
    return echo.await(echo.submit(type, t))]], "done\ttable")
  survives("in what says how it is sent", [[
    local metatable = {}
    metatable.__echo_transfer = function() return print, setmetatable({}, metatable) end
    return setmetatable({}, metatable)]], "transfer\t")
  -- Lua 5.4.4 by itself overruns the stack there.
  survives("of coroutines that are closed in the __close of another", [[
    local inner
    for _ = 1, 1e5 do
      local closed = inner
      inner = coroutine.create(function()
        local _guard <close> = setmetatable({}, { __close = function()
          if closed then assert(coroutine.close(closed)) end
        end })
        coroutine.yield()
      end)
      coroutine.resume(inner)
    end
    return select(2, coroutine.close(inner))]], { "done\t", "C stack overflow" })
end)

describe("an error object", function()
  survives("whose __tostring raises", [[
    error(setmetatable({}, { __tostring = error }))]], "error\t(error object is a table value whose")
  survives("whose __tostring raises the like", [[
    local function f() error(setmetatable({}, { __tostring = f })) end f()]], "error\t(error object is")
  survives("whose __tostring gives no string", [[
    error(setmetatable({}, { __tostring = function() return {} end }))]], "error\t")
  survives("whose __tostring waits", [[
    error(setmetatable({}, { __tostring = function() echo.sleep(1) end }))]], "error\t")
  survives("whose __name is no string", [[error(setmetatable({}, { __name = {} }))]], "error\ttable: 0x")
  survives("whose __echo_transfer raises", [[
    error(setmetatable({}, { __echo_transfer = error, __tostring = function() return "told" end }))]],
    "error\ttold")
end)

describe("__echo_transfer", function()
  local function result(body)
    return ([[return setmetatable({}, { __echo_transfer = function() %s end })]]):format(body)
  end
  survives("raises", result [[error("no", 0)]], "transfer\tresult 1: __echo_transfer failed: no")
  survives("gives nothing", result "", "transfer\tresult 1: __echo_transfer must return a function")
  survives("yields", result "coroutine.yield()", "transfer\t")
  survives("waits", result "echo.sleep(1)", "echo.sleep cannot wait here")
  survives("closes what is sent", result [[
    local channel = echo.channel()
    debug.getmetatable(channel).__gc(channel)
    return type, channel]], "transfer\t")
  survives("fails at the receiver of a message", [[
    local channel = echo.channel(2)
    channel:send(setmetatable({}, { __echo_transfer = function() return error, "there" end }))
    channel:send("next")
    local went_well, err = pcall(channel.receive, channel)
    return went_well, err.kind .. " " .. channel:receive()]], "done\tfalse")
end)

describe("bytecode", function()
  survives("is not what a text is taken for", [[
    local code = string.dump(function() return 1 end)
    for _, send in ipairs { echo.submit, echo.timeout, echo.scope } do
      assert(not pcall(send, code) and not pcall(send, 1, code))
    end
    local channel = echo.channel(1)
    channel:send(code)
    assert(channel:receive() == code)
    return "a string"]], "done\ta string")
  survives("made in the task is Lua's own affair, and travels as the function that it is", [[
    local f = load(string.dump(function(x) return x + 1 end), "mine", "b")
    return echo.await(echo.submit(f, 41))]], "done\t42")
end)
