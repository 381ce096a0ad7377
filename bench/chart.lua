-- A picture of what was measured: for each question a bar for each who answered it, as long as what it
-- costs in times of Echo's cost, on a logarithmic scale; whoever is shorter than Echo is ahead of it.

local report = require "report"

local chart = {}

local LEFT, BAR, GAP, TITLE, WIDE = 260, 14, 8, 18, 520
local COLOURS = { echo = "#2166ac", floor = "#999999", other = "#e08a3c" }

local function escape(text)
  return (text:gsub("[<>&\"]", { ["<"] = "&lt;", [">"] = "&gt;", ["&"] = "&amp;", ['"'] = "&quot;" }))
end

-- From a hundredth of Echo's cost to a thousand times.
local function position(ratio)
  local decades = math.log(math.max(0.01, math.min(1000, ratio)), 10)
  return LEFT + (decades + 2) / 5 * WIDE
end

local function text(out, x, y, anchor, what, style)
  out[#out + 1] = ('<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>'):format(x, y, anchor, style or "",
    escape(what))
end

local function bar(out, y, row, group)
  local ratio, least, most = report.ratio(row, group.echo)
  local colour = row.who == "echo" and "echo" or row.floor and "floor" or "other"
  local from, to = position(0.01), position(ratio)
  out[#out + 1] = ('<rect x="%.1f" y="%.1f" width="%.1f" height="%d" fill="%s"/>'):format(from, y,
    math.max(1, to - from), BAR - 3, COLOURS[colour])
  out[#out + 1] = ('<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="#000" stroke-opacity="0.5"/>'):format(
    position(least), position(most), y + BAR / 2 - 1.5, y + BAR / 2 - 1.5)
  text(out, LEFT - 6, y + BAR - 5, "end", row.who)
  text(out, LEFT + WIDE + 8, y + BAR - 5, "start", ("%.4g %s"):format(report.median(row.values), row.unit))
end

local function scale(out, height)
  for decade = -2, 3 do
    local x = position(10.0 ^ decade)
    out[#out + 1] = ('<line x1="%.1f" x2="%.1f" y1="34" y2="%d" stroke="%s"/>'):format(x, x, height - 10,
      decade == 0 and "#2166ac" or "#dddddd")
    text(out, x, 30, "middle", ("%g"):format(10.0 ^ decade))
  end
end

-- Those that can be compared: nought has no logarithm. None where nobody is beside Echo.
local function drawn(group)
  local rows = {}
  for _, row in ipairs(group.echo and group.rows or {}) do
    local ratio = report.ratio(row, group.echo)
    if ratio == ratio and ratio > 0 and ratio < math.huge then rows[#rows + 1] = row end
  end
  return #rows > 1 and rows or {}
end

local function draw_group(out, y, group, rows)
  text(out, 8, y + 12, "start", group.question, ' font-weight="bold"')
  y = y + TITLE
  for _, row in ipairs(rows) do
    bar(out, y, row, group)
    y = y + BAR
  end
  return y + GAP
end

-- The questions that Echo and another have answered, as SVG.
function chart.draw(rows, title)
  local out, y = {}, 44
  for _, group in ipairs(report.by_question(rows)) do
    local shown = drawn(group)
    if #shown > 0 then y = draw_group(out, y, group, shown) end
  end
  local head, height = {}, y + 10
  head[1] = ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="11">')
    :format(LEFT + WIDE + 130, height)
  head[2] = '<rect width="100%" height="100%" fill="#fff"/>'
  text(head, 8, 14, "start", title, ' font-size="13"')
  scale(head, height)
  return table.concat(head, "\n") .. "\n" .. table.concat(out, "\n") .. "\n</svg>\n"
end

return chart
