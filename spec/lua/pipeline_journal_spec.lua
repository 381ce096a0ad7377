-- Runs that are kept in a journal, and go on where they were.

local assert = require "luassert"
local echo = require "echo"
local encode = require "echo.pipeline.journal.encode"
local digest = require "echo.pipeline.journal.digest"
local fingerprint = require "echo.pipeline.journal.fingerprint"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local pipeline = require "echo.pipeline"
local process = require "spec.lua.support.process"

local step = pipeline.step
local has_sqlite = pcall(require, "luasql.sqlite3")
local it_with_sqlite = has_sqlite and it or pending

local path

local function new_scheduler()
  return echo.builder():with_worker_count(2):build()
end

-- Runs a pipeline that counts its calls; returns the results and how often its functions were called.
local function counted(make, params)
  local s <close> = new_scheduler()
  local calls = echo.channel(1000)
  local results = make(calls):run(s, params, { journal = path })
  return results, #calls
end

local function failing(p, options)
  local s <close> = new_scheduler()
  local ok, err = pcall(p.run, p, s, nil, options or { journal = path })
  assert.is_false(ok)
  return err
end

before_each(function()
  path = os.tmpname()
  os.remove(path)
end)

after_each(function()
  for _, ending in ipairs { "", "-wal", "-journal", "-shm" } do os.remove(path .. ending) end
end)

