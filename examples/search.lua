-- Searches the files of a tree for a text and stops as soon as enough was found.
--
--   lua5.4 examples/search.lua [--limit N] [--seconds S] TEXT DIRECTORY
--
-- One task owns the search. Its scope owns a task for each batch of files: when there are lines
-- enough, when a file cannot be read, or when the time is up, what is left of them is cancelled, and
-- the search ends when they have. The exit status is 0 if something was found, 1 if not, 2 on errors.

local echo = require "echo"

local BATCH = 64 -- files a task

local function parse(arguments)
  local options, rest = { limit = math.huge, seconds = 60 }, {}
  local i = 1
  while arguments[i] do
    local name = arguments[i]:match("^%-%-(.+)")
    if name then
      options[name] = options[name] and tonumber(arguments[i + 1])
      if not options[name] then
        return nil
      end
      i = i + 1
    else
      rest[#rest + 1] = arguments[i]
    end
    i = i + 1
  end
  options.text, options.directory = rest[1], rest[2]
  return #rest == 2 and options or nil
end

local function list_files(directory)
  local quoted = "'" .. directory:gsub("'", "'\\''") .. "'"
  local list, paths <close> = {}, io.popen("find " .. quoted .. " -type f | sort")
  for path in paths:lines() do
    list[#list + 1] = path
  end
  return list
end

-- A task: the lines in these files that have the text.
local function search_batch(text, paths)
  local hits = {}
  for _, path in ipairs(paths) do
    local file <close> = assert(io.open(path, "rb"))
    local number = 0
    for line in file:lines() do
      number = number + 1
      if line:find(text, 1, true) then
        hits[#hits + 1] = ("%s:%d:%s"):format(path, number, line)
      end
    end
    echo.checkpoint()
  end
  return hits
end

-- A task: all of it. Returns the hits in the order in which the batches end, at most `limit`.
local function search(text, paths, limit)
  return echo.scope(function(scope)
    local batches = {}
    for first = 1, #paths, BATCH do
      local batch = table.move(paths, first, math.min(first + BATCH - 1, #paths), 1, {})
      batches[#batches + 1] = echo.submit({ name = "search " .. batch[1] }, search_batch, text, batch)
    end
    local found = {}
    for _, well, hits in echo.iter(batches) do
      for i = 1, well and #hits or 0 do
        if #found == limit then
          scope:cancel()
          return found
        end
        found[#found + 1] = hits[i]
      end
      echo.progress(#found)
    end
    return found
  end)
end

local options = parse(arg)
if not options then
  io.stderr:write("usage: search.lua [--limit N] [--seconds S] TEXT DIRECTORY\n")
  os.exit(2)
end

local scheduler <close> = echo.builder():build()
local task = scheduler:submit({ timeout = options.seconds }, search, options.text,
  list_files(options.directory), options.limit)

local well, found = task:pwait()
if not well then
  local so_far = task:progress() or 0
  io.stderr:write(("search.lua: %s (%d lines found before that)\n"):format(found.message, so_far))
  os.exit(2, true)
end
for _, line in ipairs(found) do
  print(line)
end
os.exit(#found > 0 and 0 or 1, true)
