#include "lua/charge.h"

#include <stdlib.h>

typedef struct echo__charge {
  struct echo__charge *next, **link;
  echo__job *job;
  struct echo__charges *list;
} echo__charge;

typedef struct echo__charges {
  echo__atomic(size_t) references;
  uv_mutex_t mutex;
  echo__charge *first;
} echo__charges;

static echo__charges *create(void) {
  echo__charges *list = calloc(1, sizeof *list);
  if (list == NULL) return NULL;
  echo__store(&list->references, 1, relaxed);
  if (uv_mutex_init(&list->mutex) == 0) return list;
  free(list);
  return NULL;
}

static void release(echo__charges *list) {
  /* PAIR charges.references with itself: the last one to go frees what the others have used */
  if (echo__sub(&list->references, 1, acq_rel) != 1) return;
  uv_mutex_destroy(&list->mutex);
  free(list);
}

static void put(echo__charges *list, echo__charge *charge) {
  echo__add(&list->references, 1, relaxed);
  uv_mutex_lock(&list->mutex);
  charge->next = list->first;
  charge->link = &list->first;
  if (charge->next != NULL) charge->next->link = &charge->next;
  list->first = charge;
  uv_mutex_unlock(&list->mutex);
}

static void take_out(echo__charges *list, echo__charge *charge) {
  uv_mutex_lock(&list->mutex);
  *charge->link = charge->next;
  if (charge->next != NULL) charge->next->link = charge->link;
  uv_mutex_unlock(&list->mutex);
}

int echo__charge_begin(echo__client *client, echo__job *job) {
  if (client->owner || client->mailbox == NULL) return ECHO_OK;
  if (client->charges == NULL) client->charges = create();
  echo__charge *charge = malloc(sizeof *charge);
  echo__extra *extra = echo__job_extend(job);
  if (client->charges == NULL || charge == NULL || extra == NULL) {
    free(charge);
    return ECHO_MEMORY;
  }
  *charge = (echo__charge){.job = job, .list = client->charges};
  put(client->charges, charge);
  echo__store(&extra->charge, charge, relaxed); /* the submit hands it on */
  return ECHO_OK;
}

void echo__charge_end(echo__job *job) {
  echo__extra *extra = echo__load(&job->extra, acquire); /* PAIR job.extra */
  if (extra == NULL) return;
  echo__charge *charge = echo__exchange(&extra->charge, NULL, relaxed); /* for one of them alone */
  if (charge == NULL) return;
  take_out(charge->list, charge);
  release(charge->list);
  free(charge);
}

void echo__charges_close(echo__client *client) {
  echo__charges *list = client->charges;
  if (list == NULL) return;
  uv_mutex_lock(&list->mutex);
  for (echo__charge *charge = list->first; charge != NULL; charge = charge->next) {
    echo__job_cancel(charge->job, ECHO__KIND_CANCELLED, "the state that submitted the task closed");
  }
  uv_mutex_unlock(&list->mutex);
  client->charges = NULL;
  release(list);
}
