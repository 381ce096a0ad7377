--- A run's progress as a bar (see echo.progress), to be given as the option `progress`.

local progress = require "echo.progress"

local bar = {}

--- A call-back that draws a bar; the options are those of progress.new, but for `total`.
function bar.new(options)
  local drawn
  return function(tally, run)
    if not drawn then
      local copy = { total = tally.total, unit = "steps", label = run.plan.name }
      for name, option in pairs(options or {}) do
        copy[name] = option
      end
      drawn = progress.new(copy)
    end
    -- More elements become known as it goes on.
    drawn.total = tally.total
    local note = tally.failed > 0 and ("%d failed"):format(tally.failed) or nil
    drawn:update(tally.done, note)
    if run.over then
      drawn:finish()
    end
  end
end

return bar
