-- Thumbnails of a directory of pictures, made by ImageMagick, of which only so many run at once.
--
--     luaecho run examples/pipelines/thumbnails.lua pictures=DIR thumbnails=DIR size=128
--
-- A picture that cannot be read is named in the end, and costs nothing else.

local pipeline = require "echo.pipeline"

local function quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function list(pictures)
  local paths = {}
  local pipe <close> = assert(io.popen("find " .. quoted(pictures) .. " -type f -name '*.p[np]*'"))
  for path in pipe:lines() do
    paths[#paths + 1] = path
  end
  table.sort(paths)
  return paths
end

local function shrink(path, _, thumbnails, size)
  local target = thumbnails .. "/" .. path:match "[^/]*$"
  local ok = os.execute(("convert %s -thumbnail %dx%d %s 2>/dev/null"):format(quoted(path), size, size, quoted(target)))
  if not ok then
    error("it cannot be read", 0)
  end
  return target
end

local function report(targets)
  local made, bad = 0, {}
  for index = 1, targets.n or #targets do
    local target = targets[index]
    if type(target) == "string" then
      made = made + 1
    else
      bad[#bad + 1] = target.path
    end
  end
  return { made = made, bad = bad }
end

return pipeline.new {
  name = "thumbnails", output = "report",
  params = { pictures = "string", thumbnails = "string", size = { default = 128 } },
  queues = { convert = 2 },
  pipeline.step { name = "list", needs = "pictures", journal = false, run = list },
  pipeline.step { name = "shrink", each = "list", needs = { "thumbnails", "size" }, queue = "convert", timeout = 60,
    run = shrink, fallback = function(_, path) return { path = path } end },
  pipeline.step { name = "report", needs = "shrink", run = report },
}
