std = "lua54"

-- `<close>` variables are there for their end.
ignore = { "211/_.*" }

files["spec"] = { std = "+busted" }
