-- A long recording, drawn with little memory into a small file.
-- ECHO_TIMELINE_TASKS=1000000 makes it longer.

local includes = require "spec.lua.support.includes"
local process = require "spec.lua.support.process"
local words = require "echo.timeline.words"
local xml = require "spec.lua.support.xml"

local TASKS = tonumber(os.getenv "ECHO_TIMELINE_TASKS") or 40000
local WORKERS = 4
local KIBIBYTES = 48 * 1024
local LARGEST = 500000

local SUBMITTED = '{"ph":"s","cat":"start","name":"start","id":%d,"pid":1,"tid":1025,"ts":%.3f},\n'
local STARTED = '{"ph":"f","bp":"e","cat":"start","name":"start","id":%d,"pid":1,"tid":%d,"ts":%.3f},\n'
local RAN = '{"ph":"X","name":"task %d","cat":"%s","id":%d,"pid":1,"tid":%d,"ts":%.3f,"dur":%.3f,'
  .. '"args":{"ended":"%s"}},\n'
local PRIORITIES, ENDS = { "high", "normal", "low" }, { "done", "failed" }

-- Half of the tasks wait while they are submitted.
local function write_recording(file)
  file:write "["
  for id = 1, TASKS do
    file:write(SUBMITTED:format(id, id * 0.5))
    if id % 2 == 0 then
      for _, begun in ipairs { id // 2, TASKS // 2 + id // 2 } do
        local lane, from = begun % WORKERS + 1, TASKS + begun * 2.5
        file:write(STARTED:format(begun, lane, from),
          RAN:format(begun, PRIORITIES[begun % 3 + 1], begun, lane, from, 6, ENDS[begun % 2 + 1]))
      end
    end
  end
end

describe("a long recording", function()
  it("takes little memory and makes a small picture", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    write_recording(file)
    file:close()
    local result = process.shell("", ("ulimit -v %d; timeout 120 $LUA bin/luaecho timeline %s"):format(KIBIBYTES, path))
    os.remove(path)
    assert.same({ 0, "" }, { result.code, result.err })
    xml.check(result.out)
    includes((" · %d workers · %s tasks · "):format(WORKERS, words.count(TASKS)), result.out)
    includes("until start", result.out)
    assert.is_true(#result.out < LARGEST)
  end)

  -- Files of nothing, which take no room on a disk.
  for beginning, problem in pairs { ["{"] = "is no Chrome trace", ["["] = "is no Chrome trace",
    ['[{"ph":'] = "is no Chrome trace" } do
    it("that is none is given up on: " .. beginning, function()
      local result = process.shell(beginning, ("truncate -s 300M $SCRIPT; ulimit -v %d;"
        .. " timeout 120 $LUA bin/luaecho timeline $SCRIPT"):format(KIBIBYTES))
      assert.equal(2, result.code)
      includes(problem, result.err)
    end)
  end
end)
