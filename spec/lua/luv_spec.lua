-- require "luv" in a task: luv on the worker's own loop.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local process = require "spec.lua.support.process"
local tasks = require "spec.lua.support.tasks"

local run, run_on = tasks.run, tasks.run_on

describe("luv in a task", function()
  it("is one and the same on a worker, and another one than the program's", function()
    assert.same({ true, true, true, 1 }, { run_on(1, function()
      local uv = require "luv"
      local same = echo.await(echo.submit(function()
        return uv == require "luv"
      end))
      return same, uv == package.loaded.luv, select("#", uv.new_timer())
    end) })
  end)

  it("comes along as an upvalue", function()
    local uv = require "luv"
    assert.same({ true, "file" }, { run(function()
      local _, stat = echo.await(2, uv.fs_stat, "/etc/passwd")
      return stat.type
    end) })
  end)

  it("is there in setups", function()
    local s <close> = echo.builder():with_worker_count(1):with_setup(function()
      _G.ticks = 0
      local uv = require "luv"
      local timer = uv.new_timer()
      timer:start(1, 1, function()
        _G.ticks = _G.ticks + 1
        if _G.ticks == 3 then timer:close() end
      end)
    end):build()
    assert.equal(3, s:submit(function()
      while _G.ticks < 3 do echo.sleep(0.001) end
      return _G.ticks
    end):wait(20))
  end)

  it("fires timers, while the worker is idle and while it is busy", function()
    assert.same({ true, "once", true }, { run_on(1, function()
      local uv = require "luv"
      local timer, fired = uv.new_timer(), nil
      echo.await(4, timer.start, timer, 5, 0)
      timer:start(5, 0, function() fired = "once" end)
      local rounds = 0
      while not fired do
        rounds = rounds + 1
        echo.await(echo.submit(math.abs, 1))
      end
      timer:close()
      return fired, rounds > 0
    end) })
  end)

  it("has files", function()
    local path = os.tmpname()
    assert.same({ true, "Echo writes", true }, { run(function()
      local uv = require "luv"
      local await = echo.await
      local err, file = await(4, uv.fs_open, path, "w+", 384)
      assert(not err, err)
      await(4, uv.fs_write, file, "Echo writes", 0)
      local _, text = await(4, uv.fs_read, file, 100, 0)
      await(2, uv.fs_close, file)
      local missing = await(2, uv.fs_stat, "/nowhere/at/all")
      return text, missing:find("ENOENT", 1, true) ~= nil
    end) })
    os.remove(path)
  end)

  it("has names of hosts", function()
    local well, address, err = run(function()
      local uv = require "luv"
      local _, list = echo.await(4, uv.getaddrinfo, "localhost", nil, { family = "inet", socktype = "stream" })
      local nobody = echo.await(4, uv.getaddrinfo, "no host.invalid", nil, nil)
      return list[1].addr, nobody
    end)
    assert.is_true(well)
    assert.equal("127.0.0.1", address)
    includes("E", err)
  end)

  it("has children, with pipes", function()
    assert.same({ true, "hello, child", 3 }, { run(function()
      local uv = require "luv"
      local input, output = uv.new_pipe(false), uv.new_pipe(false)
      local parts, code = {}, nil
      local co = coroutine.running()
      local waits = 2
      local function done()
        waits = waits - 1
        if waits == 0 then assert(coroutine.resume(co)) end
      end
      local child = assert(uv.spawn("sh", { args = { "-c", "cat; exit 3" }, stdio = { input, output, 2 } },
        function(status)
          code = status
          done()
        end))
      output:read_start(function(err, data)
        assert(not err, err)
        if data then
          parts[#parts + 1] = data
        else
          done()
        end
      end)
      echo.await(3, input.write, input, "hello, child")
      input:shutdown(function() input:close() end)
      coroutine.yield()
      child:close()
      output:close()
      return table.concat(parts), code
    end) })
  end)

  -- A server with call-backs in one task, clients that wait in others.
  it("has TCP", function()
    local well, sum = run(function()
      local uv = require "luv"
      local server = uv.new_tcp()
      server:bind("127.0.0.1", 0)
      server:listen(128, function(err)
        assert(not err, err)
        local peer = uv.new_tcp()
        server:accept(peer)
        peer:read_start(function(_, data)
          if data then peer:write(data) else peer:close() end
        end)
      end)
      local function client(port, number)
        local luv = require "luv"
        local socket = luv.new_tcp()
        local err = echo.await(4, socket.connect, socket, "127.0.0.1", port)
        assert(not err, err)
        local sent, got = ("%d;"):format(number):rep(1000), {}
        echo.await(3, socket.write, socket, sent)
        local function read(done)
          socket:read_start(function(_, data)
            socket:read_stop()
            done(data)
          end)
        end
        local size = 0
        while size < #sent do
          local data = echo.await(1, read)
          got[#got + 1] = data
          size = size + #data
        end
        socket:close()
        return table.concat(got) == sent and number
      end
      local clients, total = {}, 0
      for i = 1, 50 do
        clients[i] = echo.submit(client, server:getsockname().port, i)
      end
      for _, number in ipairs(echo.all(clients)) do
        total = total + number
      end
      server:close()
      return total
    end)
    assert.is_true(well)
    assert.equal(50 * 51 // 2, sum)
  end)

  it("does not hold a drain up with what no task waits for", function()
    local s = echo.builder():with_worker_count(1):build()
    s:submit(function()
      local uv = require "luv"
      uv.new_timer():start(1000000, 1000000, print)
      uv.new_tcp():bind("127.0.0.1", 0)
      uv.new_timer():unref()
      uv.fs_stat("/", function() end)
      uv.new_timer():close(function() end)
      uv.new_idle():start(function() end)
    end)
    assert.is_true(s:stop())
  end)

  it("holds a drain up with a task that waits", function()
    local s = echo.builder():with_worker_count(1):build()
    local task = s:submit(function()
      local uv = require "luv"
      local timer = uv.new_timer()
      echo.await(4, timer.start, timer, 50, 0)
      timer:close()
      return "waited"
    end)
    assert.is_true(s:stop())
    assert.equal("waited", task:wait())
  end)

  it("is there once more when the worker's state was made anew", function()
    local s <close> = echo.builder():with_worker_count(1):with_memory_limit(2000000):build()
    local function tick()
      local uv = require "luv"
      local timer = uv.new_timer()
      echo.await(4, timer.start, timer, 1, 0)
      timer:start(1000000, 0, print)
      return "tick"
    end
    for _ = 1, 3 do
      assert.equal("tick", s:submit(tick):wait(20))
      local _, err = s:submit(function()
        local all = {}
        for i = 1, 1000000 do all[i] = { i } end
        return #all
      end):pwait(20)
      assert.equal("memory", err.kind)
      s:submit(function() _G.kept = ("x"):rep(1000000) end):pwait(20)
      s:submit(function() _G.kept2 = ("x"):rep(2000000) end):pwait(20)
    end
  end)

  it("refuses what would act on the worker's loop", function()
    local well, run_error, walk_error, close_error = run(function()
      local uv = require "luv"
      local _, first = pcall(uv.run)
      local _, second = pcall(uv.walk, print)
      local _, third = pcall(uv.loop_close)
      return first, second, third
    end)
    assert.is_true(well)
    includes("uv.run is not for tasks: the worker runs its loop by itself", run_error)
    includes("uv.walk is not for tasks: the handles of other tasks are on the worker's loop", walk_error)
    includes("uv.loop_close is not for tasks: the loop is the worker's", close_error)
  end)

  it("goes on after uv.stop", function()
    assert.same({ true, "on" }, { run(function()
      local uv = require "luv"
      local timer = uv.new_timer()
      timer:start(1, 0, uv.stop)
      echo.sleep(0.01)
      echo.await(4, timer.start, timer, 1, 0)
      return "on"
    end) })
  end)
end)

describe("a call-back of luv", function()
  it("that fails is reported, and stops nobody", function()
    local result = process.run [[
      local echo = require "echo"
      local s <close> = echo.builder():with_worker_count(1):build()
      print(s:submit(function()
        local uv = require "luv"
        local timer, failed = uv.new_timer(), 0
        local function fail(err)
          timer:start(0, 0, function() failed = failed + 1 error(err) end)
          local before = failed
          repeat echo.sleep(0.001) until failed > before
        end
        fail "went wrong"
        fail(setmetatable({}, { __tostring = error }))
        echo.await(4, timer.start, timer, 1, 0)
        return "alive"
      end):wait(10))
    ]]
    assert.equal("alive\n", result.out)
    assert.equal(0, result.code)
    includes("echo: error in a call-back of luv: ", result.err)
    includes(":7: went wrong\nstack traceback:\n", result.err)
    includes("echo: error in a call-back of luv that cannot be shown", result.err)
  end)

  it("cannot wait, but can submit what waits", function()
    local well, err, inner, result = run_on(1, function()
      local uv = require "luv"
      local timer = uv.new_timer()
      local refused, inside, task
      timer:start(0, 0, function()
        refused = select(2, pcall(echo.await, echo.submit(math.abs, 1)))
        inside = select(2, pcall(coroutine.wrap(function() echo.await(1, function() end) end)))
        task = echo.submit(function()
          echo.sleep(0.001)
          return "done"
        end)
      end)
      while not task do echo.sleep(0.001) end
      return refused, inside, (echo.await(task))
    end)
    assert.is_true(well)
    local why = "cannot wait here: no task runs in a call-back of luv"
    includes("echo.await " .. why, err)
    includes("echo.await " .. why, inner)
    assert.equal("done", result)
  end)

  it("is no task", function()
    local well, current, err = run(function()
      local uv = require "luv"
      local timer = uv.new_timer()
      local current, refused = "not called", nil
      timer:start(0, 0, function()
        current = echo.current()
        refused = select(2, pcall(echo.sleep, 1))
      end)
      while not refused do echo.sleep(0.001) end
      return current, refused
    end)
    assert.is_true(well)
    assert.is_nil(current)
    includes("echo.sleep is for tasks", err)
  end)

  it("that comes between two tasks harms neither", function()
    assert.same({ true, 200 }, { run_on(1, function()
      local uv = require "luv"
      local timer = uv.new_timer()
      timer:start(0, 1, function() pcall(error, "x") end)
      local count = 0
      for _ = 1, 200 do
        count = count + echo.await(echo.submit(function()
          echo.checkpoint()
          return #{ pcall(echo.sleep, 0) }
        end))
      end
      timer:close()
      return count
    end) })
  end)
end)

describe("a luv that does not fit", function()
  local function fail_with(kind)
    local module = assert(package.searchpath("echo", package.cpath))
    local path = module:gsub("module/echo%.so$", "spec/luv/" .. kind .. "/?.so")
    local s <close> = echo.builder():with_worker_count(1):with_path(nil, path):build()
    local _, err = s:submit(require, "luv"):pwait(20)
    return err.message
  end

  it("because it has another libuv is refused, and the error says what to do", function()
    local message = fail_with "foreign"
    includes("has another libuv than Echo, and cannot use the loop of a worker: its own is in ", message)
    includes("spec/luv/foreign/luv.so, Echo's in ", message)
    includes("Take a luv that is linked with the shared libuv", message)
  end)

  it("because it is too old is refused", function()
    includes("is not luv 1.30 or newer: luv_set_loop or luv_set_callback is missing", fail_with "old")
  end)

  it("because it is no library is refused", function()
    local folder = os.tmpname()
    os.remove(folder)
    os.execute("mkdir " .. folder .. "; echo nonsense >" .. folder .. "/luv.so")
    local s <close> = echo.builder():with_worker_count(1):with_path(nil, folder .. "/?.so"):build()
    local _, err = s:submit(require, "luv"):pwait(20)
    os.execute("rm -r " .. folder)
    includes("luv.so: ", err.message)
  end)

  it("because it is not there says so as require does", function()
    local s <close> = echo.builder():with_worker_count(1):with_path(nil, "/nowhere/?.so"):build()
    local _, err = s:submit(require, "luv"):pwait(20)
    includes("module 'luv' not found:", err.message)
    includes("no file '/nowhere/luv.so'", err.message)
  end)
end)
