/*
 * A pool of objects of one size: no call of malloc per object in the steady state, whichever thread
 * takes it and whichever gives it back.
 *
 * Objects change hands in magazines, arrays of ECHO__MAGAZINE pointers. A cache holds two of them
 * and serves one thread at a time (its owner sees to that); the depot behind the caches holds the
 * full and the empty ones under a mutex, so that the mutex is met once in ECHO__MAGAZINE calls. An
 * array rather than a chain through the objects, because the next object's line can then be fetched
 * before it is needed, while a chain must miss the cache once an object.
 *
 * Memory comes from the system in slabs of ECHO__SLAB bytes, which are cut into objects as they are
 * needed. echo__pool_trim gives back those of
 * which every object lies in the depot. Under the address sanitizer each object is its own
 * allocation, so that a use after free is seen.
 *
 * Whose the objects are need not stand in each of them: the pool's owner is told once a slab, whose
 * size it is aligned to, and echo__pool_owner finds it there.
 */
#ifndef ECHO_BASE_POOL_H
#define ECHO_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/atomic.h"
#include "base/tuning.h"

enum { ECHO__FETCH_AHEAD = 8 }; /* objects between the one taken and the one fetched */

typedef struct echo__magazine {
  struct echo__magazine *next;
  unsigned count;
  void *objects[ECHO__MAGAZINE];
} echo__magazine;

/* Lies at the start of its ECHO__SLAB-aligned block, or right before an object that is its own
 * allocation. */
typedef struct echo__slab {
  void *owner; /* of the pool; the rest is the pool's */
  struct echo__slab *next;
  size_t cut;      /* objects that have been cut off so far, from the front */
  size_t in_depot; /* scratch of a trim */
} echo__slab;

enum { ECHO__SLAB_HEADER = 64 };

typedef struct echo__pool {
  uv_mutex_t mutex;
  void *owner;
  size_t object_size; /* a multiple of 16, at least 16 */
  echo__magazine *full, *empty;
  echo__atomic(size_t) full_count; /* these two are read without the mutex: */
  echo__atomic(size_t) trim_above; /* is a trim worth while? */
  struct echo__slab *slabs;
  size_t cut; /* objects cut from the slabs */
} echo__pool;

typedef struct echo__cache {
  echo__magazine *loaded, *spare; /* NULL until first used */
} echo__cache;

/* Makes a pool of objects of `object_size` bytes, aligned to 64 bytes if the size is a multiple of
 * 64, else to 16. `owner` is what echo__pool_owner answers; NULL if nobody asks. ECHO_OK or
 * ECHO_MEMORY. */
int echo__pool_init(echo__pool *pool, size_t object_size, void *owner);

/* Frees everything, the objects that were never given back included. The caches must not be used
 * any more; echo__cache_close comes first. */
void echo__pool_close(echo__pool *pool);

/* The rarer half of take and give: the cache has to change magazines. */
void *echo__pool_take_slowly(echo__pool *pool, echo__cache *cache);
void echo__pool_give_slowly(echo__pool *pool, echo__cache *cache, void *object);

/* An object of undefined content, or NULL if there is no memory. The cache's owner only. */
static inline void *echo__pool_take(echo__pool *pool, echo__cache *cache) {
  echo__magazine *loaded = cache->loaded;
  if (loaded == NULL || loaded->count == 0) return echo__pool_take_slowly(pool, cache);
  unsigned count = --loaded->count;
  if (count >= ECHO__FETCH_AHEAD) {
    __builtin_prefetch(loaded->objects[count - ECHO__FETCH_AHEAD], 1);
  }
  return loaded->objects[count];
}

/* Gives an object back. Never fails: without memory for a magazine the object waits for the pool's
 * end. The cache's owner only. */
static inline void echo__pool_give(echo__pool *pool, echo__cache *cache, void *object) {
  echo__magazine *loaded = cache->loaded;
  if (loaded == NULL || loaded->count == ECHO__MAGAZINE) {
    echo__pool_give_slowly(pool, cache, object);
  } else {
    loaded->objects[loaded->count++] = object;
  }
}

static inline echo__slab *echo__slab_of(const void *object) {
  uintptr_t address = (uintptr_t)object;
  return (echo__slab *)(ECHO__PLAIN_ALLOCATION ? address - ECHO__SLAB_HEADER
                                               : address & ~(uintptr_t)(ECHO__SLAB - 1));
}

/* What echo__pool_init was told of the pool that the object is from, as long as it is out. Any
 * thread. */
static inline void *echo__pool_owner(const void *object) {
  return echo__slab_of(object)->owner;
}

/* Hands what the cache holds to the depot. The cache's owner only. */
void echo__cache_close(echo__pool *pool, echo__cache *cache);

/* True if the depot holds so much that a trim is worth its time. Any thread. */
bool echo__pool_swollen(const echo__pool *pool);

/* Returns to the system the slabs of which all objects lie in the depot, but keeps
 * ECHO__KEEP_MAGAZINES magazines' worth. Any thread. */
void echo__pool_trim(echo__pool *pool);

/* Bytes of the objects that were made and not trimmed away. Any thread. */
size_t echo__pool_bytes(echo__pool *pool);

#endif
