-- A tree of scopes, each of which waits in one way or another for the tasks that it starts, by chance.

local echo = require "echo"

local scope_tree = {}

-- A random number from 0 to limit - 1, the same in each task that begins with the same state.
local function new_random(state)
  return function(limit)
    state = (state * 1103515245 + 12345) % 2147483648
    return state // 65536 % limit
  end
end

local function leaf(kind, seconds)
  if kind == 0 then
    error("leaf")
  elseif kind == 1 then
    echo.sleep(seconds)
  elseif kind == 2 then
    for i = 1, 20000 do
      kind = kind + i % 2
    end
  elseif kind == 3 then
    pcall(echo.sleep, 0.01)
  end
  return kind
end

local ways = {
  [0] = function(list)
    echo.all(list)
  end,
  function(list)
    pcall(echo.any, list)
  end,
  function(list)
    for task in echo.iter(list) do
      task:progress()
    end
  end,
  function(list)
    echo.timeout(0.002, list[1])
  end,
  function(list)
    echo.timeout(0.003, echo.all, list)
  end,
  function(list)
    list[#list]:cancel()
  end,
  function(list, scope)
    scope:detach(list[1])
    scope:cancel()
  end,
}

local function tree(depth, state)
  local random = new_random(state)
  local well, err = pcall(echo.scope, function(scope)
    local list = {}
    for i = 1, 1 + random(3) do
      if depth > 0 then
        list[i] = echo.submit(tree, depth - 1, random(100000))
      else
        list[i] = echo.submit(leaf, random(6), random(5) / 1000)
      end
    end
    echo.progress(depth)
    ways[random(7)](list, scope)
  end)
  if not well and random(2) == 0 then
    error(err)
  end
  return well
end

scope_tree.new_random, scope_tree.grow = new_random, tree

return scope_tree
