-- The benchmarks run, each of them, and tell what they measured: with a thousandth of everything, so
-- that nothing is said about how fast.

local cjson = require "cjson"

local BUILD = assert(os.getenv "ECHO_BUILD", "ECHO_BUILD: the folder of the build")
local RUN = ("LUA_PATH= bench/run --build %s --scale 0.001 --rounds 2 "):format(BUILD)

local function run(arguments)
  local pipe = assert(io.popen(("timeout 100 env %s %s 2>&1"):format(RUN, arguments)))
  local output = pipe:read "a"
  local well, _, code = pipe:close()
  return well or false, output, code
end

local function slurp(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

local function programs()
  local names = {}
  for name in select(2, run "--list"):gmatch "%S+" do names[#names + 1] = name end
  return names
end

describe("bench/run", function()
  local path

  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  it("has programs", function()
    assert.is_true(#programs() > 10)
  end)

  for _, name in ipairs(programs()) do
    it("gathers what " .. name .. " measured", function()
      local well, output = run(("--json %s %s"):format(path, name))
      assert.is_true(well, output)
      local all = cjson.decode(slurp(path))
      assert.equal(2, all.rounds)
      assert.is_true(#all.rows > 0, output)
      for _, row in ipairs(all.rows) do
        assert.is_true(#row.values > 0, row.question)
        assert.is_truthy(output:find(row.question, 1, true))
      end
    end)
  end

  it("draws a chart that is whole", function()
    local well, output = run(("--svg %s peers-tiny channels"):format(path))
    assert.is_true(well, output)
    local svg = slurp(path)
    local inner = assert(svg:match "^<svg [^<>]*>(.*)</svg>\n$")
    local rest, shapes = inner:gsub("<%a+ [^<>]*/>", "")
    rest = rest:gsub("<text [^<>]*>[^<>]*</text>", "")
    assert.is_true(shapes > 5)
    assert.equal("", (rest:gsub("%s", "")))
    assert.is_truthy(svg:find(">tiny tasks<", 1, true))
    assert.is_nil(svg:find(">messages, a stream<", 1, true)) -- nobody is beside Echo
  end)

  it("says which library is not installed, and measures the others", function()
    local folder = path .. ".d"
    os.execute("mkdir " .. folder)
    local file <close> = assert(io.open(folder .. "/lanes.lua", "w"))
    file:write "error 'a broken library'"
    file:flush()
    local pipe = assert(io.popen(("LUA_PATH='%s/?.lua' LUA_CPATH='%s/module/?.so' BENCH_SCALE=0.001 lua5.4"
      .. " bench/peers.lua tiny 2 1 effil,lanes,echo 2>&1"):format(folder, BUILD)))
    local output = pipe:read "a"
    pipe:close()
    os.execute("rm -r " .. folder)
    assert.is_truthy(output:find("effil: not installed", 1, true), output)
    assert.is_truthy(output:find("tiny, lanes: failed, status 1", 1, true), output)
    assert.is_truthy(output:find "echo +%d", output)
  end)

  it("measures each library in C, C++ and Rust, or says why not", function()
    local _, output = run "cpeers-fork"
    for _, name in ipairs { "bare", "echo", "oneTBB", "Taskflow", "enkiTS", "libdispatch", "libuv", "rayon",
      "tokio" } do
      local is_measured = output:find("\n  " .. name .. " +%d")
      assert.is_truthy(is_measured or output:find(name .. "[^\n]*: n[^\n]+"), name .. "\n" .. output)
    end
    assert.is_nil(output:find(": failed", 1, true))
  end)

  it("says which library in C failed", function()
    local pipe = assert(io.popen(("sh -c 'ulimit -n 5; exec env BENCH_SCALE=0.001 timeout 100"
      .. " %s/bench/bench-cpeers bytes 2 1 echo' 2>&1"):format(BUILD)))
    local output = pipe:read "a"
    pipe:close()
    assert.is_truthy(output:find("bytes, echo: failed", 1, true), output) -- it may not read its size
  end)

  for _, arguments in ipairs { "", "nothing", "fork,nothing", "fork 0", "fork 2 0", "fork 2 1 nobody",
    "fork 2 1 echo," } do
    it("refuses bench-cpeers " .. arguments, function()
      local pipe = assert(io.popen(("%s/bench/bench-cpeers %s 2>&1"):format(BUILD, arguments)))
      local output = pipe:read "a"
      local _, _, code = pipe:close()
      assert.equal(2, code)
      assert.is_truthy(output:find("usage: bench-cpeers", 1, true), output)
      assert.is_truthy(output:find("questions: outside .*\nlibraries: bare echo"), output)
    end)
  end

  for arguments, message in pairs {
    ["nothing-of-the-kind"] = '"nothing-of-the-kind": no option or program of that name',
    ["--rounds none"] = "--rounds: expected a number of at least 1",
    ["--rounds 0"] = "--rounds: expected a number of at least 1",
    ["--workers"] = "--workers: expected a value after it",
  } do
    it("refuses " .. arguments, function()
      local well, output, code = run(arguments)
      assert.is_false(well)
      assert.equal(2, code)
      assert.is_truthy(output:find(message, 1, true), output)
    end)
  end

  it("fails when a program does", function()
    local pipe = assert(io.popen "LUA_PATH= bench/run --build /nowhere --scale 0.001 core values 2>&1")
    local output = pipe:read "a"
    local well = pipe:close()
    assert.is_falsy(well)
    assert.is_truthy(output:find("core: failed, status 127", 1, true), output)
    assert.is_truthy(output:find("values: failed, status 1", 1, true), output)
  end)
end)
