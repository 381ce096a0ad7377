-- Watches this process from outside: if nothing is heard of it for too long, it prints the last
-- that was heard and the stacks of all threads, and ends it.

local script = [[
while true; do
  IFS= read -r -t %d line
  status=$?
  [ $status -eq 0 ] || break
  last=$line
done
if [ $status -gt 128 ]; then
  echo "hung: $last" >&2
  command -v gdb >/dev/null && gdb -p %d -batch -ex "thread apply all bt 40" >&2 2>/dev/null
  kill -KILL %d
fi
]]

local watchdog = {}
watchdog.__index = watchdog

function watchdog:heartbeat(text)
  self.pipe:write(text, "\n")
  self.pipe:flush()
end

function watchdog:__close()
  self.pipe:close()
end

return function(seconds)
  local pid = tonumber(io.lines("/proc/self/stat")():match("^%d+"))
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(script:format(seconds, pid, pid))
  file:close()
  local pipe = assert(io.popen(("bash -c 'exec 3<%s; rm %s; source /dev/fd/3'"):format(path, path), "w"))
  return setmetatable({ pipe = pipe }, watchdog)
end
