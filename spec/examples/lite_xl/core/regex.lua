-- As the editor's: adds to the library that is part of the program, which is the metatable of what it
-- compiles.
assert(regex.ANCHORED == 16 and regex == debug.getregistry().regex) -- luacheck: globals regex
function regex.find(...) -- luacheck: globals regex
  return regex.cmatch(...) -- luacheck: globals regex
end
