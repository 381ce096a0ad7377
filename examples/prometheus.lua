-- Counts the words of files on all cores, and writes what the scheduler did as Prometheus metrics.
--
--   lua5.4 examples/prometheus.lua [--output FILE] [--every SECONDS] FILE...
--
-- The metrics go to standard output at the end; with --output into a file, which is replaced as a
-- whole, every second and at the end: the node exporter's textfile collector serves such files. The
-- counts themselves go to standard error. The exit status is 1 if a file could not be read.

package.path = arg[0]:gsub("[^/]*$", "") .. "?.lua;" .. package.path

local echo = require "echo"
local tasks = require "prometheus.tasks"

local function count_words(path)
  local file <close> = assert(io.open(path, "rb"))
  return select(2, file:read("a"):gsub("%S+", ""))
end

local function parse(arguments)
  local options, paths = { every = 1 }, {}
  local i = 1
  while arguments[i] do
    local name = arguments[i]:match("^%-%-(.+)")
    if name then
      i = i + 1
      options[name] = name == "every" and tonumber(arguments[i]) or name == "output" and arguments[i] or nil
      if not options[name] then
        return nil
      end
    else
      paths[#paths + 1] = arguments[i]
    end
    i = i + 1
  end
  return #paths > 0 and options, paths
end

-- A reader never sees half of it.
local function replace_file(path, text)
  local file = assert(io.open(path .. ".new", "w"))
  assert(file:write(text))
  assert(file:close())
  assert(os.rename(path .. ".new", path))
end

local function report(options, watch, last)
  if options.output then
    replace_file(options.output, watch:text())
  elseif last then
    io.write(watch:text())
  end
end

local function main()
  local options, paths = parse(arg)
  if not options then
    io.stderr:write("usage: lua5.4 examples/prometheus.lua [--output FILE] [--every SECONDS] FILE...\n")
    return 2
  end
  local scheduler <close> = echo.builder():with_queue("disk", { limit = 4 }):build()
  local watch <close> = tasks.watch(scheduler)
  local left, failed = #paths, 0
  for _, path in ipairs(paths) do
    scheduler:submit({ name = "count words", queue = "disk", priority = "low" }, count_words, path)
      :on_complete(function(task)
        local ok, words = task:pwait()
        left, failed = left - 1, failed + (ok and 0 or 1)
        io.stderr:write(ok and ("%8d %s\n"):format(words, path) or words.message .. "\n")
      end)
  end
  while left > 0 do
    scheduler:poll(options.every)
    report(options, watch, false)
  end
  scheduler:stop()
  scheduler:poll()
  report(options, watch, true)
  return failed > 0 and 1 or 0
end

os.exit(main(), true)
