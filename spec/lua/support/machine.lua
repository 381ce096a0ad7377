-- What the kernel says of this process.

local machine = {}

local function status(field)
  for line in io.lines("/proc/self/status") do
    local value = line:match("^" .. field .. ":%s+(%d+)")
    if value then
      return tonumber(value)
    end
  end
end

function machine.thread_count()
  return status("Threads")
end

-- Waits until so many are left, for those that nobody joins; returns the count.
function machine.await_thread_count(count)
  local deadline = os.time() + 60
  while machine.thread_count() > count and os.time() < deadline do
    os.execute("sleep 0.01")
  end
  return machine.thread_count()
end

-- Memory in use, in KiB.
function machine.memory()
  return status("VmRSS")
end

-- The most that ever was in use, in KiB.
function machine.peak_memory()
  return status("VmHWM")
end

-- The names of the threads, sorted. (Not with io.popen, which hangs while a worker reads a file.)
function machine.thread_names()
  local path = os.tmpname()
  assert(os.execute(("cat /proc/%d/task/*/comm >%s"):format(status("Pid"), path)))
  local names = {}
  for name in io.lines(path) do
    names[#names + 1] = name
  end
  os.remove(path)
  table.sort(names)
  return names
end

return machine
