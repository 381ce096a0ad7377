#include "base/pool.h"

#include <echo/status.h>
#include <stdlib.h>
#include <sys/mman.h>

_Static_assert(sizeof(echo__slab) <= ECHO__SLAB_HEADER, "objects begin on a line of their own");

/* The next trim waits until the depot has doubled, so that objects which cannot leave (their slabs
 * are in use) are not counted again at each chance. */
static void set_limit(echo__pool *pool) {
  size_t count = echo__load(&pool->full_count, relaxed);
  size_t least = 4 * (size_t)ECHO__KEEP_MAGAZINES;
  echo__store(&pool->trim_above, 2 * count > least ? 2 * count : least, relaxed);
}

int echo__pool_init(echo__pool *pool, size_t object_size, void *owner) {
  *pool = (echo__pool){.owner = owner, .object_size = (object_size + 15) & ~(size_t)15};
  set_limit(pool);
  return uv_mutex_init(&pool->mutex) == 0 ? ECHO_OK : ECHO_MEMORY;
}

static size_t objects_per_slab(const echo__pool *pool) {
  return (ECHO__SLAB - ECHO__SLAB_HEADER) / pool->object_size;
}

static void push(echo__magazine **list, echo__magazine *magazine) {
  magazine->next = *list;
  *list = magazine;
}

static echo__magazine *pop(echo__magazine **list) {
  echo__magazine *magazine = *list;
  if (magazine != NULL) *list = magazine->next;
  return magazine;
}

static void push_full(echo__pool *pool, echo__magazine *magazine) {
  push(&pool->full, magazine);
  echo__store(&pool->full_count, echo__load(&pool->full_count, relaxed) + 1, relaxed);
}

static echo__magazine *pop_full(echo__pool *pool) {
  echo__magazine *magazine = pop(&pool->full);
  if (magazine != NULL) {
    echo__store(&pool->full_count, echo__load(&pool->full_count, relaxed) - 1, relaxed);
  }
  return magazine;
}

static echo__magazine *empty_magazine(echo__pool *pool) {
  echo__magazine *magazine = pop(&pool->empty);
  if (magazine == NULL) magazine = malloc(sizeof *magazine);
  if (magazine != NULL) magazine->count = 0;
  return magazine;
}

/* A pool that outgrows its first slab is in for many objects: large pages then save most of the
 * cost of touching fresh memory, which is more than that of the object's whole life otherwise. */
static void prefer_large_pages(const echo__pool *pool, void *block) {
#if defined(MADV_HUGEPAGE)
  if (pool->slabs != NULL) madvise(block, ECHO__SLAB, MADV_HUGEPAGE);
#else
  (void)pool;
  (void)block;
#endif
}

static echo__slab *add_slab(echo__pool *pool) {
  void *block = aligned_alloc(ECHO__SLAB, ECHO__SLAB);
  if (block == NULL) return NULL;
  prefer_large_pages(pool, block);
  echo__slab *slab = block;
  *slab = (echo__slab){.owner = pool->owner, .next = pool->slabs};
  pool->slabs = slab;
  return slab;
}

/* Cuts one magazine's worth off the newest slab. Filled from the far end, because a magazine is
 * emptied from its end: objects leave in the order of their addresses, which the hardware fetches
 * ahead. */
static echo__magazine *cut_magazine(echo__pool *pool) {
  echo__slab *slab = pool->slabs;
  if (slab == NULL || slab->cut == objects_per_slab(pool)) slab = add_slab(pool);
  echo__magazine *magazine = slab != NULL ? empty_magazine(pool) : NULL;
  if (magazine == NULL) return NULL;
  size_t left = objects_per_slab(pool) - slab->cut;
  unsigned count = left < ECHO__MAGAZINE ? (unsigned)left : ECHO__MAGAZINE;
  char *first = (char *)slab + ECHO__SLAB_HEADER + slab->cut * pool->object_size;
  for (unsigned i = count; i > 0; i--) {
    magazine->objects[magazine->count++] = first + (i - 1) * pool->object_size;
  }
  slab->cut += count;
  pool->cut += count;
  return magazine;
}

/* Puts a magazine with objects into cache->loaded; false without memory. */
static bool refill(echo__pool *pool, echo__cache *cache) {
  echo__magazine *spare = cache->spare;
  if (spare != NULL && spare->count > 0) {
    cache->spare = cache->loaded;
    cache->loaded = spare;
    return true;
  }
  uv_mutex_lock(&pool->mutex);
  echo__magazine *full = pop_full(pool);
  if (full == NULL) full = cut_magazine(pool);
  if (full != NULL && cache->loaded != NULL) push(&pool->empty, cache->loaded);
  uv_mutex_unlock(&pool->mutex);
  if (full != NULL) cache->loaded = full;
  return full != NULL;
}

