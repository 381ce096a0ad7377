-- lua5.4 spec/load/soak.lua [SECONDS [SEED [WORKERS]]]
--
-- A mixed load on a scheduler that stays, and on others that come and go, for so many seconds (30). Memory,
-- descriptors and threads are looked at between two rounds, when nothing runs, and have to be flat in the
-- second half; each task is accounted for. To be run where the sources are. docs/load.md says more.

local echo = require "echo"
local machine = require "spec.lua.support.machine"
local new_account = require "spec.load.account"
local new_random = require "spec.stress.random"

local seconds, seed = tonumber(arg[1] or 30), tonumber(arg[2] or os.time())
local random = new_random(seed)
local found = pcall(require, "luv")

-- -- the load ---------------------------------------------------------------------------------

local kinds = {}

function kinds.sum(n)
  local sum = 0
  for i = 1, n * 20 do
    sum = sum + i
  end
  return sum
end

function kinds.garbage(n)
  local list = {}
  for i = 1, n do
    list[i] = { tostring(i), ("x"):rep(i) }
  end
  return #list
end

function kinds.sleep(n)
  require("echo").sleep(n / 1e6)
end

function kinds.fail(n)
  error({ n, "fails" })
end

function kinds.endless()
  while true do
    pcall(require("echo").sleep, 1000)
  end
end

function kinds.children(n)
  local here = require "echo"
  return here.scope(function(scope)
    local channel = here.channel(2)
    scope:submit(function()
      for i = 1, n % 20 do
        channel:send({ i })
      end
      channel:close()
    end)
    local sum = 0
    for message in channel:iter() do
      sum = sum + message[1]
    end
    return sum
  end)
end

function kinds.travel(_, bytes, buffer, fn)
  return bytes, buffer, fn
end

function kinds.timer(n)
  local here, loop = require "echo", require "luv"
  local timer = loop.new_timer()
  local _ <close> = setmetatable({}, { __close = function() timer:close() end }) -- luv keeps it until then
  here.await(4, timer.start, timer, n % 3, 0)
end

local names = {}
for name in pairs(kinds) do
  if name ~= "timer" or found then
    names[#names + 1] = name
  end
end
table.sort(names)

local function options(name)
  local all = { priority = ({ "high", "normal", "low" })[random(3)] }
  if name == "endless" or random(8) == 1 then
    all.timeout = random(20) / 1000
  end
  if random(8) == 1 then
    all.delay = random(5) / 1000
  end
  if random(8) == 1 then
    all.retries = 1
  end
  if random(8) == 1 then
    all.queue = "few"
  end
  if random(16) == 1 then
    all.key, all.conflict = "key" .. random(4), ({ "replace", "queue" })[random(2)]
  end
  return all
end

local function submit(s)
  local name, up = names[random(#names)], {}
  return s:submit(options(name), kinds[name], random(1000), ("bytes"):rep(random(2000)),
    echo.buffer(("b"):rep(random(5000))), function()
      return up
    end)
end

local function round(s, account, count)
  local tasks, told = {}, 0
  for i = 1, count do
    tasks[i] = submit(s)
    if random(4) == 1 then
      tasks[i]:on_complete(function()
        told = told - 1
      end)
      told = told + 1
    end
    if random(10) == 1 then
      tasks[random(i)]:cancel()
    end
  end
  account:take(s:map(kinds.sum, { 1, 2, 3, 4, 5, 6, 7, 8 }))
  for _, task in ipairs(tasks) do
    account:take(task)
  end
  repeat
    local _, left = s:poll(1)
  until left == 0
  assert(told == 0, "call-backs are missing")
end

local function new_scheduler(workers)
  return echo.builder():with_worker_count(workers):with_queue("few", { limit = 1 }):build()
end

local function visit(account)
  local s = new_scheduler(random(6))
  round(s, account, random(50))
  assert(s:stop { mode = random(2) == 1 and "cancel" or "drain" })
  account:close(s)
end

-- -- what must be flat ------------------------------------------------------------------------

local list = os.tmpname()

-- Without io.popen, which would hang while a worker reads a file.
local function descriptor_count()
  os.execute(("ls /proc/$PPID/fd | wc -l >%s"):format(list))
  local file <close> = assert(io.open(list))
  return file:read("n")
end

local SAMPLES = 40 -- if a round takes no longer than a sample should; a slow machine takes fewer
local FEWEST = 8
local samples = {}

local function sample()
  collectgarbage()
  collectgarbage()
  samples[#samples + 1] = { memory = machine.memory(),
    descriptors = descriptor_count(), threads = machine.await_thread_count(samples[1] and samples[1].threads or 1e6) }
end

-- The largest of a field in a quarter of the samples.
local function most(field, quarter)
  local largest = 0
  for i = #samples * (quarter - 1) // 4 + 1, #samples * quarter // 4 do
    largest = math.max(largest, samples[i][field])
  end
  return largest
end

local function check_flat(field, slack)
  local first, second, third, fourth = most(field, 1), most(field, 2), most(field, 3), most(field, 4)
  print(("%s: at most %d, %d, %d and %d in the four quarters"):format(field, first, second, third, fourth))
  assert(fourth <= third + slack(third), field .. " is not flat")
end

local function nothing()
  return 0
end

-- -- all of it --------------------------------------------------------------------------------

local function main()
  print("seed " .. seed)
  local s, account = new_scheduler(tonumber(arg[3] or 4)), new_account()
  s:fd()
  local began, next_sample = echo.now(), 0
  repeat
    round(s, account, 200)
    visit(account)
    if echo.now() >= next_sample then
      sample()
      next_sample = echo.now() + seconds / SAMPLES
    end
  until echo.now() - began >= seconds and #samples >= FEWEST
  sample()
  assert(s:stop())
  account:close(s)
  account:report("soak")
  os.remove(list)
  check_flat("threads", nothing)
  check_flat("descriptors", nothing)
  local varies = seconds < 120 and 6144 or 2048 -- KiB that malloc keeps; at first more and more
  check_flat("memory", function(size)
    return varies + size // 20
  end)
end

main()
