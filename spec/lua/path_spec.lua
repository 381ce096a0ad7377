-- The workers' package.path and package.cpath.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local refusal = require "spec.lua.support.refusal"

local function fetch_paths(s)
  return s:submit(load("return package.path, package.cpath")):wait()
end

-- A directory with a module; returns the path to find it by.
local function write_module(name, text)
  local directory = os.tmpname()
  os.remove(directory)
  assert.is_true(os.execute("mkdir " .. directory))
  local file = assert(io.open(directory .. "/" .. name .. ".lua", "w"))
  file:write(text)
  file:close()
  return directory .. "/?.lua", function()
    os.execute("rm -r " .. directory)
  end
end

describe("the workers' paths", function()
  local path, cpath

  before_each(function()
    path, cpath = package.path, package.cpath
  end)

  after_each(function()
    package.path, package.cpath = path, cpath
  end)

  it("are the host's", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    assert.same({ package.path, package.cpath }, { fetch_paths(s) })
  end)

  it("are the host's as they stand at build", function()
    local builder = echo.builder():with_worker_count(1)
    package.path, package.cpath = "at/build/?.lua", "at/build/?.so"
    local s <close> = builder:build()
    package.path, package.cpath = "later/?.lua", "later/?.so"
    assert.same({ "at/build/?.lua", "at/build/?.so" }, { fetch_paths(s) })
  end)

  it("are those of with_path, one or both, the last one told", function()
    local function build(...)
      return echo.builder():with_worker_count(1):with_path("x", "y"):with_path(...):build()
    end
    local both <close> = build("a/?.lua", "b/?.so")
    assert.same({ "a/?.lua", "b/?.so" }, { fetch_paths(both) })
    local first <close> = build("a/?.lua")
    assert.same({ "a/?.lua", "y" }, { fetch_paths(first) })
    local second <close> = build(nil, "b/?.so")
    assert.same({ "x", "b/?.so" }, { fetch_paths(second) })
    local empty <close> = build("", "")
    assert.same({ "", "" }, { fetch_paths(empty) })
  end)

  it("leave what with_path did not name as the host has it", function()
    local s <close> = echo.builder():with_worker_count(1):with_path("a/?.lua"):build()
    assert.same({ "a/?.lua", package.cpath }, { fetch_paths(s) })
  end)

  it("do not change the host's", function()
    local s <close> = echo.builder():with_worker_count(1):with_path("a/?.lua", "b/?.so"):build()
    fetch_paths(s)
    assert.same({ path, cpath }, { package.path, package.cpath })
  end)

  it("are where a task's require looks", function()
    local module_path, remove = write_module("only_here", "return { answer = 42 }")
    local s <close> = echo.builder():with_worker_count(1):with_path(module_path):build()
    assert.equal(42, s:submit(function()
      return require("only_here").answer -- luacheck: ignore
    end):wait())
    remove()
    assert.is_false((pcall(require, "only_here")))
  end)

  it("tell where a module was looked for that is not there", function()
    local s <close> = echo.builder():with_worker_count(1):with_path("nowhere/?.lua"):build()
    local task = s:submit(require, "no_such_module")
    local err = refusal(task.wait, task)
    includes("module 'no_such_module' not found", err.message)
    includes("no file 'nowhere/no_such_module.lua'", err.message)
    assert.equal("require", err.task)
  end)

  it("are not needed for echo itself", function()
    local s <close> = echo.builder():with_worker_count(1):with_path("", ""):build()
    assert.equal("float", s:submit(function()
      return math.type(require("echo").now())
    end):wait())
  end)

  it("are needed for a library function that travels by name", function()
    local cjson = require "cjson"
    local s <close> = echo.builder():with_worker_count(1):with_path("", ""):build()
    local task = s:submit(cjson.encode, {})
    local err = refusal(task.wait, task)
    assert.equal("transfer", err.kind)
    includes('module "cjson" not found', err.message)
    assert.equal(1, s:submit(math.abs, -1):wait())
  end)
end)
