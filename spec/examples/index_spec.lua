-- The example that indexes C headers, run as a user runs it, on small trees of our own.

local INTERPRETER = "lua5.4"
local SCRIPT = "examples/index.lua"

local directory

local function quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function shell(command)
  local _, _, code = os.execute(command)
  return code
end

local function in_directory(name)
  return directory .. "/" .. name
end

local function read(name)
  local file <close> = io.open(in_directory(name), "rb")
  return file and file:read("a")
end

local function write(name, text)
  local file <close> = assert(io.open(in_directory(name), "wb"))
  assert(file:write(text))
end

-- Runs the example in the directory's tree: returns its exit status, output and error output.
local function index(arguments)
  local command = ("%s %s %s >%s 2>%s"):format(INTERPRETER, SCRIPT, arguments, quoted(in_directory("stdout")),
    quoted(in_directory("stderr")))
  local code = shell(command)
  return code, read("stdout"), read("stderr")
end

local function index_tree(arguments)
  local paths = ("--output %s %s"):format(quoted(in_directory("index.txt")), quoted(in_directory("tree")))
  return index((arguments or "") .. " " .. paths)
end

local function lines_of(text)
  local lines = {}
  for line in text:gmatch("[^\n]+") do
    lines[#lines + 1] = line
  end
  return lines
end

local function has_line(text, wanted)
  return ("\n" .. text .. "\n"):find("\n" .. wanted .. "\n", 1, true) ~= nil
end

-- About as long as one batch of the example, in names that differ from file to file and that do not.
local function generated_header(number)
  local lines = { ("#define FIRST_%d 1"):format(number) }
  for at = 1, 400 do
    lines[#lines + 1] = ("extern int function_%d_%d (int common, struct shared_%d *other);"):format(number, at, at)
  end
  return table.concat(lines, "\n") .. "\n"
end

local function generated_headers(first, last)
  local headers = {}
  for number = first, last do
    headers[#headers + 1] = generated_header(number)
  end
  return table.concat(headers)
end

-- Small files and, side by side, two that are larger than a batch.
local function write_generated_tree()
  for number = 1, 40 do
    write(("tree/header_%d.h"):format(number), generated_header(number))
  end
  write("tree/large_1.h", generated_headers(41, 45))
  write("tree/large_2.h", generated_headers(46, 50))
end

local HEADER = [[
/* struct in_a_comment { int x; };
   #define IN_A_COMMENT 1 */
#define ONE 1
#  define CALL(x) \
     do { (x)(); } while (0)
// typedef int in_a_line_comment;
typedef unsigned long size_type;
typedef int (*callback)(int, const char *);
typedef struct node {
  struct node *next; /* typedef int member; */
} node_type, *node_pointer;
enum colour { RED, GREEN = 'x', BLUE };
union both { int i; float f; };
struct forward;
extern const char *greeting;
static const char text[] = "struct in_a_string { \" /*";
extern int declared (int a, size_type b) __attribute__ ((pure));
static inline int defined_here(int a) {
  int local_variable = a;
  return local_variable;
}
#ifdef __cplusplus
extern "C" {
#endif
void within_extern(void);
#ifdef __cplusplus
}
#endif
]]

describe("the index", function()
  before_each(function()
    local pipe <close> = io.popen("mktemp -d")
    directory = pipe:read("l")
    shell("mkdir " .. quoted(in_directory("tree")))
  end)

  after_each(function()
    shell("rm -rf " .. quoted(directory))
  end)

  it("is the same byte for byte for one state and any number of workers", function()
    write_generated_tree()
    local first
    for _, workers in ipairs { 1, 2, 4 } do
      local code, stdout, stderr = index_tree("--workers " .. workers)
      assert.equal(0, code, stderr)
      assert.is_truthy(stdout:find("the two indexes are the same, byte for byte", 1, true), stdout)
      local text = read("index.txt")
      first = first or text
      assert.is_true(first == text, workers .. " workers made another index")
    end
    assert.is_true(has_line(first, "common\tuses\t20000\t42"))
    assert.is_true(has_line(first, "shared_7\tuses\t50\t42"))
    assert.is_true(has_line(first, "function_40_400\tprototype\theader_40.h:401"))
    assert.is_true(has_line(first, "FIRST_3\tmacro\theader_3.h:1"))
    assert.is_true(has_line(first, "FIRST_50\tmacro\tlarge_2.h:1605"))
  end)

  it("is in the order of bytes and starts with the files", function()
    write_generated_tree()
    index_tree("--no-baseline")
    local paths, names = {}, {}
    for _, line in ipairs(lines_of(read("index.txt"))) do
      local field = line:match("^([^#\t]+)\t")
      if field then
        local list = field:find("^%./") and paths or names
        list[#list + 1] = field
      end
    end
    assert.equal(42, #paths)
    assert.is_true(#names > 40000)
    for _, list in ipairs { paths, names } do
      for at = 2, #list do
        assert.is_true(list[at - 1] <= list[at])
      end
    end
  end)

  it("holds every kind of definition with its line, and none from comments and strings", function()
    write("tree/one.h", HEADER)
    local code, _, stderr = index_tree()
    assert.equal(0, code, stderr)
    local definitions = {}
    for _, line in ipairs(lines_of(read("index.txt"))) do
      local name, kind, place = line:match("^([%w_]+)\t(%l+)\tone%.h:(%d+)$")
      if name then
        definitions[#definitions + 1] = ("%s %s %s"):format(name, kind, place)
      end
    end
    assert.same({
      "BLUE enumerator 12",
      "CALL macro 4",
      "GREEN enumerator 12",
      "ONE macro 3",
      "RED enumerator 12",
      "both union 13",
      "callback typedef 8",
      "colour enum 12",
      "declared prototype 17",
      "defined_here function 18",
      "greeting variable 15",
      "node struct 9",
      "node_pointer typedef 11",
      "node_type typedef 11",
      "size_type typedef 7",
      "text variable 16",
      "within_extern prototype 25",
    }, definitions)
    assert.is_nil(read("index.txt"):find("in_a_", 1, true))
    assert.is_true(has_line(read("index.txt"), "local_variable\tuses\t2\t1"))
    assert.is_true(has_line(read("index.txt"), ("./one.h\t%d\t35\t17"):format(#HEADER)))
  end)

  it("takes names of files as they come", function()
    write("tree/a b'c\n$(touch oops).h", "int odd;\n")
    write("tree/-name.h", "int dashed;\n")
    local code, _, stderr = index_tree()
    assert.equal(0, code, stderr)
    assert.is_true(has_line(read("index.txt"), "odd\tvariable\ta b'c\\010$(touch oops).h:1"))
    assert.is_true(has_line(read("index.txt"), "dashed\tvariable\t-name.h:1"))
  end)

  it("reads broken text without an error", function()
    write("tree/braces.h", ("{"):rep(100000))
    write("tree/parentheses.h", ("f(("):rep(20000) .. ";")
    write("tree/calls.h", ("ENTRY(a, b)\n"):rep(20000) .. ";\nint after;\n")
    write("tree/unclosed.h", "int before;\n/* never closed\n\"")
    write("tree/bytes.h", ("\0\255\r\n#\\"):rep(1000))
    write("tree/empty.h", "")
    local code, stdout, stderr = index_tree()
    assert.equal(0, code, stderr)
    assert.is_nil(stdout:find("not read", 1, true))
    assert.is_true(has_line(read("index.txt"), "after\tvariable\tcalls.h:20002"))
    assert.is_true(has_line(read("index.txt"), "before\tvariable\tunclosed.h:1"))
  end)

  it("names what it could not read and loses nothing else", function()
    write("tree/good.h", HEADER)
    index_tree()
    local whole = read("index.txt")
    shell(("ln -s nowhere %s; ln -s loop.h %s"):format(quoted(in_directory("tree/gone.h")),
      quoted(in_directory("tree/loop.h"))))
    local code, stdout, stderr = index_tree()
    assert.equal(0, code, stderr)
    assert.is_truthy(stdout:find("not read    2 files:", 1, true), stdout)
    assert.is_truthy(stdout:find("gone.h: No such file or directory", 1, true), stdout)
    assert.is_truthy(stdout:find("loop.h: Too many levels of symbolic links", 1, true), stdout)
    assert.equal(whole, read("index.txt"))
  end)

  it("takes only the files that are asked for", function()
    write("tree/one.h", "int in_h;\n")
    write("tree/two.hpp", "int in_hpp;\n")
    write("tree/lib_three.c", "int in_lib_c;\n")
    write("tree/four.c", "int in_c;\n")
    index_tree("--files 'hpp,lib*.c'")
    local text = read("index.txt")
    assert.is_true(has_line(text, "in_hpp\tvariable\ttwo.hpp:1"))
    assert.is_true(has_line(text, "in_lib_c\tvariable\tlib_three.c:1"))
    assert.is_nil(text:find("in_h\t", 1, true))
    assert.is_nil(text:find("in_c\t", 1, true))
  end)

  it("answers look-ups from the finished index with the line that defines the name", function()
    write_generated_tree()
    write("tree/one.h", HEADER)
    local code, stdout = index_tree("--look-up size_type --look-up=colour --look-up nobody")
    assert.equal(0, code)
    assert.is_truthy(stdout:find("size_type: 1 place, one.h:7: typedef unsigned long size_type;", 1, true), stdout)
    assert.is_truthy(stdout:find("colour: 1 place, one.h:12: enum colour { RED", 1, true), stdout)
    assert.is_truthy(stdout:find("not defined in these files: nobody", 1, true), stdout)
    assert.is_truthy(stdout:find("median"), stdout)
  end)

  it("writes no escape codes into a pipe", function()
    write_generated_tree()
    local _, stdout, stderr = index_tree()
    assert.is_truthy(stderr:find("scanning: 100 %", 1, true), stderr)
    assert.is_nil((stdout .. stderr):find("[\r\27]"))
  end)

  it("leaves out the run in one state where it is not wanted", function()
    write("tree/one.h", HEADER)
    local code, stdout, stderr = index_tree("--no-baseline")
    assert.equal(0, code)
    assert.is_nil((stdout .. stderr):find("one state", 1, true))
    assert.is_nil(stdout:find("speed-up", 1, true))
  end)

  it("writes through a link or a pipe without putting a file in its place", function()
    write("tree/one.h", HEADER)
    write("target", "")
    shell(("cd %s && ln -s target link && mkfifo pipe"):format(quoted(directory)))
    local tree = quoted(in_directory("tree"))
    local code, _, stderr = index(("--no-baseline --output %s %s"):format(quoted(in_directory("link")), tree))
    assert.equal(0, code, stderr)
    assert.equal(0, shell("test -h " .. quoted(in_directory("link"))))
    assert.is_true(has_line(read("target"), "ONE\tmacro\tone.h:3"))
    local pipe = quoted(in_directory("pipe"))
    shell(("cat %s >%s &"):format(pipe, quoted(in_directory("copy"))))
    code, _, stderr = index(("--no-baseline --output %s %s"):format(pipe, tree))
    assert.equal(0, code, stderr)
    assert.equal(0, shell("test -p " .. pipe))
  end)

  it("says that there is nothing to index", function()
    local code, stdout, stderr = index_tree()
    assert.equal(1, code)
    assert.equal("", stdout)
    assert.equal(1, #lines_of(stderr))
    assert.is_truthy(stderr:find("nothing to index: no file is named like *.h", 1, true), stderr)
    assert.is_nil(read("index.txt"))
  end)

  it("explains itself", function()
    local code, stdout, stderr = index("--help")
    assert.equal(0, code)
    assert.equal("", stderr)
    for _, option in ipairs { "--workers", "--output", "--files", "--look-up", "--no-baseline", "--help" } do
      assert.is_truthy(stdout:find(option, 1, true), option)
    end
  end)

  local refused = {
    { "--workers 0", "--workers: expected a whole number of at least 1, got '0'" },
    { "--workers -1", "--workers: expected a whole number of at least 1, got '-1'" },
    { "--workers 1.5", "--workers: expected a whole number of at least 1, got '1.5'" },
    { "--workers x", "--workers: expected a whole number of at least 1, got 'x'" },
    { "--workers 1000000000", "--workers: " },
    { "--workers 99999999999999999999", "--workers: " },
    { "--workers", "--workers: expected a value" },
    { "--workers=", "--workers: expected a value" },
    { "--files a/b", "--files: expected extensions or patterns without a slash, got 'a/b'" },
    { "--files h,,c", "--files: expected extensions or patterns without a slash, got 'h,,c'" },
    { "--look-up 1x", "--look-up: expected an identifier, got '1x'" },
    { "--output /nowhere/at/all", "--output: /nowhere/at/all: No such file or directory" },
    { "--output /tmp", "--output: /tmp: Is a directory" },
    { "--wrokers 2", "unknown option '--wrokers'" },
    { "-x", "unknown option '-x'" },
    { "one two", "one directory at a time: got 'one' and 'two'" },
    { "/nowhere/at/all", "/nowhere/at/all: No such file or directory" },
    { "/dev/null", "/dev/null: Not a directory" },
    { "''", "expected a directory, got an empty name" },
  }
  for _, case in ipairs(refused) do
    local arguments, message = case[1], case[2]
    it("refuses " .. arguments, function()
      local output = arguments:find("--output", 1, true) and "" or " --output " .. quoted(in_directory("index.txt"))
      -- Last, so that an option without its value is just that.
      local code, stdout, stderr = index(output .. " " .. arguments)
      assert.equal(2, code)
      assert.equal("", stdout)
      assert.equal(1, #lines_of(stderr), stderr)
      assert.is_truthy(stderr:find("index.lua: " .. message, 1, true), stderr)
      assert.is_nil(read("index.txt"))
      assert.is_nil(read("index.txt.partial"))
    end)
  end

  -- Enough work for seconds; the file is one, its names are many.
  local function write_long_tree()
    write("tree/header.h", generated_headers(1, 10))
    local tree = quoted(in_directory("tree"))
    shell("cd " .. tree .. " && for n in $(seq 200); do ln -s header.h link_$n.h; done")
  end

  -- Starts the example, sends SIGINT once `stage` shows in its progress, returns its exit status.
  local function interrupt(arguments, stage)
    local program = [[
      INTERPRETER SCRIPT ARGUMENTS >STDOUT 2>STDERR & pid=$!
      until grep -q STAGE STDERR; do kill -0 $pid || exit 99; sleep 0.02; done
      kill -INT $pid
      wait $pid
    ]]
    return shell((program:gsub("%u%u%u%u+", {
      INTERPRETER = INTERPRETER,
      SCRIPT = SCRIPT,
      ARGUMENTS = arguments,
      STAGE = quoted(stage),
      STDOUT = quoted(in_directory("stdout")),
      STDERR = quoted(in_directory("stderr")),
    })))
  end

  for _, case in ipairs {
    { "scanning:", "--no-baseline --workers 1" },
    { "scanning:", "--no-baseline --workers 4" },
    { "one state:", "--workers 2" },
  } do
    local stage, arguments = case[1], case[2]
    it("stops at Ctrl-C with nothing half-written, " .. stage .. " " .. arguments, function()
      write_long_tree()
      write("index.txt", "an older index")
      write("stderr", "")
      local output, tree = quoted(in_directory("index.txt")), quoted(in_directory("tree"))
      local code = interrupt(("%s --output %s %s"):format(arguments, output, tree), stage)
      local stderr = read("stderr")
      assert.equal(130, code, stderr)
      local said = "interrupted: %d+ of 201 files indexed, [%d,]+ look%-ups? answered; .*index%.txt is as it was"
      assert.is_truthy(stderr:find(said), stderr)
      assert.is_nil(stderr:find("traceback", 1, true))
      assert.equal("", read("stdout"))
      assert.equal("an older index", read("index.txt"))
      assert.is_nil(read("index.txt.partial"))
    end)
  end
end)
