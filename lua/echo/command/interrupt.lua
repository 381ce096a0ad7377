--- Ctrl-C for a run: the first time it drains, the second time it cancels. With luv both are told apart;
--- without it the interpreter's own answer is all there is, and the second time it ends the process,
--- which a journal survives like any other end.

local interrupt = {}

local Watch = {}
Watch.__index = Watch

local function with_luv(watch)
  local found, uv = pcall(require, "luv")
  if not found then
    return
  end
  watch.uv, watch.handles = uv, {}
  for _, name in ipairs { "sigint", "sigterm" } do
    local handle = uv.new_signal()
    handle:start(name, function()
      watch.count = watch.count + 1
    end)
    watch.handles[#watch.handles + 1] = handle
  end
end

--- Starts to watch; `note` is called with 1 and 2.
function interrupt.watch(note)
  local watch = setmetatable({ count = 0, told = 0, note = note }, Watch)
  with_luv(watch)
  return watch
end

--- Calls fn(...), in which a Ctrl-C may come, and tells of those that came.
function Watch:during(fn, ...)
  local ok, raised = pcall(fn, ...)
  if self.uv then
    self.uv.run "nowait"
  end
  if not ok then
    if not tostring(raised):find("interrupted!", 1, true) then
      error(raised, 0)
    end
    self.count = self.count + 1
  end
  while self.told < math.min(self.count, 2) do
    self.told = self.told + 1
    self.note(self.told)
  end
end

function Watch:__close()
  for _, handle in ipairs(self.handles or {}) do
    handle:stop()
    handle:close()
  end
  if self.uv then
    self.uv.run "nowait"
  end
end

return interrupt
