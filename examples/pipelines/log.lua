-- A log's top lists: which addresses asked most, which paths took most bytes, how many of each status.
--
--     lua5.4 examples/pipelines/log/generate.lua 300 >access.log       # 300 MB
--     luaecho run examples/pipelines/log.lua log=access.log output=top.txt
--     lua5.4 examples/pipelines/log/serial.lua access.log serial.txt   # the same in one state
--
-- The log is mapped by each worker, cut at ends of lines, and counted chunk by chunk; a fold adds the
-- counts up in order. Only so many chunks are about at a time.

local echo = require "echo"
local pipeline = require "echo.pipeline"
local count = require "examples.pipelines.log.count"

local function cut(emit, log, chunk)
  local buffer = assert(echo.buffer { file = log })
  local first = 1
  while first <= #buffer do
    local last = math.min(first + chunk - 1, #buffer)
    last = buffer:find("\n", last) or #buffer
    emit { first = first, last = last }
    first = last + 1
  end
end

local counted, added = count.lines, count.add

local function count_chunk(range, _, log)
  local buffer = assert(echo.buffer { file = log })
  return counted(buffer:sub(range.first, range.last))
end

local function write(total, output)
  local file <close> = assert(io.open(output, "wb"))
  assert(file:write(count.report(total)))
  return output
end

return pipeline.new {
  name = "log",
  params = {
    log = { type = "string", about = "the log" },
    output = { type = "string", about = "where the lists go" },
    chunk = { default = 1 << 22, about = "bytes for each task" },
  },
  pipeline.step { name = "chunks", stream = true, window = 6, needs = { "log", "chunk" }, run = cut },
  pipeline.step { name = "count", each = "chunks", needs = "log", run = count_chunk },
  pipeline.step { name = "total", fold = "count", initial = {}, run = function(total, part)
    return added(total, part)
  end },
  pipeline.step { name = "report", needs = { "total", "output" }, run = write },
}
