--- What the workers run: the tasks of the two rounds and of a look-up, and the index they work on.
---
--- The index is text, a block of lines for each name: how often it is used and in how many files, and
--- then a line for each place that defines it. `scan_batch` makes the blocks of some files and sorts
--- them into slices, `merge_slice` makes the final blocks of one slice, and `look_up` reads either.

local scanner = require "index.scanner"

local byte, find, gmatch, gsub, match, sub =
  string.byte, string.find, string.gmatch, string.gsub, string.match, string.sub
local concat, sort = table.concat, table.sort
local huge, tointeger = math.huge, math.tointeger
local scan_text, KEYWORDS = scanner.scan_text, scanner.KEYWORDS

-- What a reader wants to see first, if a name is defined as several things.
local RANK = {
  typedef = 1, struct = 2, union = 2, enum = 2, class = 2, prototype = 3, ["function"] = 4, macro = 5,
  enumerator = 5, variable = 6,
}
local LAST_DIGIT = byte("9")

local function new_index()
  return { uses = {}, spread = {}, places = {}, files = {}, problems = {}, bytes = 0, definitions = 0 }
end

local function add_uses(index, counts)
  local uses, spread = index.uses, index.spread
  local identifiers = 0
  for word, count in pairs(counts) do
    if byte(word) > LAST_DIGIT and not KEYWORDS[word] then
      uses[word] = (uses[word] or 0) + count
      spread[word] = (spread[word] or 0) + 1
      identifiers = identifiers + count
    end
  end
  return identifiers
end

local function add_place(index, name, line)
  local places = index.places[name]
  if places then
    places[#places + 1] = line
  else
    index.places[name] = { line }
  end
end

local function add_places(index, shown_path, found)
  local middle = "\t" .. shown_path .. ":"
  for at = 1, found.count, 3 do
    local name = found[at]
    add_place(index, name, "\n" .. name .. "\t" .. found[at + 1] .. middle .. found[at + 2])
  end
  return found.count // 3
end

-- The file's text, or nil and why not.
local function read_file(path)
  local file <close>, problem = io.open(path, "rb")
  if not file then
    return nil, problem
  end
  return file:read("a")
end

-- A file's name may hold a line break or an escape sequence.
local function printable(path)
  return (gsub(path, "%c", function(character)
    return ("\\%03d"):format(byte(character))
  end))
end

local function add_file(index, path, text)
  local shown_path = printable(path)
  local uses, found = scan_text(text)
  local identifiers = add_uses(index, uses)
  local definitions = add_places(index, shown_path, found)
  index.files[#index.files + 1] = ("./%s\t%d\t%d\t%d"):format(shown_path, #text, identifiers, definitions)
  index.bytes = index.bytes + #text
  index.definitions = index.definitions + definitions
end

local function add_problem(index, root, path, problem)
  local text = tostring(problem)
  if sub(text, 1, #root + #path) == root .. path then
    text = gsub(sub(text, #root + #path + 1), "^: ", "")
  end
  index.problems[#index.problems + 1] = printable(path) .. ": " .. text
end

-- Without pcall: it would take an interruption or a cancellation for a file's problem.
local function scan_files(index, root, paths)
  for _, path in ipairs(paths) do
    local text, problem = read_file(root .. path)
    if text then
      add_file(index, path, text)
    else
      add_problem(index, root, path, problem)
    end
  end
end

local function all_names(index)
  local names = {}
  for name in pairs(index.uses) do
    names[#names + 1] = name
  end
  -- A keyword that some header defines has places and no uses.
  for name in pairs(index.places) do
    if not index.uses[name] then
      names[#names + 1] = name
    end
  end
  return names
end

-- The blocks of all names in order, and how many.
local function render(index)
  local uses, spread, places = index.uses, index.spread, index.places
  local names = all_names(index)
  sort(names)
  for at, name in ipairs(names) do
    local lines = places[name] and concat(places[name]) or ""
    names[at] = "\n" .. name .. "\tuses\t" .. (uses[name] or 0) .. "\t" .. (spread[name] or 0) .. lines
  end
  return { text = concat(names), names = #names }
end

local function slice_number(marks, name)
  local low, high = 1, #marks + 1
  while low < high do
    local middle = (low + high) // 2
    if name < marks[middle] then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
end

-- Only the merge reads where a block starts and how often its name is used, so the head of a block is
-- made for it here: after a zero byte, which no line has.
local function cut_slices(index, marks)
  local uses, spread, places = index.uses, index.spread, index.places
  local slices = {}
  for _, name in ipairs(all_names(index)) do
    local number = slice_number(marks, name)
    local slice = slices[number]
    if not slice then
      slice = {}
      slices[number] = slice
    end
    local lines = places[name] and concat(places[name]) or ""
    slice[#slice + 1] = "\0" .. name .. "\t" .. (uses[name] or 0) .. "\t" .. (spread[name] or 0) .. lines
  end
  for number, slice in pairs(slices) do
    slices[number] = concat(slice)
  end
  return slices
end

-- The task of the first round: scans some files and returns their part of each slice.
local function scan_batch(root, paths, marks)
  local index = new_index()
  scan_files(index, root, paths)
  return {
    slices = cut_slices(index, marks),
    files = index.files,
    problems = index.problems,
    bytes = index.bytes,
    definitions = index.definitions,
    -- Each worker's state has its own table of globals, which tells the workers apart.
    worker = tostring(_G),
  }
end

-- The task of the second round: merges the batches' parts of one slice.
local function merge_slice(parts)
  local index = new_index()
  local uses, spread = index.uses, index.spread
  for _, part in ipairs(parts) do
    for name, times, files, lines in gmatch(part, "%z([^\t]+)\t(%d+)\t(%d+)([^%z]*)") do
      uses[name] = (uses[name] or 0) + tointeger(times)
      spread[name] = (spread[name] or 0) + tointeger(files)
      if lines ~= "" then
        add_place(index, name, lines)
      end
    end
  end
  return render(index)
end

local function line_at(path, wanted)
  local file <close> = io.open(path, "rb")
  local number = 0
  for line in file and file:lines() or function() end do
    number = number + 1
    if number == wanted then
      return match(line, "^%s*(.-)%s*$")
    end
  end
end

local function places_of(name, parts)
  local opening = "\n" .. name .. "\t"
  local count, best_rank, best = 0, huge, nil
  for _, part in ipairs(parts) do
    local _, at = find(part, opening, 1, true)
    while at do
      local kind, place = match(part, "^([^\t]+)\t([^\t%z\n]+)", at + 1)
      if RANK[kind] then
        count = count + 1
        if RANK[kind] < best_rank then
          best_rank, best = RANK[kind], place
        end
      end
      _, at = find(part, opening, at, true)
    end
  end
  return count, best
end

-- The task of a look-up: finds the name in the parts of its slice and fetches the best place's line
-- from the file, as an editor shows it.
local function look_up(root, name, parts)
  local count, place = places_of(name, parts)
  local path, line = match(place or "", "^(.*):(%d+)$")
  return { count = count, place = place, line = path and line_at(root .. path, tointeger(line)) }
end

return {
  add_problem = add_problem,
  look_up = look_up,
  merge_slice = merge_slice,
  new_index = new_index,
  printable = printable,
  render = render,
  scan_batch = scan_batch,
  scan_files = scan_files,
  slice_number = slice_number,
}
