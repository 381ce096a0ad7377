-- Makes a function of the tree of a regular expression: one closure for each node, which is given the
-- text and a place in it, and calls the closure for what comes after the node. It returns where the whole
-- match ends, or nil; going back is returning nil. As all of it is Lua, a search that is cancelled ends
-- in the midst of an expression that would try for hours.

local program = {}

local byte, sub = string.byte, string.sub

local makers = {}

-- The closure for `node`, where `after` is the closure for what comes next. `match` holds what the groups
-- of the match under way have captured: by index the text.
local function make(node, after, match)
  return makers[node.kind](node, after, match)
end

local function is_word(text, i)
  local code = byte(text, i)
  return i >= 1 and code ~= nil and sub(text, i, i):find("[%w_]") ~= nil
end

-- The end of the character at `i`: a stray byte counts as one.
local function after_character(text, i)
  local last = select(2, text:find("^[\xc2-\xf4][\x80-\xbf]+", i))
  return last and last + 1 or i + 1
end

local function in_ranges(ranges, text, i, stop)
  local code = stop > i + 1 and utf8.len(text, i, i) and utf8.codepoint(text, i)
  for _, range in ipairs(ranges) do
    if code and code >= range[1] and code <= range[2] then
      return true
    end
  end
  return false
end

-- A function that returns where one character that the set has ends, or nil.
local function step_of(node)
  local has, ranges, negated = node.has, node.ranges, node.negated or false
  return function(text, i)
    local code = byte(text, i)
    if not code then
      return nil
    elseif code < 128 then
      return (has[code] or false) ~= negated and i + 1 or nil
    end
    local stop = after_character(text, i)
    return in_ranges(ranges, text, i, stop) ~= negated and stop or nil
  end
end

function makers.char(node, after)
  local wanted, size = node.text, #node.text
  if size == 1 then
    local code = byte(wanted)
    return function(text, i)
      return byte(text, i) == code and after(text, i + 1) or nil
    end
  end
  return function(text, i)
    return sub(text, i, i + size - 1) == wanted and after(text, i + size) or nil
  end
end

function makers.set(node, after)
  local step = step_of(node)
  return function(text, i)
    local stop = step(text, i)
    return stop and after(text, stop)
  end
end

function makers.sequence(node, after, match)
  for i = #node, 1, -1 do
    after = make(node[i], after, match)
  end
  return after
end

function makers.choice(node, after, match)
  local branches = {}
  for i, branch in ipairs(node) do
    branches[i] = make(branch, after, match)
  end
  return function(text, i)
    for b = 1, #branches do
      local stop = branches[b](text, i)
      if stop then
        return stop
      end
    end
  end
end

function makers.group(node, after, match)
  local index = node.index
  if not index then
    return make(node.node, after, match)
  end
  local start
  local inner = make(node.node, function(text, i)
    local before = match[index]
    match[index] = sub(text, start, i - 1)
    local stop = after(text, i)
    match[index] = stop and match[index] or before
    return stop
  end, match)
  return function(text, i)
    local before = start
    start = i
    local stop = inner(text, i)
    start = before
    return stop
  end
end

function makers.look(node, after, match)
  local inner = make(node.node, function(_, i)
    return i
  end, match)
  return function(text, i)
    return (inner(text, i) ~= nil) ~= node.negated and after(text, i) or nil
  end
end

function makers.back(node, after, match)
  return function(text, i)
    local wanted = match[node.index] or ""
    return sub(text, i, i + #wanted - 1) == wanted and after(text, i + #wanted) or nil
  end
end

function makers.first(_, after)
  return function(text, i)
    return i == 1 and after(text, i) or nil
  end
end

function makers.last(_, after)
  return function(text, i)
    return i == #text + 1 and after(text, i) or nil
  end
end

function makers.boundary(node, after)
  return function(text, i)
    return (is_word(text, i - 1) ~= is_word(text, i)) ~= node.negated and after(text, i) or nil
  end
end

-- A repetition of single characters: takes as many as there are, and gives back one by one. Where each
-- ends need be kept only if some have several bytes.
local function repeat_greedily(step, least, most, after)
  return function(text, i)
    local stop, count, ends = i, 0, nil
    while count < most do
      local next_stop = step(text, stop)
      if not next_stop then
        break
      end
      if not ends and next_stop > stop + 1 then
        ends = {}
        for c = 0, count do
          ends[c] = i + c
        end
      end
      stop, count = next_stop, count + 1
      if ends then
        ends[count] = stop
      end
    end
    for c = count, least, -1 do
      local result = after(text, ends and ends[c] or i + c)
      if result then
        return result
      end
    end
  end
end

local function repeat_lazily(step, least, most, after)
  return function(text, i)
    local count = 0
    while i do
      local result = count >= least and after(text, i)
      if result or count == most then
        return result or nil
      end
      i, count = step(text, i), count + 1
    end
  end
end

-- A repetition of anything. `count` and `start` belong to the round under way, and are put back whenever
-- a try has failed, as the same repetition may be entered anew from what comes after it.
local function repeat_node(node, after, match)
  local least, most, lazy = node.least, node.most, node.lazy
  local count, start = 0, nil
  local body
  local function one_more(text, i, rounds, began)
    count, start = rounds + 1, i
    local stop = body(text, i)
    count, start = rounds, began
    return stop
  end
  local function go_on(text, i)
    local rounds, began = count, start
    -- A round that has matched nothing would do so for ever.
    local may_stop, may_go = rounds >= least or i == began, rounds < most and i ~= began
    if lazy then
      return may_stop and after(text, i) or may_go and one_more(text, i, rounds, began) or nil
    end
    return may_go and one_more(text, i, rounds, began) or may_stop and after(text, i) or nil
  end
  body = make(node.node, go_on, match)
  return function(text, i)
    local rounds, began = count, start
    count, start = 0, nil
    local stop = go_on(text, i)
    count, start = rounds, began
    return stop
  end
end

function makers.repetition(node, after, match)
  local inner = node.node
  local step
  if inner.kind == "set" then
    step = step_of(inner)
  elseif inner.kind == "char" then
    step = makers.char(inner, function(_, i)
      return i
    end)
  end
  if step then
    return (node.lazy and repeat_lazily or repeat_greedily)(step, node.least, node.most, after)
  end
  return repeat_node(node, after, match)
end

-- A function(text, i) that returns where a match that begins at `i` ends (the place after it), or nil.
function program.make(tree)
  local match = {}
  local start = make(tree, function(_, i)
    return i
  end, match)
  return function(text, i)
    if next(match) then
      for index in pairs(match) do
        match[index] = nil
      end
    end
    return start(text, i)
  end
end

return program
