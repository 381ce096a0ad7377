/* Stands in for src/base/pool.h: a pool that tells use after free and double free. */
#ifndef ECHO_BASE_POOL_H
#define ECHO_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>

typedef struct echo__pool {
  int unused;
} echo__pool;

typedef struct echo__cache {
  model::plain<int> uses; /* serves one thread at a time */
} echo__cache;

/* The model has them: it knows what the objects are. */
void *model_take(void);
void model_give(void *object);

int echo__pool_init(echo__pool *pool, size_t object_size, void *owner);

/* The model has it, too: its scheduler. */
void *echo__pool_owner(const void *object);

void echo__pool_close(echo__pool *pool);
void echo__cache_close(echo__pool *pool, echo__cache *cache);

inline void *echo__pool_take(echo__pool *, echo__cache *cache) {
  cache->uses++;
  return model_take();
}
inline void echo__pool_give(echo__pool *, echo__cache *cache, void *object) {
  cache->uses++;
  model_give(object);
}
inline bool echo__pool_swollen(const echo__pool *) {
  return false;
}
inline void echo__pool_trim(echo__pool *) {
}
inline size_t echo__pool_bytes(echo__pool *) {
  return 0;
}

#endif
