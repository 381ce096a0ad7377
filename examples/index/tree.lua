--- The files of a tree: listed by the shell's `find`, measured, cut into batches for tasks.

local progress = require "echo.progress"
local scanner = require "index.scanner"

-- Small enough that a look-up soon finds a free worker, large enough that handing over costs little.
local BATCH_BYTES = 64 * 1024
local BATCH_FILES = 32
local SLICE_BYTES = 256 * 1024
local MOST_SLICES = 256
local SAMPLES = 256
local SAMPLE_BYTES = 4 * 1024

local tree = {}

function tree.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- True, or false and why not.
function tree.is_directory(path)
  -- The slash makes the system refuse anything else, and never wait for a pipe's other end.
  local handle, problem = io.open(path .. "/", "rb")
  if not handle then
    return false, (problem:gsub("^.*: ", ""))
  end
  handle:close()
  return true
end

-- The directory as a prefix of its files' paths, which no tool takes for an option.
local function root_of(directory)
  local root = directory:gsub("/+$", "") .. "/"
  return root:find("^[/.]") and root or "./" .. root
end

-- Files, links to files, and links that lead nowhere: those are wanted too, to be named at the end.
local FIND = [[LC_ALL=C find -H %s \( %s \) \( -type f -o -type l \( -exec test -f {} \; -o ]]
  .. [[! -exec test -e {} \; \) \) -print0 2>%s]]

local function find_paths(root, patterns, complaints_path)
  local names = {}
  for at, pattern in ipairs(patterns) do
    names[at] = "-name " .. tree.quote(pattern)
  end
  local alternatives = table.concat(names, " -o ")
  local command = FIND:format(tree.quote(root), alternatives, tree.quote(complaints_path))
  local pipe <close> = assert(io.popen(command))
  local paths = {}
  for path in pipe:read("a"):gmatch("[^\0]+") do
    paths[#paths + 1] = path:sub(#root + 1)
  end
  table.sort(paths)
  return paths
end

--- Lists the files whose names match one of the patterns, sorted by bytes.
function tree.list(directory, patterns)
  local root = root_of(directory)
  local complaints_path = os.tmpname()
  local listed, paths = pcall(find_paths, root, patterns, complaints_path)
  local problems = {}
  for complaint in io.lines(complaints_path) do
    problems[#problems + 1] = complaint:gsub("^find: ", "")
  end
  os.remove(complaints_path)
  if not listed then
    error(paths, 0)
  end
  return { root = root, paths = paths, problems = problems }
end

local function size_of(path, warm)
  local file <close> = io.open(path, "rb")
  if not file then
    return 0
  elseif warm then
    return #(file:read("a") or "")
  end
  local size = file:seek("end")
  -- A directory's end is as far as a file can reach.
  return size and size < 1 << 40 and size or 0
end

--- Adds the files' sizes; `warm` reads each once, so that the page cache has it for whoever comes first.
function tree.measure(files, warm)
  files.sizes, files.bytes = {}, 0
  local bar <close> = progress.new { label = "measuring", total = #files.paths, unit = "files", step = 100 }
  for at, path in ipairs(files.paths) do
    files.sizes[at] = size_of(files.root .. path, warm)
    files.bytes = files.bytes + files.sizes[at]
    bar:update(at)
  end
end

--- Batches of neighbours, so that the parts of a slice are in order, batch after batch.
function tree.batches(files)
  local batches = {}
  local batch
  for at, path in ipairs(files.paths) do
    if not batch or #batch.paths == BATCH_FILES or batch.bytes + files.sizes[at] > BATCH_BYTES then
      batch = { paths = {}, bytes = 0 }
      batches[#batches + 1] = batch
    end
    batch.paths[#batch.paths + 1] = path
    batch.bytes = batch.bytes + files.sizes[at]
  end
  return batches
end

--- The batches in the order to submit them: theirs, but after a large file, which is a batch of its
--- own, comes at least as much in small ones, or neighbours that are both large would keep all
--- workers from a look-up for as long as they take.
function tree.submission_order(batches)
  local order, held, gap = {}, {}, 0
  local function add(number)
    order[#order + 1] = number
    local bytes = batches[number].bytes
    gap = bytes > BATCH_BYTES and bytes or gap - bytes
  end
  for number, batch in ipairs(batches) do
    if gap > 0 and batch.bytes > BATCH_BYTES then
      held[#held + 1] = number
    else
      add(number)
    end
    if gap <= 0 and #held > 0 then
      add(table.remove(held, 1))
    end
  end
  return table.move(held, 1, #held, #order + 1, order)
end

local function add_sample(names, path, offset)
  local file <close> = io.open(path, "rb")
  local text = file and file:seek("set", offset) and file:read(SAMPLE_BYTES)
  local uses, definitions = scanner.scan_text(text or "")
  for word in pairs(uses) do
    names[#names + 1] = word
  end
  for at = 1, definitions.count, 3 do
    names[#names + 1] = definitions[at]
    names[#names + 1] = definitions[at]
  end
end

-- Names from places all over the tree, each about as often as it will take room in the index.
local function sample_names(files)
  local names = {}
  local step = math.max(SAMPLE_BYTES, files.bytes // SAMPLES)
  local next_sample, start = 0, 0
  for at, path in ipairs(files.paths) do
    local stop = start + files.sizes[at]
    while next_sample < stop do
      add_sample(names, files.root .. path, next_sample - start)
      next_sample = next_sample + step
    end
    start = stop
  end
  table.sort(names)
  return names
end

--- The names at which one slice of the index ends and the next begins, so that all are about as
--- large. Where they lie changes the pieces, never the whole.
function tree.marks(files)
  local slices = math.min(MOST_SLICES, files.bytes // SLICE_BYTES + 1)
  local names = slices > 1 and sample_names(files) or {}
  local marks = {}
  for number = 1, #names > 0 and slices - 1 or 0 do
    local mark = names[number * #names // slices + 1]
    if mark ~= marks[#marks] then
      marks[#marks + 1] = mark
    end
  end
  return marks
end

return tree
