-- echo.buffer: bytes that states share without a copy, which read like a string.

local echo = require "echo"
local assert = require "luassert"
local it = require "spec.lua.support.it"
local process = require "spec.lua.support.process"
local refusal = require "spec.lua.support.refusal"

local function new_scheduler()
  return echo.builder():with_worker_count(2):build()
end

local all = {}
for i = 0, 255 do
  all[#all + 1] = string.char(i)
end
local every_byte = table.concat(all)

-- A file of that content, which goes when the block is left.
local function new_file(text)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return setmetatable({ path = path }, {
    __close = function()
      os.remove(path)
    end,
  })
end

describe("a buffer", function()
  it("has the bytes it was made of, whichever they are", function()
    for _, text in ipairs { "", "\0", "text", every_byte, ("x"):rep(1000000) } do
      local buffer = echo.buffer(text)
      assert.equal(#text, #buffer)
      assert.is_true(tostring(buffer) == text)
    end
  end)

  local positions = { math.mininteger, -12, -11, -10, -6, -2, -1, 0, 1, 2, 5, 10, 11, 12,
    math.maxinteger }

  for _, text in ipairs { "0123456789", "" } do
    it(("takes parts of %q where a string does"):format(text), function()
      local buffer = echo.buffer(text)
      for _, i in ipairs(positions) do
        assert.equal(text:sub(i), buffer:sub(i))
        assert.equal(text:sub(i), tostring(buffer:slice(i)))
        for _, j in ipairs(positions) do
          assert.equal(text:sub(i, j), buffer:sub(i, j))
          assert.equal(text:sub(i, j), tostring(buffer:slice(i, j)))
          assert.same({ text:byte(i, j) }, { buffer:byte(i, j) })
        end
        assert.same({ text:byte(i) }, { buffer:byte(i) })
      end
      assert.same({ text:byte() }, { buffer:byte() })
    end)
  end

  it("gives a byte from 0 to 255", function()
    local buffer = echo.buffer(every_byte)
    for i = 0, 255 do
      assert.equal(i, buffer:byte(i + 1))
    end
  end)

  it("does not give more bytes than a stack holds", function()
    local err = refusal(function()
      return echo.buffer(("x"):rep(2000000)):byte(1, -1)
    end)
    assert.matches("buffer slice too long", err, 1, true)
  end)

  it("finds what a plain search of a string finds", function()
    local texts = { "", "a", "ab", "abcabc", "a.c%d", "\0\0a\0" }
    local needles = { "", "a", "b", "c", "bc", "abcabc", "abcabcd", ".", "%d", "\0", "\0a", "a\0" }
    for _, text in ipairs(texts) do
      local buffer = echo.buffer(text)
      for _, needle in ipairs(needles) do
        assert.same({ text:find(needle, 1, true) }, { buffer:find(needle) })
        for _, init in ipairs { math.mininteger, -7, -3, -1, 0, 1, 2, 6, 7, 8, math.maxinteger } do
          assert.same({ text:find(needle, init, true) }, { buffer:find(needle, init) })
        end
      end
    end
  end)

  it("finds nothing as nil", function()
    assert.same({ n = 1 }, table.pack(echo.buffer("text"):find("y")))
  end)

  it("equals what has the same bytes", function()
    local buffer = echo.buffer("same")
    assert.is_true(buffer == echo.buffer("same"))
    assert.is_true(buffer == echo.buffer("the same"):slice(5))
    assert.is_true(echo.buffer("") == echo.buffer(""))
    assert.is_false(buffer == echo.buffer("some"))
    assert.is_false(buffer == echo.buffer("sam"))
    assert.is_false(buffer == "same")
    assert.is_false(buffer == echo.builder())
    assert.is_false(echo.builder() == buffer)
  end)

  it("is made of a string or a file", function()
    for _, value in ipairs { 1, true, print, io.stdout, echo.buffer("x") } do
      local err = refusal(function()
        return echo.buffer(value)
      end)
      assert.matches("bad argument #1 to 'buffer' (string or { file = path } expected, got ", err, 1,
        true)
    end
    assert.matches("expected, got no value", refusal(echo.buffer), 1, true)
  end)

  it("has methods that check what they are given", function()
    local buffer = echo.buffer("text")
    assert.matches("number expected, got no value", refusal(buffer.sub, buffer), 1, true)
    assert.matches("number expected, got no value", refusal(buffer.slice, buffer), 1, true)
    assert.matches("number expected, got table", refusal(buffer.byte, buffer, {}), 1, true)
    assert.matches("string expected, got nil", refusal(buffer.find, buffer, nil), 1, true)
    assert.matches("number expected, got string", refusal(buffer.find, buffer, "x", "x"), 1, true)
    for _, method in ipairs { buffer.sub, buffer.slice, buffer.byte, buffer.find } do
      assert.matches("echo.buffer expected, got string", refusal(method, "text", 1), 1, true)
      assert.matches("echo.buffer expected, got FILE*", refusal(method, io.stdout, 1), 1, true)
    end
  end)

  it("hides its metatable and cannot be written to", function()
    local buffer = echo.buffer("text")
    assert.equal("echo.buffer", getmetatable(buffer))
    assert.is_false(pcall(function()
      buffer[1] = 0
    end))
    assert.is_nil(buffer.anything)
  end)
end)

describe("a buffer of a file", function()
  it("has the file's bytes", function()
    for _, text in ipairs { "", "\0", every_byte:rep(1000) } do
      local file <close> = new_file(text)
      assert.is_true(echo.buffer({ file = file.path }) == echo.buffer(text))
    end
  end)

  it("outlives the file's name", function()
    local buffer
    do
      local file <close> = new_file("what was there")
      buffer = echo.buffer({ file = file.path })
    end
    collectgarbage()
    assert.equal("what was there", tostring(buffer))
  end)

  it("says like io.open why there is none", function()
    local buffer, message, code = echo.buffer({ file = "/no/such/file" })
    assert.is_nil(buffer)
    assert.equal("/no/such/file: No such file or directory", message)
    assert.equal(2, code)
  end)

  it("says so too when the file is there and the room is not", function()
    local result = process.shell([[
      local echo = require "echo"
      local path = os.tmpname()
      os.execute("truncate -s 4G " .. path)
      local buffer, message, code = echo.buffer({ file = path })
      os.remove(path)
      print(buffer, message == path .. ": Cannot allocate memory", code)]],
      "ulimit -v 900000; timeout 20 $LUA $SCRIPT")
    assert.equal("", result.err)
    assert.equal("nil\ttrue\t12\n", result.out)
  end)

  for _, path in ipairs { "/", "/proc/self/status", "/dev/null" } do
    it(("is refused for %s, which has no size of its own"):format(path), function()
      local buffer, message, code = echo.buffer({ file = path })
      assert.is_nil(buffer)
      assert.equal(path .. ": only a regular file whose size is known can be mapped", message)
      assert.equal(22, code)
    end)
  end

  it("is asked for with the option `file`, a string", function()
    local function complains(options, sentence)
      local err = refusal(function()
        return echo.buffer(options)
      end)
      assert.equal("bad argument #1 to 'buffer' (" .. sentence .. ")", err:match("bad.*$"))
    end
    complains({}, "option 'file': a string expected, got nil")
    complains({ file = 1 }, "option 'file': a string expected, got 1")
    complains({ file = "a\0b" }, "option 'file': a string without zero bytes expected, got 'a'")
    complains({ file = "x", size = 1 }, "unknown option 'size'")
  end)
end)

describe("a buffer travels", function()
  it("to a task that never required the module", function()
    local s <close> = new_scheduler()
    local size, part, loaded = s:submit(function(buffer)
      return #buffer, buffer:sub(2, 3), package.loaded.echo ~= nil
    end, echo.buffer("text")):wait()
    assert.same({ 4, "ex", false }, { size, part, loaded })
  end)

  it("in tables, as a key and as an upvalue, and stays one", function()
    local s <close> = new_scheduler()
    local buffer = echo.buffer("text")
    assert.is_true(s:submit(function(list, argument)
      return rawequal(list.x[1], argument) and rawequal(buffer, argument) and list[argument] == "key"
    end, { x = { buffer }, [buffer] = "key" }, buffer):wait())
  end)

  it("back, and on to the next task", function()
    local s <close> = new_scheduler()
    local slice = s:submit(function(b)
      return b:slice(-4)
    end, s:submit(function()
      return require("echo").buffer("made in a task")
    end):wait()):wait()
    collectgarbage()
    s:stop()
    assert.equal("task", tostring(slice))
  end)

  it("in a map, as item and as result", function()
    local s <close> = new_scheduler()
    local items, whole = {}, echo.buffer(every_byte)
    for i = 1, 256 do
      items[i] = whole:slice(i, i)
    end
    local results = s:map(function(b, i)
      return whole:sub(i, i) == tostring(b) and whole:slice(1, i)
    end, items):wait()
    for i = 1, 256 do
      assert.equal(i, #results[i])
    end
  end)

  it("in an error", function()
    local s <close> = new_scheduler()
    local _, err = s:submit(function(b)
      error({ what = b })
    end, echo.buffer("text")):pwait()
    assert.equal("text", tostring(err.value.what))
  end)

  it("to a setup", function()
    local text = echo.buffer("text")
    local s <close> = echo.builder():with_worker_count(1):with_setup(function(b)
      rawset(_G, "kept", b)
    end, text):build()
    assert.equal("text", s:submit(function()
      return tostring(_G.kept)
    end):wait())
  end)

  it("as does the function that makes one", function()
    local s <close> = new_scheduler()
    local make = echo.buffer
    assert.equal("text", tostring(s:submit(make, "text"):wait()))
    assert.equal("text", tostring(s:submit(function()
      return make("text")
    end):wait()))
  end)

  it("without being copied", function()
    local result = process.run([[
      local echo = require "echo"
      local machine = require "spec.lua.support.machine"
      local s <close> = echo.builder():with_worker_count(2):build()
      local buffer = echo.buffer(("x"):rep(64 * 2 ^ 20))
      collectgarbage()
      local before, kept = machine.peak_memory(), {}
      for i = 1, 100 do
        kept[i] = s:submit(function(b)
          rawset(_G, i, b)
          return { b, b:slice(1, -2) }
        end, buffer)
      end
      for i = 1, 100 do
        assert(#kept[i]:wait()[1] == 64 * 2 ^ 20)
      end
      print(machine.peak_memory() - before)]])
    assert.equal("", result.err)
    assert.is_true(tonumber(result.out) < 32 * 1024, "it took KiB: " .. result.out)
  end)

  it("out of memory as kind memory", function()
    local result = process.shell([[
      local echo = require "echo"
      local s <close> = echo.builder():with_worker_count(1):build()
      local _, err = s:submit(function()
        local kept, text = {}, ("x"):rep(2 ^ 25)
        for i = 1, 40 do kept[i] = require("echo").buffer(text) end
      end):pwait()
      print(err.kind, err.message)
      print(s:submit(function() return #require("echo").buffer("x") end):wait())]],
      "ulimit -v 900000; timeout 20 $LUA $SCRIPT")
    assert.equal("", result.err)
    assert.equal("memory\tnot enough memory\n1\n", result.out)
  end)
end)