describe("what a journal keeps", function()
  local function there_and_back(value)
    return encode.value(encode.bytes(value))
  end

  it("comes back as it was", function()
    for _, value in ipairs { 1, -1, 0.1, 1 / 0, math.mininteger, "", "a\0b", "it's", true, false,
      { 1, 2, { "x", y = { false } } }, { [1.5] = 1, [true] = 2, x = {}, [-1] = 3 } } do
      assert.same(value, there_and_back(value))
    end
    assert.is_nil(there_and_back(nil))
    assert.equal("float", math.type(there_and_back(1.0)))
    assert.equal("b\0c", tostring(there_and_back(echo.buffer "b\0c")))
    assert.same({ 1, nil, 3 }, there_and_back { 1, nil, 3 })
  end)

  it("keeps its shape", function()
    local shared = {}
    local value = there_and_back { shared, shared, x = { shared } }
    assert.is_true(rawequal(value[1], value[2]) and rawequal(value[1], value.x[1]))
    local ring = {}
    ring.self = ring
    ring = there_and_back(ring)
    assert.is_true(rawequal(ring, ring.self))
  end)

  it("is the same bytes for the same value", function()
    local first, second = {}, {}
    for i = 1, 50 do first["key" .. i] = i end
    for i = 50, 1, -1 do second["key" .. i] = i end
    assert.equal(encode.bytes(first), encode.bytes(second))
    assert.not_equal(encode.bytes { 1 }, encode.bytes { 1.0 })
  end)

  it("is data", function()
    assert.error_matches(function() encode.bytes { a = { print } } end,
      "^%.a%[1%]: a function cannot be kept in a journal$")
    assert.error_matches(function() encode.bytes(setmetatable({}, {})) end, "^the value: a table with a metatable")
  end)

  it("is told apart by digests", function()
    local seen = {}
    for i = 1, 20000 do
      local text = digest(("%d"):format(i))
      assert.is_nil(seen[text])
      seen[text] = true
    end
    assert.not_equal(digest "", digest "\0")
    assert.equal(32, #digest "x")
  end)

  it("tells code apart by what it does and refers to", function()
    local function make(n) return function() return n end end
    local function print_of(fn) return fingerprint.node { run = fn } end
    assert.equal(print_of(make(1)), print_of(make(1)))
    assert.not_equal(print_of(make(1)), print_of(make(2)))
    assert.not_equal(print_of(load "return 1"), print_of(load "return 2"))
    assert.equal(print_of(load "return 1"), print_of(load "\n\nreturn 1"))
    assert.not_equal(print_of(math.abs), print_of(math.sin))
    local deep = { { inner = make(1) } }
    local before = print_of(function() return deep end)
    deep[1].inner = make(2)
    assert.not_equal(before, print_of(function() return deep end))
  end)
end)

describe("a journal", function()
  local function squares(calls)
    return pipeline.new { params = { list = "table", plus = { default = 0 } },
      step { name = "square", each = "list", needs = "plus", run = function(x, _, plus)
        calls:send(1)
        return x * x + plus
      end },
      step { name = "sum", needs = "square", run = function(list)
        calls:send(1)
        local total = 0
        for i = 1, #list do total = total + list[i] end
        return total
      end },
    }
  end

  it_with_sqlite("lets a second run do nothing", function()
    local list = {}
    for i = 1, 300 do list[i] = i end
    local results, calls = counted(squares, { list = list })
    assert.equal(301, calls)
    local again, more = counted(squares, { list = list })
    assert.equal(0, more)
    assert.same(results, again)
  end)

  it_with_sqlite("runs what has another input, and what that changes", function()
    counted(squares, { list = { 1, 2, 3 } })
    local results, calls = counted(squares, { list = { 3, 4, 1 } })
    assert.same({ { 9, 16, 1 }, 26, 2 }, { results.square, results.sum, calls })
    results, calls = counted(squares, { list = { 3, 4, 1 }, plus = 1 })
    assert.same({ 29, 4 }, { results.sum, calls })
  end)

  it_with_sqlite("runs what has other code, or another version", function()
    local function make(factor, version)
      return function(calls)
        return step { name = "a", items = { 1, 2 }, version = version, run = function(x)
          calls:send(1)
          return x * factor
        end }
      end
    end
    assert.equal(2, select(2, counted(make(2))))
    assert.equal(0, select(2, counted(make(2))))
    assert.equal(2, select(2, counted(make(3))))
    assert.equal(2, select(2, counted(make(3, "new"))))
  end)

  it_with_sqlite("counts elements that are equal", function()
    local function make(count)
      return function(calls)
        local items = {}
        for i = 1, count do items[i] = "same" end
        return step { name = "a", items = items, run = function() calls:send(1) end }
      end
    end
    assert.equal(3, select(2, counted(make(3))))
    assert.equal(2, select(2, counted(make(5))))
    assert.equal(0, select(2, counted(make(4))))
    assert.equal(1, select(2, counted(make(5))))
  end)

  it_with_sqlite("looks at an element's number where its function does", function()
    local function make(fn) return function() return step { name = "a", items = { "x", "y" }, run = fn } end end
    local function turned(fn) return function() return step { name = "a", items = { "y", "x" }, run = fn } end end
    local function restored(made)
      local s <close> = new_scheduler()
      local _, run = made():run(s, nil, { journal = path })
      return run:progress().restored
    end
    local function by_item(x) return x end
    local function by_index(x, index) return x .. index end
    restored(make(by_item))
    assert.equal(2, restored(turned(by_item)))
    restored(make(by_index))
    assert.equal(0, restored(turned(by_index)))
  end)

  it_with_sqlite("leaves out steps that say so", function()
    local function make(calls)
      return step { name = "a", journal = false, run = function() calls:send(1) return { 1 } end }
        .. step { name = "b", each = "...", run = function() calls:send(1) end }
    end
    assert.equal(2, select(2, counted(make)))
    assert.equal(1, select(2, counted(make)))
  end)

  it_with_sqlite("goes on after a failure", function()
    local s <close> = new_scheduler()
    local calls = echo.channel(10)
    local p = step { name = "a", items = { 1, 2, 3, 4 }, group = 1, limit = 1, run = function(x)
      calls:send(1)
      if x == 3 then error "boom" end
      return x
    end }
    local ok = pcall(p.run, p, s, nil, { journal = path })
    assert.same({ false, 3 }, { ok, #calls })
    ok = pcall(p.run, p, s, nil, { journal = path })
    assert.same({ false, 4 }, { ok, #calls })
  end)

  it_with_sqlite("keeps streams' elements and folds them again", function()
    local function make(calls)
      return pipeline.new {
        step { name = "source", stream = true, window = 4, run = function(emit) for i = 1, 40 do emit(i) end end },
        step { name = "a", each = "source", run = function(x) calls:send(1) return x end },
        step { name = "total", fold = "a", initial = 0, run = function(total, x) return total + x end },
      }
    end
    local results, calls = counted(make)
    assert.same({ 820, 40 }, { results.total, calls })
    results, calls = counted(make)
    assert.same({ 820, 0 }, { results.total, calls })
  end)

  it_with_sqlite("is of one run at a time", function()
    local s <close> = new_scheduler()
    local p = step { name = "a", run = function() echo.sleep(60) end }
    local run <close> = p:start(s, nil, { journal = path })
    assert.equal("running", run:status())
    local ok, message = pcall(p.run, p, s, nil, { journal = path })
    assert.is_false(ok)
    assert.equal(("journal %s: another run is using it"):format(path), message)
  end)

  it_with_sqlite("says what it cannot keep, or open", function()
    local err = failing(step { name = "a", items = { 1 }, run = function() return function() end end })
    assert.same({ "a", 1, "its result: the value: a function cannot be kept in a journal" },
      { err.step, err.index, err.message })
    includes("journal /nowhere/at/all: ", failing(step { name = "a", run = math.abs }, { journal = "/nowhere/at/all" }))
    local file <close> = assert(io.open(path, "w"))
    file:write(("no database "):rep(200))
    file:flush()
    includes("not a database", failing(step { name = "a", run = math.abs }))
  end)

  it("says what it needs where there is no SQLite", function()
    local loaded, preload = package.loaded["luasql.sqlite3"], package.preload["luasql.sqlite3"]
    package.loaded["luasql.sqlite3"] = nil
    package.preload["luasql.sqlite3"] = function() error "none" end
    local text = failing(step { name = "a", run = math.abs })
    package.loaded["luasql.sqlite3"], package.preload["luasql.sqlite3"] = loaded, preload
    includes("it needs LuaSQL for SQLite", text)
  end)
end)

-- The effects of a run are lines that its functions append to a file, each in one write.
local KILLED = [[
local echo, pipeline = require "echo", require "echo.pipeline"
local journal, log = arg[1], arg[2]
local s <close> = echo.builder():with_worker_count(2):build()
local function effect(name, x)
  local file <close> = assert(io.open(log, "a"))
  file:setvbuf "full"
  file:write(name, " ", x, "\n")
end
local p = pipeline.new {
  pipeline.step { name = "list", run = function() local t = {} for i = 1, 200 do t[i] = i % 150 end return t end },
  pipeline.step { name = "a", each = "list", run = function(x) effect("a", x) return x + 0.5 end },
  pipeline.step { name = "b", each = "a", group = 1, run = function(x) effect("b", x) return tostring(x) end },
  pipeline.step { name = "all", needs = "b", run = function(list) effect("all", 0) return table.concat(list, ",") end },
}
io.write(p:run(s, nil, { journal = journal }).all)
]]

describe("a run that is killed", function()
  local KILLS = tonumber(os.getenv "ECHO_PIPELINE_KILLS") or 60

  local function read(name)
    local file <close> = io.open(name)
    return file and file:read "a" or ""
  end

  local function counts(text)
    local count = {}
    for line in text:gmatch "[^\n]+" do count[line] = (count[line] or 0) + 1 end
    return count
  end

  -- What the journal says has ended, as the lines that the functions wrote.
  local function recorded()
    local driver = require "luasql.sqlite3"
    local environment = driver.sqlite3()
    local connection = assert(environment:connect(path))
    local cursor, problem
    local deadline = echo.now() + 60
    repeat
      cursor, problem = connection:execute "SELECT step, value FROM elements"
      -- timeout does not wait for whom it kills, who has the lock until it is gone.
      local dying = not cursor and problem:find("locked", 1, true) and echo.now() < deadline
    until not dying
    assert(cursor or problem:find("no such table", 1, true), problem)
    local count = {}
    local name, bytes = nil, nil
    if cursor then name, bytes = cursor:fetch() end
    while name do
      local value = encode.value(bytes)
      local line = name == "a" and ("a %d"):format(value - 0.5) or name == "b" and "b " .. value or name
      count[line] = (count[line] or 0) + 1
      name, bytes = cursor:fetch()
    end
    if cursor then cursor:close() end
    connection:close()
    environment:close()
    return count
  end

  it_with_sqlite("goes on where it was, whenever that is", function()
    local script, log = path .. ".lua", path .. ".log"
    local file = assert(io.open(script, "w"))
    file:write(KILLED)
    file:close()
    local expected = {}
    for i = 1, 200 do expected[i] = tostring(i % 150 + 0.5) end
    expected = table.concat(expected, ",")
    local finished, interrupted, wanted = 0, 0, counts ""
    local longest = 0.05 -- follows what a run takes on this machine
    for i = 1, 150 do wanted["b " .. i - 0.5] = i - 1 >= 1 and i - 1 <= 50 and 2 or 1 end
    for round = 1, KILLS do
      local before = recorded()
      os.remove(log)
      local seconds = 0.004 + math.random() * longest
      local _, how, code = os.execute(("timeout -s KILL %.4f %s %s %s %s >%s.out 2>&1"):format(seconds,
        process.interpreter, script, path, log, log))
      local after = recorded()
      local ran = counts(read(log))
      for line, count in pairs(before) do
        assert((after[line] or 0) >= count, ("round %d lost %s"):format(round, line))
      end
      for line, times in pairs(wanted) do
        local done = (before[line] or 0) + (ran[line] or 0)
        assert(done <= times, ("round %d ran %s again"):format(round, line))
        assert((after[line] or 0) <= times, ("round %d recorded %s twice"):format(round, line))
      end
      if how == "exit" and code == 0 then
        assert.equal(expected, read(log .. ".out"))
        finished = finished + 1
        longest = longest * 0.8
        for _, ending in ipairs { "", "-wal", "-journal" } do os.remove(path .. ending) end
      else
        interrupted = interrupted + 1
        longest = math.min(longest * 1.1, 0.05)
      end
    end
    assert(interrupted > KILLS / 5, "hardly any was killed")
    local code = os.execute(("%s %s %s %s >%s.out"):format(process.interpreter, script, path, log, log))
    assert.is_true(code)
    assert.equal(expected, read(log .. ".out"))
    for _, ending in ipairs { ".lua", ".log", ".log.out" } do os.remove(path .. ending) end
  end)

  it_with_sqlite("goes on where it was when the disk was full", function()
    local script, log = path .. ".lua", path .. ".log"
    local file = assert(io.open(script, "w"))
    file:write(KILLED)
    file:close()
    -- A limit on the size of files stands for the end of the disk: writes fail alike.
    local command = ("%s %s %s %s >%s.out 2>%s.err"):format(process.interpreter, script, path, log, log, log)
    local ok = os.execute(("sh -c 'trap \"\" XFSZ; ulimit -f 64; %s'"):format(command))
    assert.is_nil(ok)
    includes("journal " .. path .. ": ", read(log .. ".err"))
    local before = recorded()
    assert.is_not_nil(next(before))
    assert.is_true(os.execute(command))
    assert.equal(199, select(2, read(log .. ".out"):gsub(",", "")))
    for _, ending in ipairs { ".lua", ".log", ".log.out", ".log.err" } do os.remove(path .. ending) end
  end)
end)
