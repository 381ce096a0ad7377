--- A pipeline as text: a line for each step, in an order in which it could run.

local print = {}

local function takes(node)
  local words = {}
  for _, input in ipairs(node.inputs) do
    if input.kind == "item" then
      words[#words + 1] = "each of " .. (input.source or #node.items .. " items")
    elseif input.kind == "whole" then
      words[#words + 1] = input.source
    end
  end
  for _, name in ipairs(node.after) do
    words[#words + 1] = "after " .. name
  end
  return words
end

--- The options of a node that are worth a word, in short.
function print.options(node)
  local words = {}
  local function add(format, option)
    if option then
      words[#words + 1] = format:format(option)
    end
  end
  add("%s", (node.kind == "stream" or node.kind == "fold") and node.kind)
  add("%s", node.priority)
  add("queue %s", node.queue)
  add("%d wide", node.limit)
  add("window %d", node.window)
  add("%g s", node.timeout)
  add("%d retries", node.retries)
  add("%s", node.when and "when")
  add("%s", node.fallback ~= nil and "fallback")
  return words
end

local function line(node)
  local from, options = takes(node), print.options(node)
  local text = "  " .. node.name
  if #from > 0 then
    text = text .. " <- " .. table.concat(from, ", ")
  end
  if #options > 0 then
    text = text .. " (" .. table.concat(options, ", ") .. ")"
  end
  return text
end

local function parameter_line(parameter)
  local text = ("  %s: %s"):format(parameter.name, parameter.type or "any")
  if parameter.default ~= nil then
    text = text .. " = " .. tostring(parameter.default)
  end
  return parameter.about and text .. "  -- " .. parameter.about or text
end

--- The text of a plan, sound or not.
function print.text(graph)
  local lines = { "pipeline " .. (graph.name or "without a name") }
  local names = {}
  for name in pairs(graph.params) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    lines[#lines + 1] = parameter_line(graph.params[name])
  end
  for _, node in ipairs(graph.nodes) do
    lines[#lines + 1] = line(node)
  end
  return table.concat(lines, "\n")
end

return print
