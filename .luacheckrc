std = "lua54"

-- `<close>` variables are there for their end.
ignore = { "211/_.*" }

files["spec"] = { std = "+busted" }
files["spec/hosts/prosody"] = { globals = { "module" } }
files["spec/hosts/mle.lua"] = { read_globals = { "mle" } }
files["spec/hosts/signals.lua"] = { read_globals = { "at", "has_rained" } }

-- What examples/embed/editor.c gives to its script, and calls.
files["examples/embed"] = {
  read_globals = { "scheduler", "echo", "list", "status", "done" },
  globals = { "on_key", "on_frame" },
}

-- What Lite XL gives to its plugins.
files["examples/lite-xl"] = { read_globals = { "system", "regex", "dirmonitor" } }

-- What Textadept gives to its modules, and what project_search/files.lua gives to the editor's functions.
files["examples/textadept"] = {
  read_globals = { "_BUFFERS", "_CHARSET", "_L", "_VIEWS", "CURSES", "PROBE", "buffer", "events", "quit", "reset",
    "timeout", "view", string = { fields = { "iconv" } } },
  globals = { "assert_type", "lfs", "ui", io = { fields = { "get_project_root" } } },
}
files["spec/examples/textadept"] = {
  globals = { "_BUFFERS", "_CHARSET", "_L", "_VIEWS", "assert_type", "buffer", "events", "lfs", "quit", "timeout",
    "ui", "view", io = { fields = { "get_project_root" } } },
}
files["spec/examples/textadept_spec.lua"] = {
  globals = { "buffer", "events", "quit", "ui" },
}

-- What src/lua/prelude.c gives to its files.
files["src/lua/prelude"] = { std = { read_globals = { "each", "raise", "is_error", "to_error" } } }
