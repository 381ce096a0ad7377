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

-- The types of tokens, numbered from 0 on, and the number of each. Where a pair of delimiters has several
-- types, what is between them has the table of these as its type: here the original, there the copy.
local function number_types(copies)
  local types, number_of = { [0] = "normal" }, { normal = 0 }
  local function add(kind, copy)
    if kind ~= nil and not number_of[copy] then
      types[#types + 1] = kind
      number_of[copy] = #types
    end
  end
  for original, copy in pairs(copies) do
    for i, pattern in ipairs(original.patterns) do
      add(pattern.type, copy.patterns[i].type)
      for _, kind in ipairs(type(pattern.type) == "table" and pattern.type or {}) do
        add(kind, kind)
      end
    end
    for _, kind in pairs(copy.symbols) do
      add(kind, kind)
    end
  end
  return types, number_of
end

local last_id = 0

-- `find(name)` gives the syntax that another one embeds by its name. Returns a table: `types` by their
-- numbers, and `copy`, which travels: its `id`, another one for each that is made, the `syntax`, and
-- `number_of`. Or nil and a message.
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
  return { types = types, copy = { id = last_id, syntax = copy, number_of = number_of } }
end

-- The state to begin with where the one before is not known yet: in the same embedded syntax as
-- `state`, but not in the midst of a comment or string.
function language.guess(self, state)
  local syntax, known = self.copy.syntax, {}
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
