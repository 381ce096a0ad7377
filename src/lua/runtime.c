#include "lua/runtime.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lua/charge.h"
#include "lua/interrupt.h"
#include "lua/job.h"
#include "lua/mailbox.h"
#include "lua/observer.h"
#include "lua/recording.h"
#include "lua/state.h"

const char *const echo__interrupts_names[] = {"signal", "count", "off", NULL};

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

/* Without a signal they look up by count: that more urgent tasks go first, and a stop stops, is
 * worth more than what counting costs. */
static void choose_interrupts(echo__recipe *recipe, bool signal) {
  if (!signal && recipe->interrupts_by == ECHO__BY_SIGNAL) recipe->interrupts_by = ECHO__BY_COUNT;
  if (recipe->period == 0) recipe->period = ECHO__PERIOD;
}

static echo__worker_state *create_states(unsigned workers) {
  size_t bytes = workers * sizeof(echo__worker_state);
  echo__worker_state *states = aligned_alloc(ECHO__LINE, bytes);
  if (states != NULL) memset(states, 0, bytes);
  return states;
}

/* The core scheduler was stopped: what was abandoned is lost from now on, and whoever waits for
 * that, or for a timer, looks again. */
static void stopped(void *argument, int status) {
  echo__runtime *runtime = argument;
  bool abandons = status != ECHO_OK;
  if (abandons) echo__store(&runtime->abandoned, true, release); /* PAIR runtime.abandoned */
  if (status == ECHO_FORKED) {
    echo__store(&runtime->forked, true, relaxed);
    return; /* the mailboxes know it themselves */
  }
  uv_mutex_lock(&runtime->told_mutex);
  for (echo__client *client = runtime->told; client != NULL; client = client->next_told)
    echo__mailbox_rouse(client->mailbox, abandons ? NULL : runtime);
  uv_mutex_unlock(&runtime->told_mutex);
}

/* The program has given its scheduler up. Somebody may still run in one that could not be stopped:
 * it stays for ever. */
static void released(void *argument) {
  echo__runtime *runtime = argument;
  if (!echo__load(&runtime->abandoned, relaxed)) echo__shared_release(&runtime->shared);
}

/* The scheduler is built last: nothing can be undone after that, nor needs to. */
static int build(echo_builder *builder, echo__runtime *runtime, const echo__recipe *recipe) {
  int status =
      echo_builder_with_worker_hooks(builder, echo__state_open, echo__state_close, runtime);
  if (status == ECHO_OK)
    status =
        echo_builder_with_end_hooks(builder, stopped, recipe->embedded ? released : NULL, runtime);
  if (status == ECHO_OK)
    status = echo_builder_with_task_names(builder, echo__recording_name, runtime);
  if (status == ECHO_OK) status = echo_builder_with_interrupt(builder, echo__interrupt, runtime);
  if (status == ECHO_OK)
    status = echo_builder_with_signal(builder, recipe->interrupts_by == ECHO__BY_SIGNAL);
  if (status != ECHO_OK) return status;
  runtime->workers = echo_builder_worker_count(builder);
  runtime->states = create_states(runtime->workers);
  if (runtime->states == NULL) return ECHO_MEMORY;
  for (unsigned i = 0; i < runtime->workers; i++)
    runtime->states[i].client = (echo__client){.runtime = runtime, .handles = 1};
  status = echo_builder_build(builder, &runtime->scheduler);
  if (status != ECHO_OK) free(runtime->states);
  return status;
}

static void close_stripes(echo__runtime *runtime, int count) {
  while (count > 0)
    uv_mutex_destroy(&runtime->stripes[--count]);
}

static int init_stripes(echo__runtime *runtime) {
  for (int i = 0; i < ECHO__STRIPES; i++) {
    if (uv_mutex_init(&runtime->stripes[i]) == 0) continue;
    close_stripes(runtime, i);
    return ECHO_MEMORY;
  }
  return ECHO_OK;
}

