-- Pictures of what a scheduler has recorded itself.

local assert = require "luassert"
local echo = require "echo"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local process = require "spec.lua.support.process"
local timeline = require "echo.timeline"
local xml = require "spec.lua.support.xml"

local function can_record()
  local s <close> = echo.builder():with_worker_count(1):build()
  return (pcall(function() return assert(s.trace) end))
end

if not can_record() then
  return
end

-- Runs fn(s) on a scheduler of two workers; returns the picture of it.
local function picture_of(fn)
  local path = os.tmpname()
  local s <close> = echo.builder():with_worker_count(2):with_queue("disk", { limit = 1 }):build()
  s:trace(path)
  fn(s)
  s:trace(false)
  local text = timeline(path)
  os.remove(path)
  xml.check(text)
  return text
end

describe("the picture of a run", function()
  it("tells its tasks, their delays and ends", function()
    local text = picture_of(function(s)
      local tasks = {}
      for index = 1, 30 do
        tasks[index] = s:submit({ priority = index <= 20 and "low" or "high", name = "job " .. index,
          queue = index % 10 == 0 and "disk" or nil }, function(n)
          if n == 7 then
            error "seven"
          end
          return n
        end, index)
      end
      for _, task in ipairs(tasks) do task:pwait() end
    end)
    includes("2 workers · 30 tasks · ", text)
    includes(" · 1 failure<", text)
    includes(">high: 10 tasks, median delay ", text)
    includes(">low: 20 tasks, median delay ", text)
    includes(">until start</text>", text)
    assert.falsy(text:find("could not be read", 1, true))
  end)

  it("tells what waited and what made way", function()
    local text = picture_of(function(s)
      local begun = echo.channel(2)
      local function busy()
        begun:send(true)
        while true do end
      end
      local first, second = s:submit({ priority = "low" }, busy), s:submit({ priority = "low" }, busy)
      begun:receive()
      begun:receive()
      -- Every worker runs something: one of them has to make way.
      s:submit({ priority = "high", name = "urgent" }, echo.sleep, 0.001):wait()
      first:cancel()
      second:cancel()
      first:pwait()
      second:pwait()
    end)
    assert.matches(" · %d+ interruptions? · [1-9]%d* suspension", text)
    includes('<path class="way"', text)
    includes('<path class="pause"', text)
  end)

  it("is there when the program was killed", function()
    local result = process.shell([[
      local echo = require "echo"
      local s = echo.builder():with_worker_count(2):build()
      s:trace(arg[1])
      for index = 1, 10 do s:submit({ name = "before" }, function() return index end):wait() end
      s:submit({ name = "endless" }, function() while true do end end)
      -- Until the writer has written the ten.
      local function count()
        local file <close> = assert(io.open(arg[1]))
        return select(2, file:read "a":gsub('"before"', ""))
      end
      repeat until count() == 10
      os.execute("kill -9 $PPID")
    ]], "timeout 30 $LUA $SCRIPT $SCRIPT.json; $LUA bin/luaecho timeline $SCRIPT.json; rm -f $SCRIPT.json")
    assert.equal("", (result.err:gsub("^[^\n]*Killed[^\n]*\n?", "")))
    xml.check(result.out)
    assert.matches(" · 1[01] tasks", result.out)
  end)

  it("of a pipeline is made on the command line", function()
    local result = process.shell([[
      local pipeline = require "echo.pipeline"
      return pipeline.step { name = "square", items = { 1, 2, 3 }, group = 1, run = function(x) return x * x end }
    ]], "timeout 30 $LUA bin/luaecho run $SCRIPT --workers 1 --trace $SCRIPT.json && "
      .. "timeout 30 $LUA bin/luaecho timeline $SCRIPT.json --title 'Three squares'; rm -f $SCRIPT.json")
    assert.same({ 0, "" }, { result.code, result.err })
    includes("Three squares", result.out)
    includes("1 worker · ", result.out)
  end)
end)
