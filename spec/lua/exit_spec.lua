-- Scripts that end in every way a script can end. Each is a process of its own; a hang shows as
-- exit code 124.

local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local interrupt = require "spec.lua.support.interrupt"
local process = require "spec.lua.support.process"

local prelude = [[
local echo = require "echo"
local s = echo.builder():with_worker_count(2):build()
]]

-- Both workers are inside a task, of which $BODY$ is the rest, and more work waits.
local function occupied(body)
  return prelude .. ([[
local held, queued = {}, {}
for i = 1, 2 do
  local path = os.tmpname()
  os.remove(path)
  assert(os.execute("mkfifo " .. path))
  s:submit(function(path)
    local file = io.open(path)
    $BODY$
  end, path)
  held[i] = io.open(path, "w")
  os.remove(path)
end
for i = 1, 100 do queued[i] = s:submit(math.abs, i) end
]]):gsub("%$BODY%$", body)
end

local busy = occupied("while true do end")
local stuck = occupied('return file:read("a")')

local function ends(sentence, script, code, out)
  it(sentence, function()
    local result = process.run(script)
    assert.equal("", result.err)
    assert.equal(out or "", result.out)
    assert.equal(code or 0, result.code)
  end)
end

describe("a script that forgets to stop ends cleanly", function()
  ends("when it never submitted anything", prelude)
  ends("with nothing but the module", [[require "echo"]])
  ends("with a builder only", [[local b = require("echo").builder():with_setup(print, "x")]])
  ends("when its workers are idle", prelude .. [[print(s:submit(math.abs, -3):wait())]], 0, "3\n")
  ends("with work queued", prelude .. [[for i = 1, 10000 do s:submit(math.abs, i) end]])
  ends("with work queued and every handle held", prelude .. [[
    tasks = {}
    for i = 1, 10000 do tasks[i] = s:submit(math.abs, i) end]])
  ends("with a map under way", prelude .. [[
    local list = {}
    for i = 1, 100000 do list[i] = i end
    s:map(math.abs, list)]])
  ends("with workers in endless loops", busy)
  ends("with workers that hang in a read", stuck)
  ends("with many schedulers, in every state", [[
    local echo = require "echo"
    all = {}
    for i = 1, 20 do
      all[i] = echo.builder():with_worker_count(2):build()
      if i % 3 > 0 then all[-i] = all[i]:submit(math.abs, i) end
      if i % 3 > 1 then all[i]:stop() end
    end]])
  ends("with a scheduler inside a task of its own", prelude .. [[
    s:submit(function()
      inner = require("echo").builder():with_worker_count(1):build()
      inner:submit(math.abs, 1)
    end):wait()]])
  ends("after a stop that abandoned a loop", busy .. [[
    print(s:stop { timeout = 0.1 })]], 0, "nil\t100\n")
  ends("with a __gc of the host's that still uses it", prelude .. [[
    setmetatable({}, { __gc = function()
      local ok, err = pcall(function() return s:submit(math.abs, -1):wait() end)
      print(ok, type(err))
    end })
    setmetatable({}, { __gc = function() print(pcall(s.stop, s)) end })]],
    0, "true\ttrue\nfalse\ttable\n")
  ends("with a __gc of the host's that uses a builder whose turn was before", [[
    local echo = require "echo"
    late = setmetatable({}, { __gc = function(self) print(pcall(self[1].build, self[1])) end })
    late[1] = echo.builder()]],
    0, "false\tcalling 'build' on bad self (this builder was closed with its state)\n")
  ends("with a __gc in a worker that works long", prelude .. [[
    s:submit(function()
      kept = setmetatable({}, { __gc = function() for i = 1, 1e6 do end end })
    end):wait()]])
end)

describe("a script that fails half-way ends with its message and code 1", function()
  local function fails(sentence, script)
    it(sentence, function()
      local result = process.run(script)
      includes("half-way", result.err)
      includes("stack traceback:", result.err)
      assert.equal("", result.out)
      assert.equal(1, result.code)
    end)
  end

  fails("when its workers are idle", prelude .. [[s:submit(math.abs, 1):wait() error("half-way")]])
  fails("with work queued", prelude .. [[
    for i = 1, 10000 do s:submit(math.abs, i) end
    error("half-way")]])
  fails("with workers in endless loops", busy .. [[error("half-way")]])
  fails("in a block with a <close> variable", [[
    local s <close> = require("echo").builder():build()
    for i = 1, 100 do s:submit(math.abs, i) end
    error("half-way")]])

  it("when the error is a task's, with the task's traceback", function()
    local result = process.run(prelude .. [[
      s:submit(function() error("half-way") end):wait()]])
    includes("half-way", result.err)
    includes("in function 'error'", result.err)
    assert.equal(1, result.code)
  end)
end)

