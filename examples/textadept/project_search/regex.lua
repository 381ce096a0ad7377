-- Regular expressions for matcher.lua: ECMAScript's, in plain Lua, as the editor's own engines cannot be
-- used here. Scintilla's works on a buffer; the C++ library's does not look up while it tries, so that a
-- search could not be cancelled, and crashes on long lines.

local parser = require "project_search.regex.parser"
local program = require "project_search.regex.program"

local regex = {}

-- Changes letters to sets of both cases.
local function fold(node)
  if node.kind == "char" and node.text:find("^%a$") then
    local has = { [node.text:upper():byte()] = true, [node.text:lower():byte()] = true }
    node.kind, node.letter, node.has, node.ranges = "set", node.text:lower(), has, {}
  elseif node.kind == "set" then
    for code = 97, 122 do
      local either = node.has[code] or node.has[code - 32]
      node.has[code], node.has[code - 32] = either, either
    end
  end
  for _, inner in ipairs(node) do
    fold(inner)
  end
  if node.node then
    fold(node.node)
  end
  return node
end

-- The longest text that each match has, of lower case if letters were folded, or nil.
local function literal_of(tree)
  local run, longest = "", ""
  local function visit(node)
    if node.kind == "char" or node.letter then
      run = run .. (node.letter or node.text)
    elseif node.kind == "sequence" then
      for _, inner in ipairs(node) do
        visit(inner)
      end
    elseif node.kind == "group" and node.node.kind == "sequence" then
      visit(node.node)
    elseif node.kind ~= "boundary" then
      run = ""
    end
    longest = #run > #longest and run or longest
  end
  visit(tree)
  return longest ~= "" and longest or nil
end

-- Puts the bytes with which a match of `node` can begin into `bytes`. Returns whether it may be empty.
local function add_first(node, bytes)
  local kind = node.kind
  if kind == "char" then
    bytes[node.text:byte()] = true
  elseif kind == "set" then
    for code = 0, 127 do
      bytes[code] = bytes[code] or (node.has[code] or false) ~= (node.negated or false)
    end
    for code = 128, (node.negated or #node.ranges > 0) and 255 or 0 do
      bytes[code] = true
    end
  elseif kind == "sequence" then
    for _, inner in ipairs(node) do
      if not add_first(inner, bytes) then
        return false
      end
    end
    return true
  elseif kind == "choice" then
    local empty = false
    for _, inner in ipairs(node) do
      empty = add_first(inner, bytes) or empty
    end
    return empty
  elseif kind == "group" or kind == "repetition" then
    return add_first(node.node, bytes) or node.least == 0
  else
    return true
  end
  return false
end

-- A Lua pattern for the first byte of a match, or nil if any will do.
local function first_of(tree)
  local bytes = {}
  if add_first(tree, bytes) then
    return nil
  end
  local members = {}
  for code = 0, 255 do
    members[#members + 1] = bytes[code] and ("%%%c"):format(code):gsub("^%%([%w\0-\x1f\x7f-\xff])", "%1") or nil
  end
  return #members < 256 and "[" .. table.concat(members) .. "]" or nil
end

-- As matcher.compile.
function regex.compile(source, ignore_case)
  local tree = parser.parse(source)
  if ignore_case then
    fold(tree)
  end
  local literal, first = literal_of(tree), first_of(tree)
  local match_at = program.make(tree)
  return {
    hint = literal or first,
    hint_is_plain = literal ~= nil,
    folds = ignore_case and literal ~= nil,
    find = function(line, init)
      while init and init <= #line + 1 do
        init = first and line:find(first, init) or not first and init or nil
        local stop = init and match_at(line, init)
        if stop then
          return init, stop - 1
        end
        init = init and init + 1
      end
    end,
  }
end

return regex
