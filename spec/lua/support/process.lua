-- Runs a script as a process of its own, as a user would.

local function interpreter()
  local lowest = 0
  while arg and arg[lowest - 1] do
    lowest = lowest - 1
  end
  return lowest < 0 and arg[lowest] or "lua5.4"
end

local function read_and_remove(path)
  local file = assert(io.open(path))
  local text = file:read("a")
  file:close()
  os.remove(path)
  return text
end

local process = { interpreter = interpreter() }

-- Runs a shell command in which $LUA and $SCRIPT stand for the interpreter and the script. Returns
-- a table with code (124 if it hung), out, err and seconds.
function process.shell(script, command)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(script)
  file:close()
  local before = os.time()
  local _, how, code = os.execute(
    ("LUA=%s SCRIPT=%s; export LUA SCRIPT; (%s) >%s.out 2>%s.err </dev/null"):format(
      interpreter(), path, command, path, path))
  local result = {
    code = how == "exit" and code or 128 + code,
    seconds = os.time() - before,
    out = read_and_remove(path .. ".out"),
    err = read_and_remove(path .. ".err"),
  }
  os.remove(path)
  return result
end

function process.run(script)
  return process.shell(script, "timeout 60 $LUA $SCRIPT")
end

return process
