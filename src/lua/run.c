#include "lua/run.h"

#include <lauxlib.h>

#include "lua/coroutine.h"
#include "lua/decode.h"
#include "lua/encode.h"
#include "lua/failure.h"
#include "lua/fiber.h"
#include "lua/interrupt.h"
#include "lua/isolation.h"
#include "lua/recording.h"
#include "lua/reporter.h"
#include "lua/scope_call.h"
#include "lua/span.h"
#include "lua/stack.h"
#include "lua/state.h"
#include "lua/terms.h"
#include "lua/urgency.h"

/* -- inside the coroutine --------------------------------------------------------------------- */

static void encode_results(lua_State *L, echo__fiber *f, int first, int count, echo__root root,
                           lua_Integer number) {
  f->kind = ECHO__KIND_TRANSFER;
  int status =
      echo__encode(L, f->state->codec, first, count, root, (int)number, echo__fiber_output(f));
  if (status == ECHO_MEMORY) f->kind = ECHO__KIND_MEMORY;
  if (status != ECHO_OK) lua_error(L);
}

/* `last`: nobody reads it after this. */
static int decode_values(lua_State *L, echo__fiber *f, echo__message *message, bool last) {
  f->kind = ECHO__KIND_TRANSFER;
  int count = last ? echo__decode_last(L, f->state->codec, message)
                   : echo__decode(L, f->state->codec, message);
  if (count < 0) lua_error(L);
  f->kind = ECHO__KIND_ERROR;
  return count;
}

enum { LARGE = 8 << 20 };

/* The values lie here and in the output, and are about to lie in the receiver's state as well. If
 * they are large it must not come to three times their size, so this state lets go of its own
 * first. To collect costs less than the copying did, unless far more than the values lives here. */
static void let_go_of_values(lua_State *L, const echo__fiber *f, int first) {
  size_t size = echo__message_weight(echo__fiber_output(f));
  if (size < LARGE) return;
  size_t in_use = (size_t)lua_gc(L, LUA_GCCOUNT) * 1024;
  if (in_use / 4 > size || !lua_gc(L, LUA_GCISRUNNING)) return;
  lua_settop(L, first - 1);
  lua_gc(L, LUA_GCCOLLECT);
}

/* A failed task, whose variables have been closed, ends its coroutine well. */
static int end_badly(echo__fiber *f, int status) {
  echo__reporter_report(f, status, 0);
  f->failed = true;
  return 0;
}

static bool went_well(int status) {
  return status == LUA_OK || status == LUA_YIELD;
}

/* A task can yield, so an error that it catches throws away the C stack below it: what comes after
 * its call is a continuation. That it yielded to the scheduler is for fail() to say. */
static int finish_task(lua_State *L, int status, lua_KContext context) {
  echo__fiber *f = (echo__fiber *)context;
  if (!went_well(status)) return end_badly(f, status);
  encode_results(L, f, 3, lua_gettop(L) - 2, ECHO__ROOT_RESULT, 1);
  let_go_of_values(L, f, 3);
  return 0;
}

/* (run): the whole life of a task inside the coroutine. Its function stays in the first place,
 * where failure.c looks for it. */
static int task_main(lua_State *L) {
  echo__fiber *f = lua_touserdata(L, 1);
  echo__job *job = f->run->job;
  echo__isolation_begin(L, f);
  echo__reporter_push(L);
  echo__message *input = echo__job_input(job);
  const echo__terms *terms = echo__job_extra(job)->terms;
  bool last = terms == NULL || terms->retries == 0;
  int count = decode_values(L, f, input, last);
  lua_copy(L, 3, 1);
  echo__recording_names(L, job);
  echo__span_open_late(L, f->state->codec, job, 1);
  if (last) echo__message_release(input);
  int status = lua_pcallk(L, count - 1, LUA_MULTRET, 2, (lua_KContext)f, finish_task);
  return finish_task(L, status, (lua_KContext)f);
}

/* Pushes the map's function, which a worker decodes once and keeps while it works on that map. */
static void push_map_function(lua_State *L, echo__fiber *f) {
  static const char key; /* its address names the place in the registry */
  uint64_t id = echo__job_extra(f->run->job)->map->id;
  if (f->state->map != id) {
    f->state->map = 0;
    decode_values(L, f, echo__job_input(f->run->job), false);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
    f->state->map = id;
  }
  lua_rawgetp(L, LUA_REGISTRYINDEX, &key);
}

static int finish_item(lua_State *L, int status, lua_KContext context);

