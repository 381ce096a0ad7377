--- The few things that a journal asks of SQLite, through LuaSQL (`lua-sql-sqlite3`, or the rock
--- luasql-sqlite3), which is needed only where a journal is.
---
--- The file is locked for as long as it is open, so that two runs cannot share it; the lock goes with
--- the process, however that ends. Writes go through SQLite's own log: what was committed survives a
--- process that is killed; if the machine loses power the last commits may be missing, and never a part
--- of one.

local sqlite = {}

local Database = {}
Database.__index = Database

local ROWS = 200

-- There is no index: records are appended as fast as they come, and read once, when a run begins.
local SCHEMA = [[CREATE TABLE IF NOT EXISTS elements (id INTEGER PRIMARY KEY, step TEXT NOT NULL,
  key TEXT NOT NULL, value BLOB NOT NULL)]]

local function fail(path, problem)
  local text = tostring(problem):gsub("^LuaSQL: ", "")
  if text:find("locked", 1, true) then
    text = "another run is using it"
  end
  error(("journal %s: %s"):format(path, text), 0)
end

local function quoted(text)
  return "'" .. text:gsub("'", "''") .. "'"
end

-- A text cannot hold a zero byte; SQLite keeps its bytes as they are otherwise.
local function literal(text)
  if text:find("\0", 1, true) then
    local digits = text:gsub(".", function(byte)
      return ("%02x"):format(byte:byte())
    end)
    return "x'" .. digits .. "'"
  end
  return quoted(text)
end

function Database:execute(statement)
  local result, problem = self.connection:execute(statement)
  if not result then
    fail(self.path, problem)
  end
  if type(result) == "userdata" then
    result:close()
  end
end

--- Calls fn(...) in a transaction, which is undone if it fails.
function Database:transaction(fn, ...)
  self:execute "BEGIN IMMEDIATE"
  local ok, problem = pcall(fn, ...)
  if ok then
    ok, problem = pcall(self.execute, self, "COMMIT")
  end
  if not ok then
    self.connection:execute "ROLLBACK"
    error(problem, 0)
  end
end

--- Writes rows of { step, key, value }.
function Database:insert(rows)
  for first = 1, #rows, ROWS do
    local tuples = {}
    for at = first, math.min(first + ROWS - 1, #rows) do
      local row = rows[at]
      tuples[#tuples + 1] = ("(%s,'%s',%s)"):format(quoted(row[1]), row[2], literal(row[3]))
    end
    self:execute("INSERT INTO elements (step, key, value) VALUES " .. table.concat(tuples, ","))
  end
end

function Database:rows(query)
  local cursor, problem = self.connection:execute(query)
  if not cursor then
    fail(self.path, problem)
  end
  return cursor
end

--- Calls fn(id, key, value) for each record of a step; the value is nil if it is longer than `longest`.
function Database:each(step, longest, fn)
  local query = "SELECT id, key, CASE WHEN length(value) <= %d THEN value END FROM elements WHERE step = %s"
  local cursor = self:rows(query:format(longest, quoted(step)))
  local id, key, value = cursor:fetch()
  while id do
    fn(math.tointeger(id), key, value)
    id, key, value = cursor:fetch()
  end
  cursor:close()
end

function Database:value(id)
  local cursor = self:rows(("SELECT value FROM elements WHERE id = %d"):format(id))
  local value = cursor:fetch()
  cursor:close()
  return value
end

--- Removes records by their numbers.
function Database:remove(ids)
  self:execute("DELETE FROM elements WHERE id IN (" .. table.concat(ids, ",") .. ")")
end

--- Removes the records of all steps but these.
function Database:keep_steps(steps)
  local names = {}
  for index, step in ipairs(steps) do
    names[index] = quoted(step)
  end
  self:execute("DELETE FROM elements WHERE step NOT IN (" .. table.concat(names, ",") .. ")")
end

function Database:close()
  self.connection:close()
  self.environment:close()
end

--- Opens the file, or makes it.
function sqlite.open(path)
  local found, driver = pcall(require, "luasql.sqlite3")
  if not found then
    fail(path, "it needs LuaSQL for SQLite (Debian: lua-sql-sqlite3; LuaRocks: luasql-sqlite3)")
  end
  local environment = driver.sqlite3()
  local connection, problem = environment:connect(path)
  if not connection then
    environment:close()
    fail(path, problem)
  end
  local database = setmetatable({ path = path, connection = connection, environment = environment }, Database)
  local ok, raised = pcall(function()
    for _, pragma in ipairs { "locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = NORMAL" } do
      database:execute("PRAGMA " .. pragma)
    end
    database:transaction(database.execute, database, SCHEMA)
  end)
  if not ok then
    database:close()
    error(raised, 0)
  end
  return database
end

return sqlite