/* Puts a magazine with a free place into cache->loaded; false without memory. */
static bool make_room(echo__pool *pool, echo__cache *cache) {
  echo__magazine *spare = cache->spare;
  if (spare != NULL && spare->count < ECHO__MAGAZINE) {
    cache->spare = cache->loaded;
    cache->loaded = spare;
    return true;
  }
  uv_mutex_lock(&pool->mutex);
  echo__magazine *fresh = empty_magazine(pool);
  if (fresh != NULL && spare != NULL) push_full(pool, spare);
  uv_mutex_unlock(&pool->mutex);
  if (fresh == NULL) return false;
  cache->spare = cache->loaded;
  cache->loaded = fresh;
  return true;
}

static void *allocate(const echo__pool *pool) {
  size_t bytes = ECHO__SLAB_HEADER + ((pool->object_size + 63) & ~(size_t)63);
  echo__slab *slab = aligned_alloc(64, bytes);
  if (slab == NULL) return NULL;
  *slab = (echo__slab){.owner = pool->owner};
  return (char *)slab + ECHO__SLAB_HEADER;
}

/* Under the address sanitizer no magazine is ever loaded, so every call comes this way. */
void *echo__pool_take_slowly(echo__pool *pool, echo__cache *cache) {
  if (ECHO__PLAIN_ALLOCATION) return allocate(pool);
  return refill(pool, cache) ? echo__pool_take(pool, cache) : NULL;
}

void echo__pool_give_slowly(echo__pool *pool, echo__cache *cache, void *object) {
  if (ECHO__PLAIN_ALLOCATION)
    free(echo__slab_of(object));
  else if (make_room(pool, cache))
    echo__pool_give(pool, cache, object);
}

void echo__cache_close(echo__pool *pool, echo__cache *cache) {
  uv_mutex_lock(&pool->mutex);
  echo__magazine *both[] = {cache->loaded, cache->spare};
  for (int i = 0; i < 2; i++) {
    if (both[i] == NULL) continue;
    if (both[i]->count > 0)
      push_full(pool, both[i]);
    else
      push(&pool->empty, both[i]);
  }
  uv_mutex_unlock(&pool->mutex);
  *cache = (echo__cache){0};
}

bool echo__pool_swollen(const echo__pool *pool) {
  return echo__load(&pool->full_count, relaxed) > echo__load(&pool->trim_above, relaxed);
}

static void count_by_slab(echo__pool *pool) {
  for (echo__slab *s = pool->slabs; s != NULL; s = s->next)
    s->in_depot = 0;
  for (echo__magazine *m = pool->full; m != NULL; m = m->next) {
    for (unsigned i = 0; i < m->count; i++)
      echo__slab_of(m->objects[i])->in_depot++;
  }
}

/* Marks, by in_depot = 0, every slab that stays: those in use, and enough of the others. */
static void choose_what_stays(echo__pool *pool) {
  size_t keep = (size_t)ECHO__KEEP_MAGAZINES * ECHO__MAGAZINE;
  size_t kept = 0;
  for (echo__slab *s = pool->slabs; s != NULL; s = s->next) {
    if (s->in_depot == s->cut && kept >= keep) continue;
    kept += s->in_depot;
    s->in_depot = 0;
  }
}

/* Takes the objects of the slabs that leave out of their magazines. */
static void drop_leaving(echo__pool *pool) {
  echo__magazine *old = pool->full;
  pool->full = NULL;
  echo__store(&pool->full_count, 0, relaxed);
  for (echo__magazine *m; (m = pop(&old)) != NULL;) {
    unsigned kept = 0;
    for (unsigned i = 0; i < m->count; i++) {
      if (echo__slab_of(m->objects[i])->in_depot == 0) m->objects[kept++] = m->objects[i];
    }
    m->count = kept;
    if (kept > 0)
      push_full(pool, m);
    else
      push(&pool->empty, m);
  }
}

static void release_slabs(echo__pool *pool) {
  echo__slab **link = &pool->slabs;
  while (*link != NULL) {
    echo__slab *slab = *link;
    if (slab->in_depot == 0) {
      link = &slab->next;
      continue;
    }
    *link = slab->next;
    pool->cut -= slab->cut;
    free(slab);
  }
}

static void free_magazines(echo__magazine **list) {
  for (echo__magazine *m; (m = pop(list)) != NULL;)
    free(m);
}

void echo__pool_trim(echo__pool *pool) {
  uv_mutex_lock(&pool->mutex);
  if (echo__pool_swollen(pool)) {
    count_by_slab(pool);
    choose_what_stays(pool);
    drop_leaving(pool);
    release_slabs(pool);
    free_magazines(&pool->empty);
    set_limit(pool);
  }
  uv_mutex_unlock(&pool->mutex);
}

size_t echo__pool_bytes(echo__pool *pool) {
  uv_mutex_lock(&pool->mutex);
  size_t bytes = pool->cut * pool->object_size;
  uv_mutex_unlock(&pool->mutex);
  return bytes;
}

void echo__pool_close(echo__pool *pool) {
  free_magazines(&pool->full);
  free_magazines(&pool->empty);
  while (pool->slabs != NULL) {
    echo__slab *next = pool->slabs->next;
    free(pool->slabs);
    pool->slabs = next;
  }
  uv_mutex_destroy(&pool->mutex);
}
