-- What README and manuals show, run as a reader would: each piece of Lua in a process of its own, in an
-- empty directory, with what it takes for granted before it and a look at what came of it behind.

local INTERPRETER = "lua5.4"
local MANUALS = { "README.md", "docs/lua.md", "docs/pipeline.md" }

local ECHO = 'local echo = require "echo"\n'
local HOST = ECHO .. "local s <close> = echo.builder():with_worker_count(2):build()\nlocal scheduler = s\n"
local DELIVER = "\nrepeat local _, left = s:poll(1) until left == 0"

local function in_task(before, after)
  return { HOST .. 's:submit(function()\nlocal echo = require "echo"\n' .. before, after .. "\nend):wait()" }
end

-- By a line that only this piece has: what comes before and behind it, and what it all prints. False: it is
-- a part of something that cannot be had here, and only has to be Lua.
local pieces = {
  ["local background = scheduler:map({ priority = \"low\" }, count, arg)"] = { "", "", "2 files, 2 + 1 words",
    files = { ["a.txt"] = "one two\n", ["b.txt"] = "three\n" }, arguments = "a.txt b.txt" },
  ["print(site:run(scheduler, nil, { journal = \"site.journal\", progress = true }).index)"] = { HOST .. [[
    local function urls() return { "a", "b" } end
    local function fetch(url) return url:upper() end
    local index = table.concat]], "", "AB", needs = "luasql.sqlite3" },
  ["editor.on_change(function(text)"] = { HOST .. [[
    local change
    local editor = { on_change = function(fn) change = fn end }
    local function complete(text) return text .. "!" end
    local function show(task) local ok, result = task:pwait() print(ok and result or result.kind) end]],
    'change "a" change "ab"' .. DELIVER, "cancelled\nab!" },
  ["until left == 0"] = { HOST .. "s:submit(math.abs, -1):on_complete(function(task) print(task:wait()) end)",
    "", "1" },
  ["local s <close> = echo.builder():with_worker_count(2):with_urgent_workers(1):build()"] = { ECHO .. [[
    local archives, word = { "a.txt", "b.txt" }, "echo"
    local function look_up(what) return #what end]], "", "4", files = { ["a.txt"] = "one\n", ["b.txt"] = "two\n" } },
  ["local high = s:stats().per_priority.high"] = { HOST .. 's:submit({ priority = "high" }, math.abs, -1):wait()',
    "",
    "^0 wait; half of them start within %d+%.%d ms, 99 %% within %d+%.%d$" },
  ["local forget = s:on_task_end(function(ends, dropped)"] = { HOST .. [[
    local said
    local function log(text) print(text) said = true end]], [[
    s:submit({ name = "sum" }, error, "no")
    while not said do s:poll(1) end]], "^sum failed after %d%.%d%d%d s$" },
  ["  local text = echo.await(s:submit(read, path))"] = { HOST .. [[
    local function read(path) return path .. ", read" end
    local function render(text) return text .. ", drawn" end
    local path, show = "page", print]], DELIVER, "page, read, drawn" },
  ["for task, ok, result in echo.iter(tasks) do"] = { HOST .. [[
    local first = s:submit(math.abs, -1)
    first:wait()
    local tasks = { first, s:submit(error, "no", 0) }]], "", "done\t1\nfailed\tno" },
  ["echo.await(4, timer.start, timer, 50, 0)                            -- timer:start(50, 0, cb)"] =
    { in_task("", "timer:close() print(err, stat.size > 0)"), "nil\ttrue", needs = "luv" },
  ["local err, data = echo.await(2, read, socket)"] = { in_task([[
    local socket = { read_start = function(_, call_back) call_back(nil, "text") end, read_stop = type }]],
    "print(err, data)"), "nil\ttext" },
  ["  local _ <close> = setmetatable({ handle = timer }, closing)"] =
    { in_task("", [[
    rest(1)
    local _, err = pcall(echo.timeout, 0.01, rest, 60000)
    print(err.kind)]]), "timeout", needs = "luv" },
  ["timer:start(50, 0, function() coroutine.resume(co, \"rested\") end)"] =
    { in_task('local timer = require "luv".new_timer()', "timer:close()"), "rested", needs = "luv" },
  ["local sizes = echo.scope(function(scope)"] = { in_task([[
    local paths = { "a", "bc" }
    local function measure(path) return #path end]], "print(table.unpack(sizes))"), "1\t2" },
  ["echo.register(\"Point\", Point)"] = { ECHO, "print(task:wait())\nscheduler:stop()", "^3\t" },
  ["return require(\"echo\").register(\"Point\", Point)"] = { ECHO,
    "print(scheduler:submit(function(p) return p:sum() end, Point.new(1, 2)):wait())\nscheduler:stop()", "3",
    module = "point.lua" },
  ["local Picture = image.metatable"] = false,
  ["function Log:__echo_transfer()"] = false,
  ["local log = assert(echo.buffer { file = \"access.log\" })           -- maps the file, copies nothing"] = {
    HOST, "print(#image, task:wait())", "4\t2", files = { ["photo.raw"] = "\0\1\2\3", ["access.log"] = "1 and 2" } },
  ["local jobs, results = echo.channel(100), echo.channel()"] = { HOST .. "local index = string.upper",
    'jobs:send "a"\nprint(results:receive())\njobs:close()', "a\tA" },
  ["echo.timeline(\"run.json\", \"run.svg\")"] = { HOST,
    'print((io.open "run.svg":read(4)))', "<svg", needs = "cjson" },
  ["local view <close> = top.new(scheduler)   -- or in a loop of your own"] =
    { HOST .. "local rounds = 2\nlocal function working() rounds = rounds - 1 return rounds >= 0 end",
    'print "over"', "over" },
  ["  pipeline.step { name = \"list\", needs = \"directory\", run = list },"] = { "", "", "3",
    files = { ["a.c"] = "1\n2\n", ["b.c"] = "3\n" } },
  ["  .. pipeline.step { name = \"index\", run = index }"] = { HOST .. [[
    local pipeline = require "echo.pipeline"
    local function urls() return { "a", "b" } end
    local fetch, parse, index = string.lower, string.upper, table.concat]], "print(site:run(s).index)", "AB" },
  ["local echo = require \"echo\""] = { "", "print(type(echo.builder))", "function" },
}

local function pieces_in(path)
  local found, lines = {}, nil
  local number = 0
  for line in io.lines(path) do
    number = number + 1
    if line == "```lua" then
      lines = { where = path .. ":" .. number }
    elseif lines and line == "```" then
      found[#found + 1], lines = lines, nil
    elseif lines then
      lines[#lines + 1] = line
    end
  end
  return found
end

-- Of a piece the case with the most particular line: the first that is longest.
local function case_of(lines)
  local best
  for _, line in ipairs(lines) do
    if pieces[line] ~= nil and (not best or #line > #best) then
      best = line
    end
  end
  return best and pieces[best], best
end

local directory

local function write(name, text)
  local file <close> = assert(io.open(directory .. "/" .. name, "wb"))
  assert(file:write(text))
end

local function absolute(paths, here)
  return (("/" .. paths):gsub("^/", ""):gsub("[^;]+", function(path)
    return path:find("^/") and path or here .. "/" .. path
  end))
end

local function run(program, arguments)
  write("program.lua", program)
  local pipe <close> = io.popen("pwd")
  local here = pipe:read("l")
  local command = ("cd '%s' && LUA_PATH='./?.lua;%s' LUA_CPATH='%s' timeout 60 %s program.lua %s 2>errors"):format(
    directory, absolute(package.path, here), absolute(package.cpath, here), INTERPRETER, arguments or "")
  local output <close> = io.popen(command)
  local text = output:read("a"):gsub("\n$", "")
  local errors <close> = io.open(directory .. "/errors")
  return text, errors:read("a")
end

local function program_of(lines, case)
  local before, behind = case[1], case[2]
  local text = table.concat(lines, "\n")
  if case.module then
    local module, rest = text:match("^(.-)\n%-%- the program\n(.*)$")
    write(case.module, module)
    text = rest
  end
  return before .. "\n" .. text .. "\n" .. behind .. "\n"
end

describe("a piece of Lua in", function()
  before_each(function()
    directory = os.tmpname()
    os.remove(directory)
    assert(os.execute("mkdir " .. directory))
  end)

  after_each(function()
    os.execute("rm -r " .. directory)
  end)

  local seen = {}
  for _, path in ipairs(MANUALS) do
    for _, lines in ipairs(pieces_in(path)) do
      local case, key = case_of(lines)
      seen[key or ""] = true
      it(lines.where .. " does what is said of it", function()
        assert.is_not_nil(case, "it is not among those that are looked at here")
        if not case then
          return assert.is_function(assert(load(table.concat(lines, "\n"))))
        elseif type(case[1]) == "table" then
          case = { case[1][1], case[1][2], case[2], needs = case.needs }
        end
        if case.needs and not pcall(require, case.needs) then
          return pending(case.needs .. " is not installed")
        end
        for name, text in pairs(case.files or {}) do
          write(name, text)
        end
        local text, errors = run(program_of(lines, case), case.arguments)
        if case[3]:find("^%^") then
          assert.matches(case[3], text, nil, errors)
        else
          assert.equal(case[3], text, errors)
        end
      end)
    end
  end

  it("this file is in a manual", function()
    for line in pairs(pieces) do
      assert.is_true(seen[line] or false, line)
    end
  end)
end)
