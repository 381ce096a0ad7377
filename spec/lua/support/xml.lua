-- Whether a text is well-formed XML: by a look at its tags, text and characters, and by xmllint where
-- that is installed.

local xml = {}

local has_xmllint = os.execute "xmllint --version >/dev/null 2>&1"

local function check_text(text)
  for entity in text:gmatch "&([^;]*)" do
    assert(entity == "amp" or entity == "lt" or entity == "gt" or entity == "quot", "a bare &: " .. text)
  end
  assert(not text:find "[<>]", "a bare bracket: " .. text)
end

local function check_tag(open, tag)
  local closing, name, attributes, empty = tag:match "^(/?)([%a][%w]*)(.-)(/?)$"
  assert(name, "no tag: <" .. tag .. ">")
  if closing == "/" then
    assert(table.remove(open) == name, "closes what is not open: " .. tag)
    return
  end
  assert(attributes:gsub('%s+[%a][%w:-]*="[^"<]*"', "") == "", "attributes: " .. tag)
  if empty == "" then
    open[#open + 1] = name
  end
end

-- Raises what is wrong with a text that is not well-formed.
function xml.check(text)
  assert(utf8.len(text), "bytes that are no UTF-8")
  assert(not text:find "[%z\1-\8\11-\31]", "control characters")
  local open = {}
  for before, tag in text:gmatch "([^<]*)<([^>]*)>" do
    check_text(before)
    check_tag(open, tag)
  end
  assert(#open == 0, "not closed: " .. table.concat(open, " "))
  assert(text:match ">%s*$", "ends in the middle")
end

-- The same by xmllint, for all the texts at once.
function xml.lint(texts)
  if not has_xmllint then
    return
  end
  local names = {}
  for index, text in ipairs(texts) do
    names[index] = os.tmpname()
    local file <close> = assert(io.open(names[index], "wb"))
    file:write(text)
  end
  local list = table.concat(names, " ")
  local ok = os.execute("xmllint --noout --nonet " .. list)
  os.execute("rm -f " .. list)
  assert(ok, "xmllint found something")
end

return xml
