-- A build: compiles the C sources of a directory and links them.
--
--     luaecho run examples/pipelines/build.lua source=DIR program=PATH --journal build.journal
--
-- With a journal a second run compiles what has changed, and nothing if nothing has: what a source is
-- compiled from is the digest of it and of the headers that it includes, however deep.

local pipeline = require "echo.pipeline"

local function read(path)
  local file <close> = io.open(path, "rb")
  return file and file:read "a"
end

local function quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function perform(command)
  local pipe <close> = assert(io.popen(command .. " 2>&1"))
  local output = pipe:read "a"
  local ok = pipe:close()
  if not ok then
    error(command .. "\n" .. output, 0)
  end
  return output
end

local function list_sources(source)
  local paths = {}
  for path in perform("find " .. quoted(source) .. " -name '*.c'"):gmatch "[^\n]+" do
    paths[#paths + 1] = path
  end
  table.sort(paths)
  return paths
end

-- Adds the text of a file and of those it includes, each once.
local function add_text(path, texts, seen)
  local text = not seen[path] and read(path)
  seen[path] = true
  if text then
    texts[#texts + 1] = text
    for name in text:gmatch '#%s*include%s*"([^"]+)"' do
      add_text(path:match "^(.*/)[^/]*$" .. name, texts, seen)
    end
  end
end

-- What stands for a source: its path, and a digest of all that is compiled with it.
local function look_at(path)
  local texts = {}
  add_text(path, texts, {})
  return { path = path, digest = pipeline.digest(table.concat(texts, "\0")) }
end

local function compile(source, _, flags)
  local object = source.path:gsub("%.c$", ".o")
  perform(("cc %s -c -o %s %s"):format(flags, quoted(object), quoted(source.path)))
  return { object = object, digest = source.digest }
end

local function link(objects, program, flags)
  local words = {}
  for index, entry in ipairs(objects) do
    words[index] = quoted(entry.object)
  end
  perform(("cc %s -o %s %s"):format(flags, quoted(program), table.concat(words, " ")))
  return program
end

return pipeline.new {
  name = "build",
  params = {
    source = { type = "string", about = "the directory of the sources" },
    program = { type = "string", about = "what to link" },
    flags = { default = "-O2", about = "for the compiler" },
  },
  pipeline.step { name = "sources", needs = "source", journal = false, run = list_sources },
  pipeline.step { name = "looked", each = "sources", journal = false, run = look_at },
  pipeline.step { name = "compile", each = "looked", needs = "flags", run = compile },
  pipeline.step { name = "link", needs = { "compile", "program", "flags" }, run = link },
}
