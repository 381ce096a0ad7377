#include "lua/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/tuning.h"

enum { LARGEST = ECHO__ALLOC_LARGEST, CHUNK = 32768 };

void echo__alloc_open(echo__alloc *alloc, size_t limit) {
  memset(alloc->free, 0, sizeof alloc->free);
  alloc->chunks = NULL;
  alloc->fresh = NULL;
  alloc->fresh_left = 0;
  alloc->own = NULL;
  alloc->own_data = NULL;
  limit = limit > 0 ? limit : SIZE_MAX;
  echo__store(&alloc->limit, limit, relaxed);
  echo__store(&alloc->left, limit, relaxed);
}

void echo__alloc_close(echo__alloc *alloc) {
  while (alloc->chunks != NULL) {
    void *next = *(void **)alloc->chunks;
    free(alloc->chunks);
    alloc->chunks = next;
  }
}

static size_t class_of(size_t size) {
  return (size - 1) / ECHO__ALLOC_STEP;
}

/* What is left of the chunk in use is cut up into the free lists, so that nothing is wasted. */
static void use_up(echo__alloc *alloc) {
  while (alloc->fresh_left >= ECHO__ALLOC_STEP) {
    size_t size = alloc->fresh_left < LARGEST ? alloc->fresh_left : LARGEST;
    void **block = (void **)(void *)alloc->fresh;
    *block = alloc->free[class_of(size)];
    alloc->free[class_of(size)] = block;
    alloc->fresh += size;
    alloc->fresh_left -= size;
  }
}

static void *cut(echo__alloc *alloc, size_t size) {
  if (alloc->fresh_left < size) {
    void **chunk = malloc(CHUNK);
    if (chunk == NULL) return NULL;
    use_up(alloc);
    *chunk = alloc->chunks;
    alloc->chunks = chunk;
    alloc->fresh = (char *)chunk + ECHO__ALLOC_STEP;
    alloc->fresh_left = CHUNK - ECHO__ALLOC_STEP;
  }
  void *block = alloc->fresh;
  alloc->fresh += size;
  alloc->fresh_left -= size;
  return block;
}

static void *take(echo__alloc *alloc, size_t size) {
  size_t class = class_of(size);
  void *block = alloc->free[class];
  if (block == NULL) return cut(alloc, (class + 1) * ECHO__ALLOC_STEP);
  alloc->free[class] = *(void **)block;
  return block;
}

static void give(echo__alloc *alloc, void *block, size_t size) {
  *(void **)block = alloc->free[class_of(size)];
  alloc->free[class_of(size)] = block;
}

void *echo__alloc_take(echo__alloc *alloc, size_t size) {
  return ECHO__PLAIN_ALLOCATION ? malloc(size) : take(alloc, size);
}

void echo__alloc_give(echo__alloc *alloc, void *block, size_t size) {
  if (ECHO__PLAIN_ALLOCATION)
    free(block);
  else
    give(alloc, block, size);
}

static void *resize(echo__alloc *alloc, void *block, size_t old_size, size_t new_size) {
  if (old_size > LARGEST && new_size > LARGEST) {
    void *resized = realloc(block, new_size);
    return resized == NULL && new_size <= old_size ? block : resized;
  }
  if (old_size <= LARGEST && new_size <= LARGEST && class_of(old_size) == class_of(new_size)) {
    return block;
  }
  void *moved = new_size <= LARGEST ? take(alloc, new_size) : malloc(new_size);
  /* Lua relies on it that making a block smaller never fails. */
  if (moved == NULL) return new_size <= old_size ? block : NULL;
  memcpy(moved, block, old_size < new_size ? old_size : new_size);
  if (old_size <= LARGEST)
    give(alloc, block, old_size);
  else
    free(block);
  return moved;
}

static void *plain(void *block, size_t new_size) {
  if (new_size > 0) return realloc(block, new_size);
  free(block);
  return NULL;
}

static void *change(echo__alloc *alloc, void *block, size_t old_size, size_t new_size) {
  if (ECHO__PLAIN_ALLOCATION) return plain(block, new_size);
  if (block == NULL) {
    if (new_size == 0) return NULL;
    return new_size <= LARGEST ? take(alloc, new_size) : malloc(new_size);
  }
  if (new_size > 0) return resize(alloc, block, old_size, new_size);
  if (old_size > LARGEST)
    free(block);
  else if (old_size > 0)
    give(alloc, block, old_size);
  return NULL;
}

void echo__alloc_adopt(echo__alloc *alloc, lua_State *L) {
  size_t used = (size_t)lua_gc(L, LUA_GCCOUNT) * 1024 + (size_t)lua_gc(L, LUA_GCCOUNTB);
  size_t limit = echo__load(&alloc->limit, relaxed);
  echo__store(&alloc->left, used < limit ? limit - used : 0, relaxed);
  alloc->own = lua_getallocf(L, &alloc->own_data);
  lua_setallocf(L, echo__alloc_realloc, alloc);
}

void *echo__alloc_realloc(void *data, void *block, size_t old_size, size_t new_size) {
  echo__alloc *alloc = data;
  size_t had = block == NULL ? 0 : old_size; /* without a block it is the kind of object */
  size_t left = echo__load(&alloc->left, relaxed);
  if (new_size > had && new_size - had > left) return NULL;
  void *changed = alloc->own != NULL ? alloc->own(alloc->own_data, block, old_size, new_size)
                                     : change(alloc, block, had, new_size);
  if (changed != NULL || new_size == 0) echo__store(&alloc->left, left + had - new_size, relaxed);
  return changed;
}