/* -- forks ------------------------------------------------------------------------------------ */

enum { LOCKS = ECHO__STRIPES + 6 };

static uv_mutex_t *lock_of(echo__runtime *runtime, int number) {
  uv_mutex_t *others[] = {&runtime->outside_mutex, &runtime->rings,           &runtime->keys_mutex,
                          &runtime->told_mutex,    &runtime->observers_mutex, &runtime->jobs.mutex};
  return number < ECHO__STRIPES ? &runtime->stripes[number] : others[number - ECHO__STRIPES];
}

static echo__runtime *runtime_of(echo__forkable *forkable) {
  return (echo__runtime *)(void *)((char *)forkable - offsetof(echo__runtime, forkable));
}

static void let_go_of(echo__runtime *runtime, int count) {
  while (count > 0)
    uv_mutex_unlock(lock_of(runtime, --count));
}

static bool hold(echo__forkable *forkable) {
  echo__runtime *runtime = runtime_of(forkable);
  for (int i = 0; i < LOCKS; i++) {
    if (uv_mutex_trylock(lock_of(runtime, i)) == 0) continue;
    let_go_of(runtime, i);
    return false;
  }
  return true;
}

static void let_go(echo__forkable *forkable) {
  let_go_of(runtime_of(forkable), LOCKS);
}

/* -- runtimes --------------------------------------------------------------------------------- */

int echo__runtime_create(echo_builder *builder, echo__recipe *recipe, echo__runtime **out) {
  echo__runtime *runtime = calloc(1, sizeof *runtime);
  int status = ECHO_MEMORY;
  if (runtime == NULL) return status;
  if (echo__pool_init(&runtime->jobs, sizeof(echo__job), NULL) != ECHO_OK) goto no_pool;
  if (uv_mutex_init(&runtime->outside_mutex) != 0) goto no_mutex;
  if (init_stripes(runtime) != ECHO_OK) goto no_stripes;
  if (uv_mutex_init(&runtime->rings) != 0) goto no_rings;
  if (uv_mutex_init(&runtime->keys_mutex) != 0) goto no_keys;
  if (uv_mutex_init(&runtime->told_mutex) != 0) goto no_told;
  if (uv_mutex_init(&runtime->observers_mutex) != 0) goto no_observers;
  status = build(builder, runtime, recipe);
  if (status != ECHO_OK) goto no_scheduler;
  runtime->recipe = *recipe;
  *recipe = (echo__recipe){0};
  choose_interrupts(&runtime->recipe, echo_scheduler_interrupts(runtime->scheduler));
  echo__shared_init(&runtime->shared, &echo__runtime_type);
  runtime->forkable = (echo__forkable){.hold = hold, .let_go = let_go};
  echo__fork_enter(&runtime->forkable);
  *out = runtime;
  return ECHO_OK;
no_scheduler:
  uv_mutex_destroy(&runtime->observers_mutex);
no_observers:
  uv_mutex_destroy(&runtime->told_mutex);
no_told:
  uv_mutex_destroy(&runtime->keys_mutex);
no_keys:
  uv_mutex_destroy(&runtime->rings);
no_rings:
  close_stripes(runtime, ECHO__STRIPES);
no_stripes:
  uv_mutex_destroy(&runtime->outside_mutex);
no_mutex:
  echo__pool_close(&runtime->jobs);
no_pool:
  free(runtime);
  return status;
}

void echo__runtime_destroy(echo__shared *shared) {
  echo__runtime *runtime = (echo__runtime *)shared;
  echo__fork_leave(&runtime->forkable);
  echo_scheduler_release(runtime->scheduler);
  for (unsigned i = 0; i < runtime->workers; i++) {
    echo__cache_close(&runtime->jobs, &runtime->states[i].client.jobs);
  }
  echo__cache_close(&runtime->jobs, &runtime->outside);
  free(runtime->states);
  uv_mutex_destroy(&runtime->observers_mutex);
  uv_mutex_destroy(&runtime->told_mutex);
  uv_mutex_destroy(&runtime->keys_mutex);
  uv_mutex_destroy(&runtime->rings);
  close_stripes(runtime, ECHO__STRIPES);
  uv_mutex_destroy(&runtime->outside_mutex);
  echo__pool_close(&runtime->jobs);
  echo__recipe_close(&runtime->recipe);
  free(runtime);
}

