--- Finds the identifiers and the definitions in C source text, fast rather than perfectly: one pass
--- without the preprocessor, statement by statement at file scope.
---
---     local scan_text = require("index.scanner").scan_text
---     local uses, definitions = scan_text("typedef int number;")
---     -- uses:        { number = 1, typedef = 1, int = 1 }, with keywords and numbers counted along
---     -- definitions: { "number", "typedef", 1, count = 3, ... }, that is name, kind and line
---
--- What it calls a definition: macro, typedef, struct, union, enum, class, enumerator, function,
--- prototype, variable. Inside the bodies of functions and classes it does not look.

local byte, find, gmatch, gsub, match = string.byte, string.find, string.gmatch, string.gsub, string.match
local rep, sub = string.rep, string.sub
local concat = table.concat
local huge, max, min = math.huge, math.max, math.min

local SPACE, TAB, NEWLINE, BACKSLASH = byte(" \t\n\\", 1, -1)
local SLASH, STAR, DOUBLE_QUOTE = byte('/*"', 1, -1)

local function set_of(words)
  local set = {}
  for word in gmatch(words, "%S+") do
    set[word] = true
  end
  return set
end

local KEYWORDS = set_of [[
  auto break case char const continue default do double else enum extern float for goto if inline
  int long register restrict return short signed sizeof static struct switch typedef union unsigned
  void volatile while _Alignas _Alignof _Atomic _Bool _Complex _Generic _Imaginary _Noreturn
  _Static_assert _Thread_local defined
]]
local TAG_ORDER = { "enum", "struct", "union", "class" }
local TAGS = set_of "enum struct union class"
local CONDITIONS = set_of "if ifdef ifndef elif undef"
-- A list of thousands of macro calls is one statement for this scanner, and patterns look at some
-- of a statement several times: only its end, and its first parentheses, are worth the time.
local LONGEST_STATEMENT = 4096
local MOST_GROUPS = 8
local MOST_UNBALANCED = 8
local NO_FUNCTION = set_of [[
  OF __NTH __REDIRECT __REDIRECT_NTH __nonnull operator decltype requires noexcept
]]
local NO_DECLARATION = set_of "using friend return goto namespace template static_assert _Static_assert"

local function count_lines(text, from, to)
  local lines = 0
  local at = find(text, "\n", from, true)
  while at and at <= to do
    lines = lines + 1
    at = find(text, "\n", at + 1, true)
  end
  return lines
end

-- The position after the literal that opens at `from`; an unclosed one ends with its line.
local function skip_literal(text, pattern, from)
  local at = from + 1
  while true do
    local stop = find(text, pattern, at)
    if not stop then
      return #text + 1
    end
    local found = byte(text, stop)
    if found == NEWLINE then
      return stop
    elseif found ~= BACKSLASH then
      return stop + 1
    end
    at = stop + 2
  end
end

-- What stands at `at` in place of code: the position after it and what to put there instead, so that
-- every line stays on its line.
local function skip_opening(text, at)
  local first, second = byte(text, at, at + 1)
  if first == SLASH and second == STAR then
    local _, stop = find(text, "*/", at + 2, true)
    stop = stop or #text
    local lines = count_lines(text, at, stop)
    return stop + 1, lines == 0 and " " or rep("\n", lines)
  elseif first == SLASH then
    return find(text, "\n", at, true) or #text + 1, ""
  elseif first == DOUBLE_QUOTE then
    local after = skip_literal(text, '[\\\n"]', at)
    return after, '""' .. rep("\n", count_lines(text, at, after - 1))
  elseif at > 1 and find(text, "^%x'%x", at - 1) then
    -- 1'000'000
    return at + 1, ""
  end
  return skip_literal(text, "[\\\n']", at), "0"
end

-- The text without comments and with empty literals. One plain search for each kind of opening is
-- several times faster than one pattern for all of them.
local function strip(text)
  local pieces, count, at = {}, 0, 1
  local comment, line_comment, string_quote, char_quote = 0, 0, 0, 0
  while true do
    if comment < at then comment = find(text, "/*", at, true) or huge end
    if line_comment < at then line_comment = find(text, "//", at, true) or huge end
    if string_quote < at then string_quote = find(text, '"', at, true) or huge end
    if char_quote < at then char_quote = find(text, "'", at, true) or huge end
    local nearest = min(comment, line_comment, string_quote, char_quote)
    if nearest == huge then
      pieces[count + 1] = sub(text, at)
      return concat(pieces)
    end
    pieces[count + 1] = sub(text, at, nearest - 1)
    at, pieces[count + 2] = skip_opening(text, nearest)
    count = count + 2
  end
end

-- The end of the directive that starts at `at`, and on how many further lines it goes on.
local function directive_end(code, at)
  local stop = find(code, "\n", at, true) or #code + 1
  local continued = 0
  while stop <= #code and byte(code, stop - 1) == BACKSLASH do
    continued = continued + 1
    stop = find(code, "\n", stop + 1, true) or #code + 1
  end
  return stop, continued
