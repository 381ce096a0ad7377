#include "lua/submit.h"

#include <lauxlib.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lua/argument.h"
#include "lua/charge.h"
#include "lua/check.h"
#include "lua/encode.h"
#include "lua/error.h"
#include "lua/fiber.h"
#include "lua/map.h"
#include "lua/native.h"
#include "lua/operation.h"
#include "lua/request.h"
#include "lua/run.h"
#include "lua/span.h"
#include "lua/stack.h"
#include "lua/task.h"
#include "lua/terms.h"

/* What a task submits to its own scheduler is as urgent as the task. */
static echo_priority usual_priority(const echo__host *host, const echo__client *client) {
  const echo__job *parent = echo__fiber_job(host);
  if (parent == NULL || parent->runtime != client->runtime) return ECHO_PRIORITY_NORMAL;
  return (echo_priority)echo__load(&parent->priority, relaxed);
}

static char *copy_text(lua_State *L, const char *text) {
  if (text == NULL) return NULL;
  size_t bytes = strlen(text) + 1;
  char *copy = malloc(bytes);
  if (copy == NULL) echo__fail_for_memory(L);
  return memcpy(copy, text, bytes);
}

static bool has_terms(const echo__request *r) {
  return r->timeout >= 0 || r->delay > 0 || r->retries > 0 || r->key != NULL;
}

static echo__extra *extend(lua_State *L, echo__job *job) {
  echo__extra *extra = echo__job_extend(job);
  if (extra == NULL) echo__fail_for_memory(L);
  return extra;
}

static void set_terms(lua_State *L, echo__job *job, const echo__request *r) {
  echo__extra *extra = extend(L, job);
  echo__terms *terms = extra->terms = echo__terms_create(job);
  if (terms == NULL) echo__fail_for_memory(L);
  terms->timeout = r->timeout;
  if (r->timeout >= 0) terms->deadline = echo__deadline_in(r->timeout);
  terms->delay = r->delay;
  terms->retries = r->retries;
  terms->conflict = r->conflict;
  terms->key = copy_text(L, r->key);
}

/* From here on the request has the job's: the options are the script's, which may change them while
 * the values are encoded, or while there is no room. */
static void set_texts(lua_State *L, echo__job *job, echo__request *r) {
  if (r->name != NULL && !echo__message_keep(&job->message, r->name))
    extend(L, job)->name = copy_text(L, r->name);
  r->name = echo__job_name(job);
  if (r->core.queue != NULL) r->core.queue = extend(L, job)->queue = copy_text(L, r->core.queue);
}

/* The job is the task userdata's from the first, so whatever raises leaves nothing behind. */
static echo__job *push_job(lua_State *L, const echo__host *host, echo__client *client,
                           echo__request *r) {
  echo__job *job = echo__task_push(L, host, client);
  r->task = lua_gettop(L);
  set_texts(L, job, r);
  echo__store(&job->priority, (int8_t)r->core.priority, relaxed);
  if (has_terms(r)) set_terms(L, job, r);
  if (echo__observed(client->runtime) &&
      !echo__span_open(L, host->codec, job, r->function, r->name != NULL))
    echo__fail_for_memory(L);
  if (r->scope != NULL && !echo__group_reserve(&r->scope->group)) {
    luaL_error(L, "not enough memory");
  }
  return job;
}

/* What the program's own functions are called, and what they cannot be given. */
static void look_at_native(lua_State *L, const echo__host *host, echo__request *r, int last) {
  const echo__native *native = echo__native_at(L, r->function);
  if (native == NULL) return;
  if (r->name == NULL) r->name = native->name;
  echo__native_check_arguments(L, host, native, r->function + 1, last);
}

/* -- submit ----------------------------------------------------------------------------------- */

static int refuse(lua_State *L, const echo__host *host, const echo__request *r, int status) {
  if (status == ECHO_MISSING) {
    return echo__argument_error(
        L, r->options,
        lua_pushfstring(L, "option 'queue': there is no queue named '%s'", r->core.queue));
  }
  lua_pushstring(L, echo_strerror(status));
  return echo__error_raise(L, host, echo__kind_of_status(status));
}

static void encode(lua_State *L, const echo__host *host, echo__job *job, int first, int count) {
  int status =
      echo__encode(L, host->codec, first, count, ECHO__ROOT_ARGUMENT, 0, echo__job_input(job));
  if (status != ECHO_OK) echo__error_raise(L, host, echo__kind_of_status(status));
}

/* Has the core accept what the job is made of, all of it or nothing. */
typedef int submit_function(echo__client *client, echo__job *job, const echo__request *r);

