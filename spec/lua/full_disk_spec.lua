-- The disk is full under a journal: the run ends with an error that says so, everything else goes on, and
-- what was committed before is there for the next run. A file that may not grow stands for the disk.

local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local process = require "spec.lua.support.process"

local it_with_sqlite = pcall(require, "luasql.sqlite3") and it or pending

local RUN = [[
local echo, pipeline = require "echo", require "echo.pipeline"
local s = echo.builder():with_worker_count(2):build()
local calls = echo.channel(1000)
local p = pipeline.new {
  pipeline.step { name = "list", run = function()
    local list = {}
    for i = 1, 300 do list[i] = i end
    return list
  end },
  pipeline.step { name = "long", each = "list", limit = 4, run = function(i)
    calls:send(i)
    return ("%05d"):format(i):rep(200)
  end },
}
local ok, results = pcall(p.run, p, s, nil, { journal = os.getenv "JOURNAL" })
assert(s:submit(math.abs, -1):wait(10) == 1)
assert(s:stop { timeout = 10 })
local stats = s:stats()
assert(stats.submitted == stats.ended)
if ok then
  for i = 1, 300 do assert(results.long[i] == ("%05d"):format(i):rep(200)) end
  print(#calls)
else
  print(tostring(results))
end
]]

local function run(journal, limit)
  return process.shell(RUN, ("export JOURNAL=%s; %s timeout 30 $LUA $SCRIPT"):format(journal, limit or ""))
end

describe("on a full disk a journal", function()
  local path

  before_each(function()
    path = os.tmpname()
    os.remove(path)
  end)

  after_each(function()
    for _, ending in ipairs { "", "-wal", "-journal", "-shm" } do
      os.remove(path .. ending)
    end
  end)

  it_with_sqlite("ends the run with an error, and keeps what was committed", function()
    local full = run(path, "trap '' XFSZ; ulimit -f 400;") -- blocks of 512 bytes
    assert.same({ 0, "" }, { full.code, full.err })
    includes("journal " .. path .. ": ", full.out)
    local later = run(path)
    assert.same({ 0, "" }, { later.code, later.err })
    local calls = tonumber(later.out)
    assert.is_true(calls > 0 and calls < 300, later.out)
  end)

  it_with_sqlite("that cannot even begin says so", function()
    local full = run(path, "trap '' XFSZ; ulimit -f 4;")
    assert.same({ 0, "" }, { full.code, full.err })
    includes("journal " .. path .. ": ", full.out)
  end)
end)
