-- Reads a regular expression in ECMAScript's notation, as the editor's own search has it, into a tree.
-- Its nodes are tables with a `kind`:
--
--   sequence, choice   a list of nodes
--   char               `text`, one character in UTF-8
--   set                `has[byte]` for ASCII, `ranges` of other code points, `negated`
--   repetition         `node`, `least`, `most`, `lazy`
--   group              `node`, and an `index` if it captures
--   look               a lookahead: `node`, `negated`
--   back               what the group `index` has matched
--   first, last, boundary (`negated`)   places
--
-- An error is raised as a string, without a position.

local parser = {}

local CHARACTER = "^[\xc2-\xf4][\x80-\xbf]+"
local CONTROLS = { t = "\t", n = "\n", r = "\r", f = "\f", v = "\v", ["0"] = "\0" }
local CLASSES = { d = "%d", w = "[%w_]", s = "%s" }
local NAMED = {
  alpha = "%a", digit = "%d", alnum = "%w", upper = "%u", lower = "%l", space = "%s", punct = "%p",
  cntrl = "%c", xdigit = "%x", graph = "%g", blank = "[ \t]", print = "[%g ]", d = "%d", w = "[%w_]", s = "%s",
}

local function fail(message, ...)
  error(message:format(...), 0)
end

local function new_set(negated)
  return { kind = "set", has = {}, ranges = {}, negated = negated }
end

local function add_range(set, low, high)
  for byte = low, math.min(high, 127) do
    set.has[byte] = true
  end
  if high > 127 then
    table.insert(set.ranges, { math.max(low, 128), high })
  end
end

-- Adds what a Lua class has, or, if it is negated, all else, other characters included.
local function add_class(set, class, negated)
  for byte = 0, 127 do
    if (string.char(byte):find(class) ~= nil) ~= negated then
      set.has[byte] = true
    end
  end
  if negated then
    add_range(set, 128, 0x10ffff)
  end
end

local state = {}
state.__index = state

function state:take(pattern)
  local text = self.source:match(pattern, self.at)
  self.at = self.at + (text and #text or 0)
  return text
end

-- The character of an escape whose backslash has been read.
function state:escaped()
  local hex = self:take("^x%x%x") or self:take("^u%x%x%x%x")
  if hex then
    return utf8.char(tonumber(hex:sub(2), 16))
  end
  local letter = self:take(CHARACTER) or self:take("^.")
  if not letter then
    fail("the expression ends with a backslash")
  end
  return CONTROLS[letter] or letter
end

-- One member of a set: adds a class and returns nothing, or returns a character.
function state:member(set)
  local name = self:take("^%[:%a+:%]")
  if name then
    add_class(set, NAMED[name:sub(3, -3)] or fail("there is no class %s", name), false)
    return nil
  end
  if not self:take("^\\") then
    return self:take(CHARACTER) or self:take("^.") or fail("missing ]")
  end
  local class = self:take("^[dwsDWS]")
  if class then
    add_class(set, CLASSES[class:lower()], class:find("%u") ~= nil)
    return nil
  end
  return self:take("^b") and "\b" or self:escaped()
end

local function code_of(character)
  return #character > 1 and utf8.codepoint(character) or character:byte()
end

function state:set()
  local set = new_set(self:take("^%^") ~= nil)
  while not self:take("^%]") do
    local character = self:member(set)
    if character and self.source:find("^%-[^%]]", self.at) then
      self.at = self.at + 1
      local high = self:member(set) or fail("a range in [] ends with a class")
      if code_of(high) < code_of(character) then
        fail("a range in [] is out of order")
      end
      add_range(set, code_of(character), code_of(high))
    elseif character then
      add_range(set, code_of(character), code_of(character))
    end
  end
  return set
end

function state:group()
  local look = self:take("^%?[=!]")
  local index
  if not look and not self:take("^%?:") then
    self.groups = self.groups + 1
    index = self.groups
  end
  local node = self:choice()
  if not self:take("^%)") then
    fail("missing )")
  end
  if look then
    return { kind = "look", node = node, negated = look == "?!" }
  end
  return { kind = "group", node = node, index = index }
end

function state:escape()
  local class = self:take("^[dwsDWS]")
  if class then
    local set = new_set(false)
    add_class(set, CLASSES[class:lower()], class:find("%u") ~= nil)
    return set
  end
  local place = self:take("^[bB]")
  if place then
    return { kind = "boundary", negated = place == "B" }
  end
  local index = self:take("^[1-9]")
  if index then
    return { kind = "back", index = tonumber(index) }
  end
  return { kind = "char", text = self:escaped() }
end

function state:atom()
  if self:take("^\\") then
    return self:escape()
  elseif self:take("^%[") then
    return self:set()
  elseif self:take("^%(") then
    return self:group()
  elseif self:take("^%.") then
    return new_set(true)
  elseif self:take("^%^") then
    return { kind = "first" }
  elseif self:take("^%$") then
    return { kind = "last" }
  elseif self.source:find("^[%*%+%?]", self.at) then
    fail("there is nothing to repeat before %s", self.source:sub(self.at, self.at))
  end
  return { kind = "char", text = self:take(CHARACTER) or self:take("^.") }
end

function state:quantifier()
  local sign = self:take("^[%*%+%?]")
  if sign then
    return sign == "+" and 1 or 0, sign == "?" and 1 or math.huge
  end
  local braces = self:take("^{%d+,?%d*}")
  if braces then
    local least, comma, most = braces:match("(%d+)(,?)(%d*)")
    most = tonumber(most) or comma ~= "" and math.huge or tonumber(least)
    if most < tonumber(least) then
      fail("%s is out of order", braces)
    end
    return tonumber(least), most
  end
end

function state:sequence()
  local sequence = { kind = "sequence" }
  while self.at <= #self.source and not self.source:find("^[|)]", self.at) do
    local node = self:atom()
    local least, most = self:quantifier()
    while least do
      node = { kind = "repetition", node = node, least = least, most = most, lazy = self:take("^%?") ~= nil }
      least, most = self:quantifier()
    end
    sequence[#sequence + 1] = node
  end
  return sequence
end

function state:choice()
  local choice = { kind = "choice", self:sequence() }
  while self:take("^|") do
    choice[#choice + 1] = self:sequence()
  end
  return #choice == 1 and choice[1] or choice
end

-- Returns the tree.
function parser.parse(source)
  local self = setmetatable({ source = source, at = 1, groups = 0 }, state)
  local tree = self:choice()
  if self.at <= #source then
    fail("there is a ) too many")
  end
  return tree
end

return parser
