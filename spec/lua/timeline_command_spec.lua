-- luaecho timeline, as a user runs it.

local includes = require "spec.lua.support.includes"
local process = require "spec.lua.support.process"
local xml = require "spec.lua.support.xml"

local TRACE = [=[
[{"ph":"X","pid":1,"tid":1,"ts":100000,"dur":300000,"cat":"high","name":"work","id":1},
{"ph":"X","pid":1,"tid":1,"ts":500000,"dur":2e5,"cat":"low","name":"later","id":2}]
]=]

-- Runs the command on a file of this text; $SCRIPT is its path.
local function luaecho(text, command)
  return process.shell(text, "timeout 60 $LUA bin/luaecho " .. command)
end

describe("luaecho timeline", function()
  it("prints the picture", function()
    local result = luaecho(TRACE, "timeline $SCRIPT")
    assert.same({ 0, "" }, { result.code, result.err })
    xml.check(result.out)
    includes(">600 ms · 1 worker · 2 tasks · 83 % busy</text>", result.out)
  end)

  it("takes a part, a width and a title", function()
    local result = luaecho(TRACE, "timeline --from 0.35 $SCRIPT --to=0.5 --width 600 --title 'the end'")
    assert.same({ 0, "" }, { result.code, result.err })
    includes('width="600"', result.out)
    includes(">the end</text>", result.out)
    includes(">150 ms · 1 worker · 1 task · 67 % busy</text>", result.out)
  end)

  it("does without the module's part in C", function()
    assert.equal(0, luaecho(TRACE, "timeline $SCRIPT; code=$?; exit $code").code)
    local without = package.cpath:gsub("[^;]*build[^;]*;", "")
    local result = process.shell(TRACE, ("LUA_CPATH='%s' timeout 20 $LUA bin/luaecho timeline $SCRIPT"):format(without))
    assert.same({ 0, "" }, { result.code, result.err })
  end)

  it("says what is wrong, with 2", function()
    for command, text in pairs {
      ["timeline"] = "timeline needs a file", ["timeline /tmp"] = "luaecho: /tmp: Is a directory",
      ["timeline /nowhere/at/all"] = "luaecho: /nowhere/at/all: No such file",
      ["timeline $SCRIPT --depth 3"] = "timeline has no option --depth",
      ["timeline $SCRIPT --width"] = "--width needs a width",
      ["timeline $SCRIPT --width wide"] = '--width: expected a number, got "wide"',
      ["timeline $SCRIPT --width 3"] = "--width: expected a whole number from 480 to 10000, got 3",
      ["timeline $SCRIPT --from 5"] = "--from: expected a time before the recording's end",
      ["timeline $SCRIPT --from 0.2 --to 0.1"] = "--to: expected a time after 0.2, got 0.1",
      ["timeline bin/luaecho"] = "luaecho: bin/luaecho: is no Chrome trace",
      ["timeline $SCRIPT >/dev/full"] = "luaecho: standard output: No space left on device",
    } do
      local result = luaecho(TRACE, command)
      assert.equal(2, result.code, command)
      assert.equal("", result.out)
      includes(text, result.err)
    end
  end)

  it("is in the help", function()
    includes("timeline TRACE", luaecho("", "--help").out)
  end)
end)
