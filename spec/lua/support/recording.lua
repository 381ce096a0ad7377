-- Reads a recording: all of it must be one JSON array, and what docs/trace.md promises of every
-- recording must hold. Returns the events.

local assert = require "luassert"
local cjson = require "cjson".new()

cjson.decode_invalid_numbers(false)

local recording = {}

function recording.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  assert.is_truthy(utf8.len(text), "not UTF-8")
  local ok, events = pcall(cjson.decode, text)
  assert.is_true(ok, events)
  return recording.check(events)
end

local function add(lists, key, event)
  lists[key] = lists[key] or {}
  table.insert(lists[key], event)
end

-- One beginning, at most one end of it, which is that of the first slice; nothing goes on after its
-- end.
local function check_task(events)
  local starts, first, over = 0, nil, 0
  table.sort(events, function(a, b) return a.ts < b.ts end)
  for _, event in ipairs(events) do
    if event.cat == "start" then
      starts = starts + (event.ph == "s" and 1 or 0)
      assert.is_false(event.ph == "f" and first ~= nil)
      first = event.ph == "f" and event or first
    end
  end
  assert.is_true(starts <= 1)
  for _, event in ipairs(events) do
    if event.args then
      assert.equal(0, over)
      if first then
        assert.same({ first.ts, first.tid }, { event.ts, event.tid })
        first = nil
      end
      local ended = event.args.ended
      over = over + ((ended == "done" or ended == "failed" or ended == "cancelled") and 1 or 0)
    end
  end
  assert.is_nil(first)
end

-- Slices lie inside of each other or apart. Times have three decimals: what is nearer is the same.
local function check_lane(slices)
  local open = {}
  table.sort(slices, function(a, b)
    return a.ts < b.ts or a.ts == b.ts and a.dur > b.dur
  end)
  for _, slice in ipairs(slices) do
    while #open > 0 and open[#open] <= slice.ts + 0.0005 do
      open[#open] = nil
    end
    assert.is_true(#open == 0 or slice.ts + slice.dur <= open[#open] + 0.0005)
    table.insert(open, slice.ts + slice.dur)
  end
end

function recording.check(events)
  local tasks, lanes, named = {}, {}, {}
  for _, event in ipairs(events) do
    if event.ph == "M" then
      named[event.tid] = true
    end
    assert.is_true(event.ph == "C" or named[event.tid], "a lane without a name")
    if event.id then
      add(tasks, event.id, event)
    end
    if event.ph == "X" then
      add(lanes, event.tid, event)
    end
  end
  for _, list in pairs(tasks) do
    check_task(list)
  end
  for _, list in pairs(lanes) do
    check_lane(list)
  end
  return events
end

-- The events that have all these members (args.ended and args.queue as if they were the event's).
function recording.pick(events, members)
  local picked = {}
  for _, event in ipairs(events) do
    local fits = true
    for key, value in pairs(members) do
      local has = event[key]
      if has == nil then
        has = (event.args or {})[key]
      end
      fits = fits and has == value
    end
    if fits then
      table.insert(picked, event)
    end
  end
  return picked
end

-- What the counter of dropped events said last.
function recording.dropped(events)
  local counters = recording.pick(events, { ph = "C", name = "dropped" })
  return counters[#counters].args.events
end

return recording
