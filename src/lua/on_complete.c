#include "lua/on_complete.h"

#include <lauxlib.h>

#include "lua/attach.h"
#include "lua/check.h"
#include "lua/mailbox.h"
#include "lua/outcome.h"
#include "lua/recording.h"
#include "lua/report.h"

/* A userdata with the function and the task for user values, kept by the registry until it was
 * delivered. The references of its own are for a state that closes, where the task may go first. */
typedef struct completion {
  echo__letter letter;
  echo__watch watch;
  echo__host *host;
  echo__client *client;
  echo__job *job;
  int reference; /* in the registry, of the userdata */
} completion;

static completion *of_watch(echo__watch *watch) {
  return (completion *)((char *)watch - offsetof(completion, watch));
}

static void fire(echo__watch *watch) {
  echo__letter_post(&of_watch(watch)->letter);
}

static void let_go(completion *c) {
  echo__job_unwatch(c->job, &c->watch);
  echo__job_drop(c->client, c->job);
  echo__client_drop(c->client);
}

static void discard(echo__letter *letter) {
  let_go((completion *)(void *)letter);
}

static bool deliver(lua_State *L, echo__letter *letter) {
  completion *c = (completion *)(void *)letter;
  if (!echo__job_has_ended(c->job) && !echo__job_is_lost(c->job)) {
    echo__letter_expect(letter);
    return false;
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, c->reference);
  luaL_unref(L, LUA_REGISTRYINDEX, c->reference);
  lua_getiuservalue(L, -1, 1);
  lua_getiuservalue(L, -2, 2);
  echo__recording_taken(c->job, 0);
  let_go(c);
  echo__call_reported(L, c->host, 1, "an on_complete callback");
  lua_pop(L, 1);
  return true;
}

static completion *push_completion(lua_State *L, echo__host *host, echo__mailbox *mailbox) {
  completion *c = lua_newuserdatauv(L, sizeof *c, 2);
  c->letter = (echo__letter){
      .mailbox = mailbox, .deadline = ECHO__FOREVER, .deliver = deliver, .discard = discard};
  c->watch = (echo__watch){.fire = fire};
  c->host = host;
  lua_pushvalue(L, 2);
  lua_setiuservalue(L, -2, 1);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 2);
  c->reference = luaL_ref(L, LUA_REGISTRYINDEX);
  return c;
}

/* Call-backs that were given before the task ended come first, though whoever ended it may not have
 * come to telling them yet. */
int echo__on_complete(lua_State *L, echo__host *host, echo__client *client, echo__job *job) {
  echo__mailbox *mailbox = echo__host_mailbox(L, host, "on_complete");
  echo__check_function(L, 2);
  lua_settop(L, 2);
  completion *c = push_completion(L, host, mailbox);
  c->client = client;
  c->job = job;
  client->handles++;
  echo__job_retain(job);
  echo__letter_expect(&c->letter);
  if (!echo__job_watch(job, &c->watch)) {
    echo__job_settle(job);
    echo__letter_post(&c->letter);
  }
  echo__attach_refresh(L, host);
  lua_settop(L, 1);
  return 1;
}
