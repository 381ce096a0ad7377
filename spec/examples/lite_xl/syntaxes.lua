-- Syntaxes for the specs of the Lite XL plugin: a language with comments over several lines, and one
-- that embeds it.
local script = {
  name = "Script",
  files = { "%.script$" },
  patterns = {
    { pattern = { "/%*", "%*/" }, type = "comment" },
    { pattern = "^#%l+", type = "preprocessor" },
    { pattern = "%d+", type = "number" },
    { pattern = "%l+", type = "symbol" },
  },
  symbols = { ["if"] = "keyword", ["end"] = "keyword" },
}

local page = {
  name = "Page",
  files = { "%.page$" },
  patterns = {
    { pattern = { "<%-%-", "%-%->" }, type = "comment" },
    { pattern = { "<script>", "</script>" }, type = "tag", syntax = ".script" },
    { pattern = "%l+", type = "text" },
  },
  symbols = {},
}

local plain = { name = "Plain Text", patterns = {}, symbols = {} }

local function find(name)
  return name:find("%.script$") and script or name:find("%.page$") and page or plain
end

return { script = script, page = page, plain = plain, find = find }