static int submit_one(echo__client *client, echo__job *job, const echo__request *r) {
  echo_task **held = r->core.held ? &echo__job_extra(job)->terms->held : NULL;
  return echo_scheduler_submit(client->runtime->scheduler, &r->core, echo__run_job, &job->run,
                               held);
}

/* The core has nothing of the job. */
static void take_back(echo__job *job) {
  echo__charge_end(job);
  echo__job_unshare(job);
}

static int submit_plainly(echo__client *client, echo__job *job, const echo__request *r,
                          submit_function *submit_all) {
  int status = submit_all(client, job, r);
  if (status != ECHO_OK) take_back(job);
  return status;
}

/* The task userdata stands for the job that is joined, which is nobody's child here. */
static int join(lua_State *L, echo__client *client, echo__request *r, echo__job *joined) {
  echo__task_replace(L, r->task, client, joined);
  r->scope = NULL;
  return ECHO_OK;
}

/* Lets a job with terms, of which all core tasks were accepted, go its way. If that fails it ends
 * as cancelled, and the core's reference goes with the core tasks, as ever. */
static int start_on_terms(echo__client *client, echo__job *job, echo__job *replaced) {
  int status = echo__terms_start(job);
  if (replaced == NULL) return status;
  echo__job_cancel(replaced, ECHO__KIND_CANCELLED, "a newer task with the same key took its place");
  echo__job_drop(client, replaced);
  return status;
}

/* The key is entered last, so that a submit which is refused leaves the earlier task alone. If
 * there is one to join by then, the job that was accepted ends without having begun. */
static int submit_on_terms(lua_State *L, echo__client *client, echo__job *job, echo__request *r,
                           submit_function *submit_all) {
  echo__job *replaced, *joined = echo__terms_find(job);
  if (joined != NULL) {
    take_back(job);
    return join(L, client, r, joined);
  }
  r->core.held = true;
  int status = submit_plainly(client, job, r, submit_all);
  if (status != ECHO_OK) return status;
  joined = echo__terms_enter(job, &replaced);
  if (joined == NULL) return start_on_terms(client, job, replaced);
  echo__terms_abandon(job);
  return join(L, client, r, joined);
}

/* Gives the job to the core; nothing of it runs if that is refused. */
static int submit_job(lua_State *L, echo__client *client, echo__job *job, echo__request *r,
                      submit_function *submit_all) {
  int status = echo__charge_begin(client, job);
  if (status != ECHO_OK) return status;
  echo__job_share(job);
  echo__span_queued(job);
  status = echo__job_extra(job)->terms != NULL ? submit_on_terms(L, client, job, r, submit_all)
                                               : submit_plainly(client, job, r, submit_all);
  if (status == ECHO_OK && r->scope != NULL) echo__scope_adopt(r->scope, job);
  return status;
}

/* -- waiting for room ------------------------------------------------------------------------- */

typedef struct room_wait {
  echo_room room;
  bool watching;
  echo__client *client;
  echo__job *job; /* the task's, which is on the stack, and so are its options */
  echo__request *request;
  submit_function *submit_all;
} room_wait;

static room_wait *room_wait_of(echo__operation *operation) {
  return operation->own;
}

static int attempt(lua_State *L, const echo__host *host, echo__operation *operation) {
  room_wait *w = room_wait_of(operation);
  int status = submit_job(L, w->client, w->job, w->request, w->submit_all);
  if (status == ECHO_FULL) return ECHO__WAITS;
  if (status == ECHO_OK) {
    lua_pushvalue(L, w->request->task);
    return 1;
  }
  echo__error_push(L, host, echo__kind_of_status(status), echo_strerror(status),
                   echo__job_name(w->job));
  return ECHO__RAISES;
}

static void tell(void *seat) {
  echo__seat_wake(seat);
}

static void leave(echo__operation *operation) {
  room_wait *w = room_wait_of(operation);
  if (w->watching) echo_scheduler_unwatch_room(w->client->runtime->scheduler, &w->room);
  w->watching = false;
}

static bool enroll(echo__operation *operation) {
  room_wait *w = room_wait_of(operation);
  leave(operation); /* it may have been told, and somebody else was faster */
  w->watching = true;
  echo_scheduler_watch_room(w->client->runtime->scheduler, &w->room, w->request->core.priority,
                            tell, &operation->seat);
  return true;
}

/* Only a job with terms has a time that can run out. */
static int expire(lua_State *L, const echo__host *host, echo__operation *operation) {
  const echo__job *job = room_wait_of(operation)->job;
  lua_pushfstring(L, "the task's time of %f s ran out before there was room for it",
                  echo__job_extra(job)->terms->timeout);
  echo__error_push_here(L, host, ECHO__KIND_TIMEOUT);
  return ECHO__RAISES;
}

