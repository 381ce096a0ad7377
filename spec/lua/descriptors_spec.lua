-- Descriptors run out while everything runs: what needs one says so, the rest goes on, and when there
-- are some again so does that. Each in a process of its own, which may have 40.

local assert = require "luassert"
local it = require "spec.lua.support.it"
local process = require "spec.lua.support.process"

local PRELUDE = [[
  local echo, uv = require "echo", require "luv"
  local files = {}
  local function use_up()
    repeat
      files[#files + 1] = io.open("/dev/null")
    until #files > 100 or not io.open("/dev/null")
    assert(#files < 100, "they do not run out")
  end
  local function give_back(count)
    for _ = 1, count or #files do
      table.remove(files):close()
    end
  end
  local function fails(sentence, call, ...)
    local ok, err = pcall(call, ...)
    assert(not ok and tostring(err):find(sentence, 1, true), tostring(err))
  end
  -- What needs none.
  local function work(s)
    local channel, told = echo.channel(), 0
    local receiver = s:submit(function()
      require("echo").sleep(0.001)
      return channel:receive()
    end)
    channel:send({ "message" })
    assert(receiver:wait(10)[1] == "message")
    assert(#s:map(math.abs, { 1, 2, 3 }):wait(10) == 3)
    s:submit(math.abs, -1):on_complete(function()
      told = told + 1
    end)
    repeat
      local _, left = s:poll(1)
    until left == 0
    assert(told == 1)
  end
  local function balances(s)
    assert(s:stop())
    local stats = s:stats()
    assert(stats.submitted == stats.ended and stats.submitted > 0)
  end
]]

local function runs(script)
  local result = process.shell(PRELUDE .. script .. [[
    print "to the end"
  ]], "ulimit -n 40; timeout 20 $LUA $SCRIPT")
  assert.same({ "to the end\n", "", 0 }, { result.out, result.err, result.code })
end

describe("without a descriptor", function()
  it("a scheduler starts, works and stops", function()
    runs [[
      use_up()
      local s = echo.builder():with_worker_count(2):build()
      work(s)
      balances(s)
    ]]
  end)

  it("fd and attach say so, and do when there are some", function()
    runs [[
      local s = echo.builder():with_worker_count(2):build()
      work(s)
      uv.loop_alive() -- its loop is there
      use_up()
      fails("fd: no descriptor could be made: Too many open files", s.fd, s)
      fails("attach: no descriptor could be made: Too many open files", s.attach, s, uv)
      work(s)
      give_back()
      assert(math.type(s:fd()) == "integer")
      local told
      s:attach(uv)
      s:submit(math.abs, -7):on_complete(function(task) told = task:wait() end)
      uv.run()
      assert(told == 7)
      balances(s)
    ]]
  end)

  it("luv says so in a task, whose worker lives on and has luv when there are some", function()
    runs [[
      local s = echo.builder():with_worker_count(1):build()
      local function sleep()
        local here, loop = require "echo", require "luv"
        local timer = loop.new_timer()
        here.await(4, timer.start, timer, 1, 0)
        timer:close()
        return "slept"
      end
      work(s)
      assert(s:submit(pcall, require, "luv"):wait(10)) -- the library is loaded, its loop is there
      local other = echo.builder():with_worker_count(1):build()
      work(other)
      use_up()
      give_back(2) -- so that the library can be found
      fails("luv has no loop: the system refused a file descriptor", function()
        other:submit(sleep):wait(10)
      end)
      work(other)
      assert(s:submit(sleep):wait(10) == "slept")
      give_back()
      assert(other:submit(sleep):wait(10) == "slept")
      balances(s)
      balances(other)
    ]]
  end)

  it("files and programs of tasks fail as Lua's do, while others run", function()
    runs [[
      local s = echo.builder():with_worker_count(2):build()
      work(s)
      use_up()
      local _, text = s:submit(io.open, "/dev/null"):wait(10)
      assert(text:find "Too many open files", text)
      fails("Too many open files", function() s:submit(io.lines, "/dev/null"):wait(10) end)
      local buffer, why = s:submit(function()
        return require("echo").buffer { file = "/dev/null" }
      end):wait(10)
      assert(not buffer and why:find("Too many open files", 1, true), why)
      work(s)
      balances(s)
    ]]
  end)
end)
