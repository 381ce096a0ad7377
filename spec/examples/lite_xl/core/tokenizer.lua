-- A tokenizer for the specs of the Lite XL plugin, with the interface of the editor's: it knows
-- words, pairs that go over lines, and syntaxes that are embedded between a pair.
--
-- A state has a byte for each level: the number of the pattern that is open there.
local tokenizer = {}

local function embedded(syntax)
  return type(syntax) == "table" and syntax or require("core.syntax").get(syntax)
end

local function at(text, from, pattern)
  return text:match("^" .. pattern .. "()", from)
end

-- As in the editor's: at its first use a pattern that begins with ^ loses it, and has a note instead.
local function settle(pattern)
  if type(pattern.pattern) == "string" and not pattern.whole_line then
    pattern.whole_line = { pattern.pattern:sub(1, 1) == "^" }
    pattern.pattern = pattern.pattern:match("^^?(.*)")
  end
end

-- The syntax of the innermost level, the pattern that encloses it, and the pair that is open in it.
local function levels(syntax, state)
  local enclosing, depth = nil, 1
  for i = 1, #state do
    local pattern = syntax.patterns[state:byte(i)]
    if not pattern then
      break
    elseif not pattern.syntax then
      return syntax, enclosing, pattern, i
    end
    syntax, enclosing, depth = embedded(pattern.syntax), pattern, i + 1
  end
  return syntax, enclosing, nil, depth
end

-- The end of the first thing in `text` from `from` on, its type, and the state after it.
local function step(base, text, from, state)
  local syntax, enclosing, open, depth = levels(base, state)
  if open then
    local to = at(text, from, open.pattern[2])
    return to or from + 1, open.type, to and state:sub(1, depth - 1) .. "\0" or state
  end
  local to = enclosing and at(text, from, enclosing.pattern[2])
  if to then
    return to, enclosing.type, state:sub(1, depth - 2) .. "\0"
  end
  for number, pattern in ipairs(syntax.patterns) do
    settle(pattern)
    local is_pair = type(pattern.pattern) == "table"
    local fits = not (pattern.whole_line and pattern.whole_line[1] and from > 1)
    to = fits and at(text, from, is_pair and pattern.pattern[1] or pattern.pattern)
    if to and is_pair then
      return to, pattern.type, state:sub(1, depth - 1) .. string.char(number)
    elseif to then
      return to, syntax.symbols[text:sub(from, to - 1)] or pattern.type, state
    end
  end
  return from + 1, "normal", state
end

function tokenizer.tokenize(syntax, text, state)
  local tokens, from = {}, 1
  state = state or "\0"
  assert(not syntax.symbols.broken or package.loaded["core.doc"], "broken") -- in workers
  while from <= #text do
    local to, kind, after = step(syntax, text, from, state)
    if tokens[#tokens - 1] == kind then
      tokens[#tokens] = tokens[#tokens] .. text:sub(from, to - 1)
    else
      tokens[#tokens + 1], tokens[#tokens + 2] = kind, text:sub(from, to - 1)
    end
    from, state = to, after
  end
  return tokens, state
end

return tokenizer