/* Calls the function on the items from where it is on; each makes place for its result. */
static int call_items(lua_State *L, echo__fiber *f) {
  echo__runner *r = echo__runner_of(f->run);
  for (; r->item < r->chunk->count; r->item++) {
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 3 + r->item);
    lua_pushinteger(L, r->chunk->first + r->item);
    int status = lua_pcallk(L, 2, 1, 2, (lua_KContext)f, finish_item);
    if (status != LUA_OK) return end_badly(f, status);
    lua_replace(L, 3 + r->item);
  }
  encode_results(L, f, 3, r->chunk->count, ECHO__ROOT_ITEM, r->chunk->first);
  let_go_of_values(L, f, 3);
  return 0;
}

static int finish_item(lua_State *L, int status, lua_KContext context) {
  echo__fiber *f = (echo__fiber *)context;
  if (!went_well(status)) return end_badly(f, status);
  lua_replace(L, 3 + echo__runner_of(f->run)->item++);
  return call_items(L, f);
}

/* (run): the function stays in the first place, as above; the items follow the reporter. */
static int chunk_main(lua_State *L) {
  echo__fiber *f = lua_touserdata(L, 1);
  echo__isolation_begin(L, f);
  push_map_function(L, f);
  lua_replace(L, 1);
  echo__recording_names(L, f->run->job);
  echo__reporter_push(L);
  echo__message *input = &echo__runner_of(f->run)->chunk->input;
  decode_values(L, f, input, true);
  echo__message_release(input);
  echo__stack_need(L, 8);
  return call_items(L, f);
}

/* -- around it -------------------------------------------------------------------------------- */

static const char not_here[] =
    "a task cannot coroutine.yield() to the scheduler: only inside a coroutine of its own";

/* Reports what left the coroutine, and unwinds. */
static void fail(echo__fiber *fiber, int status) {
  lua_State *coroutine = fiber->coroutine;
  if (status == LUA_YIELD) {
    fiber->kind = ECHO__KIND_ERROR;
    lua_settop(coroutine, 0);
    lua_pushstring(coroutine, not_here);
  }
  echo__reporter_report(fiber, status, 0);
  echo__level_close(fiber->state, coroutine);
}

/* Resumes the fiber; LUA_YIELD if it is suspended, else how it ended. */
static int resume(echo__fiber *fiber, int arguments) {
  echo__worker_state *state = fiber->state;
  echo__fiber *outer = state->fiber; /* of a task that waits in C code, while this one runs */
  int results;
  state->fiber = fiber;
  echo__isolation_enter(state, fiber);
  echo__interrupts_begin(fiber);
  int status = echo__level_resume(state, fiber->coroutine, state->L, true, arguments, &results);
  bool suspended = status == LUA_YIELD && state->passing && !fiber->left;
  state->passing = false;
  if (fiber->left)
    echo__level_close(state, fiber->coroutine);
  else if (!suspended && status != LUA_OK)
    fail(fiber, status);
  echo__interrupts_end(fiber);
  state->fiber = outer;
  echo__isolation_enter(state, outer);
  if (suspended) return LUA_YIELD;
  if (status != LUA_OK) fiber->spent = true;
  return status != LUA_OK || fiber->failed ? LUA_ERRRUN : LUA_OK;
}

/* A task that has ended is not over before the scopes that it left open are: they have their turn
 * in its fiber. For want of memory they are told to end, and not waited for. */
static int resume_to_end(echo__fiber *fiber, int arguments) {
  int status = resume(fiber, arguments);
  while (status != LUA_YIELD && fiber->scopes != NULL) {
    if (!fiber->over)
      fiber->over = true, fiber->well = status == LUA_OK;
    else
      echo__scope_end(fiber->scopes);
    if (fiber->scopes == NULL) break;
    fiber->left = fiber->failed = false;
    lua_settop(fiber->coroutine, 0);
    lua_pushcfunction(fiber->coroutine, echo__scope_finish_task);
    lua_pushlightuserdata(fiber->coroutine, fiber->state->host);
    status = resume(fiber, 1);
  }
  if (status == LUA_YIELD || !fiber->over) return status;
  return fiber->well ? LUA_OK : LUA_ERRRUN;
}

/* Begins or goes on; the job's kind and output are made if it ends. */
static echo__progress progress(echo__run *run, bool begins, bool *well, echo__kind *kind) {
  echo__fiber *fiber = run->fiber;
  if (echo_task_is_cancelled()) echo__run_stopped(run);
  echo__run_goes_on(run);
  int arguments = begins ? 1 : fiber->passed; /* first the fiber itself */
  fiber->passed = 0;
  uint64_t since = echo__span_runs(run->job);
  int status = resume_to_end(fiber, arguments);
  echo__span_ran(run->job, since);
  if (status == LUA_YIELD) {
    echo__run_suspends(run);
    return ECHO__SUSPENDED;
  }
  *well = status == LUA_OK;
  *kind = (echo__kind)fiber->kind;
  if (echo__job_extra(run->job)->map == NULL) run->job->reported = fiber->reported;
  run->fiber = NULL;
  echo__fiber_give(fiber, *well);
  if (!*well && *kind == ECHO__KIND_MEMORY) {
    echo__state_recover(run->job->runtime, echo__state_here(run->job->runtime));
  }
  return ECHO__ENDED;
}

