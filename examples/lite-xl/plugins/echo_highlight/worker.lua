-- In a worker's state: the editor's own tokenizer, and what it needs of the editor.
--
-- The tokenizer is the file core/tokenizer.lua of the editor that runs. It needs two libraries that
-- are part of the program, for UTF-8 and regular expressions; their functions come as addresses (see
-- native.c). It looks at the time in order not to hold the editor up; here time stands still.
local packing = require "plugins.echo_highlight.packing"

local worker = {}
local languages = {}
local tokenizer

local function nothing() end

local function open_natives(natives)
  local native = assert(package.loadlib(natives.path, "luaopen_echo_highlight_worker"))()
  for name, library in pairs(natives.libraries) do
    for key, address in pairs(library.functions) do
      library.constants[key] = native.at(address)
    end
    package.loaded[name] = library.constants
  end
  _G.regex = package.loaded.regex
  debug.getregistry().regex = _G.regex -- the metatable of those that are compiled
  require "core.utf8string"
  require "core.regex"
end

-- `natives`: `path` of the native part, and its `libraries`; or nil, if the state has them.
function worker.open(natives)
  package.loaded["core"] = { warn = nothing, error = nothing, log = nothing }
  package.loaded["core.config"] = { fps = 60 }
  package.loaded["core.syntax"] = {} -- embedded syntaxes are in the language
  _G.system = { get_time = function() return 0 end }
  if natives then
    open_natives(natives)
  end
  tokenizer = require "core.tokenizer"
end

-- The tokens of these lines, packed; the first one begins in `state`.
function worker.tokenize(language, text, state)
  languages[language.id] = languages[language.id] or language
  language = languages[language.id] -- its regular expressions are compiled
  local packed = {}
  for line in text:gmatch("[^\n]*\n") do
    local tokens, after = tokenizer.tokenize(language.syntax, line, state)
    packed[#packed + 1] = packing.pack(line, tokens, state, after, language.number_of)
    state = after
  end
  return packed
end

return worker
