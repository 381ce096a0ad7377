-- lua5.4 spec/promises/run.lua [PART OF A NAME...]
--
-- Holds the specs of docs/promises.md to their word: breaks the library in one way after the other
-- (breakages.lua) in a copy under build/promises, builds what the spec needs, runs it, and demands that
-- it fails. Before that the spec has to pass there unbroken. To be run where the sources are; takes up to a
-- minute for each. With names only those breakages whose promise or description has one in it.

package.path = "?.lua;" .. package.path

local copy = "build/promises"
local seconds = 240 -- for a spec that passes
local patience = 60 -- for one that should fail: it may hang

local function run(command, ...)
  return (os.execute(command:format(...)))
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("a")
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

-- Only what differs is written: the rest is not built again, and what a run left broken is mended.
local copy_sources = [[
  for file in $(find src lua include cmake spec CMakeLists.txt -type f); do
    cmp -s "$file" "%s/$file" && continue
    mkdir -p "$(dirname "%s/$file")" && cp "$file" "%s/$file" || exit 1
  done]]

local function prepare()
  assert(run(copy_sources, copy, copy, copy))
  assert(run("cmake -S %s -B %s/build -G Ninja -DCMAKE_BUILD_TYPE=Debug -DECHO_BUILD_BENCH=OFF >%s/build.log",
    copy, copy, copy), "see " .. copy .. "/build.log")
end

-- What a spec needs to be built, and the command that runs it in the copy.
local kinds = {
  lua = function(name, sentence)
    return "echo_module spec-luv-foreign spec-luv-old",
      ("LUA_PATH='lua/?.lua;?.lua;;' LUA_CPATH='build/module/?.so;;' TIMEOUT lua5.4 /usr/bin/busted"
        .. " --pattern='^%s_spec' %s spec/lua"):format(name,
        sentence and ("--filter='%s'"):format((sentence:gsub("%p", "."))) or "")
  end,
  hosts = function(name)
    local script = ("spec/hosts/%s.lua"):format(name)
    local file = io.open(script)
    return "echo_module spec-host-" .. name,
      ("TIMEOUT build/spec/spec-host-%s build/module %s"):format(name, file and file:close() and script or "")
  end,
}

local function describe(spec)
  local layer, separator, name, sentence = spec:match("^(%a+)([/.])([^:]+):?(.*)$")
  if separator == "/" or layer == "hosts" then
    return kinds[layer](name, sentence ~= "" and sentence or nil)
  end
  local target = ("spec-%s-%s"):format(layer, name)
  return target, "TIMEOUT build/spec/" .. target
end

local function build(targets)
  return run("cmake --build %s/build --target %s >%s/build.log 2>&1", copy, targets, copy)
end

local function passes(command, limit)
  return run("cd %s && %s >spec.log 2>&1 </dev/null", copy,
    (command:gsub("TIMEOUT", "timeout -k 5 " .. limit)))
end

local function tell(verdict, promise, what, spec)
  print(("%-9s %s: %s (%s)"):format(verdict, promise, what, spec))
  io.stdout:flush()
  return verdict == "found"
end

-- A spec that fails anyhow shows nothing.
local sound = {}
local function is_sound(spec, targets, command)
  if sound[spec] == nil then
    sound[spec] = build(targets) and passes(command, seconds) or false
  end
  return sound[spec]
end

local function try(promise, breakage)
  local what, path, before, after, spec = table.unpack(breakage)
  local text = read(path)
  local first, last = text:find(before, 1, true)
  if not first or text:find(before, last + 1, true) then
    return tell("STALE", promise, what, path .. " does not have the text exactly once")
  end
  local targets, command = describe(spec)
  if not is_sound(spec, targets, command) then
    return tell("UNSOUND", promise, what, spec .. " fails by itself")
  end
  write(copy .. "/" .. path, text:sub(1, first - 1) .. after .. text:sub(last + 1))
  local built = build(targets)
  local found = built and not passes(command, patience)
  write(copy .. "/" .. path, text)
  return tell(not built and "UNBUILT" or found and "found" or "NOT FOUND", promise, what, spec)
end

local function is_wanted(promise, what)
  for _, part in ipairs(arg) do
    if (promise .. ": " .. what):find(part, 1, true) then
      return true
    end
  end
  return #arg == 0
end

local promises = {}
local breakages = require "spec.promises.breakages"
for promise in pairs(breakages) do
  promises[#promises + 1] = promise
end
table.sort(promises)

prepare()
local tried, found = 0, 0
for _, promise in ipairs(promises) do
  for _, breakage in ipairs(breakages[promise]) do
    if is_wanted(promise, breakage[1]) then
      tried = tried + 1
      found = found + (try(promise, breakage) and 1 or 0)
    end
  end
end
print(("%d of %d found"):format(found, tried))
os.exit(tried > 0 and found == tried)
