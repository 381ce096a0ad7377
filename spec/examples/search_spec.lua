-- The example that searches a tree, run as a user runs it.

local INTERPRETER = "lua5.4"
local SCRIPT = "examples/search.lua"

local directory

local function write(name, text)
  local file <close> = assert(io.open(directory .. "/" .. name, "w"))
  file:write(text)
end

local function read_all(path)
  local file <close> = assert(io.open(path))
  return file:read("a")
end

-- Returns the exit status, the lines of the output, and the error output.
local function search(arguments)
  local _, _, code = os.execute(("timeout 60 %s %s %s >%s.out 2>%s.err"):format(INTERPRETER, SCRIPT,
    arguments, directory, directory))
  local lines = {}
  for line in io.lines(directory .. ".out") do
    lines[#lines + 1] = line
  end
  return code, lines, read_all(directory .. ".err")
end

describe("examples/search.lua", function()
  before_each(function()
    directory = os.tmpname()
    os.remove(directory)
    assert(os.execute("mkdir " .. directory))
    for i = 1, 300 do
      write(("file%03d"):format(i), ("line one\nthe needle %d\nline three\n"):format(i))
    end
  end)

  after_each(function()
    os.execute(("rm -rf %s %s.out %s.err"):format(directory, directory, directory))
  end)

  it("prints every line that has the text, with its place", function()
    local code, lines, errors = search("needle " .. directory)
    table.sort(lines)
    assert.same({ 0, 300, "" }, { code, #lines, errors })
    assert.equal(directory .. "/file001:2:the needle 1", lines[1])
    assert.equal(directory .. "/file300:2:the needle 300", lines[300])
  end)

  it("takes the text as it is", function()
    write("odd", "a.b%d[\n")
    assert.same({ directory .. "/odd:1:a.b%d[" }, (select(2, search("'.b%d[' " .. directory))))
  end)

  it("stops when there are enough, and ends with 1 when there are none", function()
    local code, lines = search("--limit 10 needle " .. directory)
    assert.same({ 0, 10 }, { code, #lines })
    assert.same({ 1, {}, "" }, { search("haystack " .. directory) })
  end)

  it("ends with the error of a file that cannot be read", function()
    local code, lines, errors = search("--limit 1000 needle " .. "/proc/self/mem")
    assert.same({ 2, {} }, { code, lines })
    assert.matches("Input/output error", errors, 1, true)
  end)

  it("ends when its time is up", function()
    write("long", ("x\n"):rep(10000000))
    local code, lines, errors = search("--seconds 0.01 needle " .. directory)
    assert.same({ 2, {} }, { code, lines })
    assert.matches("the task's time of 0.01 s ran out", errors, 1, true)
  end)

  it("says how it is used", function()
    for _, arguments in ipairs { "", "x", "a b c", "--limit x a b", "--what 1 a b" } do
      local code, _, errors = search(arguments)
      assert.equal(2, code)
      assert.matches("usage: search.lua", errors, 1, true)
    end
  end)
end)
