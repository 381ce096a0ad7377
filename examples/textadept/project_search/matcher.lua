-- Makes a matcher, in a worker, of what the user has typed. A query is a table:
--
--   text          what is looked for
--   kind          "plain", "lua" (a Lua pattern) or "regex" (a regular expression, see regex.lua)
--   ignore_case   ASCII letters match in both cases
--   whole_word    a match must not touch letters, digits, underscores or bytes of non-ASCII characters
--
-- A matcher is a table: `find(line, init)` returns where the next match begins and ends, or nil; `hint`,
-- if there is one, is what each matching line has: a pattern, or a plain text if `hint_is_plain`, of
-- lower case if the line has to be folded first (`folds`).

local matcher = {}

local WORD = "^[%w_\x80-\xff]"

local function both_cases(letter)
  return "[" .. letter:upper() .. letter:lower() .. "]"
end

-- A set of a Lua pattern, without its brackets, with the other case of its letters and ranges added.
local function fold_set(set)
  local parts, i = {}, 1
  while i <= #set do
    local first, last = set:match("^(%a)%-(%a)", i)
    local item = first and set:sub(i, i + 2) or set:match("^%%.", i) or set:sub(i, i)
    i = i + #item
    if first and (first:find("%l") ~= nil) == (last:find("%l") ~= nil) then
      item = first:upper() .. "-" .. last:upper() .. first:lower() .. "-" .. last:lower()
    elseif item:find("^%a$") then
      item = item:upper() .. item:lower()
    end
    parts[#parts + 1] = item
  end
  return table.concat(parts)
end

-- Where the set that begins at `i` has its closing bracket.
local function end_of_set(pattern, i)
  i = i + (pattern:find("^%[%^", i) and 2 or 1)
  repeat -- a bracket that comes first is a member
    i = i + (pattern:find("^%%", i) and 2 or 1)
  until i > #pattern or pattern:find("^%]", i)
  return i
end

-- Calls `visit(kind, text, position after it)` for each item of a Lua pattern: "literal" for a character
-- that stands for itself, "set" for one in brackets, "other" for the rest.
local function each_item(pattern, visit)
  local i = pattern:sub(1, 1) == "^" and 2 or 1
  while i <= #pattern do
    local kind, text
    if pattern:find("^%%[bf]", i) then
      kind, text = "other", pattern:sub(i, pattern:find("^%%b", i) and i + 3 or i + 1)
    elseif pattern:find("^%%", i) then
      kind, text = pattern:find("^%%%w", i) and "other" or "literal", pattern:sub(i, i + 1)
    elseif pattern:find("^%[", i) then
      kind, text = "set", pattern:sub(i, end_of_set(pattern, i))
    else
      text = pattern:sub(i, i)
      kind = text:find("[%.%*%+%-%?%(%)%$]") and "other" or "literal"
    end
    i = i + #text
    visit(kind, text, i)
  end
end

local function fold_pattern(pattern)
  local parts = { pattern:sub(1, 1) == "^" and "^" or "" }
  each_item(pattern, function(kind, text)
    if kind == "set" then
      text = "[" .. fold_set(text:sub(2, -2)) .. "]"
    elseif kind == "literal" and text:find("^%a$") then
      text = both_cases(text)
    end
    parts[#parts + 1] = text
  end)
  return table.concat(parts)
end

-- The longest text that every match of a Lua pattern has.
local function literal_of(pattern)
  local run, longest = "", ""
  local function finish()
    longest, run = #run > #longest and run or longest, ""
  end
  each_item(pattern, function(kind, text, after)
    local quantifier = pattern:match("^[%*%+%-%?]", after)
    if kind == "literal" and (not quantifier or quantifier == "+") then
      run = run .. text:sub(-1)
    end
    if text ~= "(" and text ~= ")" and (kind ~= "literal" or quantifier) then
      finish()
    end
  end)
  finish()
  return longest ~= "" and longest or nil
end

local function plain(query)
  local text = query.ignore_case and query.text:lower() or query.text
  return {
    hint = text,
    hint_is_plain = true,
    folds = query.ignore_case,
    find = function(line, init)
      return string.find(query.ignore_case and line:lower() or line, text, init, true)
    end,
  }
end

local function lua_pattern(query)
  local pattern = query.ignore_case and fold_pattern(query.text) or query.text
  local literal = literal_of(query.text)
  local anchored = pattern:sub(1, 1) == "^"
  return {
    hint = literal and (query.ignore_case and literal:lower() or literal),
    hint_is_plain = true,
    folds = query.ignore_case,
    find = function(line, init)
      -- `^` would hold at `init`, wherever that is.
      if anchored and init > 1 then
        return nil
      end
      return string.find(line, pattern, init)
    end,
  }
end

local function only_whole_words(find)
  return function(line, init)
    while true do
      local first, last = find(line, init)
      if not first or not line:find(WORD, last + 1) and not (first > 1 and line:find(WORD, first - 1)) then
        return first, last
      end
      init = first + 1
    end
  end
end

-- Raises what is wrong with the query as a string, without a position.
function matcher.compile(query)
  local result
  if query.kind == "regex" then
    result = require("project_search.regex").compile(query.text, query.ignore_case)
  else
    result = query.kind == "lua" and lua_pattern(query) or plain(query)
  end
  -- A pattern that is malformed says so here, as far as an empty line can show it.
  result.find("", 1)
  if query.whole_word then
    result.find = only_whole_words(result.find)
  end
  return result
end

return matcher
