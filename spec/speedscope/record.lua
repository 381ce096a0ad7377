-- Makes a recording of a little of everything: lua record.lua FILE

local echo = require "echo"

local s <close> = echo.builder():with_worker_count(2):with_queue("disk", { limit = 1 }):build()
s:trace(arg[1])

local tasks = {}
for i = 1, 200 do
  local options = { name = "item", priority = ({ "high", "normal", "low" })[i % 3 + 1] }
  options.queue = i % 5 == 0 and "disk" or nil
  tasks[i] = s:submit(options, function(n)
    if n % 10 == 0 then
      require "echo".sleep(0.001)
    end
    local sum = 0
    for j = 1, 2000 * n do sum = sum + j end
    return sum
  end, i)
end
local low = s:submit({ name = 'an "endless" one', priority = "low" }, function()
  while true do end
end)
for _, task in ipairs(tasks) do
  task:wait()
end
s:submit({ name = "fails" }, error, "no"):pwait()
low:cancel()
low:pwait()
