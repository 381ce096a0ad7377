--- Writes a file whole or not at all: under another name beside it, which then takes its place. What is no
--- file, a device or a pipe, must not be replaced, whatever its path looks like: it is written to.

local file = {}

local function write(path, text)
  local out, problem = io.open(path, "wb")
  if not out then
    return nil, problem
  end
  local written
  written, problem = out:write(text)
  local closed, late = out:close()
  if written and closed then
    return true
  end
  return nil, problem or late
end

-- Lua's messages begin with the path; whoever calls says which it is.
local function without_path(problem)
  return (problem:gsub("^.*: ", ""))
end

-- Lua cannot ask, and to open a pipe would wait for who writes to it: the shell is asked.
local function is_no_file(path)
  local word = "'" .. path:gsub("^%-", "./-"):gsub("'", "'\\''") .. "'"
  return os.execute(("test -e %s && test ! -f %s"):format(word, word)) == true
end

--- True, or nil and what is wrong.
function file.replace(path, text)
  if is_no_file(path) then
    local ok, problem = write(path, text)
    return ok, problem and without_path(problem)
  end
  local beside = ("%s.%s.part"):format(path, tostring({}):match "0x(%x+)" or os.time())
  local ok, problem = write(beside, text)
  if ok then
    ok, problem = os.rename(beside, path)
  end
  if not ok then
    os.remove(beside)
    return nil, without_path(problem)
  end
  return true
end

return file
