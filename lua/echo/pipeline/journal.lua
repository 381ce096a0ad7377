--- What a run has done, kept in a file, so that another run need not do it again.
---
--- An element is known by its step and by a digest of the step's code and of the arguments: so it is run
--- again if any of those has changed, and not if only others have. Elements that are equal in all this
--- are interchangeable, and counted. A record is written when the element has ended, together with others
--- that came at the same time, and before the run tells of it by its progress; whatever ends the process,
--- a record is there or it is not.
---
--- A run that ends well removes the records that it did not use.
---
--- Rejected: an index of the records by their keys in the file. It doubled the time of a record, and all
--- that it is for is one look at each, when a run begins. And keys by an element's number in its list: to
--- put one more in front would run all again.

local digest = require "echo.pipeline.journal.digest"
local encode = require "echo.pipeline.journal.encode"
local failure = require "echo.pipeline.failure"
local fingerprint = require "echo.pipeline.journal.fingerprint"
local sqlite = require "echo.pipeline.journal.sqlite"

local Journal = {}
Journal.__index = Journal

local LONGEST_IN_MEMORY = 128

-- The records of one step that this run has not used: by key the list of their numbers, and by number
-- the values that are short.
local function read_records(database, step)
  local unused, values = {}, {}
  database:each(step, LONGEST_IN_MEMORY, function(id, key, value)
    local ids = unused[key]
    if ids then
      ids[#ids + 1] = id
    else
      unused[key] = { id }
    end
    values[id] = value
  end)
  return unused, values
end

--- Gives a node's state what recall and record need.
function Journal:prepare(st)
  local node = st.node
  if node.journal == false or node.kind ~= "single" and node.kind ~= "element" then
    return
  end
  st.journalled, st.keys = true, {}
  st.unused, st.kept_values = read_records(self.database, node.name)
  self.states[#self.states + 1] = st
end

-- Who does not look at an element's number gives the same wherever it stands in the list.
local function looks_at_index(node, at)
  return fingerprint.takes(node.run, at) or node.when and fingerprint.takes(node.when, at)
    or type(node.fallback) == "function" and fingerprint.takes(node.fallback, at + 1)
end

-- What all elements of a node have in common.
local function node_key(st)
  if not st.node_key then
    local shared = { n = #st.shared_inputs }
    table.move(st.shared, 1, shared.n, 1, shared)
    st.node_key = digest(fingerprint.node(st.node) .. fingerprint.bytes(shared))
    st.looks_at_index = false
    for at, slot in ipairs(st.slots) do
      st.looks_at_index = st.looks_at_index or slot == 0 and looks_at_index(st.node, at)
    end
  end
  return st.node_key
end

local function element_key(run, st, index)
  local parts = { node_key(st) }
  for _, slot in ipairs(st.slots) do
    if slot > 0 then
      parts[#parts + 1] = fingerprint.bytes(run.items[st.columns[slot]][index])
    elseif slot == 0 and st.looks_at_index then
      parts[#parts + 1] = "#" .. index
    end
  end
  return digest(table.concat(parts))
end

--- Whether an element has ended in an earlier run, and its result.
function Journal:recall(run, st, index)
  local key = element_key(run, st, index)
  local ids = st.unused[key]
  if not ids then
    st.keys[index] = key
    return false
  end
  local id = table.remove(ids)
  if #ids == 0 then
    st.unused[key] = nil
  end
  local bytes = st.kept_values[id] or self.database:value(id)
  st.kept_values[id] = nil
  return true, encode.value(bytes)
end

--- Notes that an element has ended; `flush` writes it.
function Journal:record(st, index, result)
  local ok, bytes = pcall(encode.bytes, result)
  if not ok then
    local number = st.node.kind == "element" and index or nil
    error(failure.of(st.node, number, nil, { kind = "transfer", message = "its result: " .. bytes }), 0)
  end
  table.insert(self.pending, { st.node.name, st.keys[index], bytes })
  st.keys[index] = nil
end

--- Writes what was noted.
function Journal:flush()
  if #self.pending == 0 then
    return
  end
  local pending = self.pending
  self.pending = {}
  self.database:transaction(self.database.insert, self.database, pending)
end

local function remove_unused(journal)
  local names = {}
  for index, st in ipairs(journal.states) do
    names[index] = st.node.name
    for _, ids in pairs(st.unused) do
      journal.database:remove(ids)
    end
  end
  journal.database:keep_steps(names)
end

--- Ends it; after a run that went well, without what that did not use.
function Journal:close(went_well)
  local ok, problem = pcall(function()
    self:flush()
    if went_well then
      self.database:transaction(remove_unused, self)
    end
  end)
  self.database:close()
  if not ok then
    error(problem, 0)
  end
end

local journal = {}

--- Opens a journal for one run.
function journal.open(path)
  return setmetatable({ path = path, database = sqlite.open(path), pending = {}, states = {} }, Journal)
end

return journal
