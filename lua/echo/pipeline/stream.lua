--- Streams and folds: the two kinds of step that are one task for many elements.
---
--- A stream takes a permit for each element that it emits, and gets it back when the element has left
--- the last step: so there are never more of its elements about than the window has permits, whichever
--- step is slow. Its elements come through a channel, to a coroutine of the run's state.
---
--- A fold gets its elements in order, in groups of what there is, through a channel without a capacity:
--- that a group is taken says that the one before it is done with, and its elements leave.

local echo = require "echo"
local element = require "echo.pipeline.element"
local failure = require "echo.pipeline.failure"
local flow = require "echo.pipeline.flow"
local state = require "echo.pipeline.state"

local stream = {}

local LARGEST_GROUP = 256

local function failed(run, st, reason)
  if run.stopping or run.draining or st.status == "blocked" then
    return
  end
  run:fail(st, failure.of(st.node, nil, nil, reason, 1))
  if not run.stopping then
    st.failed = st.failed + 1
    if st.on_block then
      st.on_block()
    end
    flow.ended(run, st, "failed")
  end
end

local function account(run, st, asked, began, ended)
  st.running_seconds, st.tasks = ended - began, 1
  st.waiting_seconds = math.max(0, began - asked)
  st.first_began, st.last_ended = began, ended
  run.last_step = st
end

-- Submits the task of a stream or fold. `done` gets its first result.
local function submit(run, st, done, ...)
  if run.stopping then
    return
  end
  local ok, task = pcall(run.scheduler.submit, run.scheduler, st.options, ...)
  if not ok then
    return failed(run, st, type(task) == "table" and task or { kind = "error", message = tostring(task) })
  end
  local asked = run.now()
  run:track_flow(task)
  st.inflight, st.began = 1, asked
  task:on_complete(function()
    run:guard(function()
      run:untrack(task)
      st.inflight = 0
      local went_well, result, began, ended = task:pwait()
      if went_well then
        account(run, st, asked, began, ended)
      end
      done(went_well, result)
    end)
  end)
  return task
end

-- A coroutine that waits on a channel. When its node has ended the channel is closed under it, and
-- what it has to say of that is not listened to.
local function listen(run, st, fn)
  coroutine.wrap(function()
    local ok, err = pcall(fn)
    if not ok and not run.stopping and not run.draining and st.status == "running" then
      run:guard(error, err, 0)
    end
  end)()
end

-- A stream has ended when its task has and all that it emitted was received: whichever comes last.
local function end_of_stream(run, st, domain)
  st.ends = (st.ends or 0) + 1
  if st.ends == 2 and not run.stopping and not run.draining and st.status == "running" then
    run.results[st.node.name] = nil
    flow.close(run, domain)
    flow.ended(run, st, "done")
  end
end

-- Takes an element, and those that have come meanwhile, so that quick ones may share a task.
local function take(run, domain, channel, item)
  local more, _ = true, nil
  while more do
    flow.emitted(run, domain, item)
    more, _, item = channel:try_receive()
  end
end

local function receive(run, st, domain, channel)
  listen(run, st, function()
    for _, item in channel:iter() do
      run:guard(take, run, domain, channel, item)
    end
    run:guard(end_of_stream, run, st, domain)
  end)
end

function stream.begin_stream(run, st)
  local domain = run.domains[st.node.name]
  local channel, permits = echo.channel(domain.window), echo.semaphore(domain.window)
  run:own(channel)
  function domain.release()
    local left = domain.left
    domain.left = 0
    for _ = 1, left do
      permits:release()
    end
  end
  local arguments, count = state.arguments(run, st, 1)
  submit(run, st, function(ok, result)
    if not ok then
      channel:close()
      return failed(run, st, result)
    end
    end_of_stream(run, st, domain)
  end, element.stream, st.node.run, channel, permits, arguments, count)
  receive(run, st, domain, channel)
end

local function let_go(run, st, indexes)
  for _, index in ipairs(indexes) do
    flow.leave(run, st, index)
  end
end

local function next_group(run, st)
  local source, items, indexes = st.columns[1], {}, {}
  while st.arrivals[st.next] and #indexes < LARGEST_GROUP do
    st.arrivals[st.next] = nil
    indexes[#indexes + 1] = st.next
    items[#indexes] = run.items[source][st.next]
    st.next = st.next + 1
  end
  return items, indexes
end

-- Sends what has arrived in order. That a message is taken tells that the one before it is done with;
-- where no more has arrived, an empty one asks for that.
local function send_arrived(run, st, channel)
  while st.status == "running" and (st.arrivals[st.next] or #st.held > 0) do
    local items, indexes = next_group(run, st)
    st.going = indexes
    channel:send(true, items, indexes)
    if st.status ~= "running" then
      return
    end
    local held = st.held
    st.held, st.going, st.finished = indexes, {}, st.finished + #indexes
    run:guard(let_go, run, st, held)
  end
end

local function has_all(run, st)
  local domain = run.domains[st.node.domain]
  return domain.closed and st.next > domain.count
end

local function send_more(run, st)
  if st.sending or st.status ~= "running" or run.stopping then
    return
  end
  st.sending = true
  listen(run, st, function()
    send_arrived(run, st, st.channel)
    st.sending = false
    if has_all(run, st) then
      st.channel:close()
    end
  end)
end

--- Gives a fold's state what flow.lua calls: an element has arrived, or no more will.
function stream.prepare_fold(run, st)
  st.arrivals, st.held, st.going, st.next = {}, {}, {}, 1
  function st.arrived(index)
    st.arrivals[index] = true
    run.dirty[st.rank] = st
  end
  function st.pump()
    send_more(run, st)
  end
  -- What has arrived, and what the fold holds, leaves without it.
  function st.on_block()
    if st.channel then
      st.channel:close()
    end
    local held, going, arrivals = st.held, st.going, st.arrivals
    st.held, st.going, st.arrivals = {}, {}, {}
    let_go(run, st, held)
    let_go(run, st, going)
    for index in pairs(arrivals) do
      flow.leave(run, st, index)
    end
  end
end

function stream.begin_fold(run, st)
  local channel = echo.channel()
  run:own(channel)
  st.channel = channel
  submit(run, st, function(ok, result)
    channel:close()
    if st.status == "blocked" then
      return
    elseif not ok then
      return failed(run, st, result)
    end
    run.results[st.node.name] = result
    flow.ended(run, st, "done")
  end, element.fold, st.node.run, channel, st.node.initial, st.slots, st.shared)
  run.dirty[st.rank] = st
end

return stream
