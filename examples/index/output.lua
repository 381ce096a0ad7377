--- The index file: written under another name and renamed when whole, so that nobody ever finds half.

local tasks = require "index.tasks"
local tree = require "index.tree"

local output = {}

local HEADER = [[
# Index of the identifiers in %d files below %s
# Fields are separated by tabs, lines sorted by bytes. A file, its bytes, identifiers and definitions:
#   ./path  bytes  identifiers  definitions
# A name, how often it is used and in how many files, then what it is defined as, and where:
#   name  uses  times  files
#   name  kind  path:line
]]

-- Renaming would put a file in the place of a device, a pipe or a link, /dev/stdout for one: those are
-- written to as they are.
local function partial_name(path)
  local command = ("test ! -e %s -a ! -h %s || test -f %s -a ! -h %s"):gsub("%%s", function()
    return tree.quote(path)
  end)
  return os.execute(command) and path .. ".partial" or path
end

--- Why the index could not be written there: better known before the work than after. Nil if it can.
function output.problem(path)
  if tree.is_directory(path) then
    return "Is a directory"
  end
  local partial = partial_name(path)
  if partial == path then
    -- Opening a pipe just to see would end it for its reader.
    return nil
  end
  local file, problem = io.open(partial, "ab")
  if not file then
    return (problem:gsub("^.*: ", ""))
  end
  file:close()
  os.remove(partial)
end

local function write_and_rename(path, partial, parts)
  local file <close> = assert(io.open(partial, "wb"))
  local bytes = 0
  for _, part in ipairs(parts) do
    assert(file:write(part))
    bytes = bytes + #part
  end
  assert(file:close())
  if partial ~= path then
    assert(os.rename(partial, path))
  end
  return bytes
end

--- Writes the index; returns its size.
function output.write(path, directory, files, texts)
  local parts = { HEADER:format(#files, tasks.printable(directory)), table.concat(files, "\n") }
  table.move(texts, 1, #texts, #parts + 1, parts)
  parts[#parts + 1] = "\n"
  local partial = partial_name(path)
  local written, result = pcall(write_and_rename, path, partial, parts)
  if not written then
    if partial ~= path then
      os.remove(partial)
    end
    error(result, 0)
  end
  return result
end

return output
