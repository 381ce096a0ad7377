-- The editor's script: makes an index of a tree's identifiers in the background, folder by folder,
-- and completes what is typed. The program has given it scheduler, list, status and done.
local tree, inline = ...
local echo, list, scheduler, status = echo, list, scheduler, status

-- In a task (or, inline, in the thread that draws): the identifiers in a folder's files, as bytes that
-- the editor's state and later tasks share without a copy, "\n" around each; and its folders.
local function index_folder(path)
  local files, folders = list(path)
  local seen, words, count, bytes = {}, { "" }, 0, 0
  for name in files:gmatch("[^\n]+") do
    local file = io.open(path .. "/" .. name, "rb")
    local text = file and file:read("a") or ""
    if file then
      file:close()
    end
    count, bytes = count + 1, bytes + #text
    for word in text:gmatch("[%a_][%w_]+") do
      if not seen[word] then
        seen[word] = true
        words[#words + 1] = word
      end
    end
  end
  words[#words + 1] = ""
  return echo.buffer(table.concat(words, "\n")), folders, count, bytes
end

-- In a task: up to ten identifiers that begin so.
local function complete(prefix, shelves)
  local found, seen = {}, {}
  for _, shelf in ipairs(shelves) do
    local first, last = shelf:find("\n" .. prefix)
    while first and #found < 10 do
      local word = shelf:sub(first + 1, shelf:find("\n", last + 1) - 1)
      if not seen[word] then
        seen[word], found[#found + 1] = true, word
      end
      first, last = shelf:find("\n" .. prefix, last + 1)
    end
  end
  return found
end

local shelves, pending = {}, 0
local files, bytes, keys, slowest = 0, 0, 0, 0

local function report()
  return ("%d files, %.1f MB, %d folders; %d keys, slowest completion %.1f ms"):format(files,
    bytes / 1e6, #shelves, keys, slowest * 1000)
end

local visit

local function shelve(path, words, folders, count, size)
  shelves[#shelves + 1] = words
  files, bytes = files + count, bytes + size
  for name in folders:gmatch("[^\n]+") do
    visit(path .. "/" .. name)
  end
  status(report())
end

local function leave()
  pending = pending - 1
  if pending == 0 then
    done()
  end
end

local queue = {} -- inline: what a background task would do waits for a frame

function visit(path)
  pending = pending + 1
  if inline then
    queue[#queue + 1] = path
    return
  end
  scheduler:submit({ priority = "low" }, index_folder, path):on_complete(function(task)
    local result = table.pack(task:pwait())
    if result[1] then
      shelve(path, table.unpack(result, 2, result.n))
    end
    leave()
  end)
end

-- Inline, a folder a frame.
function on_frame()
  local path = table.remove(queue)
  if path then
    shelve(path, index_folder(path))
    leave()
  end
end

-- Ends a task of its own kind that is still under way: only what was typed last counts.
local typed = ""
function on_key(key)
  typed = key == " " and "" or typed .. key
  if #typed < 2 then
    return
  end
  local began = echo.now()
  local options = { priority = "high", key = "complete" }
  scheduler:submit(options, complete, typed, shelves):on_complete(function(task)
    if task:pwait() then
      keys, slowest = keys + 1, math.max(slowest, echo.now() - began)
    end
  end)
end

visit(tree)
