-- The examples of pipelines, run as a user runs them.

local has_luv = pcall(require, "luv")
local has_sqlite = pcall(require, "luasql.sqlite3")

local directory

local function shell(command)
  local _, _, code = os.execute(("cd %s && %s"):format("$PWD", command))
  return code
end

local function path(name)
  return directory .. "/" .. name
end

local function write(name, text)
  local file <close> = assert(io.open(path(name), "wb"))
  assert(file:write(text))
end

local function read(name)
  local file <close> = assert(io.open(path(name), "rb"))
  return file:read "a"
end

-- Runs luaecho on an example; returns the exit status and what it printed as JSON.
local function luaecho(example, arguments)
  local command = "LUA_PATH=\"$PWD/?.lua;$LUA_PATH\" timeout 120 lua5.4 bin/luaecho run "
    .. "examples/pipelines/%s --json %s >%s 2>%s"
  local code = shell(command:format(example, arguments, path "out", path "err"))
  assert.equal("", read "err")
  return code, read "out"
end

before_each(function()
  directory = os.tmpname()
  os.remove(directory)
  assert(os.execute("mkdir " .. directory))
end)

after_each(function()
  os.execute("rm -rf " .. directory)
end)

describe("examples/pipelines/build.lua", function()
  local function build()
    local _, out = luaecho("build.lua", ("source=%s program=%s --journal %s"):format(directory, path "program",
      path "journal"))
    local ran = {}
    for name, restored, tasks in out:gmatch '"name":"(%w+)","restored":(%d+).-"tasks":(%d+)' do
      ran[name] = tonumber(tasks)
      assert(restored)
    end
    return ran.compile, ran.link
  end

  local function says(text)
    assert.equal(0, shell(path "program" .. " >" .. path "said"))
    assert.equal(text, read "said")
  end

  if has_sqlite then
    it("compiles what has changed", function()
      write("deep.h", "#define WORD \"one\"\n")
      write("word.h", "#include \"deep.h\"\nconst char *word(void);\n")
      write("word.c", "#include \"word.h\"\nconst char *word(void) { return WORD; }\n")
      write("main.c", "#include <stdio.h>\nconst char *word(void);\nint main(void) { puts(word()); return 0; }\n")
      assert.same({ 2, 1 }, { build() })
      says "one\n"
      assert.same({ 0, 0 }, { build() })
      write("deep.h", "#define WORD \"two\"\n")
      assert.same({ 1, 1 }, { build() })
      says "two\n"
    end)

    it("says what does not compile", function()
      write("bad.c", "int main(void) { return }\n")
      local command = "timeout 60 lua5.4 bin/luaecho run examples/pipelines/build.lua source=%s program=%s 2>%s"
      assert.equal(1, shell(command:format(directory, path "program", path "err")))
      assert.matches('step "compile", item 1.-bad%.c:1', read "err")
    end)
  end
end)

describe("examples/pipelines/log.lua", function()
  it("writes what the serial program writes, byte for byte", function()
    local lua = "LUA_PATH=\"$PWD/?.lua;$LUA_PATH\" lua5.4 examples/pipelines/log/"
    assert.equal(0, shell(lua .. "generate.lua 3 >" .. path "log"))
    assert.equal(0, shell(lua .. ("serial.lua %s %s >/dev/null"):format(path "log", path "serial")))
    assert.equal(0, (luaecho("log.lua", ("log=%s output=%s chunk=100000"):format(path "log", path "parallel"))))
    assert.equal(read "serial", read "parallel")
    assert.matches("^addresses\n +%d+  10%.0%.0%.%d+\n", read "serial")
  end)
end)

-- A picture by hand, so that only `convert` is needed.
local function picture(size)
  return ("P6\n%d %d\n255\n"):format(size, size) .. ("\200\100\0"):rep(size * size)
end

describe("examples/pipelines/thumbnails.lua", function()
  local function convert_works()
    write("probe.ppm", picture(8))
    return shell(("convert %s -thumbnail 4x4 %s >/dev/null 2>&1"):format(path "probe.ppm", path "small.ppm")) == 0
  end

  it("makes them, and names what is no picture", function()
    if not convert_works() then
      return pending "convert is not here"
    end
    assert(os.execute("mkdir " .. path "in" .. " " .. path "thumbs"))
    for index = 1, 6 do
      write(("in/%d.ppm"):format(index), picture(40))
    end
    write("in/bad.ppm", "no picture")
    local code, out = luaecho("thumbnails.lua", ("pictures=%s thumbnails=%s size=10"):format(path "in", path "thumbs"))
    assert.equal(0, code)
    assert.matches('"report":{"bad":%["[^"]*/bad%.ppm"%],"made":6}', out)
    assert.matches("^P6\n10 10\n", read "thumbs/3.ppm")
  end)
end)

describe("examples/pipelines/fetch.lua", function()
  if has_luv then
    it("has every page although one request in ten fails", function()
      local server = "(timeout 60 lua5.4 examples/pipelines/fetch/server.lua >%s 2>&1 & echo $! >%s)"
      shell(server:format(path "port", path "pid"))
      local deadline = os.time() + 60
      repeat os.execute "sleep 0.02" until read "port" ~= "" or os.time() > deadline
      local port = read("port"):match "%d+"
      local code, out = luaecho("fetch.lua", ("port=%s count=1000"):format(port))
      os.execute("kill " .. read "pid")
      assert.equal(0, code)
      local pages = 0
      for page in out:gmatch '"This is /page/(%d+)%."' do
        pages = pages + 1
        assert.equal(pages, tonumber(page))
      end
      assert.equal(1000, pages)
      assert.is_true(tonumber(out:match '"name":"fetch".-"retried":(%d+)') >= 100)
    end)
  end
end)
