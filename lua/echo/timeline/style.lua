--- The colours, by class: told apart by their lightness, too, and by eyes that see no red or no green; a set
--- for light surroundings and one for dark ones. (Not by CSS variables: not every viewer knows them.)

local style = {}

local FONT = "text{font:12px system-ui,'Segoe UI',Helvetica,Arial,sans-serif;white-space:pre}"
  .. ".title{font-size:17px;font-weight:600}.small{font-size:11px}.name{font-size:11px;pointer-events:none}"
  .. ".end{text-anchor:end}.middle{text-anchor:middle}"

local function colours(set)
  return (([[
.back{fill:$back}.lane{fill:$lane;fill-opacity:.7}text{fill:$text}.faint{fill:$faint}.note{fill:$note}
.grid{stroke:$grid;fill:none}.hover{fill:transparent}
.high{fill:$high}.normal{fill:$normal}.low{fill:$low}.other{fill:$other}.submit{fill:$faint}.wait{fill:$wait}
.on-high,.on-normal,.on-other,.on-submit{fill:$on}.on-low,.on-wait{fill:$on_low}
.link,.gap,.points{fill:none}.link{opacity:.55}
.gap{stroke-width:1.5;stroke-dasharray:1.5 2.5}.points{stroke-width:2}
.dots{fill:none;stroke-width:4.5;stroke-linecap:round}
.s-high{stroke:$high}.s-normal{stroke:$normal}.s-low{stroke:$low}.s-other{stroke:$other}
.way{fill:$text;stroke:$back;stroke-width:.8}
.pause{fill:$back;stroke:$text;stroke-width:1.3}
.cross,.tick{fill:none;stroke:$text;stroke-width:1.8}
.tick{stroke-width:1}]]):gsub("%$([%a_]+)", set):gsub("\n", ""))
end

local LIGHT = { back = "#ffffff", lane = "#f3f5f7", text = "#1f2328", faint = "#59636e", note = "#9a3c00",
  grid = "#dde2e7", high = "#c84e00", normal = "#0a6ebd", low = "#a9b4bf", other = "#7d55a8", wait = "#d9dee3",
  on = "#ffffff", on_low = "#1f2328" }
local DARK = { back = "#0f1318", lane = "#191f26", text = "#e8edf2", faint = "#9aa5b1", note = "#ffb27a",
  grid = "#2b333c", high = "#ff8f45", normal = "#55aaee", low = "#5c6875", other = "#b794e0", wait = "#333c46",
  on = "#0f1318", on_low = "#ffffff" }

--- The element for a picture's head.
style.element = "<style>" .. FONT .. colours(LIGHT)
  .. "@media (prefers-color-scheme:dark){" .. colours(DARK) .. "}</style>"

return style
