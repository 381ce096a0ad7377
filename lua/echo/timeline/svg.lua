--- The text of SVG elements. Whatever a recording says in a name, what comes out is valid.

local svg = {}

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

-- XML has no control characters and not all of Unicode. Bytes that are no UTF-8 are taken for Latin-1.
local function valid(text)
  if not utf8.len(text) then
    text = text:gsub("[\128-\255]", function(byte)
      return utf8.char(byte:byte())
    end)
  end
  return (text:gsub("[%z\1-\8\11-\31\127]", "?"):gsub("\xEF\xBF[\xBE\xBF]", "?"))
end

function svg.escaped(text)
  return (valid(text):gsub('[&<>"]', ENTITIES))
end

--- The first characters of a text, with an ellipsis if there are more than `room`; nil if that would be
--- fewer than `least`.
function svg.shortened(text, room, least)
  text = valid(text):gsub("%s+", " ")
  if utf8.len(text) <= room then
    return text
  elseif room < (least or 1) then
    return
  end
  return text:sub(1, utf8.offset(text, math.max(room // 1 | 0, 1)) - 1) .. "…"
end

--- A coordinate, with at most one decimal.
function svg.number(value)
  local text = ("%.1f"):format(value):gsub(",", ".")
  return (text:gsub("%.0$", ""):gsub("^%-0$", "0"))
end

local number = svg.number

--- A rectangle; `title` is what a pointer over it shows.
function svg.rect(class, x, y, width, height, title, more)
  local begin = ('<rect class="%s" x="%s" y="%s" width="%s" height="%s"%s'):format(
    class, number(x), number(y), number(width), number(height), more or "")
  return title and begin .. "><title>" .. svg.escaped(title) .. "</title></rect>" or begin .. "/>"
end

--- `more` is of attributes.
function svg.text(class, x, y, text, more)
  return ('<text class="%s" x="%s" y="%s"%s>%s</text>'):format(
    class, number(x), number(y), more or "", svg.escaped(text))
end

function svg.line(class, x1, y1, x2, y2)
  return ('<path class="%s" d="M%s %sL%s %s"/>'):format(class, number(x1), number(y1), number(x2), number(y2))
end

function svg.path(class, parts)
  return ('<path class="%s" d="%s"/>'):format(class, table.concat(parts))
end

return svg
