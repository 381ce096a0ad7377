-- The files of a tree, in a worker: the editor's own `lfs.walk`, which travels there as it is, so that
-- whatever version and filter the user has, the same files are searched as by the editor itself.
--
-- What `walk` calls must exist in the worker: `lfs`, which is the editor's own if it exports it, as official
-- builds do, or else an installed one; and `assert_type`.
-- One thing is different: `lfs.dir` raises an error for a directory that cannot be read, and in the
-- editor the iterator of `walk` hands that out as the name of a file, again and again. Here it is an empty
-- directory, and is remembered as a problem.

local files = {}

local problems

-- Opens a library that is linked into the program itself. An empty path stands for the program.
local function of_the_program(name)
  local open = package.loadlib("", "luaopen_" .. name)
  return open and open(name)
end

local function readable_dir(dir)
  return function(path)
    local results = table.pack(pcall(dir, path))
    if results[1] then
      return table.unpack(results, 2, results.n)
    end
    problems[#problems + 1] = ("%s: %s"):format(path, tostring(results[2]):gsub("^.*: ", ""))
    return function() end
  end
end

-- Lowers the priority of the worker's thread, if luv is installed, so that the editor's own thread comes first on a
-- machine that is busy.
local function be_nice()
  local there, uv = pcall(require, "luv")
  if there then
    uv.os_setpriority(0, 10) -- on Linux that is the thread which calls it
  end
end

-- A setup: makes the worker's globals what the editor's functions expect. `editor` has the functions
-- `walk`, `abspath` and `assert_type`.
function files.install(editor)
  be_nice()
  local library = of_the_program("lfs") or require("lfs")
  lfs = setmetatable({ dir = readable_dir(library.dir), abspath = editor.abspath }, { __index = library })
  assert_type = editor.assert_type
  files.editors_walk = editor.walk
end

-- An iterator over the files under a directory, and the list of problems, which grows as it goes.
function files.walk(directory, filter, depth, with_directories)
  local mine = {}
  local step = files.editors_walk(directory, filter, depth, with_directories)
  return function()
    -- A walk of a more urgent task may come in between, and leaves things as they were.
    local others
    others, problems = problems, mine
    local path = step()
    problems = others
    return path
  end, mine
end

-- What the path of each file under a directory begins with.
function files.prefix(directory)
  return directory:find("/$") and directory or directory .. "/"
end

-- Whether a walk of `directory` would come to `path`, asked level by level. `seen` keeps what each level
-- has, for further questions.
function files.has(directory, filter, path, seen)
  local prefix = files.prefix(directory)
  if path:sub(1, #prefix) ~= prefix then
    return false
  end
  local level = directory
  for slash in path:gmatch("()/", #prefix + 1) do
    if not files.level(level, filter, seen)[path:sub(1, slash)] then
      return false
    end
    level = path:sub(1, slash - 1)
  end
  return files.level(level, filter, seen)[path] ~= nil
end

-- The entries of a directory, as a walk gives them: with a slash at the end of directories.
function files.level(directory, filter, seen)
  if not seen[directory] then
    seen[directory] = {}
    for entry in files.walk(directory, filter, 0, true) do
      seen[directory][entry] = true
    end
  end
  return seen[directory]
end

return files
