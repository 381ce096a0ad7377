std = "lua54"

-- `<close>` variables are there for their end.
ignore = { "211/_.*" }

files["spec"] = { std = "+busted" }

-- What src/lua/prelude.c gives to its files.
files["src/lua/prelude"] = { std = { read_globals = { "each", "raise", "is_error", "to_error" } } }
