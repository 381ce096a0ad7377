-- The command luaecho, as a user runs it.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local process = require "spec.lua.support.process"

local has_luv = pcall(require, "luv")
local has_sqlite = pcall(require, "luasql.sqlite3")

local FILE = [[
local echo, pipeline = require "echo", require "echo.pipeline"
return pipeline.new {
  name = "demo", params = { n = { default = 3 }, word = "string", bad = { default = false } }, queues = { one = 1 },
  pipeline.step { name = "list", needs = "n", run = function(n)
    local t = {} for i = 1, n do t[i] = i end return t end },
  pipeline.step { name = "a", each = "list", needs = { "word", "bad" }, queue = "one", run = function(x, _, word, bad)
    if bad and x == 2 then error "boom" end
    return word .. x
  end },
}]]

local SLOW = [[
local echo, pipeline = require "echo", require "echo.pipeline"
return pipeline.new { params = { log = "string" },
  pipeline.step { name = "a", items = { 1, 2, 3, 4 }, limit = 1, group = 1, needs = "log",
    run = function(x, _, log)
      local file <close> = assert(io.open(log, "a"))
      file:write(x, "\n")
      file:flush()
      if x == 2 then echo.sleep(tonumber(os.getenv "SLEEP" or 1e6)) end
      return x
    end },
}]]

-- Runs the command on a file of this text; $SCRIPT is its path.
local function luaecho(text, command)
  return process.shell(text, "timeout 60 $LUA bin/luaecho " .. command)
end

