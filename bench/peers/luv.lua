-- libuv's thread pool. Text and numbers travel; a table does as text by cjson.
local uv = require "luv"

local pool = {}
pool.__index = pool

local function run(index, name, value)
  return index, require "peers.work"[name](value)
end

local function by_text(index, name, text)
  local cjson = require "cjson"
  return index, cjson.encode(require "peers.work"[name](cjson.decode(text)))
end

local function start(workers)
  uv.os_setenv("UV_THREADPOOL_SIZE", tostring(workers))
  local self = setmetatable({ results = {} }, pool)
  local function store(index, result) self.results[index] = result end
  self.plain, self.text = uv.new_work(run, store), uv.new_work(by_text, store)
  return self
end

function pool:call(name, value)
  self.results[1] = nil
  if type(value) ~= "table" then
    self.plain:queue(1, name, value)
  else
    self.text:queue(1, name, require "cjson".encode(value))
  end
  repeat uv.run "once" until self.results[1] ~= nil
  return type(value) == "table" and require "cjson".decode(self.results[1]) or self.results[1]
end

function pool:each(name, list)
  self.results = {}
  for i = 1, #list do self.plain:queue(i, name, list[i]) end
  uv.run()
  return self.results
end

function pool.stop()
end

return { start = start, is_never_stopped = true }
