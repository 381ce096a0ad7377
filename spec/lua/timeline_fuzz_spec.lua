-- Recordings that were cut off or damaged: whatever is in the file, there is a picture, or an error that
-- says what is wrong with it, and soon. A failure names its seed and keeps the file.
-- ECHO_TIMELINE_ROUNDS=100000 tries more of them.

local includes = require "spec.lua.support.includes"
local random_trace = require "spec.lua.support.random_trace"
local written_trace = require "spec.lua.support.written_trace"
local timeline = require "echo.timeline"
local xml = require "spec.lua.support.xml"

local ROUNDS = tonumber(os.getenv "ECHO_TIMELINE_ROUNDS") or 300
local PATIENCE = 30
local OPTIONS = { width = 480 }
local PIECES = { "{", "}", "[", "]", '"', "\\", ",", ":", "null", "true", "1e999", "-1e18", "NaN", "-", "\0",
  "\xFF", "\n", '"ts":', '"ph":"X"', '"ph":"B",', '"ph":"E",', '"ph":"C",', "{{{{", "]}", "/*",
  "\xED\xA0\x80", "\\u0000", "\\ud800", "0x10" }
local DAMAGE = { "{", "[", '{"', '{"ph":"X",\n', "[{", "}", '{"ph":', '{"a":{', "\\", '"', "{}", '{"ph":1}\n', "]" }

local function pick(list)
  return list[math.random(#list)]
end

-- Calls fn; an endless loop in it ends with an error.
local function in_time(fn, ...)
  local latest = os.clock() + PATIENCE
  debug.sethook(function()
    if os.clock() > latest then
      error "hangs"
    end
  end, "", 1000000)
  local result = table.pack(pcall(fn, ...))
  debug.sethook()
  return table.unpack(result, 1, result.n)
end

-- Draws a text; what is not a picture has to be an error of this kind. Returns the picture, or nil.
local function draw(text)
  local ok, result = in_time(timeline, written_trace.file(text), nil, OPTIONS)
  if ok then
    xml.check(result)
    return result
  end
  assert(type(result) == "string" and result:find "echo%.timeline: trace: /%S+: %l", result)
end

local mutations = {
  function(text, at)
    return text:sub(1, at)
  end,
  function(text, at)
    return text:sub(1, at - 1) .. string.char(math.random(0, 255)) .. text:sub(at + 1)
  end,
  function(text, at)
    return text:sub(1, at) .. pick(PIECES) .. text:sub(at + 1)
  end,
  function(text, at)
    return text:sub(1, at) .. text:sub(at + math.random(1, 200))
  end,
  function(text, at)
    return text:sub(1, at) .. text:sub(math.random(#text))
  end,
  function(text, at)
    return text:sub(1, at) .. text:sub(at, at + math.random(1, 300)):rep(math.random(1, 5)) .. text:sub(at)
  end,
  function(text, at)
    local first, last = text:find("%-?[%d.]+", at)
    return first and text:sub(1, first - 1) .. pick(PIECES) .. text:sub(last + 1) or text
  end,
}

local function mutated(text)
  for _ = 1, math.random(1, 8) do
    text = pick(mutations)(text, math.random(math.max(#text, 1)))
  end
  return text
end

local function random_text()
  local events = math.random(2) == 1 and random_trace.sound(math.random(1, 2000)).events
    or random_trace.strange(math.random(1, 100))
  -- A small part is as good as all of it, and quicker.
  return written_trace.text(table.move(events, 1, math.min(#events, 60), 1, {}))
end

describe("a recording that", function()
  after_each(written_trace.remove)

  it("breaks off anywhere is drawn up to there", function()
    math.randomseed(1)
    local stretches = {}
    for index = 1, 8 do
      stretches[index] = written_trace.stretch(index * 100, 90, index % 3, "high", { name = 'a "}{{\" \\', id = index })
    end
    local text = written_trace.text(stretches)
    local whole = {}
    for position in text:gmatch "}()[,%]]" do
      whole[#whole + 1] = position
    end
    for length = 0, #text do
      local picture = draw(text:sub(1, length))
      local count = 0
      while whole[count + 1] and whole[count + 1] <= length + 1 do
        count = count + 1
      end
      assert.equal(count > 0, picture ~= nil)
      if picture then
        includes((" · %d task%s · "):format(count, count == 1 and "" or "s"), picture)
        assert.falsy(picture:find("could not be read", 1, true))
      end
    end
  end)

  it("is damaged is drawn without what is damaged", function()
    local good = { written_trace.stretch(0, 10, 1, "high"), written_trace.stretch(20, 10, 1, "high") }
    for _, damage in ipairs { '{"ph":"X","ts":5,"name":"no end},', '{"ph":"X","ts":5,', '{"ph":"X",,"ts":5},', "x", "}",
      '{"ph":"X","ts":5,"args":{"a":[}},', '"text"', "\0\0\0\0" } do
      local text = written_trace.text(good):gsub(",\n", function() return ",\n" .. damage .. "\n" end)
      local picture = draw(text)
      assert(picture, damage)
      includes(" could not be read", picture)
      includes(" · 2 tasks · ", picture)
    end
    includes(" · 3 tasks · ", draw((written_trace.text(good):gsub(",\n", ',{"ph":"X","ts":5}},'))))
  end)

  it("is damaged at random gives a picture or an error", function()
    local pictures, kept = 0, {}
    for seed = 1, ROUNDS do
      math.randomseed(seed)
      local text = mutated(random_text())
      local ok, result = pcall(draw, text)
      if not ok then
        local path = os.tmpname()
        local file <close> = assert(io.open(path, "wb"))
        file:write(text)
        error(("seed %d, kept as %s: %s"):format(seed, path, result), 0)
      end
      pictures = pictures + (result and 1 or 0)
      kept[#kept + 1] = #kept < 200 and result or nil
      written_trace.remove()
    end
    xml.lint(kept)
    -- Else it would not be damage that is tried.
    assert.is_true(pictures > ROUNDS / 2 and pictures < ROUNDS)
  end)

  it("is nothing but damage is refused soon", function()
    for _, piece in ipairs(DAMAGE) do
      assert.is_nil(draw("[" .. piece:rep(400000 // #piece)))
    end
  end)
end)