/* -- clients ---------------------------------------------------------------------------------- */

echo__client *echo__client_create(echo__host *host) {
  echo__mailbox *mailbox = echo__host_try_mailbox(host);
  if (mailbox == NULL && host->worker == NULL && !host->closed) return NULL;
  echo__client *client = calloc(1, sizeof *client);
  if (client == NULL) return NULL;
  client->mailbox = mailbox;
  if (mailbox != NULL) echo__mailbox_retain(mailbox);
  client->handles = 1;
  client->next = host->clients;
  if (client->next != NULL) client->next->link = &client->next;
  client->link = &host->clients;
  host->clients = client;
  return client;
}

static void enter_told(echo__client *client, echo__runtime *runtime) {
  uv_mutex_lock(&runtime->told_mutex);
  client->next_told = runtime->told;
  client->told = &runtime->told;
  if (client->next_told != NULL) client->next_told->told = &client->next_told;
  runtime->told = client;
  uv_mutex_unlock(&runtime->told_mutex);
}

static void leave_told(echo__client *client, echo__runtime *runtime) {
  uv_mutex_lock(&runtime->told_mutex);
  *client->told = client->next_told;
  if (client->next_told != NULL) client->next_told->told = client->told;
  uv_mutex_unlock(&runtime->told_mutex);
}

void echo__client_attach(echo__client *client, echo__runtime *runtime, bool owner) {
  client->runtime = runtime;
  client->owner = owner;
  echo__shared_retain(&runtime->shared);
  if (client->mailbox != NULL) enter_told(client, runtime);
}

echo__client *echo__client_find(const echo__host *host, const echo__runtime *runtime) {
  echo__worker_state *worker = host->worker;
  if (worker != NULL && worker->client.runtime == runtime) return &worker->client;
  echo__client *client = host->clients;
  while (client != NULL && client->runtime != runtime)
    client = client->next;
  return client;
}

echo__client *echo__client_get(echo__host *host, echo__runtime *runtime) {
  echo__client *client = echo__client_find(host, runtime);
  if (client != NULL) {
    client->handles++;
    return client;
  }
  client = echo__client_create(host);
  if (client != NULL) echo__client_attach(client, runtime, false);
  return client;
}

/* Somebody may still run in a scheduler that could not be stopped: it stays for ever. */
static void give_up_scheduler(echo__runtime *runtime) {
  int status = echo_scheduler_stop(runtime->scheduler, ECHO_STOP_CANCEL, ECHO__EXIT_GRACE, NULL);
  if (status != ECHO_OK) echo__shared_retain(&runtime->shared);
}

static void leave_lists(echo__client *client, echo__runtime *runtime) {
  *client->link = client->next;
  if (client->next != NULL) client->next->link = client->link;
  if (client->mailbox == NULL) return;
  if (runtime != NULL) leave_told(client, runtime);
  echo__mailbox_release(client->mailbox);
}

/* The state is told of the stop, too: it may use the scheduler's clock. */
void echo__client_drop(echo__client *client) {
  if (--client->handles > 0) return;
  echo__runtime *runtime = client->runtime;
  if (runtime != NULL) echo__observers_leave(client);
  if (runtime != NULL) echo__cache_close(&runtime->jobs, &client->jobs);
  if (client->owner) give_up_scheduler(runtime);
  if (runtime == NULL || !echo__load(&runtime->forked, relaxed)) echo__charges_close(client);
  leave_lists(client, runtime);
  free(client);
  if (runtime != NULL) echo__shared_release(&runtime->shared);
}
