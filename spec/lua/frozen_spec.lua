-- The whole process is stopped and goes on (`kill -STOP`, `-CONT`), again and again, in the middle of
-- random programs, and signals that mean nothing to it rain upon it: as after a suspend of the machine,
-- or under a debugger. Every task is accounted for in the end (spec/stress).

local assert = require "luassert"
local it = require "spec.lua.support.it"
local process = require "spec.lua.support.process"

local STRESS = [[
  arg = { "2", "1" }
  dofile "spec/stress/stress.lua"
]]

-- $TURN is done as long as the program runs; says how often.
local function under(turn)
  local result = process.shell(STRESS, ([[
    export ECHO_STRESS_LEAVES=nothing ECHO_STRESS_PATIENCE=60
    timeout 100 $LUA $SCRIPT & timer=$!
    pid=
    while [ -z "$pid" ]; do pid=$(cat /proc/$timer/task/$timer/children) || exit 3; done
    turns=0
    while kill -0 $pid 2>/dev/null; do
      %s
      turns=$((turns + 1))
    done
    wait $timer || exit $?
    echo turns $turns
  ]]):format(turn))
  assert.same({ 0, "" }, { result.code, result.err })
  return result.out
end

local function check_account(out)
  local count = {}
  for number, word in out:gmatch "(%d+) (%l+)" do
    count[word] = tonumber(number)
  end
  assert.equal(count.tasks, count.done + count.failed + count.cancelled + count.lost + count.forgotten)
  assert.equal(0, count.lost)
  assert.is_true(count.tasks > 20, out)
  assert.is_true(tonumber(out:match "turns (%d+)") > 5, out)
end

describe("random programs", function()
  it("survive being stopped and continued", function()
    check_account(under [[
      kill -STOP $pid 2>/dev/null; sleep 0.0$((turns % 5))1; kill -CONT $pid 2>/dev/null; sleep 0.0$((turns % 7))2
    ]])
  end)

  it("survive signals that mean nothing to them", function()
    check_account(under [[
      for signal in URG WINCH CHLD CONT; do kill -$signal $pid 2>/dev/null; done; sleep 0.00$((turns % 9))
    ]])
  end)
end)
