-- Priorities: the most urgent task that waits is the next to start.

local echo = require "echo"
local assert = require "luassert"
local it = require "spec.lua.support.it"
local new_gate = require "spec.lua.support.gate"

-- Runs on the one worker there is: notes in which order the tasks start.
local function note(name)
  order = order or {} -- luacheck: ignore 111 113
  table.insert(order, name) -- luacheck: ignore 113
end

local function fetch_order()
  return order -- luacheck: ignore 113
end

-- busted's environment is not theirs.
note, fetch_order = load(string.dump(note)), load(string.dump(fetch_order))

local function new_scheduler(fairness)
  local builder = echo.builder():with_worker_count(1):with_fairness(fairness or 0)
  return builder:with_queue("queue", { limit = 1 }):build()
end

-- Submits one task for each name while the worker is held up; returns the order they started in.
local function run(s, names, options_of)
  local gate <close> = new_gate()
  s:submit({ priority = "high" }, gate.pass, gate.path)
  gate:await_arrival()
  local tasks = {}
  for index, name in ipairs(names) do
    tasks[index] = s:submit(options_of(name), note, name)
  end
  gate:open()
  for _, task in ipairs(tasks) do
    task:wait()
  end
  return s:submit(fetch_order):wait()
end

local function by_first_word(name)
  return { priority = name:match("%a+") }
end

-- The first letters of the names.
local function initials(names)
  local letters = {}
  for index, name in ipairs(names) do
    letters[index] = name:sub(1, 1)
  end
  return table.concat(letters)
end

describe("priorities", function()
  it("decide what starts first", function()
    local s <close> = new_scheduler()
    local started = run(
      s,
      { "low 1", "normal 1", "high 1", "low 2", "high 2", "normal 2", "high 3" },
      by_first_word
    )
    assert.equal("hhhnnll", initials(started))
  end)

  it("are normal by default", function()
    local s <close> = new_scheduler()
    local started = run(s, { "low 1", "default", "high 1" }, function(name)
      return name == "default" and {} or by_first_word(name)
    end)
    assert.same({ "high 1", "default", "low 1" }, started)
  end)

  it("hold inside a named queue, and within one priority the order of the submits", function()
    local s <close> = new_scheduler()
    local started = run(s, { "low 1", "normal 1", "high 1", "low 2", "high 2" }, function(name)
      return { priority = name:match("%a+"), queue = "queue" }
    end)
    assert.same({ "high 1", "high 2", "normal 1", "low 1", "low 2" }, started)
  end)

  it("hold for many tasks", function()
    local s <close> = new_scheduler()
    local names = {}
    for i = 1, 300 do
      for _, priority in ipairs { "low", "normal", "high" } do
        names[#names + 1] = priority .. " " .. i
      end
    end
    local started = run(s, names, by_first_word)
    assert.equal(("h"):rep(300) .. ("n"):rep(300) .. ("l"):rep(300), initials(started))
    table.sort(started)
    table.sort(names)
    assert.equal(table.concat(names, ","), table.concat(started, ","))
  end)

  it("let a map wait for what is more urgent", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    s:submit(gate.pass, gate.path)
    gate:await_arrival()
    local map = s:map({ priority = "low" }, note, { "item" })
    s:submit({ priority = "high" }, note, "high")
    gate:open()
    map:wait()
    assert.same({ "high", "item" }, s:submit(fetch_order):wait())
  end)

  it("let a more urgent task in between the chunks of a map", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local items = { gate.path }
    for i = 2, 64 do
      items[i] = false
    end
    local map = s:map({ priority = "low" }, load(string.dump(function(path, index)
      if path then
        io.open(path):read("a")
      end
      order = order or {} -- luacheck: ignore 111 113
      table.insert(order, index) -- luacheck: ignore 113
    end)), items)
    gate:await_arrival()
    local high = s:submit({ priority = "high" }, note, "high")
    gate:open()
    high:wait()
    map:wait()
    local started = s:submit(fetch_order):wait()
    assert.equal(65, #started)
    assert.not_equal("high", started[65])
  end)
end)

describe("fairness", function()
  it("gives one start in so many to what is less urgent", function()
    local s <close> = new_scheduler(10)
    local names = {}
    for i = 1, 100 do
      names[i] = "high " .. i
    end
    names[101] = "low 1"
    local started, place = run(s, names, by_first_word), nil
    for index, name in ipairs(started) do
      place = name == "low 1" and index or place
    end
    assert.is_true(place < 50)
  end)

  it("of 0 gives nothing to what is less urgent", function()
    local s <close> = new_scheduler(0)
    local names = { "low 1" }
    for i = 1, 500 do
      names[i + 1] = "high " .. i
    end
    local started = run(s, names, by_first_word)
    assert.equal("low 1", started[501])
  end)
end)
