-- Whether two values are one graph: the same scalars bit for bit, and what is one object (or one
-- upvalue) in the one is one object in the other, and what is two is two. Returns nil, or where they
-- differ first.
--
--   assert.is_nil(same(sent, arrived))
--
-- A table or function that is a key is looked for by its field `id`: there is no order among keys.

local function bits(number)
  return string.pack("n", number)
end

local function same_scalar(a, b)
  if math.type(a) ~= math.type(b) then return false end
  if math.type(a) == "float" then return bits(a) == bits(b) end
  return a == b
end

local compare = {}

local function new_run()
  local run = { to = {}, from = {}, cells = {}, cells_from = {}, todo = {} }
  -- Notes that a in the one stands for b in the other. True if that is new, false if it was known,
  -- nil if one of them stands for something else.
  function run.pair(to, from, a, b)
    if to[a] == nil and from[b] == nil then
      to[a], from[b] = b, a
      return true
    end
    if to[a] == b and from[b] == a then return false end
    return nil
  end
  return run
end

local function match(run, a, b, path)
  if type(a) ~= type(b) then return path .. ": " .. type(a) .. " became " .. type(b) end
  local compared = compare[type(a)]
  if not compared then return not same_scalar(a, b) and path .. ": another scalar" or nil end
  local fresh = run.pair(run.to, run.from, a, b)
  if fresh == nil then return path .. ": shared otherwise" end
  if fresh then run.todo[#run.todo + 1] = { compared, a, b, path } end
  return nil
end

local function keys_by_id(t)
  local found = {}
  for k in pairs(t) do
    if type(k) == "table" then found[rawget(k, "id")] = k end
  end
  return found
end

function compare.table(run, a, b, path)
  if a == _G or b == _G then return a ~= b and path .. ": other globals" or nil end
  if getmetatable(a) ~= getmetatable(b) then return path .. ": another metatable" end
  local by_id, count = keys_by_id(b), 0
  for k, v in next, a do
    local key, where = k, path .. "[" .. tostring(k) .. "]"
    if type(k) == "table" then
      key = by_id[rawget(k, "id")]
      if key == nil then return where .. ": a key is missing" end
    end
    local wrong = key ~= k and match(run, k, key, where .. " (the key)")
      or match(run, v, rawget(b, key), where)
    if wrong then return wrong end
    count = count + 1
  end
  for _ in next, b do count = count - 1 end
  return count ~= 0 and path .. ": there are other keys" or nil
end

compare["function"] = function(run, a, b, path)
  local one, other = debug.getinfo(a, "Su"), debug.getinfo(b, "Su")
  if one.what == "C" then return a ~= b and path .. ": another C function" or nil end
  if one.linedefined ~= other.linedefined or one.short_src ~= other.short_src
    or one.nups ~= other.nups then
    return path .. ": another function"
  end
  for i = 1, one.nups do
    local name, value = debug.getupvalue(a, i)
    local arrived_name, arrived = debug.getupvalue(b, i)
    local where = path .. "." .. name
    if name ~= arrived_name then return where .. ": another name" end
    if name == "_ENV" then
      if arrived ~= _G then return where .. ": other globals" end
    else
      local cells = run.pair(run.cells, run.cells_from, debug.upvalueid(a, i), debug.upvalueid(b, i))
      if cells == nil then return where .. ": the variable is shared otherwise" end
      local wrong = match(run, value, arrived, where)
      if wrong then return wrong end
    end
  end
  return nil
end

function compare.userdata(_, a, b, path)
  if getmetatable(a) ~= getmetatable(b) then return path .. ": another kind of userdata" end
  return a ~= b and path .. ": another " .. tostring(a) or nil
end

return function(sent, arrived)
  local run = new_run()
  local wrong = match(run, sent, arrived, "value")
  while not wrong and #run.todo > 0 do
    local compared, a, b, path = table.unpack(table.remove(run.todo))
    wrong = compared(run, a, b, path)
  end
  return wrong
end
