--- How many elements of a step share a task, since a task costs more than many of them do. It follows
--- from how long its elements were seen to take and from how many are ready: a group is a couple of
--- milliseconds at most, and never leaves a worker without one. Until the first has ended elements go one
--- by one, so those that are slow or wait are never held up by each other.

local group = {}

local GROUP_SECONDS = 0.002
local LARGEST_GROUP = 256
local LOOK_EVERY = 8

-- While nothing has come back, the first task is asked whether it has ended.
local function look_at_probe(st)
  if st.probe and st.since_look >= LOOK_EVERY then
    st.since_look = 0
    if st.probe:status() == "done" then
      local _, began, ended = st.probe:wait()
      st.seconds_each, st.probe = ended - began, nil
    end
  end
end

--- How many of those that are ready the next task should take.
function group.size(run, st)
  if not st.seconds_each then
    look_at_probe(st)
    if not st.seconds_each then
      return 1
    end
  end
  local largest = st.node.group or LARGEST_GROUP
  local by_time = GROUP_SECONDS / (st.seconds_each + 1e-7)
  local share = (st.last - st.first + 1) / (2 * run.workers)
  return math.max(1, math.min(largest, by_time, share) // 1 | 0)
end

--- A task was submitted before one has come back.
function group.submitted(st, task)
  if not st.probe then
    st.probe, st.since_look = task, 0
  end
  st.since_look = st.since_look + 1
end

--- One has come back, in which each element took so long.
function group.seen(st, seconds)
  st.seconds_each = st.seconds_each and (st.seconds_each * 3 + seconds) / 4 or seconds
  st.probe = nil
end

return group