describe("luaecho", function()
  it("helps", function()
    local result = luaecho("", "--help")
    assert.same({ 0, "" }, { result.code, result.err })
    includes("usage: luaecho COMMAND", result.out)
    result = luaecho("", "")
    assert.same({ 2, "" }, { result.code, result.out })
    assert.equal(0, luaecho("", "run --help").code)
    assert.equal("luaecho, " .. echo._VERSION .. "\n", luaecho("", "--version").out)
    assert.matches("^Echo %d+%.%d+%.%d+$", echo._VERSION)
  end)

  it("says what is wrong with its command line, with 2", function()
    for command, text in pairs {
      ["fly"] = 'there is no command "fly"', ["run"] = "run needs a file",
      ["run $SCRIPT --colour"] = "run has no option --colour", ["run $SCRIPT --workers"] = "--workers needs a number",
      ["run $SCRIPT --workers 0"] = "--workers: expected a number from 1 to 1024",
      ["check a b"] = "expected param=value",
      ["run $SCRIPT --json=1"] = "--json takes no value", ["run $SCRIPT m=1"] = 'no parameter "m"',
      ["run $SCRIPT n=x word=y"] = 'n: expected a number, got "x"', ["bench x"] = 'bench takes no "x"',
      ["run /nowhere/at/all"] = "/nowhere/at/all", ["run $SCRIPT --dry-run"] = 'parameter "word": expected a string',
      ["run $SCRIPT n=1"] = 'parameter "word": expected a string: word=...',
    } do
      local result = luaecho(FILE, command)
      assert.equal(2, result.code, command)
      includes(text, result.err)
    end
    includes("expected it to return a pipeline, got a nil", luaecho("local x = 1", "run $SCRIPT").err)
    assert.equal(2, luaecho("error 'x'", "check $SCRIPT").code)
  end)

  it("runs, and is quiet about it in a pipe", function()
    local result = luaecho(FILE, "run $SCRIPT word=x --workers 1")
    assert.same({ 0, "", "" }, { result.code, result.out, result.err })
  end)

  it("says its results as JSON", function()
    local result = luaecho(FILE, "run $SCRIPT word='a\"é' n=2 --json")
    assert.equal(0, result.code)
    includes('"results":{"a":["a\\"é1","a\\"é2"],"list":[1,2]}', result.out)
    includes('"status":"done"', result.out)
    result = luaecho(FILE, "run $SCRIPT word=a bad=true --json")
    assert.equal(1, result.code)
    includes('"error":{"index":2,"kind":"error"', result.out)
  end)

  it("explains", function()
    includes("critical path: list -> a", luaecho(FILE, "run $SCRIPT word=x --explain").err)
  end)

  it("says which step failed, with 1", function()
    local result = luaecho(FILE, "run $SCRIPT word=x bad=true")
    assert.same({ 1, "" }, { result.code, result.out })
    assert.matches('^luaecho: step "a", item 2 %(.-:6%): .-boom\nstack traceback:', result.err)
  end)

  it("shows what it would run", function()
    local result = luaecho(FILE, "run $SCRIPT word=x --dry-run")
    assert.same({ 0, "" }, { result.code, result.err })
    includes("  a <- each of list, word, bad (queue one)", result.out)
  end)

  it("checks and draws", function()
    local bad = 'return require "echo.pipeline".step { name = "a", needs = "b", run = function() end }'
    local result = luaecho(bad, "check $SCRIPT")
    assert.equal(1, result.code)
    assert.matches(':1: step "a": there is no step or parameter "b"\n$', result.err)
    assert.equal(1, luaecho(bad, "graph $SCRIPT").code)
    assert.equal(1, luaecho(bad, "run $SCRIPT").code)
    result = luaecho(FILE, "check $SCRIPT")
    assert.same({ 0, "", "" }, { result.code, result.out, result.err })
    assert.matches("^<svg .*</svg>\n$", luaecho(FILE, "graph $SCRIPT").out)
  end)

  it("records what workers do", function()
    local result = luaecho(FILE, "run $SCRIPT word=x --trace $SCRIPT.trace; code=$?; cat $SCRIPT.trace; "
      .. "rm -f $SCRIPT.trace; (exit $code)")
    assert.equal(0, result.code)
    assert.matches('%[\n{"ph":"M".*"args":{"ended":"done"}.*}\n%]\n$', result.out)
  end)

  it("says why it cannot record, and runs nothing", function()
    local result = luaecho(FILE, "run $SCRIPT word=x --trace /nonexistent/file")
    assert.same({ 2, "" }, { result.code, result.out })
    assert.equal("luaecho: --trace: cannot write '/nonexistent/file': No such file or directory\n", result.err)
  end)

  it("says when a recording broke off, which is no failure of the run", function()
    local result = process.shell([[
      local echo, pipeline = require "echo", require "echo.pipeline"
      return pipeline.new { pipeline.step { name = "many", run = function()
        for i = 1, 3000 do echo.await(echo.submit(math.abs, i)) end
      end } }]], "ulimit -f 200; timeout 20 $LUA bin/luaecho run $SCRIPT --trace $SCRIPT.trace; code=$?; "
      .. "rm -f $SCRIPT.trace; exit $code")
    assert.same({ 0, "" }, { result.code, result.out })
    assert.equal("luaecho: --trace: the recording broke off: File too large\n", result.err)
  end)

  it("has a quick look at the machine", function()
    local result = luaecho("", "bench --workers 1")
    assert.equal(0, result.code)
    assert.matches("workers +1\n", result.out)
  end)

  -- Starts SLOW, waits until its second element sleeps, and goes on with `then`.
  local function interrupted(actions, options)
    return process.shell(SLOW, [[
      $LUA bin/luaecho run $SCRIPT log=$SCRIPT.log --journal $SCRIPT.db ]] .. (options or "") .. [[ & pid=$!
      tries=0; while ! grep -qs 2 $SCRIPT.log && [ $tries -lt 400 ]; do sleep 0.05; tries=$((tries + 1)); done
      ]] .. actions .. [[
      wait $pid; code=$?
      cat $SCRIPT.log; rm -f $SCRIPT.log $SCRIPT.db $SCRIPT.db-wal $SCRIPT.trace; exit $code]])
  end

  if has_sqlite then
    it("goes on where a Ctrl-C left it, without luv, too", function()
      local result = process.shell(SLOW, [[
        printf 'error "no luv here"' >$SCRIPT.luv; mkdir -p $SCRIPT.d; mv $SCRIPT.luv $SCRIPT.d/luv.lua
        LUA_PATH="$SCRIPT.d/?.lua;$LUA_PATH" $LUA bin/luaecho run $SCRIPT log=$SCRIPT.log --journal $SCRIPT.db & pid=$!
        tries=0; while ! grep -qs 2 $SCRIPT.log && [ $tries -lt 400 ]; do sleep 0.05; tries=$((tries + 1)); done
        kill -INT $pid; tries=0
        while ! grep -qs draining $SCRIPT.err && [ $tries -lt 400 ]; do sleep 0.05; tries=$((tries + 1)); done
        kill -INT $pid; wait $pid; code=$?
        SLEEP=0 timeout 20 $LUA bin/luaecho run $SCRIPT log=$SCRIPT.log --journal $SCRIPT.db
        cat $SCRIPT.log; rm -rf $SCRIPT.log $SCRIPT.db $SCRIPT.db-wal $SCRIPT.d; exit $code]])
      assert.same({ 130, "1\n2\n2\n3\n4\n" }, { result.code, result.out })
      includes("to go on from here", result.err)
    end)
  end

  if has_luv and has_sqlite then
    local TWICE = [[
      kill -INT $pid; tries=0
      while ! grep -qs draining $SCRIPT.err && [ $tries -lt 400 ]; do sleep 0.05; tries=$((tries + 1)); done
      kill -INT $pid;
    ]]

    it("drains at Ctrl-C, cancels at the second, and says how to go on", function()
      local result = interrupted(TWICE)
      assert.same({ 130, "1\n2\n" }, { result.code, result.out })
      includes("draining: what runs comes to its end", result.err)
      includes("luaecho: cancelled", result.err)
      assert.equal(2, select(2, result.err:gsub("to go on from here: luaecho run %S+ log=%S+ %-%-journal %S+", "")))
    end)

    it("says how to go on with the options that were given, but for a recording", function()
      local result = interrupted(TWICE,
        "--keep-going --trace $SCRIPT.trace --workers=3 --quiet --json")
      assert.equal(130, result.code)
      assert.matches("to go on from here: luaecho run %S+ log=%S+ %-%-workers 3 %-%-keep%-going %-%-json %-%-quiet "
        .. "%-%-journal %S+\n", result.err)
    end)
  end
end)
