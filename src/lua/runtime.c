#include "lua/runtime.h"

#include <stdlib.h>
#include <string.h>

#include "lua/job.h"
#include "lua/state.h"

void echo__recipe_close(echo__recipe *recipe) {
  while (recipe->setups != NULL) {
    echo__setup *next = recipe->setups->next;
    echo__message_release(&recipe->setups->call);
    free(recipe->setups);
    recipe->setups = next;
  }
  free(recipe->path);
  free(recipe->cpath);
  *recipe = (echo__recipe){0};
}

static echo__worker_state *create_states(unsigned workers) {
  size_t bytes = workers * sizeof(echo__worker_state);
  echo__worker_state *states = aligned_alloc(ECHO__LINE, bytes);
  if (states != NULL) memset(states, 0, bytes);
  return states;
}

/* The scheduler is built last: nothing can be undone after that, nor needs to. */
static int build(echo_builder *builder, echo__runtime *runtime) {
  int status =
      echo_builder_with_worker_hooks(builder, echo__state_open, echo__state_close, runtime);
  if (status != ECHO_OK) return status;
  runtime->workers = echo_builder_worker_count(builder);
  runtime->states = create_states(runtime->workers);
  if (runtime->states == NULL) return ECHO_MEMORY;
  status = echo_builder_build(builder, &runtime->scheduler);
  if (status != ECHO_OK) free(runtime->states);
  return status;
}

int echo__runtime_create(echo_builder *builder, echo__recipe *recipe, echo__runtime **out) {
  echo__runtime *runtime = calloc(1, sizeof *runtime);
  int status = ECHO_MEMORY;
  if (runtime == NULL) return status;
  if (echo__pool_init(&runtime->jobs, sizeof(echo__job)) != ECHO_OK) goto no_pool;
  if (uv_mutex_init(&runtime->outside_mutex) != 0) goto no_mutex;
  status = build(builder, runtime);
  if (status != ECHO_OK) goto no_scheduler;
  runtime->recipe = *recipe;
  *recipe = (echo__recipe){0};
  *out = runtime;
  return ECHO_OK;
no_scheduler:
  uv_mutex_destroy(&runtime->outside_mutex);
no_mutex:
  echo__pool_close(&runtime->jobs);
no_pool:
  free(runtime);
  return status;
}

void echo__runtime_destroy(echo__runtime *runtime) {
  int status = echo_scheduler_stop(runtime->scheduler, ECHO_STOP_CANCEL, ECHO__EXIT_GRACE, NULL);
  if (status != ECHO_OK) return; /* somebody still runs in here */
  echo_scheduler_release(runtime->scheduler);
  for (unsigned i = 0; i < runtime->workers; i++) {
    echo__cache_close(&runtime->jobs, &runtime->states[i].jobs);
  }
  echo__cache_close(&runtime->jobs, &runtime->outside);
  free(runtime->states);
  uv_mutex_destroy(&runtime->outside_mutex);
  echo__pool_close(&runtime->jobs);
  echo__recipe_close(&runtime->recipe);
  free(runtime);
}

echo__client *echo__client_create(void) {
  echo__client *client = calloc(1, sizeof *client);
  if (client != NULL) client->handles = 1;
  return client;
}

void echo__client_drop(echo__client *client) {
  if (--client->handles > 0) return;
  echo__runtime *runtime = client->runtime;
  if (runtime != NULL) echo__cache_close(&runtime->jobs, &client->jobs);
  free(client);
  if (runtime != NULL) echo__runtime_destroy(runtime);
}
