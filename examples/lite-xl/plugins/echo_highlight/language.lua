-- A syntax as it travels to the workers: a copy, with the syntaxes that are embedded in it.
--
-- Tokenizing writes to a syntax: a pattern that begins with ^ loses it at its first use, and has a
-- note instead. A task may be interrupted between the two, and another of the same worker would read
-- what is half written. So the copy is made as it is after the first use.
local language = {}

local function settle(copy, kind)
  local pattern = copy[kind]
  if not pattern then
    return
  end
  local is_pair = type(pattern) == "table"
  copy.whole_line = copy.whole_line or {}
  for i = 1, is_pair and 2 or 1 do
    local text = is_pair and pattern[i] or pattern
    if copy.whole_line[i] == nil and type(text) == "string" then
      copy.whole_line[i] = text:sub(1, 1) == "^"
      text = copy.whole_line[i] and text:sub(2) or text
      if is_pair then
        pattern[i] = text
      else
        copy[kind] = text
      end
    end
  end
end

local function copy_plain(value)
  if type(value) ~= "table" then
    return value
  end
  local copy = {}
  for key, item in pairs(value) do
    copy[key] = item
  end
  return copy
end

local function copy_pattern(pattern, copy_syntax)
  local copy = {}
  for _, field in ipairs { "pattern", "regex", "type", "whole_line", "disabled" } do
    copy[field] = copy_plain(pattern[field])
  end
  if copy.pattern then
    settle(copy, "pattern")
  else
    settle(copy, "regex")
  end
  if pattern.syntax then
    copy.syntax = copy_syntax(pattern.syntax)
  end
  return copy
end

-- The types of tokens, numbered from 0 on; and the number of each.
local function number_types(syntaxes)
  local types, number_of = {}, {}
  local function add(kind)
    if type(kind) == "string" and not number_of[kind] then
      number_of[kind] = types[0] and #types + 1 or 0
      types[number_of[kind]] = kind
    end
  end
  add("normal")
  for _, syntax in pairs(syntaxes) do
    for _, pattern in ipairs(syntax.patterns) do
      for _, kind in ipairs(type(pattern.type) == "table" and pattern.type or { pattern.type }) do
        add(kind)
      end
    end
    for _, kind in pairs(syntax.symbols) do
      add(kind)
    end
  end
  return types, number_of
end

local last_id = 0

-- `find(name)` gives the syntax that another one embeds by its name. Returns a table: `id`, another
-- one for each that is made; `syntax`, the copy; `types` and `number_of`. Or nil and a message.
function language.new(syntax, find)
  local copies = {}
  local function copy_syntax(original)
    original = type(original) == "table" and original or find(original)
    if not copies[original] then
      local copy = { name = original.name, patterns = {}, symbols = copy_plain(original.symbols or {}) }
      copies[original] = copy
      for i, pattern in ipairs(original.patterns) do
        copy.patterns[i] = copy_pattern(pattern, copy_syntax)
      end
    end
    return copies[original]
  end
  local copy = copy_syntax(syntax)
  local types, number_of = number_types(copies)
  if #types > 255 then
    return nil, ("the syntax %s has more than 256 types of tokens"):format(syntax.name or "unnamed")
  end
  last_id = last_id + 1
  return { id = last_id, syntax = copy, types = types, number_of = number_of }
end

-- The state to begin with where the one before is not known yet: in the same embedded syntax as
-- `state`, but not in the midst of a comment or string.
function language.guess(self, state)
  local syntax, known = self.syntax, {}
  for i = 1, #state do
    local pattern = syntax.patterns[state:byte(i)]
    if not (pattern and pattern.syntax) then
      known[i] = "\0"
      break
    end
    known[i] = state:sub(i, i)
    syntax = pattern.syntax
  end
  return table.concat(known)
end

return language
