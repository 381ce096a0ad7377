-- The plugin's modules, and what the specs have in the place of the editor's, for as long as a spec
-- runs.
local modules = {}
local path, loaded

function modules.enter()
  path, loaded = package.path, {}
  for name in pairs(package.loaded) do
    loaded[name] = true
  end
  package.path = "examples/lite-xl/?.lua;spec/examples/lite_xl/?.lua;" .. path
end

function modules.leave()
  package.path = path
  for name in pairs(package.loaded) do
    package.loaded[name] = loaded[name] and package.loaded[name] or nil
  end
end

return modules
