--- luaecho, the command: see HELP. Exit status: 0 all went well, 1 the pipeline failed or has problems,
--- 2 the command line or the file is wrong, 130 it was interrupted.

local HELP = [[
usage: luaecho COMMAND ...

  run FILE [param=value ...]   runs the pipeline that the Lua file returns
      --workers N              worker threads (default: the processors)
      --journal PATH           keeps what has ended there, and goes on from it
      --keep-going             carries on after a failure as far as possible
      --explain                says at the end where the time went
      --json                   prints the results and what was done as JSON
      --trace FILE             records what the workers do, for Perfetto or speedscope
      --dry-run                checks and shows the steps, runs nothing
      --quiet                  no progress bar
  graph FILE                   prints a drawing of it as SVG
  check FILE                   says what is wrong with it
  timeline TRACE               prints a picture of a recording as SVG: who ran
                               what when, and how long tasks waited
      --from S, --to S         only what was between these seconds
      --width N                its width in pixels (default: 1200)
      --title TEXT             its title (default: the name of the file)
  bench [--workers N]          a quick look at what this machine does
  --help, --version

Exit status: 0 all went well, 1 the pipeline failed or has problems, 2 the
command line or the file is wrong, 130 it was interrupted. Ctrl-C lets what
runs come to its end, a second one cancels it.]]

local arguments = require "echo.command.arguments"

local function say(text)
  io.stderr:write(text, "\n")
end

local function sound(parsed)
  local loaded = require "echo.command.file".load(parsed.file)
  local ok, problems = loaded:check()
  if not ok then
    say(tostring(problems))
  end
  return ok and loaded
end

local commands = {
  run = function(parsed)
    return require "echo.command.run"(parsed)
  end,
  graph = function(parsed)
    local loaded = sound(parsed)
    if loaded then
      io.stdout:write(loaded:draw())
    end
    return loaded and 0 or 1
  end,
  check = function(parsed)
    return sound(parsed) and 0 or 1
  end,
  timeline = function(parsed)
    return require "echo.command.timeline"(parsed)
  end,
  bench = function(parsed)
    return require "echo.command.bench"(parsed)
  end,
}

local function perform(list)
  local parsed = arguments.parse(list)
  if parsed.missing then
    say(HELP)
    return 2
  elseif parsed.help then
    print(HELP)
    return 0
  elseif parsed.version then
    print("luaecho, " .. require "echo"._VERSION)
    return 0
  end
  return commands[parsed.command](parsed)
end

--- Performs a command line; returns the exit status.
return function(list)
  local ok, result = xpcall(perform, function(raised)
    return type(raised) == "table" and raised or debug.traceback(raised, 2)
  end, list)
  if ok then
    return result
  elseif type(result) == "table" and result.usage then
    say("luaecho: " .. result.usage .. "\nluaecho --help says more")
    return 2
  elseif type(result) == "table" and result.file then
    say("luaecho: " .. result.file)
    return 2
  end
  say("luaecho: " .. tostring(result))
  return 1
end
