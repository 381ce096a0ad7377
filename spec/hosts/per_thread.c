/* A host with a state per thread, each of which opens the module for itself, as HAProxy does: they
 * come and go at the same time and do not know of each other. */
#include <pthread.h>

#include "host.h"

enum { THREADS = 4, ROUNDS = 10 };

static const char *folder;
static pthread_barrier_t together;

static void *run(void *unused) {
  (void)unused;
  for (int i = 0; i < ROUNDS; i++) {
    lua_State *L = host_open(folder);
    pthread_barrier_wait(&together);
    host_run(L, host_work);
    host_run(L, "s = require 'echo'.builder():with_worker_count(1):build()\n"
                "for i = 1, 100 do s:submit(math.abs, i) end");
    lua_close(L);
  }
  return NULL;
}

int main(int count, char **arguments) {
  pthread_t threads[THREADS];
  CHECK(count == 2);
  folder = arguments[1];
  CHECK(pthread_barrier_init(&together, NULL, THREADS) == 0);
  for (int i = 0; i < THREADS; i++)
    CHECK(pthread_create(&threads[i], NULL, run, NULL) == 0);
  for (int i = 0; i < THREADS; i++)
    CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK(host_threads(1) == 1);
  return 0;
}