end

-- The first position of the line if only blanks stand before `at` on it.
local function line_start(code, at)
  local before = byte(code, at - 1)
  while before == SPACE or before == TAB do
    at = at - 1
    before = byte(code, at - 1)
  end
  return (at == 1 or before == NEWLINE) and at
end

local function add_definition(found, code, position, kind, name)
  if position > found.counted_to then
    found.line = found.line + count_lines(code, found.counted_to, position - 1)
    found.counted_to = position
  end
  local count = found.count
  found[count + 1], found[count + 2], found[count + 3] = name, kind, found.line
  found.count = count + 3
end

-- The words of a directive that are code: not those of #include, #error and #pragma.
local function scan_directive(found, code, hash, stop)
  local keyword, after = match(code, "^[ \t]*(%a+)[ \t]*()", hash + 1)
  if keyword == "define" then
    local name = match(code, "^[%a_][%w_]*", after)
    if name then
      add_definition(found, code, hash, "macro", name)
    end
  elseif not CONDITIONS[keyword] then
    return ""
  end
  return sub(code, after, stop)
end

-- Takes the directives out of the code: returns what is left, every line on its line, and the
-- directives' words.
local function split_directives(found, code)
  local rest, words, count, at = {}, {}, 0, 1
  local hash = find(code, "#", 1, true)
  while hash do
    local start = line_start(code, hash)
    local stop = hash + 1
    if start then
      local continued
      stop, continued = directive_end(code, hash)
      count = count + 1
      rest[count] = sub(code, at, start - 1) .. rep("\n", continued)
      words[count] = scan_directive(found, code, hash, stop)
      at = stop
    end
    hash = find(code, "#", stop, true)
  end
  rest[count + 1] = sub(code, at)
  return concat(rest), concat(words)
end

local function without_attributes(statement)
  if find(statement, "__attribute__", 1, true) then
    return (gsub(statement, "__attribute__%s*%b()", " "))
  end
  return statement
end

-- A greedy start makes the search begin at the end, where it succeeds at once.
local function last_word(text)
  return match(text, "^.*%f[%w_]([%a_][%w_]*)")
end