/* Fails a run that cannot even begin. The output may still be its input. */
static echo__fiber *refuse(echo__run *run, echo__message *output, echo__kind *kind) {
  echo__worker_state *state = echo__state_here(run->job->runtime);
  *kind = ECHO__KIND_MEMORY;
  echo__message_release(output);
  if (state->L != NULL && state->codec != NULL && !state->ready) {
    *kind = ECHO__KIND_ERROR;
    echo__failure_report_here(state->L, "the worker's setup failed: ", state->codec,
                              echo__job_name(run->job), output);
  }
  return NULL;
}

/* Gives the run a fiber with `main` to call; NULL if there is none, with the reason in `kind`. */
static echo__fiber *begin(echo__run *run, lua_CFunction main, echo__message *output,
                          echo__kind *kind) {
  echo__worker_state *state = echo__state_here(run->job->runtime);
  if (!echo__state_ensure_ready(run->job->runtime, state)) return refuse(run, output, kind);
  echo__fiber *fiber = echo__fiber_take(state);
  if (fiber == NULL) return refuse(run, output, kind);
  fiber->run = run;
  fiber->raised = 0;
  fiber->left = fiber->failed = fiber->reported = false;
  fiber->over = fiber->spared = false;
  fiber->kind = ECHO__KIND_ERROR;
  run->fiber = fiber;
  run->core = echo_task_current();
  run->priority = echo__load(&run->job->priority, relaxed);
  lua_pushcfunction(fiber->coroutine, main);
  lua_pushlightuserdata(fiber->coroutine, fiber);
  return fiber;
}

/* True if a failed job is to be tried once more: it goes back to the queue, where a stand-in of it
 * may begin it at once. If it does not it is cancelled, and nobody asks for its output. */
static bool tries_again(echo__job *job) {
  echo__terms *terms = echo__job_extra(job)->terms;
  if (terms == NULL || terms->retries == 0 || job->kind != ECHO__KIND_ERROR) return false;
  terms->retries--;
  terms->attempt++;
  echo__message_reset(&job->message);
  return echo__job_requeue(job);
}

/* The handle may live long, and the arguments be large. Of what is going to be cancelled nobody
 * reads results, and it may have been left before it had read its input. */
static void release_unread(echo__job *job) {
  echo__terms *terms = echo__job_extra(job)->terms;
  if (terms != NULL) echo__message_release(&terms->input);
  if (echo__job_is_cancelling(job) && !job->reported) echo__message_release(&job->message);
}

/* One call of the core task whose `begun` it is. */
static void run_job(echo__run *run, echo__atomic(bool) * begun) {
  echo__job *job = run->job;
  bool well = false, begins = !echo__load(begun, relaxed);
  if (begins) {
    if (!echo__job_begin(job, echo_worker_index(job->runtime->scheduler))) {
      echo__recording_skips(job);
      return;
    }
    echo__store(begun, true, relaxed);
    echo__span_begins(job);
  }
  echo__kind kind;
  if (!begins || begin(run, task_main, &job->message, &kind) != NULL) {
    if (progress(run, begins, &well, &kind) == ECHO__SUSPENDED) return;
  }
  job->kind = kind;
  echo__run_ends(run);
  if (!well && tries_again(job)) {
    echo__store(begun, false, relaxed);
    echo_task_again();
    return;
  }
  release_unread(job);
  echo__recording_ends(job, well);
  echo__job_end(job, well ? ECHO__JOB_DONE : ECHO__JOB_FAILED);
}

void echo__run_job(void *argument) {
  echo__run *run = argument;
  run_job(run, &run->begun);
}

void echo__run_stand_in(void *argument) {
  echo__stand_in *stand_in = argument;
  run_job(&stand_in->job->run, &stand_in->begun);
}

echo__progress echo__run_chunk(echo__runner *runner) {
  echo__run *run = &runner->run;
  echo__chunk *chunk = runner->chunk;
  bool well = false, begins = run->fiber == NULL;
  /* PAIR run.poke: who cancels sees where it runs, or the run sees that it is to end */
  echo__store(&runner->worker, echo_worker_index(run->job->runtime->scheduler), seq_cst);
  if (begins) runner->item = 0;
  if (!begins || begin(run, chunk_main, &chunk->output, &chunk->kind) != NULL) {
    if (progress(run, begins, &well, &chunk->kind) == ECHO__SUSPENDED) return ECHO__SUSPENDED;
  }
  chunk->failed = !well;
  echo__message_release(&chunk->input);
  return ECHO__ENDED;
}