static const echo__operation_type wait_type = {.name = "submit",
                                               .attempt = attempt,
                                               .enroll = enroll,
                                               .leave = leave,
                                               .expire = expire,
                                               .size = sizeof(room_wait)};

static int wait_for_room(lua_State *L, echo__host *host, echo__client *client, echo__job *job,
                         const echo__request *r, submit_function *submit_all) {
  echo__request *kept = lua_newuserdatauv(L, sizeof *kept, 0);
  *kept = *r;
  echo__operation *operation = echo__operation_open(L, host, &wait_type);
  *room_wait_of(operation) =
      (room_wait){.client = client, .job = job, .request = kept, .submit_all = submit_all};
  return echo__operation_run(L, operation,
                             echo__job_extra(job)->terms != NULL ? echo__terms_time_left(job) : -1);
}

/* The rest of a submit, whose task is on top of the stack. */
static int finish(lua_State *L, const echo__host *host, echo__client *client, echo__job *job,
                  echo__request *r, submit_function *submit_all) {
  r->core.interruptible = true;
  int status = submit_job(L, client, job, r, submit_all);
  if (status == ECHO_OK) return 1;
  if (status == ECHO_FULL && r->waits) {
    return wait_for_room(L, (echo__host *)host, client, job, r, submit_all);
  }
  return refuse(L, host, r, status);
}

int echo__submit(lua_State *L, const echo__host *host, echo__client *client, echo__scope *scope,
                 int first) {
  echo__request r;
  echo__request_parse(L, scope, usual_priority(host, client), first, &r);
  int last = lua_gettop(L);
  look_at_native(L, host, &r, last);
  echo__job *job = push_job(L, host, client, &r);
  encode(L, host, job, r.function, last - r.function + 1);
  r.core.on_end = echo__job_on_end;
  return finish(L, host, client, job, &r, submit_one);
}

/* -- map -------------------------------------------------------------------------------------- */

static void encode_chunk(lua_State *L, const echo__host *host, echo__chunk *chunk, int list) {
  int top = lua_gettop(L);
  echo__stack_need(L, chunk->count + LUA_MINSTACK);
  for (int i = 0; i < chunk->count; i++)
    lua_geti(L, list, chunk->first + i);
  int status = echo__encode(L, host->codec, top + 1, chunk->count, ECHO__ROOT_ITEM,
                            (int)chunk->first, &chunk->input);
  if (status != ECHO_OK) echo__error_raise(L, host, echo__kind_of_status(status));
  lua_settop(L, top);
}

/* Submits the runners. The map is the workers' once the first one is accepted; if a later one is
 * not, the others do its work. */
static int submit_runners(echo__client *client, echo__job *job, const echo__request *r) {
  echo__map *map = echo__job_extra(job)->map;
  unsigned count = map->runner_count;
  echo__store(&map->left, count, relaxed);
  for (unsigned i = 0; i < count; i++) {
    echo__runner *runner = &map->runners[i];
    int status = echo_scheduler_submit(client->runtime->scheduler, &r->core, echo__map_run, runner,
                                       r->core.held ? &runner->held : NULL);
    if (status == ECHO_OK) {
      if (i > 0) echo__add(&client->runtime->further, 1, relaxed);
      continue;
    }
    if (i == 0) return status;
    echo__map_on_end(runner, ECHO_OK);
  }
  return ECHO_OK;
}

static lua_Integer check_length(lua_State *L, int list) {
  if (!lua_istable(L, list))
    echo__argument_error(L, list,
                         lua_pushfstring(L, "list: a table expected after the function, got %s",
                                         luaL_typename(L, list)));
  lua_settop(L, list);
  lua_Integer length = luaL_len(L, list);
  if (length < 0 || length > INT_MAX) {
    echo__argument_error(L, list, lua_pushfstring(L, "a list cannot have %I items", length));
  }
  return length;
}

int echo__submit_map(lua_State *L, const echo__host *host, echo__client *client, echo__scope *scope,
                     int first) {
  echo__request r;
  echo__request_parse(L, scope, usual_priority(host, client), first, &r);
  int list = r.function + 1;
  if (r.retries > 0) return echo__argument_error(L, first, "option 'retries' is not for map");
  lua_Integer length = check_length(L, list);
  look_at_native(L, host, &r, r.function);
  echo__job *job = push_job(L, host, client, &r);
  echo__extra *extra = extend(L, job);
  echo__map *map = extra->map = echo__map_create(job, length, client->runtime->workers);
  if (map == NULL) return echo__fail_for_memory(L);
  encode(L, host, job, r.function, 1);
  for (size_t i = 0; i < map->chunk_count; i++) {
    encode_chunk(L, host, &map->chunks[i], list);
  }
  r.core.on_end = echo__map_on_end;
  return finish(L, host, client, job, &r, submit_runners);
}
