-- lua5.4 spec/stress/breakages.lua [NAME...]
--
-- Breaks the library in one way after the other, in a copy under build/broken, and lets the stress
-- run on it, which has to find something. To be run where the sources are.

local seconds = 90
local copy = "build/broken"

-- What is broken, where, the text that is there, and what stands in its place.
local breakages = {
  { "a message that a cancelled receiver had is not put back", "src/lua/channel.c",
    "    put_back(waiter->channel, waiter->parcel);", "    ;" },
  { "a queue of a limit lets one more run", "src/scheduler/named_queue.c",
    "*task = queue->running < queue->limit ?", "*task = queue->running <= queue->limit ?" },
  { "a slot of a queue is not given back by what is cancelled", "src/scheduler/end.c",
    "if (held != NULL) echo__named_carry_out(s, echo__named_give_back(held));\n  count_ended",
    "if (held != NULL && state == ECHO_TASK_DONE)\n"
    .. "    echo__named_carry_out(s, echo__named_give_back(held));\n  count_ended" },
  { "who is cancelled asleep is not woken", "src/lua/job.c",
    "  if (suspended) echo_task_resume(run->core);", "" },
  { "a call-back that comes after the end of its task is never called", "src/lua/on_complete.c",
    "    echo__letter_post(&c->letter);", "" },
  { "a permit of a waiter that is cancelled is kept", "src/lua/semaphore.c",
    "  else\n    give(waiter->semaphore);", "" },
  { "a key's tasks do not queue", "src/lua/terms.c",
    "  add_hold(echo__job_extra(job)->terms);\n}\n\n/* The new job", "}\n\n/* The new job" },
  { "who waits for a task is not told of its end", "src/lua/job.c",
    "  if (before & ECHO__JOB_WATCHED) fire_watches(job);", "" },
  { "a task is tried once more than asked", "src/lua/run.c",
    "terms->retries == 0 ||", "terms->attempt > terms->retries + 9 ||" },
  { "a scope does not wait for its tasks", "src/lua/scope.c",
    "  echo__group_add(&scope->group, job, 0);", "" },
  { "a stop that cancels forgets what is held", "src/scheduler/suspend.c",
    "echo__held_close(&s->held)", "NULL" },
  { "a task that fails is said to be done", "src/lua/run.c",
    "  echo__job_end(job, well ? ECHO__JOB_DONE", "  echo__job_end(job, true ? ECHO__JOB_DONE" },
}

local function run(command, ...)
  return os.execute(command:format(...))
end

local function replace(path, before, after)
  local file = assert(io.open(path))
  local text = file:read("a")
  file:close()
  local first, last = text:find(before, 1, true)
  assert(first, path .. " does not have: " .. before)
  file = assert(io.open(path, "w"))
  file:write(text:sub(1, first - 1), after, text:sub(last + 1))
  file:close()
end

local function build()
  return run("cmake --build %s/build >%s/build.log 2>&1", copy, copy)
end

local function prepare()
  assert(run("rm -rf %s && mkdir -p %s", copy, copy))
  assert(run("cp -r src lua include cmake CMakeLists.txt CMakePresets.json %s", copy))
  assert(run("cmake -S %s -B %s/build -G Ninja -DCMAKE_BUILD_TYPE=Debug -DECHO_BUILD_TESTS=OFF"
    .. " -DECHO_BUILD_BENCH=OFF >/dev/null", copy, copy))
end

local function stress()
  return run("LUA_CPATH='%s/build/module/?.so;;' LUA_PATH='lua/?.lua;?.lua;;' ECHO_STRESS_PATIENCE=20"
    .. " timeout %d lua5.4 spec/stress/stress.lua %d 1 >%s/stress.log 2>&1", copy, 2 * seconds,
    seconds, copy)
end

local function first_words()
  local words = {}
  for line in io.lines(copy .. "/stress.log") do
    words[#words + 1] = line
    if #words == 2 then
      break
    end
  end
  return table.concat(words, " "):sub(1, 160)
end

local function is_found(breakage)
  local what, path, before, after = table.unpack(breakage)
  replace(copy .. "/" .. path, before, after)
  assert(build(), "see build.log")
  local found = not stress()
  print((found and "found: " or "NOT FOUND: ") .. what .. "\n    " .. first_words())
  assert(run("cp %s %s/%s", path, copy, path))
  return found
end

local wanted = table.concat(arg, "\n")
local missed = 0
prepare()
for _, breakage in ipairs(breakages) do
  if wanted == "" or breakage[1]:find(wanted, 1, true) then
    missed = missed + (is_found(breakage) and 0 or 1)
  end
end
os.exit(missed == 0)
