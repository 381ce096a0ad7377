-- lua5.4 spec/load/load.lua [NAME [NUMBER]]
--
-- Loads of a size that no spec has: docs/load.md. Without a name, all of them with small numbers. To be
-- run where the sources are.

local echo = require "echo"
local new_account = require "spec.load.account"

local loads = {}

local function new_scheduler(workers)
  return echo.builder():with_worker_count(workers or 2):build()
end

-- So many tasks, each submitted alone and collected through its handle, of which a window is under way.
function loads.tasks(count)
  local s, account = new_scheduler(), new_account(true)
  local window, sum = {}, 0
  local function twice(x)
    return 2 * x
  end
  for i = 1, count do
    local at = i % 20000 + 1
    if window[at] then
      sum = sum + select(2, account:take(window[at]))
    end
    window[at] = s:submit(twice, i)
  end
  for _, task in pairs(window) do
    sum = sum + select(2, account:take(task))
  end
  assert(sum == count * (count + 1))
  assert(s:stop())
  account:close(s)
  return account
end

-- Keeps all workers until the channel is closed.
local function hold(s, workers)
  local gate, tasks = echo.channel(), {}
  for i = 1, workers do
    tasks[i] = s:submit({ priority = "high" }, function()
      while true do
        local _, word = gate:try_receive()
        if word == "closed" then
          return
        end
      end
    end)
  end
  return gate, tasks
end

-- So many tasks queued at once, behind tasks that hold every worker; each hundredth is cancelled there.
function loads.queued(count)
  local s, account = new_scheduler(), new_account(true)
  local gate, holders = hold(s, 2)
  local tasks = {}
  for i = 1, count do
    tasks[i] = s:submit({ priority = i % 3 == 0 and "low" or "normal" }, math.abs, -i)
  end
  for i = 100, count, 100 do
    assert(tasks[i]:status() == "queued" and tasks[i]:cancel())
  end
  gate:close()
  for _, task in ipairs(holders) do
    account:take(task)
  end
  for i = 1, count do
    local ok, result = account:take(tasks[i])
    assert(ok == (i % 100 ~= 0) and (not ok or result == i))
  end
  assert(s:stop())
  account:close(s)
  return account
end

-- So many tasks suspended at once: half wait for a channel, half sleep and are cancelled there.
function loads.suspended(count)
  local s, account = new_scheduler(), new_account(true)
  local channel, tasks = echo.channel(), {}
  for i = 1, count do
    if i % 2 == 0 then
      tasks[i] = s:submit(function(x)
        channel:receive()
        return x
      end, i)
    else
      tasks[i] = s:submit(function()
        require("echo").sleep(100000)
      end)
    end
  end
  for _, task in ipairs(tasks) do
    while task:status() ~= "suspended" do
      s:poll(0.001)
    end
  end
  for i = 1, count, 2 do
    assert(tasks[i]:cancel())
  end
  channel:close()
  for i = 1, count do
    local ok, result = account:take(tasks[i])
    assert(ok == (i % 2 == 0) and (not ok or result == i))
  end
  assert(s:stop())
  account:close(s)
  return account
end

-- So many workers on the few processors that there are, with tasks that compute, wait and fail.
function loads.workers(count)
  local s, account = new_scheduler(count), new_account(true)
  local permits, tasks = echo.semaphore(3), {}
  for i = 1, 400 * count do
    tasks[i] = s:submit({ priority = ({ "high", "normal", "low" })[i % 3 + 1] }, function(x)
      if x % 7 == 0 then
        permits:with(require("echo").sleep, 0.0001)
      elseif x % 11 == 0 then
        error "fails"
      end
      local sum = 0
      for n = 1, x % 3000 do
        sum = sum + n
      end
      return sum
    end, i)
  end
  for i, task in ipairs(tasks) do
    assert(account:take(task) == (i % 7 == 0 or i % 11 ~= 0))
  end
  assert(s:stop())
  account:close(s)
  return account
end

local function echo_back(...)
  return ...
end

local function check_ends(size, bytes)
  assert(#bytes == size)
  assert(size == 0 or bytes:sub(1, 1) == "<" and bytes:sub(-1) == (size > 1 and ">" or "<"))
end

-- Payloads of 0, 1, 16, 256 ... bytes up to so many MiB, there and back, as strings, in tables and as
-- buffers.
function loads.payloads(megabytes)
  local s, account = new_scheduler(), new_account(true)
  local sizes = { 0, 1 }
  while sizes[#sizes] * 16 < megabytes << 20 do
    sizes[#sizes + 1] = sizes[#sizes] * 16
  end
  sizes[#sizes + 1] = megabytes << 20
  for _, size in ipairs(sizes) do
    local bytes = ("<" .. ("."):rep(size - 2) .. ">"):sub(1, size)
    check_ends(size, select(2, account:take(s:submit(echo_back, bytes))))
    local _, list = account:take(s:submit(echo_back, { { bytes }, key = bytes }))
    check_ends(size, list[1][1])
    check_ends(size, list.key)
    list = nil -- luacheck: ignore
    local _, buffer = account:take(s:submit(echo_back, echo.buffer(bytes)))
    assert(#buffer == size)
    collectgarbage()
  end
  assert(s:stop())
  account:close(s)
  return account
end

local full = { tasks = 10000000, queued = 1000000, suspended = 100000, workers = 64, payloads = 256 }
local small = { tasks = 100000, queued = 20000, suspended = 5000, workers = 64, payloads = 4 }

local function run(name, number)
  loads[name](number):report(("%s %d"):format(name, number))
end

if arg[1] then
  assert(loads[arg[1]], "there is no such load")
  run(arg[1], tonumber(arg[2]) or full[arg[1]])
else
  for _, name in ipairs { "tasks", "queued", "suspended", "workers", "payloads" } do
    run(name, small[name])
  end
end
