-- Strings: building, formatting, patterns with call-backs, packing, utf8.
local out = {}
local function say(...)
  local words = table.pack(...)
  for i = 1, words.n do words[i] = tostring(words[i]) end
  out[#out + 1] = table.concat(words, "\t")
end

local s = ""
for i = 1, 400 do s = s .. string.char(97 + i % 26) .. (i % 7 == 0 and "\n" or "") end
say(#s, s)

local parts = {}
for i = 1, 500 do parts[#parts + 1] = ("%03d:%x:%5.2f:%q"):format(i, i * i, i / 7, "l" .. i) end
say(table.concat(parts, ","))

local count = 0
say((s:gsub("[aeiou](%a)", function(letter)
  count = count + 1
  local up = {}
  for i = 1, count % 5 do up[i] = letter:upper() end
  return #up > 0 and table.concat(up) or nil
end)), count)
say(("a=1, b=2, c=3"):gsub("(%a)=(%d)", { a = "A", b = true and "B", c = false }))
say(("hello world"):gsub("o", setmetatable({}, { __index = function(_, key) return "<" .. key .. ">" end })))
say(pcall(string.gsub, "x", "x", function() error("in the call-back", 0) end))

for key, value in ("one=1;two=22;three=333"):gmatch("(%w+)=(%w+)") do say(key, value, #value) end
for position in ("abcabc"):gmatch("()b") do say(position) end
say(("  trim me  "):match("^%s*(.-)%s*$"), ("x"):rep(5, ", "), ("abc"):reverse(), ("f(a(b)c)d"):match("%b()"))
say(("THE (quick) fox"):find("%((%a+)%)"), ("key = value"):match("^(%w+)%s*=%s*(%w+)$"))

for _, layout in ipairs { "<i4", ">I2", "z", "s1", "<d", "<f", "!4i1i4" } do
  local value = layout:find("[zs]") and "text" or 42
  local packed = layout == "!4i1i4" and string.pack(layout, 1, 2) or string.pack(layout, value)
  local bytes = packed:gsub(".", function(c) return ("%02x"):format(c:byte()) end)
  say(layout, bytes, string.unpack(layout, packed))
end

local greek = "αβγδε — ∑ 𝄞"
for position, code in utf8.codes(greek) do say(position, code, utf8.char(code)) end
say(utf8.len(greek), utf8.codepoint(greek, 1, -1))
say(utf8.offset(greek, 3), utf8.len("\xff"))

local function hash(text)
  local h = 5381
  for i = 1, #text do h = (h * 33 ~ text:byte(i)) & 0xffffffff end
  return h
end
for i = 1, 100 do out[#out + 1] = hash(("%d"):rep(i, "|"):format(table.unpack({ string.byte(s, 1, i) }))) end
say(tostring(1e15), tostring(-0.0), 2^53, 10 // 3, "10" + 5, "0x10" * 2, 1e308 * 10, math.tointeger("8"))
return table.concat(out, "\n")
