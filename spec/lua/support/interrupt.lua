-- Runs a script as a process of its own, as a user would, and presses Ctrl-C once the script has said
-- that it is about to wait: interrupt(before .. interrupt.ready .. after).

local process = require "spec.lua.support.process"

local interrupt = {}

interrupt.ready = [[
  local file = io.open(arg[1], "w")
  file:write("ready\n")
  file:close()
]]

function interrupt.run(script)
  return process.shell(script, [[
    ready=$SCRIPT.ready
    mkfifo $ready
    timeout 20 $LUA $SCRIPT $ready &
    timeout 20 cat $ready
    sleep 0.3
    kill -INT $(cat /proc/$!/task/$!/children)
    wait $!
    code=$?
    rm $ready
    exit $code]])
end

return interrupt
