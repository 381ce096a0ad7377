-- How the benchmarks tell what they measured: bench/report.lua.

package.path = "bench/?.lua;" .. package.path
local report = require "report"

local function shell(text)
  return ("printf '%s'"):format(text)
end

describe("a sheet", function()
  it("takes costs as they are, and rates the other way round", function()
    local sheet = report.new()
    sheet:add("time", "echo", "us", 10)
    sheet:add("time", "other", "us", 30)
    sheet:add("speed", "echo", "k/s", 30)
    sheet:add("speed", "other", "k/s", 10)
    assert.equal(3, (report.ratio(sheet.rows[2], sheet.rows[1])))
    assert.equal(3, (report.ratio(sheet.rows[4], sheet.rows[3])))
  end)

  it("compares round by round", function()
    local sheet = report.new()
    for round, slowness in ipairs { 1, 10, 2 } do
      sheet:add("time", "echo", "us", slowness)
      sheet:add("time", "other", "us", slowness * (1 + round / 10))
    end
    local ratio, least, most = report.ratio(sheet.rows[2], sheet.rows[1])
    assert.is_true(math.abs(ratio - 1.2) < 1e-9 and math.abs(least - 1.1) < 1e-9 and math.abs(most - 1.3) < 1e-9)
  end)

  it("compares medians where the rounds are not the same", function()
    local sheet = report.new()
    for _, value in ipairs { 1, 2, 3 } do sheet:add("time", "echo", "us", value) end
    sheet:add("time", "other", "us", 8)
    assert.equal(4, (report.ratio(sheet.rows[2], sheet.rows[1])))
  end)

  it("has quantiles and leaves the values in their order", function()
    local values = { 5, 1, 4, 2, 3 }
    assert.equal(3, report.median(values))
    assert.equal(5, report.quantile(values, 0.99))
    assert.equal(1, report.quantile(values, 0))
    assert.same({ 5, 1, 4, 2, 3 }, values)
  end)

  it("gathers rows and what was skipped, and passes over everything else", function()
    local sheet = report.new()
    local line = [[row\ta question\twho\tus\t%s\t1.5 2.5\n]]
    assert.is_true(sheet:gather(shell("a log\\n" .. line:format "" .. "skip\\tlanes\\tnot installed\\n")))
    assert.is_true(sheet:gather(shell(line:format "")))
    assert.is_true(sheet:gather(shell("row\\ta question\\tbare\\tus\\tfloor\\t1\\n")))
    assert.same({ 1.5, 2.5, 1.5, 2.5 }, sheet.rows[1].values)
    local group = report.by_question(sheet.rows)[1]
    assert.equal("bare", group.floor.who)
    assert.same({ "lanes", lanes = "not installed" }, sheet.skipped)
  end)

  it("says how a command ended that failed", function()
    assert.same({ n = 2, nil, "status 3" }, table.pack(report.new():gather "exit 3;"))
  end)
end)
