--- A pipeline as an SVG drawing: a column for each step of the way, an arrow for each thing that is
--- taken. Fan-out is a stack of boxes, an order without a value a dashed arrow.

local print = require "echo.pipeline.print"
local svg = require "echo.timeline.svg"

local draw = {}

local BOX_HEIGHT, ROW, GAP, MARGIN = 44, 68, 64, 20
local LETTER, PADDING = 7.4, 24
local HEAD = [[
<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif">
<title>%s</title>
<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">
<path d="M0 0 8 4 0 8z" fill="#556"/></marker></defs>
<rect width="100%%" height="100%%" fill="#fff"/>]]
local COLOURS = { single = "#e8eefc", element = "#e6f5e9", stream = "#fdf1dc", fold = "#f6e6f5", parameter = "#f3f3f3" }

-- A source with the way it is taken: "item", "whole" or "after".
local function edges_of(node)
  local edges = {}
  for _, input in ipairs(node.inputs) do
    if input.source then
      edges[#edges + 1] = { from = input.source, how = input.kind }
    end
  end
  for _, name in ipairs(node.after) do
    edges[#edges + 1] = { from = name, how = "after" }
  end
  return edges
end

local function make_boxes(graph)
  local boxes, order = {}, {}
  local function add(name, kind, words, column)
    local note = table.concat(words, ", ")
    local box = { name = name, kind = kind, note = note, column = column,
      width = math.max(utf8.len(name) or #name, #note * 0.8) * LETTER + PADDING }
    boxes[name], order[#order + 1] = box, box
    return box
  end
  local names = {}
  for name in pairs(graph.params) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    add(name, "parameter", { graph.params[name].type or "any" }, 1)
  end
  for _, node in ipairs(graph.nodes) do
    local box = add(node.name, node.kind, print.options(node), 1)
    box.edges = edges_of(node)
    for _, edge in ipairs(box.edges) do
      local from = boxes[edge.from]
      box.column = math.max(box.column, from and from.column + 1 or 1)
    end
  end
  return boxes, order
end

local function place(order)
  local columns, widest = {}, {}
  for _, box in ipairs(order) do
    columns[box.column] = (columns[box.column] or 0) + 1
    box.y = MARGIN + (columns[box.column] - 1) * ROW
    widest[box.column] = math.max(widest[box.column] or 0, box.width)
  end
  local x, height = MARGIN, 0
  local left = {}
  for column, width in ipairs(widest) do
    left[column], x = x, x + width + GAP
    height = math.max(height, MARGIN + columns[column] * ROW)
  end
  for _, box in ipairs(order) do
    box.x, box.width = left[box.column], widest[box.column]
  end
  return math.ceil(x - GAP + MARGIN), math.ceil(height)
end

local function box_lines(box, lines)
  local function rect(offset)
    lines[#lines + 1] = ('<rect x="%g" y="%g" width="%g" height="%d" rx="%d" fill="%s" stroke="#556"/>'):format(
      box.x + offset, box.y + offset, box.width, BOX_HEIGHT, box.kind == "parameter" and 20 or 5, COLOURS[box.kind])
  end
  if box.kind == "element" then
    rect(6)
    rect(3)
  end
  rect(0)
  local middle = box.x + box.width / 2
  local y = box.y + (box.note == "" and 27 or 20)
  lines[#lines + 1] = ('<text x="%g" y="%g" font-size="13" text-anchor="middle">%s</text>'):format(
    middle, y, svg.escaped(box.name))
  if box.note ~= "" then
    lines[#lines + 1] = ('<text x="%g" y="%g" font-size="10" fill="#556" text-anchor="middle">%s</text>'):format(
      middle, box.y + 35, svg.escaped(box.note))
  end
end

local function arrow_line(from, to, how)
  local x1, y1 = from.x + from.width + (from.kind == "element" and 6 or 0), from.y + BOX_HEIGHT / 2
  local x2, y2 = to.x, to.y + BOX_HEIGHT / 2
  local dash = how == "after" and ' stroke-dasharray="4 3"' or ""
  return ('<path d="M%g %gC%g %g %g %g %g %g" fill="none" stroke="#556" stroke-width="%s" marker-end="url(#arrow)"%s/>')
    :format(x1, y1, x1 + GAP / 2, y1, x2 - GAP / 2, y2, x2, y2, how == "item" and "2" or "1", dash)
end

--- The drawing of a sound plan, as the text of an SVG file.
function draw.svg(graph)
  local boxes, order = make_boxes(graph)
  local width, height = place(order)
  local lines = { HEAD:format(width, height, width, height, svg.escaped(graph.name or "pipeline")) }
  for _, box in ipairs(order) do
    for _, edge in ipairs(box.edges or {}) do
      lines[#lines + 1] = arrow_line(boxes[edge.from], box, edge.how)
    end
  end
  for _, box in ipairs(order) do
    box_lines(box, lines)
  end
  lines[#lines + 1] = "</svg>\n"
  return table.concat(lines, "\n")
end

return draw
