-- Checks the tags of memory orders: every atomic operation whose order is stronger than relaxed
-- stands on a line with, or within five lines below, a comment "PAIR name", and every tag occurs at
-- two places at least, since an order that has no partner orders nothing.
--
-- Usage: lua5.4 spec/lint/pairs.lua FILE...

local STRONG = { "acquire", "release", "acq_rel", "seq_cst" }
local REACH = 5

local function is_strong(line)
  if not line:find("echo__%l+%(") then return false end
  for _, order in ipairs(STRONG) do
    if line:find("[%s(]" .. order .. "%)") then return true end
  end
  return false
end

local function tags_of(line)
  local tags = {}
  local list = line:match("PAIR ([%w_. ]+)")
  for tag in (list or ""):gmatch("[%w_]+%.[%w_]+") do tags[#tags + 1] = tag end
  return tags
end

local places, problems = {}, {}

local function check_file(path)
  local number, last_tag = 0, -math.huge
  local pending = {}
  for line in io.lines(path) do
    number = number + 1
    local tags = tags_of(line)
    for _, tag in ipairs(tags) do
      places[tag] = places[tag] or {}
      table.insert(places[tag], path .. ":" .. number)
      -- "PAIR job.drop with itself": the same operation on another thread
      if line:find("with itself", 1, true) then table.insert(places[tag], path .. ":" .. number) end
    end
    if #tags > 0 then
      last_tag = number
      pending = {} -- a statement over several lines may carry its tag at the end
    end
    for i = #pending, 1, -1 do
      if number - pending[i] > 1 then
        problems[#problems + 1] = ("%s:%d: a strong order without a PAIR tag"):format(path, pending[i])
        table.remove(pending, i)
      end
    end
    if is_strong(line) and number - last_tag > REACH then pending[#pending + 1] = number end
  end
  for _, at in ipairs(pending) do
    problems[#problems + 1] = ("%s:%d: a strong order without a PAIR tag"):format(path, at)
  end
end

for _, path in ipairs(arg) do
  if not path:find("base/atomic%.h$") then check_file(path) end
end

local count = 0
for tag, at in pairs(places) do
  count = count + 1
  if #at < 2 then problems[#problems + 1] = ("%s: PAIR %s has no partner"):format(at[1], tag) end
end

table.sort(problems)
for _, problem in ipairs(problems) do print(problem) end
print(("%d pairs in %d files, %d problems"):format(count, #arg, #problems))
os.exit(#problems == 0)