describe("os.exit ends the script with its code", function()
  for _, close in ipairs { "", ", true" } do
    local exit = ("os.exit(3%s)"):format(close)
    ends(exit .. " when workers are idle", prelude .. "s:submit(math.abs, 1):wait() " .. exit, 3)
    ends(exit .. " when nothing ever ran", prelude .. exit, 3)
    ends(exit .. " with work queued", prelude .. [[
      for i = 1, 10000 do s:submit(math.abs, i) end
      ]] .. exit, 3)
    ends(exit .. " with workers in endless loops", busy .. exit, 3)
    ends(exit .. " with workers that hang in a read", stuck .. exit, 3)
    ends(exit .. " after a stop", prelude .. "s:submit(math.abs, 1) s:stop() " .. exit, 3)
  end
  ends("os.exit(3, true) inside a block with a <close> variable", [[
    local s <close> = require("echo").builder():build()
    for i = 1, 100 do s:submit(math.abs, i) end
    os.exit(3, true)]], 3)
end)

describe("leaving the program", function()
  it("goes well two hundred times in a row, whatever the workers do", function()
    local script = prelude .. [[
      for i = 1, tonumber(arg[1]) % 50 do s:submit(function() return ("x"):rep(i) end) end
      if arg[1] % 2 == 0 then os.exit(tonumber(arg[1]) % 4 == 0) end
      if arg[1] % 5 == 0 then error("half-way") end]]
    local result = process.shell(script, [[
      i=0
      while [ $i -lt 200 ]; do
        timeout 20 $LUA $SCRIPT $i 2>/dev/null
        code=$?
        [ $code -le 1 ] || echo "run $i: $code"
        i=$((i + 1))
      done]])
    assert.equal("", result.out)
    assert.equal("", result.err)
    assert.equal(0, result.code)
  end)

  it("works after the module's table was thrown away and opened again", function()
    local result = process.run(prelude .. [[
      local task = s:submit(math.abs, -1)
      package.loaded.echo = nil
      local second = require "echo"
      local other = second.builder():with_worker_count(1):build()
      print(task:wait(), other:submit(math.abs, -2):wait(), echo == second)
      s, echo, task = nil, nil, nil
      collectgarbage()
      print(other:submit(math.abs, -3):wait())]])
    assert.equal("", result.err)
    assert.equal("1\t2\tfalse\n3\n", result.out)
    assert.equal(0, result.code)
  end)
end)

describe("Ctrl-C", function()
  it("ends a script that waits for a task, with lua's message", function()
    local result = interrupt.run(busy .. interrupt.ready .. [[queued[1]:wait()]])
    assert.equal("ready\n", result.out)
    includes("interrupted!", result.err)
    includes("in method 'wait'", result.err)
    assert.equal(1, result.code)
  end)

  it("ends a script that waits for a stop to drain, and the tasks with it", function()
    local result = interrupt.run(busy .. interrupt.ready .. [[s:stop()]])
    assert.equal("ready\n", result.out)
    includes("interrupted!", result.err)
    includes("in method 'stop'", result.err)
    assert.equal(1, result.code)
  end)

  it("can be caught in a stop, which another one goes on with", function()
    local result = interrupt.run(stuck .. interrupt.ready .. [[
      print(pcall(s.stop, s))
      print(select(2, pcall(s.submit, s, math.abs, 1)).kind)
      held[1]:close()
      held[2]:close()
      print(s:stop(), queued[1]:wait())]])
    assert.equal("", result.err)
    assert.equal("ready\nfalse\tinterrupted!\nstopped\ntrue\t1\n", result.out)
    assert.equal(0, result.code)
  end)

  it("leaves a poll that waits", function()
    local result = interrupt.run([[
      local s = require "echo".builder():with_worker_count(1):build()]] .. interrupt.ready .. [[
      print(pcall(s.poll, s, 1000))
      print(s:poll())]])
    assert.equal("", result.err)
    assert.equal("ready\nfalse\tinterrupted!\n0\t0\n", result.out)
  end)

  it("can be caught, and the script goes on", function()
    local result = interrupt.run(stuck .. interrupt.ready .. [[
      print(pcall(queued[1].wait, queued[1], 1000))
      held[1]:close()
      print(queued[1]:wait())
      held[2]:close()
      s:stop()]])
    assert.equal("", result.err)
    assert.equal("ready\nfalse\tinterrupted!\n1\n", result.out)
    assert.equal(0, result.code)
  end)
end)
