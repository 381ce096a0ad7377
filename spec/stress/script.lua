-- Programs of the stress of which some actions are left out. An action is known by the seed of its own
-- numbers, which no other has; to leave one out changes nothing in the others, apart from what it would
-- have made for them.
--
-- A script is what is left of a seed that has failed (shrink.lua): a Lua file that returns
--
--     { seed = 4711, ending = "drain", actions = { { "host.submit", 123 }, { "scope", 456 }, ... } }
--
-- The names are told as well, so that a script stays what it is when there are more kinds of actions.

local script = {}

--- The script in a file, or one that is a whole seed: { seed =, ending =, kept = names by seed or nil }.
function script.read(seed_or_path)
  local seed = tonumber(seed_or_path)
  if seed then
    return { seed = seed }
  end
  local read = dofile(seed_or_path)
  read.kept = {}
  for _, action in ipairs(read.actions) do
    read.kept[action[2]] = action[1]
  end
  return read
end

--- The name under which an action is done, or nil: it is left out.
function script.name(world, name, seed)
  if world.kept then
    return world.kept[seed]
  end
  return not world.without[name] and name or nil
end

--- Writes a line for an action that is about to be done, if the world has a list. From any worker.
function script.note(world, name, seed)
  if world.list then
    local file <close> = assert(io.open(world.list, "a"))
    file:write(name, " ", seed, "\n")
  end
end

--- The text of a script's file; `head` is a comment.
function script.text(head, seed, ending, actions)
  local lines = {}
  for index, action in ipairs(actions) do
    lines[index] = ("  { %q, %d },\n"):format(action[1], action[2])
  end
  return ("-- %s\n\nreturn { seed = %d, ending = %s, actions = {\n%s} }\n"):format(head:gsub("\n", "\n-- "), seed,
    ending and ("%q"):format(ending) or "nil", table.concat(lines))
end

return script