-- The names that a typedef or a variable's declaration declares: the last word of each part.
local function declared_names(statement)
  local plain = gsub(gsub(gsub(statement, "%b()", " "), "%b[]", " "), "%b<>", " ")
  local names = {}
  for part in gmatch(plain, "[^,]+") do
    names[#names + 1] = last_word(part)
  end
  return names
end

-- typedef int (*name)(int); and the like, with a macro for the asterisk or for the calling convention.
local function pointed_name(statement)
  for group, after in gmatch(statement, "(%b())%s*(.?)") do
    local pointer = match(group, "^%(%s*[%w_]*%s*%*(.*)")
    if after == "(" or after == "[" or find(group, "^%(%s*%*") then
      if not pointer then
        return last_word(group)
      end
      for name in gmatch(pointer, "[%a_][%w_]*") do
        if not KEYWORDS[name] then
          return name
        end
      end
    end
  end
end

-- The name before the first parameter list. A macro that hides the beginning of a declaration looks
-- like a function too, but has no type before it, or is written in capitals.
local function function_name(statement)
  local in_capitals
  local opening = find(statement, "(", 1, true)
  for _ = 1, MOST_GROUPS do
    local wrapped = match(statement, "^%(%s*([%a_][%w_]*)%s*%)%s*%(", opening)
    if wrapped then
      return wrapped
    end
    local before = sub(statement, 1, opening - 1)
    local name = match(before, "^.+%f[%w_]([%a_][%w_]*)%s*$")
    if name and not KEYWORDS[name] and not NO_FUNCTION[name] then
      if find(name, "%l") then
        return name
      elseif not find(before, "%)%s*[%w_]+%s*$") then
        in_capitals = in_capitals or name
      end
    end
    local _, closing = find(statement, "^%b()", opening)
    opening = closing and find(statement, "(", closing + 1, true)
    if not opening then
      break
    end
  end
  return in_capitals
end

local function add_name(found, code, from, kind, name)
  if name and not KEYWORDS[name] then
    add_definition(found, code, find(code, name, from, true) or from, kind, name)
  end
end

local function add_names(found, code, from, kind, names)
  for _, name in ipairs(names) do
    add_name(found, code, from, kind, name)
  end
end

local function scan_typedef(found, code, from, statement, after_body)
  local pointed = find(statement, "(", 1, true) and pointed_name(statement)
  if pointed then
    add_name(found, code, from, "typedef", pointed)
  else
    add_names(found, code, from, "typedef", declared_names(after_body or statement))
  end
end

-- Whether it has a type and a name. `struct name` without more says that there is one, not what it is.
local function declares(first, declaration)
  return find(declaration, "^[%w_]+[^%w_].*[%w_]")
    and not (TAGS[first] and find(declaration, "^%a+%s+[%w_]+%s*$"))
    and not find(declaration, "%f[%w_]using%f[^%w_]")
end

-- A statement that ends with a semicolon; `from` is where its last stretch of code begins.
local function scan_declaration(found, code, from, text)
  local first, after_first = match(text, "^[%s}]*([%a_][%w_]*)()")
  if not first or NO_DECLARATION[first] then
    return
  end
  local statement = without_attributes(sub(text, after_first - #first))
  local after_body = find(statement, "}", 1, true) and match(statement, "^.*}(.*)$")
  local parenthesis = find(statement, "(", 1, true)
  local equals = find(statement, "=", 1, true)
  if find(statement, "typedef", 1, true) then
    scan_typedef(found, code, from, statement, after_body)
  elseif parenthesis and not (equals and equals < parenthesis) then
    add_name(found, code, from, "prototype", function_name(statement))
  else
    local declaration = equals and sub(statement, 1, equals - 1) or after_body or statement
    if after_body or declares(first, declaration) then
      add_names(found, code, from, "variable", declared_names(declaration))
    end
  end
end

local function scan_enumerators(found, code, from, to)
  local body = sub(code, from + 1, to - 1)
  body = gsub(body, "%b()", function(group)
    return rep("0", #group)
  end)
  for at, name in gmatch(body, "()([%a_][%w_]*)[^,]*") do
    add_definition(found, code, from + at, "enumerator", name)
  end
end

-- struct, union, enum or class, and its name, from what stands before the brace.
local function tag_of(head)
  local plain = gsub(gsub(head, "%b<>", " "), "%b()", " ")
  plain = gsub(plain, "%f[:]:%f[^:].*", "")
  for _, kind in ipairs(TAG_ORDER) do
    local rest = match(plain, "%f[%w_]" .. kind .. "%f[^%w_](.*)$")
    if rest then
      return kind, last_word(gsub(rest, "%f[%w_]final%f[^%w_]", ""))
    end
  end
end

-- What stands before a brace at file scope. Returns true where the statement goes on after the
-- brace's end: `struct point { ... } origin;`
local function scan_block(found, code, from, head, opening, closing)
  local plain = without_attributes(match(head, "^[%s}]*(.*)$"))
  local parenthesis = find(plain, "(", 1, true)
  local name = parenthesis and find(plain, "%)[%s%w_]*$") and function_name(plain)
  if name or find(plain, "operator", 1, true) then
    add_name(found, code, from, "function", name)
    return false
  end
  -- A value in braces, or braces within parentheses, define nothing.
  if find(plain, "=", 1, true) or parenthesis and find(gsub(plain, "%b()", ""), "(", 1, true) then
    return true
  end
  local kind
  kind, name = tag_of(plain)
  add_name(found, code, from, kind, name)
  if kind == "enum" then
    scan_enumerators(found, code, opening, closing)
  end
  return kind ~= nil
end

local function opens_scope(head)
  return find(head, '^[%s}]*extern%s*""%s*$')
    or find(head, "namespace", 1, true) and find(head, "%f[%w_]namespace%f[^%w_]")
end

-- What comes before a brace, and what the brace's end leaves to go on with. Where conditional
-- directives leave the braces unbalanced, a body is walked like file scope; after a few of those
-- none is skipped any more, or a file of opening braces would take time by the square of its size.
local function scan_brace(found, code, from, text, mark)
  if found.unbalanced == MOST_UNBALANCED or opens_scope(text) then
    return mark + 1, ""
  end
  local _, closing = find(code, "^%b{}", mark)
  if not closing then
    found.unbalanced = found.unbalanced + 1
    return mark + 1, ""
  end
  local goes_on = scan_block(found, code, from, text, mark, closing)
  return closing + 1, goes_on and text .. "{}" or ""
end

local function scan_statements(found, code)
  local from, before = 1, ""
  local semicolon, brace = 0, 0
  while true do
    if semicolon < from then semicolon = find(code, ";", from, true) or huge end
    if brace < from then brace = find(code, "{", from, true) or huge end
    local mark = min(semicolon, brace)
    if mark == huge then
      return
    end
    local text = sub(before .. sub(code, max(from, mark - LONGEST_STATEMENT), mark - 1), -LONGEST_STATEMENT)
    if mark == semicolon then
      scan_declaration(found, code, from, text)
      from, before = mark + 1, ""
    else
      from, before = scan_brace(found, code, from, text, mark)
    end
  end
end

local function count_words(uses, code)
  for word in gmatch(code, "[%w_]+") do
    uses[word] = (uses[word] or 0) + 1
  end
end

-- Returns how often each word occurs, keywords and numbers too, and the definitions found.
local function scan_text(text)
  if find(text, "\r", 1, true) then
    text = gsub(text, "\r\n", "\n")
  end
  local found = { count = 0, line = 1, counted_to = 1, unbalanced = 0 }
  local code, words = split_directives(found, strip(text))
  found.line, found.counted_to = 1, 1
  scan_statements(found, code)
  local uses = {}
  count_words(uses, code)
  count_words(uses, words)
  return uses, found
end

return { scan_text = scan_text, KEYWORDS = KEYWORDS }
