-- The search in projects for Textadept, without the editor: spec/examples/textadept/editor.lua stands in for it.

local editor = require "spec.examples.textadept.editor"
local uv = require "luv"

local PATHS = "examples/textadept/?.lua;examples/textadept/?/init.lua;"

local directory, search, old_path
local sessions -- all that were started

local function write(name, text)
  local path = directory .. "/" .. name
  os.execute(("mkdir -p '%s'"):format(path:match("^(.*)/")))
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
  return path
end

local function load_search()
  local loaded = require "project_search"
  local session = require "project_search.session"
  local start = session.start
  session.start = function(...)
    local new = start(...)
    sessions[#sessions + 1] = new
    return new
  end
  return loaded
end

-- The results as a sorted list, without the head, problems and remarks.
local function found()
  local list = {}
  for line in editor.results():get_text():gmatch("[^\n]+") do
    if line:find("^[^:]+:%d+:") then
      list[#list + 1] = line
    end
  end
  table.sort(list)
  return list
end

local function finish()
  editor.turn_until(function()
    return not search.state()
  end)
end

local function find(text)
  search.search(text)
  finish()
  return found()
end

-- What grep finds, in the form of the results.
local function grep(arguments)
  local list = {}
  local pipe <close> = io.popen(("cd '%s' && LC_ALL=C.UTF-8 grep -rn --exclude='*.o' --exclude-dir=.git %s . "):format(
    directory, arguments))
  for line in pipe:lines() do
    list[#list + 1] = line:gsub("^%./", ""):gsub("\r$", "")
  end
  table.sort(list)
  return list
end

-- Files whose lines all have what is looked for: more than fits into the channel. Returns how many lines.
local function write_many(line)
  for i = 1, 80 do
    write(("many/%03d.txt"):format(i), (line .. (" "):rep(200 - #line) .. "\n"):rep(100))
  end
  return 80 * 100
end

local function status_of(session)
  local list = {}
  for _, task in ipairs(session.tasks) do
    list[#list + 1] = task:status()
  end
  return table.concat(list, " ")
end

describe("examples/textadept", function()
  before_each(function()
    directory = os.tmpname()
    os.remove(directory)
    assert(os.execute("mkdir " .. directory))
    old_path, package.path = package.path, PATHS .. package.path
    sessions = {}
    editor.install(directory)
    search = load_search()
  end)

  after_each(function()
    events.emit(events.RESET_BEFORE, {})
    editor.remove()
    package.path = old_path
    os.execute("rm -rf " .. directory)
  end)

  describe("finds what grep finds:", function()
    before_each(function()
      write("a.txt", "one needle\nnone\n\nNEEDLE two needle\nneedles\nfoo_needle\nlast needle")
      write("sub/dir/b.lua", "local x = needle(1)\nfor i = 10, 20 do end\n--[[ a.b ]] x = a.b + a-b\n")
      write("sub/utf8.txt", "Käse needle\nÄpfel\nnaïve café\n日本語 needle\n")
      write("sub/empty", "")
      write("dos.txt", "needle\r\nother\r\nlast x\r\n")
      write("long.txt", ("x"):rep(200000) .. "needle" .. ("y"):rep(100000) .. "\nneedle\n" .. ("z\n"):rep(70000)
        .. "needle")
      write("object.o", "needle\n")
      write(".git/config", "needle\n")
    end)

    local function same_as_grep(text, options, arguments)
      it(("%s %s"):format(arguments, text), function()
        for name, value in pairs(options) do
          search[name] = value
        end
        local expected, list = grep(("%s -e '%s'"):format(arguments, text)), find(options.text or text)
        assert.is_true(#expected > 0)
        for i, line in ipairs(expected) do
          local shown = list[i] or "nothing"
          assert.equal(#shown < 600 and #line > 600 and line:sub(1, #shown - 4) .. " …" or line, shown)
        end
        assert.equal(#expected, #list)
      end)
    end

    same_as_grep("needle", {}, "-F")
    same_as_grep("NeedlE", { ignore_case = true }, "-i -F")
    same_as_grep("needle", { whole_word = true }, "-w -F")
    same_as_grep("a.b", {}, "-F")
    same_as_grep("last x", {}, "-F")
    same_as_grep("^need", { kind = "lua" }, "")
    same_as_grep("[0-9]+,", { kind = "lua", text = "%d+," }, "-E")
    same_as_grep("needles$", { kind = "lua", ignore_case = true }, "-i -E")
    same_as_grep("[m-p]e+dl?", { kind = "lua", ignore_case = true }, "-i -E")
    same_as_grep("(needle|for) ", { kind = "regex" }, "-P")
    same_as_grep("\\b[A-Z]\\w+\\s", { kind = "regex" }, "-P")
    same_as_grep("^(?!none)n.*e", { kind = "regex" }, "-P")
    same_as_grep("(e)\\1", { kind = "regex", ignore_case = true }, "-i -P")
    same_as_grep("[^a-z \\n]{3}", { kind = "regex" }, "-P")
    same_as_grep("é|ï", { kind = "regex" }, "-P")
    same_as_grep("caf.$", { kind = "regex" }, "-P")
    same_as_grep("^$", { kind = "regex" }, "-P")
  end)

  it("leaves out what the editor's filter leaves out, and searches where it is told", function()
    write("src/a.c", "needle")
    write("other/b.c", "needle")
    ui.find.find_in_files_filters[directory] = { "!other/" }
    assert.same({ "src/a.c:1:needle" }, find("needle"))
    search.search("needle", directory .. "/other///")
    finish()
    assert.same({ "b.c:1:needle" }, found())
  end)

  it("marks the matches", function()
    write("a.txt", "an Ant and ants\nno\nant" .. ("x"):rep(600) .. "ant")
    search.ignore_case = true
    find("ant")
    local results, texts = editor.results(), {}
    for _, mark in ipairs(results.marks) do
      texts[#texts + 1] = results:get_text():sub(mark[1], mark[1] + mark[2] - 1)
      assert.equal(9, mark[3])
    end
    assert.same({ "Ant", "ant", "ant" }, texts)
  end)

  it("shows results while it searches, the open files' first, with what was not saved", function()
    local lines = write_many("needle")
    editor.open(write("z/open.txt", "needle on disk\n"))
    editor.open(write("z/.git/left.txt", "needle\n"))
    editor.open("/elsewhere/needle", "needle\n")
    editor.open(write("z/changed.txt", "old needle\n"), "new\nnew needle\n")
    search.budget = 0 -- one message a turn
    search.search("needle")
    local text = editor.turn_until(function()
      local list = found()
      return #list > 3 and editor.results():get_text()
    end)
    assert.is_true(search.state())
    local first = text:match("Filter:[^\n]*\n(.*)")
    assert.equal("z/changed.txt:2:new needle\nz/open.txt:1:needle on disk\nmany/", first:sub(1, 60))
    assert.is_nil(text:find("old needle", 1, true) or text:find("left", 1, true) or text:find("elsewhere", 1, true))
    search.budget, search.limit = 1, math.huge
    finish()
    assert.equal(lines + 2, #found())
  end)

  it("ends the search at each letter, and shows nothing of an earlier one", function()
    local lines = write_many("nee needle")
    search.open()
    search.budget = 0
    local typed = ""
    for letter in ("needle"):gmatch(".") do
      editor.type(letter)
      typed = typed .. letter
      assert.same({}, found())
      editor.turn_until(function()
        return #found() > 100
      end)
      assert.equal("Find: " .. typed, editor.results():get_text():match("^[^\n]*"))
    end
    assert.equal(6, #sessions)
    editor.turn_until(function()
      for i = 1, 5 do
        if not (status_of(sessions[i]) .. " "):find("^cancelled [cd]") then
          return false
        end
      end
      return true
    end)
    search.budget, search.limit = 1, math.huge
    finish()
    assert.equal(lines, #found())
    for i = 1, 5 do
      assert.is_nil(sessions[i]:receive())
    end
  end)

  it("starts anew when an option changes, and says what it looks for", function()
    write("a.txt", "Needle needle needles")
    search.open()
    assert.equal("Find in Files [text, case]: ", ui.command_entry.label)
    editor.type("needle")
    editor.press("f1")
    editor.press("f2")
    editor.press("f3")
    assert.equal("Find in Files [Lua pattern, words]: ", ui.command_entry.label)
    assert.same({ "lua", true, true }, { search.kind, search.ignore_case, search.whole_word })
    editor.press("f3")
    assert.equal("Find in Files [regex, words]: ", ui.command_entry.label)
    finish()
    assert.equal(2, #editor.results().marks)
  end)

  it("ends at Esc, goes to the results at Enter, and leaves no timer", function()
    write_many("needle")
    search.open()
    search.budget = 0
    editor.type("needle")
    editor.turn()
    editor.press("esc")
    assert.is_false(ui.command_entry.active)
    assert.equal("\nstopped\n", editor.results():get_text():sub(-9))
    editor.turn()
    assert.equal(0, editor.timers())
    assert.matches("^stopped: %d+ lines, %d+ files$", ui.statusbar_text)

    search.open()
    editor.type("nothing of this")
    editor.press("\n")
    finish()
    assert.equal(4, editor.results().line)
    assert.matches("\nNo results found\n$", editor.results():get_text())
    editor.turn()
    assert.equal(0, editor.timers())
  end)

  it("takes no notice of the command entry when that is for something else", function()
    search.open()
    editor.press("esc")
    ui.command_entry.run("Lua:", print, {})
    editor.type("print(1)")
    assert.equal(0, #sessions)
  end)

  it("says what cannot be read, and goes on", function()
    write("first.txt", "needle\n")
    write("a.locked/inside", "needle\n")
    write("z.txt", "needle\n")
    os.execute(("ln -s /proc/self/mem '%s/memory'"):format(directory))
    assert.same({ "first.txt:1:needle", "z.txt:1:needle" }, find("needle"))
    local text = editor.results():get_text()
    assert.matches("(" .. directory .. "/memory: Input/output error)", text, 1, true)
    assert.matches("(" .. directory .. "/a.locked/gone: ", text, 1, true)
  end)

  it("says that a binary file matches, once", function()
    write("binary", "\0needle\nneedle\n")
    write("other", "\0nothing\n")
    assert.same({ "binary:1:Binary file matches." }, find("needle"))
  end)

  it("says what is wrong with a pattern, and searches again when it is right", function()
    write("a.txt", "f(x)\n")
    search.open()
    for kind, message in pairs { lua = "unfinished capture", regex = "missing )" } do
      search.kind = kind
      editor.type("f(")
      finish()
      assert.equal("\n" .. message .. "\n", editor.results():get_text():sub(-#message - 2))
      assert.matches(message, ui.statusbar_text, 1, true)
      editor.type(")")
      finish()
      assert.same({ "a.txt:1:f(x)" }, found())
      ui.command_entry.text = ""
    end
  end)

  it("ends a regular expression that would try for ever", function()
    write("a.txt", ("a"):rep(60) .. "b\n")
    search.open()
    search.kind = "regex"
    editor.type("(a+)+$")
    editor.turn_until(function()
      return sessions[#sessions].tasks[1]:status() ~= "queued"
    end)
    for _ = 1, 50 do
      editor.turn()
    end
    local forever = sessions[#sessions]
    assert.is_true(search.state())
    editor.type("|b")
    editor.press("f3")
    ui.command_entry.text = ""
    editor.type("ab")
    finish()
    assert.equal(1, #found())
    editor.turn_until(function()
      return status_of(forever):find("^cancelled")
    end)
  end)

  it("stops when there are too many results", function()
    write_many("needle")
    search.limit = 100
    find("needle")
    assert.equal("\nstopped: there are too many results\n", editor.results():get_text():sub(-37))
    assert.is_true(#found() >= 100)
    assert.is_true(#found() < 1000)
  end)

  it("stops when its buffer is closed", function()
    write_many("needle")
    search.budget = 0
    search.search("needle")
    editor.turn()
    editor.close(editor.results())
    editor.turn()
    assert.is_false((search.state()))
    assert.equal(0, editor.timers())
  end)

  it("goes on after a reset in the same state", function()
    local lines = write_many("needle")
    search.budget = 0
    search.search("needle")
    editor.turn()
    local old = sessions[1]
    assert.equal(1, editor.timers())
    for _ = 1, 3 do
      editor.reset()
      assert.equal("\nstopped: the editor was reset\n", editor.results():get_text():sub(-31))
      assert.matches("^cancelled", status_of(old))
      editor.turn()
      assert.equal(0, editor.timers())

      search = load_search()
      search.budget, search.limit = 1, math.huge
      assert.equal(lines, #find("needle"))
      search.budget = 0
      search.search("needle")
      editor.turn()
      old = sessions[#sessions]
    end
  end)

  it("lets the editor quit when its timer is gone", function()
    write_many("needle")
    search.budget = 0
    search.search("needle")
    editor.turn()
    quit()
    assert.is_false(editor.has_quit)
    assert.is_false((search.state()))
    editor.turn()
    assert.is_true(editor.has_quit)
    assert.equal(0, editor.timers())
    quit()
    assert.is_true(editor.has_quit)
  end)

  it("lets the program end while it searches", function()
    write_many("needle")
    local program = write("program.lua", ([[
      package.path = %q
      package.cpath = %q
      local editor = require "spec.examples.textadept.editor"
      editor.install(%q)
      local search = require "project_search"
      search.search("needle")
      editor.turn()
      assert(search.state())
    ]]):format(package.path, package.cpath, directory))
    local began = uv.hrtime()
    assert.is_true((os.execute(("timeout 60 lua5.4 '%s'"):format(program))))
    assert.is_true(uv.hrtime() - began < 30e9)
  end)
end)
