--- How far a run is, in elements: a step without elements counts as one.

local tally = {}

local function known(run, st)
  local domain = run.domains[st.node.domain or ""]
  if st.node.kind == "element" then
    return domain and domain.count or 0
  end
  return 1
end

local function finished(st)
  if st.node.kind == "element" then
    return st.finished
  end
  return (st.status == "waiting" or st.status == "running") and 0 or 1
end

--- What is known of one node: done, failed, total, and more for reports.
function tally.node(run, st)
  return {
    name = st.node.name, kind = st.node.kind, status = st.status, done = finished(st),
    total = known(run, st), running = st.inflight, failed = st.failed, blocked = st.blocked,
    skipped = st.skipped, restored = st.restored, retried = st.retried, tasks = st.tasks,
  }
end

--- done, running, failed, restored (known from a journal), total (of what is known so far), rate (of
--- those that were run, a second), left (seconds, or nil if nothing can be said), elapsed.
function tally.of(run)
  local sum = { done = 0, running = 0, failed = 0, restored = 0, total = 0, retried = 0 }
  for _, st in pairs(run.nodes) do
    local part = tally.node(run, st)
    for name in pairs(sum) do
      sum[name] = sum[name] + part[name]
    end
  end
  sum.elapsed = (run.ended or run.now()) - run.started
  local ran = sum.done - sum.restored
  sum.rate = sum.elapsed > 0 and ran / sum.elapsed or 0
  sum.left = ran > 0 and (sum.total - sum.done) / sum.rate or nil
  return sum
end

return tally
