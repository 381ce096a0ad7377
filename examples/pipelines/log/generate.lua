-- Writes log lines, as many megabytes as it is told, the same each time.
--
-- Usage: lua5.4 examples/pipelines/log/generate.lua MEGABYTES >LOG

local wanted = assert(tonumber(arg[1]), "how many megabytes?") * 1e6
math.randomseed(42)

local written = 0
while written < wanted do
  local lines = {}
  for index = 1, 1000 do
    -- Small numbers are the most frequent, as in real logs.
    local client, page = math.random() ^ 3, math.random() ^ 3
    lines[index] = ("10.0.%d.%d /page/%d %d %d\n"):format(client * 40 // 1, math.random(0, 255), page * 5000 // 1,
      math.random() < 0.95 and 200 or 404, math.random(200, 20000))
  end
  local text = table.concat(lines)
  written = written + #text
  io.write(text)
end
