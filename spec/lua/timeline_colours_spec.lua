-- The colours of the picture: what is written can be read, and what is told apart by colour can be told
-- apart by eyes that lack one, too.

local style = require "echo.timeline.style"

local LIGHT, DARK = style.element:match "^<style>(.-)@media %(prefers%-color%-scheme:dark%){(.-)}</style>$"

local function linear(part)
  part = part / 255
  return part <= 0.04045 and part / 12.92 or ((part + 0.055) / 1.055) ^ 2.4
end

-- The linear red, green and blue of what a class is filled with.
local function colour(set, class)
  local selector = "%f[.%w]" .. class:gsub("[-.]", "%%%0") .. "%f[,{][^}]-"
  local red, green, blue = set:match(selector .. "{[^}]-fill:#(%x%x)(%x%x)(%x%x)")
  assert(red, class)
  return { linear(tonumber(red, 16)), linear(tonumber(green, 16)), linear(tonumber(blue, 16)) }
end

local function luminance(c)
  return 0.2126 * c[1] + 0.7152 * c[2] + 0.0722 * c[3]
end

-- The contrast of WCAG 2: at least 4.5 for text, 3 for what is no text.
local function contrast(one, other)
  one, other = luminance(one), luminance(other)
  return (math.max(one, other) + 0.05) / (math.min(one, other) + 0.05)
end

-- As who lacks the red or the green cones sees it (Viénot, Brettel and Mollon, 1999).
local LACKING = {
  red = { { 0.11238, 0.88762, 0 }, { 0.11238, 0.88762, 0 }, { 0.00401, -0.00401, 1 } },
  green = { { 0.29275, 0.70725, 0 }, { 0.29275, 0.70725, 0 }, { -0.02234, 0.02234, 1 } },
}

local function seen(c, matrix)
  local result = {}
  for row = 1, 3 do
    local sum = matrix[row][1] * c[1] + matrix[row][2] * c[2] + matrix[row][3] * c[3]
    result[row] = math.min(math.max(sum, 0), 1)
  end
  return result
end

-- The distance in CIELAB; from about 10 on colours are told apart at a glance.
local function lab(c)
  local function curve(t)
    return t > 0.008856 and t ^ (1 / 3) or 7.787 * t + 16 / 116
  end
  local x = curve((0.4124 * c[1] + 0.3576 * c[2] + 0.1805 * c[3]) / 0.9505)
  local y = curve(luminance(c))
  local z = curve((0.0193 * c[1] + 0.1192 * c[2] + 0.9505 * c[3]) / 1.089)
  return 116 * y - 16, 500 * (x - y), 200 * (y - z)
end

local function distance(one, other)
  local l1, a1, b1 = lab(one)
  local l2, a2, b2 = lab(other)
  return math.sqrt((l1 - l2) ^ 2 + (a1 - a2) ^ 2 + (b1 - b2) ^ 2)
end

for name, set in pairs { light = LIGHT, dark = DARK } do
  describe("in " .. name .. " surroundings", function()
    it("text can be read", function()
      local back = colour(set, ".back")
      for _, class in ipairs { "text", ".faint", ".note" } do
        assert.is_true(contrast(colour(set, class), back) >= 4.5, class)
      end
      for _, class in ipairs { "high", "normal", "low", "other", "submit", "wait" } do
        local ratio = contrast(colour(set, ".on-" .. class), colour(set, "." .. class))
        assert.is_true(ratio >= 4.5, ("%s: %.2f"):format(class, ratio))
      end
    end)

    it("priorities are told apart, without red or green, too", function()
      local classes = { "high", "normal", "low", "back" }
      for first = 1, #classes do
        for second = first + 1, #classes do
          local one, other = colour(set, "." .. classes[first]), colour(set, "." .. classes[second])
          assert.is_true(distance(one, other) > 25)
          for lacks, matrix in pairs(LACKING) do
            local far = distance(seen(one, matrix), seen(other, matrix))
            assert.is_true(far > 25, ("%s and %s without %s: %.1f"):format(classes[first], classes[second], lacks, far))
          end
        end
      end
    end)
  end)
end
