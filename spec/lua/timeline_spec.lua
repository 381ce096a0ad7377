-- The picture of a recording: recordings written by hand, and what can be seen of them.

local includes = require "spec.lua.support.includes"
local process = require "spec.lua.support.process"
local written_trace = require "spec.lua.support.written_trace"
local timeline = require "echo.timeline"
local xml = require "spec.lua.support.xml"

local name, stretch = written_trace.name, written_trace.stretch
local submitted, started = written_trace.submitted, written_trace.started

-- A picture of this width has a column for each of 1000 microseconds.
local THOUSAND = 1174
local LEFT = 150

local function draw(events, options)
  local path = written_trace.file(written_trace.text(events))
  options = options or {}
  options.width = options.width or THOUSAND
  local text = timeline(path, nil, options)
  xml.check(text)
  return text
end

-- The rectangles of a class with a title: lists of { x, width, title }.
local function titled(text, class)
  local list = {}
  local pattern = '<rect class="' .. class .. '" x="([%d.]+)" y="[%d.]+" width="([%d.]+)"[^>]*><title>([^<]*)</title>'
  for x, width, title in text:gmatch(pattern) do
    list[#list + 1] = { tonumber(x), tonumber(width), title }
  end
  return list
end

local function count(text, part)
  local _, found = text:gsub(part:gsub("%p", "%%%0"), "")
  return found
end

-- What gives a recording of 1000 microseconds.
local function edges()
  return stretch(0, 0, 1, "low"), stretch(1000, 0, 1, "low")
end

local function with_edges(events)
  local first, last = edges()
  table.insert(events, 1, first)
  events[#events + 1] = last
  return events
end

describe("echo.timeline", function()
  after_each(written_trace.remove)

  it("is the module's, too, and works in a task", function()
    local echo = require "echo"
    local path = written_trace.file(written_trace.text(with_edges { stretch(100, 300, 1, "high") }))
    assert.equal(timeline(path), echo.timeline(path))
    local s <close> = echo.builder():with_worker_count(1):build()
    assert.equal(timeline(path), s:submit(echo.timeline, path):wait())
    local _, raised = pcall(function()
      echo.timeline()
    end)
    assert.matches("^[^\n]*timeline_spec%.lua:%d+: echo%.timeline: trace: expected the path", raised)
  end)

  describe("draws", function()
    it("a lane a worker, with what ran when, coloured by priority", function()
      local text = draw(with_edges {
        name(1, "worker 1"), name(2, "worker 2"),
        stretch(100, 50, 1, "high", { name = "key" }), stretch(200, 300, 2, "normal", { name = "page", args = {
          ended = "done", queue = "disk" } }), stretch(600.5, 20.25, 1, "low"),
      })
      assert.same({ { LEFT + 100, 49.4, "key\nhigh, 50.0 µs from 100 µs on" } }, titled(text, "high"))
      assert.same({ { LEFT + 200, 299.4, "page\nnormal, 300 µs from 200 µs on\nqueue disk\ndone" } },
        titled(text, "normal"))
      assert.same({ { LEFT + 600.5, 19.6, "task\nlow, 20.2 µs from 600 µs on" } }, titled(text, "low"))
      includes(">worker 1</text>", text)
      includes(">1.00 ms · 2 workers · 5 tasks · 19 % busy</text>", text)
    end)

    it("names where there is room", function()
      local text = draw(with_edges { stretch(100, 90, 1, "high", { name = "fits" }),
        stretch(200, 20, 1, "high", { name = "this does not" }),
        stretch(300, 70, 1, "low", { name = "is cut short" }) })
      includes('class="name on-high"', text)
      includes(">fits</text>", text)
      assert.falsy(text:find ">this[^<]*</text>")
      includes(">is cut s…</text>", text)
    end)

    it("how long tasks waited", function()
      local text = draw(with_edges {
        submitted(1, 1025, 50), started(1, 1, 150), stretch(150, 50, 1, "high", { id = 1 }),
        -- In whatever order they are written.
        stretch(400, 50, 1, "low", { id = 2 }), started(2, 1, 400), submitted(2, 1025, 390),
        started("3", 1, 600), stretch(600, 50, 1, "low", { id = "3" }), submitted("3", 1025, 590),
      })
      includes("high: 1 task, median delay 110 µs, p99 110 µs", text)
      includes("low: 4 tasks, median delay 11.0 µs, p99 11.0 µs", text)
      includes('<path class="dots s-high" d="M300 ', text)
      includes('<path class="dots s-low" d="M550 ', text)
      includes(">until start</text>", text)
    end)

    it("a line from the submit to the start, unless there are too many", function()
      local events = { name(1025, "host"), stretch(0, 2, 1025, "submit"), submitted(1, 1025, 50), started(1, 1, 150),
        stretch(150, 50, 1, "high", { id = 1 }) }
      assert.matches('<path class="link s%-high" d="M200 [%d.]+C240 [%d.]+ 260 [%d.]+ 300 [%d.]+"/>',
        draw(with_edges(events)))
      for id = 2, 80 do
        events[#events + 1] = submitted(id, 1025, 10)
        events[#events + 1] = started(id, 1, id * 2)
      end
      assert.falsy(draw(with_edges(events)):find('class="link', 1, true))
    end)

    it("what made way, what waits and what failed", function()
      local text = draw(with_edges {
        stretch(100, 100, 1, "low", { id = 1, args = { ended = "interrupted" } }),
        stretch(200, 100, 1, "high", { id = 2, args = { ended = "suspended" } }),
        stretch(300, 100, 1, "low", { id = 1, args = { ended = "done" } }),
        stretch(500, 100, 1, "high", { id = 2, args = { ended = "failed" } }),
        { ph = "i", s = "t", pid = 7, tid = 1, ts = 700, name = "cancelled", cat = "low", id = 3 },
        { ph = "i", s = "t", pid = 7, tid = 1, ts = 100, name = "steal" },
        { ph = "i", s = "t", pid = 7, tid = 1, ts = 200, name = "interrupted" },
      })
      includes("1 interruption · 1 suspension · 1 steal · 1 failure · 1 cancellation", text)
      -- One in the legend, one at the end of the stretch, and a line until it goes on.
      assert.equal(2, count(text, '<path class="way"'))
      assert.equal(2, count(text, '<path class="pause"'))
      assert.equal(2, count(text, '<path class="cross"'))
      assert.matches('<path class="gap s%-low" d="M350 [%d.]+L450 ', text)
      assert.matches('<path class="gap s%-high" d="M450 [%d.]+L650 ', text)
      includes("4 tasks", text)
    end)

    it("ticks instead of signs that would cover each other", function()
      local events = {}
      for index = 1, 200 do
        events[index] = stretch(index * 4, 3, 1, "low", { args = { ended = "interrupted" } })
      end
      local text = draw(with_edges(events))
      assert.equal(1, count(text, '<path class="way"'))
      includes('<path class="tick"', text)
    end)

    it("how many were queued", function()
      local function queued(ts, high, low)
        return { ph = "C", pid = 7, ts = ts, name = "queued", args = { high = high, low = low } }
      end
      local text = draw(with_edges { queued(100, 0, 3000), queued(500, 1000, 0), queued(900, 0, 0),
        { ph = "C", pid = 7, ts = 5, name = "queue disk", args = { waiting = 3, running = 1 } } })
      includes(">queued</text>", text)
      includes(">queue disk</text>", text)
      includes(">3,000</text>", text)
      -- The low ones up to the sample at 500, whose column still has more of them, then the high ones up to 900.
      local bottom = tonumber(text:match '<path class="high" d="M150 ([%d.]+)H')
      includes(('<path class="high" d="M150 %gH651V%gH1051V%gH'):format(bottom, bottom - 14.7, bottom), text)
      includes(('<path class="low" d="M150 %gH250V%gH651V%gH1051V%gH'):format(
        bottom, bottom - 44, bottom - 14.7, bottom), text)
    end)

    it("what one task runs inside another one", function()
      local text = draw(with_edges { stretch(100, 500, 1, "low", { name = "outer" }),
        stretch(200, 100, 1, "high", { name = "inner" }) })
      local outer = tonumber(text:match '<rect class="low" x="250" y="([%d.]+)" width="499')
      local inner = tonumber(text:match '<rect class="high" x="350" y="([%d.]+)" width="99')
      assert.is_true(inner > outer)
      includes("50 % busy", text)
    end)

    it("a beginning and an end as one, and what has no end up to the last moment", function()
      local function half(ph, ts, title, ended)
        return { ph = ph, pid = 7, tid = 1, ts = ts, cat = "high", name = title, args = { ended = ended } }
      end
      local text = draw(with_edges { half("B", 100, "outer"), half("B", 200, "inner"), half("E", 300, nil, "failed"),
        half("E", 400), half("E", 500), half("B", 600, "open") })
      assert.same({ { 250, 299.4, "outer\nhigh, 300 µs from 100 µs on" },
        { 350, 99.4, "inner\nhigh, 100 µs from 200 µs on\nfailed" },
        { 750, 399.4, "open\nhigh, 400 µs from 600 µs on\nrunning" } }, titled(text, "high"))
    end)

    it("what is too narrow as how much there is of it", function()
      local events = {}
      for index = 0, 99 do
        events[#events + 1] = stretch(100 + index, 0.5, 1, "low")
        events[#events + 1] = stretch(100.5 + index, 0.25, 1, "high")
      end
      local text = draw(with_edges(events))
      assert.same({}, titled(text, "low"))
      -- Half of a lane of 24 pixels, above a quarter.
      assert.matches('<path class="high" d="M250 [%d.]+h100v%-6h%-100z', text)
      assert.matches('<path class="low" d=".-M250 [%d.]+h100v%-12h%-100z', text)
      includes("<title>12 high\n12 low</title>", text)
      includes("8 % busy", text)
    end)

    it("other threads below the workers, with what they submit and wait for", function()
      local text = draw { name(1025, "main"), name(2, "worker 2"), stretch(0, 5, 1025, "submit"),
        stretch(500, 500, 1025, "wait", { name = "wait" }), stretch(10, 500, 2, "high") }
      assert.is_true(text:find(">worker 2<", 1, true) < text:find(">main<", 1, true))
      includes("1 worker · 1 task", text)
      includes("submitting", text)
      includes("waiting for a result", text)
      assert.equal(500 - 0.6, titled(text, "wait")[1][2])
    end)

    it("a worker that only slept", function()
      local text = draw { name(1, "sleeper"), stretch(0, 1000, 1, "idle", { name = "parked" }) }
      includes(">sleeper</text>", text)
      includes("1 worker · 0 tasks · 0 % busy", text)
    end)

    it("a worker that did nothing at all, by its name", function()
      local text = draw(with_edges { name(1, "echo-0"), name(2, "echo-1"), name(3, "GC"), stretch(0, 1000, 1, "high") })
      includes(">echo-1</text>", text)
      assert.falsy(text:find(">GC<", 1, true))
      includes("2 workers · 3 tasks · 50 % busy", text)
    end)

    it("a worker for urgent tasks that had none", function()
      local text = draw(with_edges { name(1, "echo-0"), name(2, "echo-urgent1"), stretch(0, 1000, 1, "high") })
      includes(">echo-urgent1</text>", text)
      includes("2 workers · 3 tasks · 50 % busy", text)
    end)

    it("the time, with ticks at round figures", function()
      local text = draw(with_edges {})
      includes('x="150" y', text)
      for _, label in ipairs { "0.0 ms", "0.1 ms", "0.9 ms", "1.0 ms" } do
        includes(">" .. label .. "</text>", text)
      end
      includes(">2.0 s</text>", draw { stretch(3e6, 0, 1, "low"), stretch(5.02e6, 0, 1, "low") })
    end)

    it("what begins with a mark of its byte order", function()
      local text = "\xEF\xBB\xBF " .. written_trace.text { stretch(5, 9, 1, "low") }
      includes("1 task", timeline(written_trace.file(text)))
    end)

    it("a single moment", function()
      includes("1 task", draw { stretch(5, 0, 1, "low") })
    end)

    it("other programs' recordings, in an object, too", function()
      local path = written_trace.file [[ { "displayTimeUnit": "ms", "otherData": { "a": [1] },
        "traceEvents" : [ { "name": "paint", "cat": "blink", "ph": "X", "ts": 1000000, "dur": 500,
          "pid": "main", "tid": 1.0, "args": { "deep": { "braces": "}}{" } } },
          {"name":"paint","ph":"X","ts":1000600,"pid":"other","tid":"x","tts":1},
          {"name":"process_name","ph":"M","pid":"other","args":{"name":"P"}}, {"ph":"N","id":1} ],
        "stackFrames": {} } ]]
      local text = timeline(path)
      xml.check(text)
      includes("<title>paint\nother, 500 µs from 0 on</title>", text)
      includes(">P thread x</text>", text)
      includes(">thread 1</text>", text)
    end)

    it("nothing that names could do to it", function()
      local bad = '<b>&"\0\1\127\xFF\xED\xA0\x80\xEF\xBF\xBF\n</svg>'
      local text = draw(with_edges { name(1, bad), stretch(10, 500, 1, "high", { name = bad, args = { ended = bad,
        queue = bad } }), { ph = "C", pid = 7, ts = 5, name = bad, args = { [bad] = 3 } } }, { title = bad })
      xml.lint { text }
      includes("&lt;b&gt;&amp;&quot;???ÿ", text)
    end)

    it("what could not be recorded, or not be read, as a note", function()
      local text = written_trace.text(with_edges { stretch(10, 500, 1, "high"), stretch(20, -5, 1, "high"),
        { ph = "C", pid = 7, ts = 5, name = "dropped", args = { events = 1200 } } })
      text = text:gsub("^%[", '[{"ph":"X","ts":tru},\n{"no":"event"},\n')
      text = timeline(written_trace.file(text))
      includes("1,200 events did not fit into the recording · 3 events could not be read", text)
    end)

    it("that delays are not known, as a note", function()
      local events = with_edges { submitted(1, 1025, 5), started(1, 1, 10), started(2, 1, 20), started(3, 1, 30) }
      includes(">2 delays not known</text>", draw(events))
      includes(">1 delay not known</text>", draw(events, { from = 25e-6 }))
      assert.falsy(draw(events, { from = 40e-6 }):find("not known", 1, true))
    end)

    it("no more lanes than can be told apart", function()
      local events = {}
      for tid = 1, 200 do
        events[tid] = stretch(tid, 100, tid, "low")
      end
      local text = draw(events)
      includes("72 more threads not drawn", text)
      assert.equal(128, count(text, '<rect class="lane"'))
    end)
  end)

  describe("option", function()
    it("from and to: a part", function()
      local events = with_edges { stretch(100, 300, 1, "high", { name = "over the edge" }),
        stretch(300, 50, 1, "normal"), stretch(700, 300, 1, "low"), submitted(1, 1, 0), started(1, 1, 100),
        submitted(2, 1, 0), started(2, 1, 300), { ph = "C", pid = 7, ts = 5, name = "queued", args = { low = 8 } } }
      local text = draw(events, { from = 250e-6, to = 450e-6 })
      assert.same({ { 150, 749.4, "over the edge\nhigh, 300 µs from 100 µs on" } }, titled(text, "high"))
      assert.same({ { 400, 249.4, "task\nnormal, 50.0 µs from 300 µs on" } }, titled(text, "normal"))
      assert.same({}, titled(text, "low"))
      includes(">260 µs</text>", text)
      includes(">8</text>", text)
      assert.equal(1, select(2, text:gsub('<path class="dots', "")))
      includes("950 µs", draw(events, { from = 50e-6 }))
      includes("100 ms", draw(events, { to = 0.1 }))
    end)

    it("to: without what ends later", function()
      local events = with_edges { stretch(100, 300, 1, "high", { args = { ended = "interrupted" } }) }
      includes("1 interruption", draw(events, { to = 400e-6 }))
      assert.falsy(draw(events, { to = 399e-6 }):find("interruption", 1, true))
    end)

    it("title", function()
      includes(">A &amp; B</text>", draw(with_edges {}, { title = "A & B" }))
      local path = written_trace.file(written_trace.text(with_edges {}))
      includes(">" .. path:match "[^/]+$" .. "</text>", timeline(path))
    end)

    it("width, down to where nothing overlaps the edge", function()
      for _, width in ipairs { 480, 1200, 3000 } do
        local text = draw(with_edges { stretch(100, 300, 1, "high") }, { width = width })
        includes(('<svg xmlns="http://www.w3.org/2000/svg" width="%d"'):format(width), text)
        local right = titled(text, "high")[1]
        assert.is_true(right[1] + right[2] < width)
      end
    end)
  end)

  it("forgets what was long ago", function()
    local table_of = require "echo.timeline.generations".new(3)
    for key = 1, 10 do
      table_of:set(key, key)
    end
    local kept = 0
    table_of:each(function() kept = kept + 1 end)
    assert.is_true(kept >= 3 and kept <= 6)
    assert.same({ 8, 9, 10 }, { table_of:take(8), table_of:take(9), table_of:take(10) })
    assert.same({}, { table_of:take(1), table_of:take(10) })
  end)

  describe("refuses", function()
    local function refused(part, ...)
      local ok, raised = pcall(timeline, ...)
      assert.is_false(ok)
      includes("echo.timeline: " .. part, raised)
      return raised
    end

    it("arguments that are none, by name", function()
      local path = written_trace.file(written_trace.text(with_edges {}))
      refused "trace: expected the path of a recording, got a nil"
      refused("trace: expected the path of a recording, got a table", {})
      refused('trace: expected the path of a recording, got ""', "")
      refused("out: expected the path of a file to write, got a number", path, 5)
      refused("out: expected another file than the recording, got " .. path, path, path)
      refused("options: expected a table, got a string", path, nil, "wide")
      refused('unknown option "size"', path, nil, { size = 3 })
      refused("width: expected a number, got a string", path, nil, { width = "3" })
      refused("width: expected a whole number from 480 to 10000, got 12.5", path, nil, { width = 12.5 })
      refused("width: expected a whole number from 480 to 10000, got nan", path, nil, { width = math.abs(0 / 0) })
      refused("width: expected a whole number from 480 to 10000, got 100000", path, nil, { width = 1e5 })
      refused("title: expected a string, got a boolean", path, nil, { title = true })
      refused("from: expected seconds from the recording's beginning, got -1", path, nil, { from = -1 })
      refused("to: expected seconds from the recording's beginning, got inf", path, nil, { to = math.huge })
      refused("to: expected a time after 2, got 1", path, nil, { from = 2, to = 1 })
      refused("to: expected a time after the beginning, got 0", path, nil, { to = 0 })
      refused("from: expected a time before the recording's end, 0.001000 s, got 2.000000", path, nil, { from = 2 })
    end)

    it("at the caller's position", function()
      local _, raised = pcall(function()
        timeline "/nowhere/at/all"
      end)
      assert.matches("^[^\n]*timeline_spec%.lua:%d+: echo%.timeline: trace: /nowhere/at/all: No such file", raised)
    end)

    it("files that are no recordings", function()
      local none = ': is no Chrome trace: expected a JSON array of events, or an object with "traceEvents"'
      refused("trace: /tmp: Is a directory", "/tmp")
      for text, problem in pairs {
        [""] = ": is empty: nothing was recorded", ["[]"] = ": has no events: nothing was recorded",
        ["[\n"] = ": has no events: nothing was recorded", ["\x1F\x8B\8\0"] = ": is compressed: unpack it first",
        ["just text"] = none, ["{}"] = none, ['{"traceEvents": 5}'] = none, ["[1, 2, 3]"] = none,
        ['["a", {"b": 1}, []]'] = none, ["\0\1\2"] = none, ["[" .. ("{"):rep(1e6)] = none,
        ["{" .. (" "):rep(1e6)] = none, [("[{},"):rep(2000)] = none,
        ['[{"ph":"M","name":"thread_name","args":{"name":"x"}}]'] = ": has names only: nothing was recorded",
        ['[{"ph":"X","ts":"soon"}]'] = none,
      } do
        local path = written_trace.file(text)
        refused("trace: " .. path .. problem, path)
      end
    end)

    it("to be without JSON, with the packages' names", function()
      local result = process.run [[
        package.preload.cjson = function() error "none" end
        package.preload.dkjson = package.preload.cjson
        print(pcall(require "echo.timeline", arg[0]))]]
      includes("needs a JSON library to read a recording, and found none: install lua-cjson or lua-dkjson", result.out)
    end)
  end)

  describe("writes", function()
    local folder

    before_each(function()
      folder = os.tmpname()
      os.remove(folder)
      assert(os.execute("mkdir " .. folder))
    end)

    after_each(function()
      os.execute("rm -rf " .. folder)
    end)

    local function files()
      local pipe <close> = assert(io.popen("LC_ALL=C ls -A " .. folder))
      return pipe:read "a"
    end

    local function content(path)
      local file <close> = assert(io.open(path, "rb"))
      return file:read "a"
    end

    it("the file, and nothing beside it", function()
      local path = written_trace.file(written_trace.text(with_edges {}))
      assert.equal(0, select("#", timeline(path, folder .. "/out.svg")) - 1)
      assert.equal("out.svg\n", files())
      assert.equal(timeline(path), content(folder .. "/out.svg"))
      timeline(path, folder .. "/out.svg", { title = "again" })
      includes("again", content(folder .. "/out.svg"))
      assert.equal("out.svg\n", files())
    end)

    it("nothing when something is wrong", function()
      local path = written_trace.file(written_trace.text(with_edges {}))
      timeline(path, folder .. "/out.svg")
      local before = content(folder .. "/out.svg")
      assert.is_false(pcall(timeline, written_trace.file "nothing", folder .. "/out.svg"))
      assert.equal(before, content(folder .. "/out.svg"))
      assert.equal("out.svg\n", files())
    end)

    it("no file that cannot be written", function()
      local path = written_trace.file(written_trace.text(with_edges {}))
      local function refused(out, problem)
        local ok, raised = pcall(timeline, path, out)
        assert.is_false(ok)
        includes(("echo.timeline: out: %s: %s"):format(out, problem), raised)
      end
      refused(folder .. "/no/out.svg", "No such file or directory")
      refused(folder, "Is a directory")
      refused(folder .. "/", "Is a directory")
      assert.equal("", files())
    end)

    -- By links of our own: whoever breaks this must not replace the machine's devices.
    it("to devices and pipes, and does not replace them", function()
      local path = written_trace.file(written_trace.text(with_edges {}))
      assert(os.execute(("ln -s /dev/full %s/full && ln -s /dev/null %s/-null && mkfifo \"%s/the 'pipe'\""):format(
        folder, folder, folder)))
      local ok, raised = pcall(timeline, path, folder .. "/full")
      assert.is_false(ok)
      includes("/full: No space left on device", raised)
      timeline(path, folder .. "/-null")
      assert(os.execute(("timeout 20 cat \"%s/the 'pipe'\" >%s/got &"):format(folder, folder)))
      timeline(path, folder .. "/the 'pipe'")
      assert(os.execute(("cd %s && test -L full && test -L ./-null && test -p \"the 'pipe'\""):format(folder)))
      local text, tries = timeline(path), 0
      while content(folder .. "/got") ~= text and tries < 2000 do
        tries = tries + 1
        os.execute "sleep 0.01"
      end
      assert.equal(text, content(folder .. "/got"))
      assert.equal("-null\nfull\ngot\nthe 'pipe'\n", files())
    end)

    it("no half of a file when the disk is full", function()
      local path = written_trace.file(written_trace.text(with_edges {}))
      local result = process.shell(([[require "echo.timeline"(%q, %q)]]):format(path, folder .. "/out.svg"),
        "trap '' XFSZ; ulimit -f 1; timeout 20 $LUA $SCRIPT")
      assert.equal(1, result.code)
      includes("out.svg: File too large", result.err)
      assert.equal("", files())
    end)
  end)
end)
