#include "lua/iter.h"

#include "lua/argument.h"
#include "lua/error.h"
#include "lua/fiber.h"
#include "lua/group.h"
#include "lua/operation.h"
#include "lua/outcome.h"
#include "lua/recording.h"
#include "lua/ring.h"
#include "lua/task.h"
#include "lua/urgency.h"

typedef struct box {
  echo__group *group; /* NULL before it was made and after it was closed */
} box;

/* What the iterator keeps in its operation. The list of tasks, or nil, is the value at index 1 of
 * the calling function. */
typedef struct taking {
  echo__group *group; /* with a reference */
  echo__ring_place place;
} taking;

static taking *taking_of(echo__operation *operation) {
  return operation->own;
}

int echo__iter_gc(lua_State *L) {
  box *b = lua_touserdata(L, 1);
  if (b->group != NULL) echo__group_drop(b->group);
  b->group = NULL;
  return 0;
}

/* -- the operation: taking the next one ------------------------------------------------------- */

/* One that nobody will end any more, since its scheduler was stopped and left it behind. */
static echo__member *find_lost(echo__group *group) {
  echo__member *member = group->members;
  if (member == NULL || !echo__load(&member->job->runtime->abandoned, acquire))
    return NULL; /* PAIR runtime.abandoned */
  while (member != NULL && !echo__job_is_lost(member->job))
    member = member->next;
  return member;
}

/* Pushes the task or its place in the list, and what came of it; removes the member. */
static int give(lua_State *L, const echo__host *host, echo__member *member) {
  if (lua_istable(L, 1))
    lua_rawgeti(L, 1, member->number);
  else
    lua_pushinteger(L, member->number);
  echo__recording_taken(member->job, 0);
  int count = echo__outcome_push(L, host, member->job);
  echo__group_take_out(member);
  echo__member_free(member);
  return 1 + echo__outcome_protect(L, count);
}

static int refuse(lua_State *L, const echo__host *host, const char *why) {
  echo__error_push(L, host, ECHO__KIND_ERROR, why, NULL);
  return ECHO__RAISES;
}

static int refuse_ring(lua_State *L, const echo__host *host, const echo__group *group) {
  bool self = group->members->next == NULL && group->members->job == echo__fiber_job(host);
  return refuse(L, host, echo__ring_sentence(self));
}

/* The ring is left before the group changes, see ring.h. */
static int attempt(lua_State *L, const echo__host *host, echo__operation *operation) {
  taking *t = taking_of(operation);
  echo__group *group = t->group;
  echo__ring_leave(&t->place);
  if (group->members == NULL) {
    lua_pushnil(L);
    return 1;
  }
  echo__member *member = echo__group_pop(group);
  if (member == NULL) member = find_lost(group);
  if (member != NULL) return give(L, host, member);
  if (group->seat != NULL && group->seat != &operation->seat) {
    return refuse(L, host, "another coroutine waits with this iterator");
  }
  if (host->worker == NULL) return ECHO__WAITS;
  bool enters = echo__ring_enter_group(&t->place, echo__fiber_job(host), group);
  return enters ? ECHO__WAITS : refuse_ring(L, host, group);
}

static bool enroll(echo__operation *operation) {
  return echo__group_enroll(taking_of(operation)->group, &operation->seat);
}

static void leave(echo__operation *operation) {
  taking *t = taking_of(operation);
  echo__ring_leave(&t->place);
  echo__group_leave(t->group, &operation->seat);
  echo__group_drop(t->group);
}

static const echo__operation_type type = {"echo.iter", attempt,        enroll, leave,
                                          NULL,        sizeof(taking), false};

/* -- the iterator ----------------------------------------------------------------------------- */

enum { GROUP = 2, TASKS }; /* upvalues */

static int take(lua_State *L) {
  echo__host *host = echo__host_of(L);
  const box *b = lua_touserdata(L, lua_upvalueindex(GROUP));
  if (b->group == NULL) return 0; /* its loop was left */
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(TASKS));
  echo__operation *operation = echo__operation_open(L, host, &type);
  taking_of(operation)->group = b->group;
  b->group->references++;
  return echo__operation_run(L, operation, -1);
}

void echo__iter_check(lua_State *L, const echo__host *host, int index) {
  if (!lua_istable(L, index)) echo__type_error(L, index, "a list of tasks");
  lua_Integer length = luaL_len(L, index);
  for (lua_Integer i = 1; i <= length; i++) {
    lua_geti(L, index, i);
    if (!echo__host_is(L, host, -1, ECHO__TYPE_TASK)) {
      echo__argument_error(L, index,
                           lua_pushfstring(L, "item %I: a task expected, got %s", (LUAI_UACINT)i,
                                           luaL_typename(L, -1)));
    }
    lua_pop(L, 1);
  }
}

/* Adds the tasks of the list at index 1, and copies them to the table on top. */
static void add_all(lua_State *L, const echo__host *host, echo__group *group) {
  lua_Integer length = luaL_len(L, 1);
  for (lua_Integer i = 1; i <= length; i++) {
    lua_geti(L, 1, i);
    echo__job *job = echo__task_check(L, host, -1);
    if (echo__group_add(group, job, i) == NULL) luaL_error(L, "not enough memory");
    echo__job_lend(echo__fiber_job(host), job);
    lua_rawseti(L, -2, i);
  }
}

static box *push_box(lua_State *L, const echo__host *host) {
  box *b = lua_newuserdatauv(L, sizeof *b, 0);
  b->group = NULL;
  echo__host_bless(L, host, ECHO__TYPE_GROUP);
  b->group = echo__group_create(host, sizeof *b->group);
  if (b->group == NULL) luaL_error(L, "not enough memory");
  return b;
}

/* Returns the four values of a generic `for`: leaving the loop closes the group. */
static int make(lua_State *L, bool numbered) {
  const echo__host *host = echo__host_of(L);
  echo__iter_check(L, host, 1);
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  const box *b = push_box(L, host);
  lua_newtable(L);
  add_all(L, host, b->group);
  if (numbered) lua_pushnil(L), lua_replace(L, -2);
  lua_pushvalue(L, 3);
  lua_insert(L, 2);
  lua_pushcclosure(L, take, 3);
  lua_insert(L, 2);
  lua_pushnil(L);
  lua_pushnil(L);
  lua_pushvalue(L, 3);
  lua_remove(L, 3);
  return 4;
}

int echo__iter_numbered(lua_State *L) {
  return make(L, true);
}

static int iter(lua_State *L) {
  return make(L, false);
}

const luaL_Reg echo__iter_functions[] = {{"iter", iter}, {NULL, NULL}};
