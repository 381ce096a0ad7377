-- ltask brings a world of its own: the question is asked by a service (peers/ltask/bench.lua), which
-- calls services that work (peers/ltask/worker.lua), one for each of ltask's threads.
local floor = require "floor"
local boot = require "ltask.bootstrap"

local function read_all(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

local init = [[
local name = ...
package.path, package.cpath = %q, %q
return loadfile(assert(package.searchpath(name, %q)))
]]

local function find(name, path)
  return assert(package.searchpath(name, path))
end

-- Runs services until the last has ended. Those that come with ltask are found by package.path.
local function run_services(workers, services)
  local bootstrap = dofile(find("bootstrap", package.path))
  local mine = find("peers.ltask.bench", package.path):gsub("bench%.lua$", "?.lua")
  local initfunc = init:format(package.path, package.cpath, mine .. ";" .. package.path)
  local service = find("service", package.path)
  boot.init_socket()
  bootstrap.wait(bootstrap.start {
    core = { worker = workers },
    root = { bootstrap = services, initfunc = initfunc, service_source = read_all(service),
      service_chunkname = "@" .. service },
    root_initfunc = initfunc,
  })
end

-- A service that a program has if it ever sleeps.
local needs_timer = { idle = true, rest = true, sleepers = true }

local function run(question, workers, folder, sheet)
  local services = { { name = "bench", args = { question, workers, folder or "" } } }
  if needs_timer[question] then table.insert(services, 1, { name = "timer", unique = true }) end
  local before = floor.now()
  run_services(workers, services)
  if question == "start" then
    sheet:add("start, one task, stop", "ltask", "ms", (floor.now() - before) * 1e3)
  end
end

return { run = run }
