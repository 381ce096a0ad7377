-- The progress bar on a stream and a clock of our own.

local progress = require "echo.progress"

local function new_stream()
  local stream = { written = {}, flushed = 0 }
  function stream:write(...)
    self.written[#self.written + 1] = table.concat({ ... })
    return self
  end
  function stream:flush()
    self.flushed = self.flushed + 1
  end
  function stream:text()
    return table.concat(self.written)
  end
  return stream
end

local function new_clock()
  local clock = { now = 100 }
  function clock.read()
    return clock.now
  end
  return clock
end

local function new_bar(options)
  local stream, clock = new_stream(), new_clock()
  options.stream, options.clock = stream, clock.read
  if options.terminal == nil then
    options.terminal = false
  end
  return progress.new(options), stream, clock
end

local function run_to_the_end(bar, clock, total, seconds)
  for done = 1, total do
    clock.now = clock.now + seconds
    bar:update(done)
  end
  bar:finish()
end

local function lines_of(text)
  local lines = {}
  for line in text:gmatch("[^\n]+") do
    lines[#lines + 1] = line
  end
  return lines
end

describe("progress in a pipe", function()
  it("writes a plain line every ten percent and one at the end", function()
    local bar, stream, clock = new_bar { total = 200, label = "reading", unit = "files" }
    run_to_the_end(bar, clock, 200, 1)
    local lines = lines_of(stream:text())
    assert.equal(10, #lines)
    assert.equal("reading: 10 % (20 files, 1 files/s, 3:00 min left)", lines[1])
    assert.equal("reading: 90 % (180 files, 1 files/s, 20 s left)", lines[9])
    assert.equal("reading: 100 % (200 files, 1 files/s, in 3:20 min)", lines[10])
  end)

  it("takes another step", function()
    local bar, stream, clock = new_bar { total = 200, step = 50 }
    run_to_the_end(bar, clock, 200, 1)
    assert.equal(2, #lines_of(stream:text()))
  end)

  it("writes no more than two lines a second", function()
    local bar, stream, clock = new_bar { total = 1000 }
    run_to_the_end(bar, clock, 1000, 0.001)
    assert.equal(3, #lines_of(stream:text()))
  end)

  it("has no control character but the line's end, whatever the note holds", function()
    local bar, stream, clock = new_bar { total = 10 }
    clock.now = clock.now + 1
    bar:update(5, "a\27[31mb\rc\n")
    bar:finish()
    assert.is_nil(stream:text():gsub("\n", ""):find("%c"))
  end)

  it("says how far it came when it ends early", function()
    local bar, stream, clock = new_bar { total = 10, unit = "files" }
    clock.now = clock.now + 2
    bar:update(3)
    bar:finish()
    local lines = lines_of(stream:text())
    assert.equal("30 % (3 files, 2 files/s, in 2.0 s)", lines[#lines])
  end)

  it("reads sizes as a person does", function()
    local bar, stream, clock = new_bar { total = 3e9, unit = "bytes" }
    clock.now = clock.now + 1
    bar:update(1.5e6)
    bar:finish()
    assert.equal("0 % (1.5 MB, 1.5 MB/s, in 1.0 s)\n", stream:text())
  end)

  it("ends a total of nothing at a hundred percent", function()
    local bar, stream = new_bar { total = 0, unit = "files" }
    bar:finish()
    assert.equal("100 % (0 files, in 0.0 s)\n", stream:text())
  end)

  it("never says more than a hundred percent", function()
    local bar, stream, clock = new_bar { total = 10, unit = "files" }
    clock.now = clock.now + 1
    bar:update(25)
    bar:finish()
    assert.equal("100 % (25 files, 25 files/s, in 1.0 s)\n", stream:text())
  end)
end)

describe("progress on a terminal", function()
  it("redraws one line and ends it once", function()
    local bar, stream, clock = new_bar { total = 100, terminal = true, colour = false, width = 80 }
    run_to_the_end(bar, clock, 100, 0.05)
    bar:finish()
    local text = stream:text()
    assert.equal("\n", text:sub(-1))
    assert.equal(1, select(2, text:gsub("\n", "")))
    for _, drawing in ipairs(stream.written) do
      assert.is_truthy(drawing == "\n" or drawing:find("^\r.*\27%[K$"))
    end
  end)

  it("redraws ten times a second and no more", function()
    local bar, stream, clock = new_bar { total = 2000, terminal = true, width = 80 }
    for done = 1, 2000 do
      clock.now = clock.now + 0.001
      bar:update(done)
    end
    local count = #stream.written
    assert.is_true(count >= 15 and count <= 21, "drawn " .. count .. " times in 2 s")
  end)

  it("fills the bar by the share that is done", function()
    local bar, stream, clock = new_bar { total = 4, terminal = true, colour = false, width = 100, unit = "files" }
    clock.now = clock.now + 2
    bar:update(1)
    local gauge = stream:text():match("%[([= ]+)%]")
    assert.equal(24, #gauge)
    assert.equal(("="):rep(6) .. (" "):rep(18), gauge)
    assert.is_truthy(stream:text():find(" 25 %%"))
  end)

  for _, width in ipairs { 20, 33, 40, 57, 80, 200 } do
    it("fits on a line of " .. width .. " columns", function()
      local bar, stream, clock = new_bar {
        total = 1e9, terminal = true, colour = false, width = width, unit = "bytes", label = "a long label",
      }
      clock.now = clock.now + 3
      bar:update(123456789, ("päth/"):rep(100))
      local line = stream:text():match("^\r(.*)\27%[K$")
      assert.is_true(utf8.len(line) < width, line)
    end)
  end

  it("shows the note without its control characters where there is room", function()
    local bar, stream = new_bar { total = 10, terminal = true, width = 120 }
    bar:update(1, "odd\27[2Jname.h")
    assert.is_truthy(stream:text():find("odd?[2Jname.h", 1, true))
  end)

  it("colours only where it may", function()
    local bar, stream = new_bar { total = 10, terminal = true, colour = true, width = 80 }
    bar:update(5)
    assert.is_truthy(stream:text():find("\27[32m", 1, true))
    bar, stream = new_bar { total = 10, terminal = true, colour = false, width = 80 }
    bar:update(5)
    assert.is_nil(stream:text():find("\27[3", 1, true))
  end)
end)

describe("progress", function()
  it("ends its line when its block is left by an error", function()
    local stream
    local left = pcall(function()
      local bar <close>, its_stream = new_bar { total = 10, terminal = true, width = 80 }
      stream = its_stream
      bar:update(5)
      error("something else")
    end)
    assert.is_false(left)
    assert.equal("\n", stream:text():sub(-1))
  end)

  it("takes an update after the end without a word", function()
    local bar, stream = new_bar { total = 10 }
    bar:finish()
    local before = stream:text()
    bar:update(7)
    bar:finish()
    assert.equal(before, stream:text())
  end)

  it("needs no flush of its stream", function()
    local text = ""
    local stream = {
      write = function(_, ...)
        text = text .. table.concat({ ... })
      end,
    }
    progress.new({ total = 1, stream = stream, terminal = false, clock = os.clock }):finish()
    assert.is_truthy(text:find("^0 %%"))
  end)

  local refused = {
    { "no table", nil, "progress.new: expected a table of options, got a nil" },
    { "no total", {}, "progress.new: total: expected a number, got nothing" },
    { "a total in words", { total = "ten" }, "progress.new: total: expected a number, got a string" },
    { "a negative total", { total = -1 }, "progress.new: total: expected a number of at least 0, got -1" },
    { "a total without end", { total = math.huge }, "progress.new: total: expected a number of at least 0, got inf" },
    { "a total that is no number", { total = 0 / 0 }, "progress.new: total: expected a number of at least 0" },
    { "a label of another type", { total = 1, label = 5 }, "progress.new: label: expected a string, got a number" },
    { "no stream", { total = 1, stream = "stderr" }, "progress.new: stream: expected a stream, got a string" },
    { "no room", { total = 1, width = 3 }, "progress.new: width: expected a number of at least 20, got 3" },
    { "no step", { total = 1, step = 0 }, "progress.new: step: expected a number of at least 1, got 0" },
    { "half a truth", { total = 1, terminal = "yes" }, "progress.new: terminal: expected a boolean, got a string" },
    { "an unknown option", { total = 1, totl = 1 }, 'progress.new: unknown option "totl"' },
  }
  for _, case in ipairs(refused) do
    local name, options, expected = case[1], case[2], case[3]
    it("refuses " .. name .. " and says where", function()
      local accepted, message = pcall(progress.new, options)
      assert.is_false(accepted)
      assert.is_truthy(message:find(expected, 1, true), message)
    end)
  end

  it("blames the caller's line", function()
    local chunk = load("local new = ...\nlocal bar = new { total = 'x' }\nreturn bar", "=caller")
    local _, message = pcall(chunk, progress.new)
    assert.is_truthy(message:find("^caller:2: "), message)
    local bar = new_bar { total = 1 }
    chunk = load("local bar = ...\nbar:update('x')", "=caller")
    _, message = pcall(chunk, bar)
    assert.is_truthy(message:find("^caller:2: "), message)
  end)

  for _, done in ipairs { -1, 0 / 0, "3" } do
    it("refuses to be done to " .. tostring(done), function()
      local bar = new_bar { total = 1 }
      assert.has_error(function()
        bar:update(done)
      end)
    end)
  end
end)

describe("progress by itself", function()
  -- Standard error of these is a file, or the terminal that `script` makes.
  local program = [[local progress = require "echo.progress" ]]
    .. [[local bar = progress.new { total = 2, clock = os.clock } bar:update(1) bar:finish()]]

  local function output_of(command)
    local pipe <close> = io.popen(command)
    return pipe:read("a")
  end

  local has_script = os.execute("command -v script >/dev/null 2>&1")
  local on_terminal = has_script and it or pending

  local function quoted(text)
    return "'" .. text:gsub("'", "'\\''") .. "'"
  end

  local function on_a_terminal(environment)
    local command = environment .. " lua5.4 -e " .. quoted(program)
    return output_of("script -qec " .. quoted(command) .. " /dev/null </dev/null")
  end

  it("writes plainly into a pipe", function()
    local text = output_of("lua5.4 -e " .. quoted(program) .. " 2>&1")
    assert.is_truthy(text:find("50 %%"))
    assert.is_nil(text:find("[\r\27]"))
  end)

  on_terminal("redraws on a terminal", function()
    local text = on_a_terminal("TERM=xterm NO_COLOR=")
    assert.is_truthy(text:find("\27[K", 1, true))
    assert.is_truthy(text:find("\27[32m", 1, true))
  end)

  on_terminal("respects NO_COLOR", function()
    local text = on_a_terminal("TERM=xterm NO_COLOR=1")
    assert.is_truthy(text:find("\27[K", 1, true))
    assert.is_nil(text:find("\27[32m", 1, true))
  end)

  on_terminal("writes plainly on a dumb terminal", function()
    local text = on_a_terminal("TERM=dumb")
    assert.is_truthy(text:find("50 %%"))
    assert.is_nil(text:find("\27", 1, true))
  end)
end)
