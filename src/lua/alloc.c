#include "lua/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/tuning.h"

enum { LARGEST = ECHO__ALLOC_LARGEST, CHUNK = 32768 };

_Static_assert((int)ECHO__BLOCK > (int)LARGEST, "what is in a list is no block");

void echo__alloc_open(echo__alloc *alloc, size_t limit) {
  memset(alloc->free, 0, sizeof alloc->free);
  alloc->chunks = NULL;
  alloc->fresh = NULL;
  alloc->fresh_left = 0;
  alloc->own = NULL;
  alloc->own_data = NULL;
  alloc->text_at = 0;
  alloc->offered = NULL;
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

/* -- what is larger --------------------------------------------------------------------------- */

static void *take_large(size_t size) {
  if (size < ECHO__BLOCK) return malloc(size);
  echo__block *block = echo__block_take(size);
  return block != NULL ? block->bytes : NULL;
}

static void give_large(void *memory, size_t size) {
  if (size < ECHO__BLOCK)
    free(memory);
  else
    echo__block_release(echo__block_of(memory));
}

static void *resize_large(void *memory, size_t old_size, size_t new_size) {
  if (new_size < ECHO__BLOCK)
    return old_size < ECHO__BLOCK ? realloc(memory, new_size)
                                  : echo__block_unwrap(echo__block_of(memory), new_size);
  if (old_size >= ECHO__BLOCK) {
    echo__block *block = echo__block_resize(echo__block_of(memory), new_size);
    return block != NULL ? block->bytes : NULL;
  }
  void *moved = take_large(new_size);
  if (moved == NULL) return NULL;
  memcpy(moved, memory, old_size);
  free(memory);
  return moved;
}

/* -- what Lua asks for ------------------------------------------------------------------------ */

static void *take_any(echo__alloc *alloc, size_t size) {
  return size <= LARGEST ? take(alloc, size) : take_large(size);
}

static void give_any(echo__alloc *alloc, void *memory, size_t size) {
  if (size <= LARGEST)
    give(alloc, memory, size);
  else
    give_large(memory, size);
}

/* From or to a list, or from one to another. Lua relies on it that making something smaller never
 * fails; what is left of a block or of the system's memory then is lost to those. */
static void *move(echo__alloc *alloc, void *memory, size_t old_size, size_t new_size) {
  void *moved = take_any(alloc, new_size);
  if (moved == NULL) {
    if (new_size > old_size) return NULL;
    return old_size >= ECHO__BLOCK ? echo__block_unwrap(echo__block_of(memory), new_size) : memory;
  }
  memcpy(moved, memory, old_size < new_size ? old_size : new_size);
  give_any(alloc, memory, old_size);
  return moved;
}

static void *resize(echo__alloc *alloc, void *memory, size_t old_size, size_t new_size) {
  if (old_size > LARGEST && new_size > LARGEST) {
    void *resized = resize_large(memory, old_size, new_size);
    return resized == NULL && new_size <= old_size ? memory : resized;
  }
  if (old_size <= LARGEST && new_size <= LARGEST && class_of(old_size) == class_of(new_size)) {
    return memory;
  }
  return move(alloc, memory, old_size, new_size);
}

static void *take_new(echo__alloc *alloc, size_t size) {
  if (size <= LARGEST && !ECHO__PLAIN_ALLOCATION) return take(alloc, size);
  if (alloc->offered == NULL || alloc->offered_size != size) return take_large(size);
  void *bytes = alloc->offered->bytes; /* the holder is Lua from now on */
  alloc->offered = NULL;
  return bytes;
}

/* Under the address sanitizer nothing comes from a list. */
static void *change_plainly(void *memory, size_t old_size, size_t new_size) {
  if (new_size == 0) {
    give_large(memory, old_size);
    return NULL;
  }
  void *resized = resize_large(memory, old_size, new_size);
  return resized == NULL && new_size <= old_size ? memory : resized;
}

static void *change(echo__alloc *alloc, void *memory, size_t old_size, size_t new_size) {
  if (memory == NULL) return new_size > 0 ? take_new(alloc, new_size) : NULL;
  if (ECHO__PLAIN_ALLOCATION) return change_plainly(memory, old_size, new_size);
  if (new_size > 0) return resize(alloc, memory, old_size, new_size);
  if (old_size > 0) give_any(alloc, memory, old_size);
  return NULL;
}

/* -- offers ----------------------------------------------------------------------------------- */

static void withdraw(echo__alloc *alloc) {
  if (alloc->offered != NULL) echo__block_release(alloc->offered);
  alloc->offered = NULL;
}

echo__alloc *echo__alloc_of(lua_State *L) {
  void *data;
  if (lua_getallocf(L, &data) != echo__alloc_realloc) return NULL;
  echo__alloc *alloc = data;
  return alloc->own == NULL ? alloc : NULL;
}

echo__block *echo__alloc_block_of(lua_State *L, const char *text, size_t size) {
  const echo__alloc *alloc = echo__alloc_of(L);
  if (alloc == NULL || alloc->text_at == 0 || size < ECHO__BLOCK) return NULL;
  return echo__block_of((char *)(uintptr_t)text - alloc->text_at);
}

bool echo__alloc_offer(lua_State *L, echo__block *block, size_t at, size_t size) {
  echo__alloc *alloc = echo__alloc_of(L);
  if (alloc == NULL || alloc->text_at == 0 || alloc->text_at != at || size < ECHO__BLOCK)
    return false;
  if (!echo__block_is_sole(block)) return false; /* it is, or may become, another's string */
  echo__block_retain(block);
  alloc->offered = block;
  alloc->offered_size = at + size + 1;
  return true;
}

void echo__alloc_withdraw(lua_State *L) {
  withdraw(echo__alloc_of(L));
}

/* -- where a string has its text -------------------------------------------------------------- */

/* Notes the first that Lua asks for. */
static void *probe(void *data, void *memory, size_t old_size, size_t new_size) {
  echo__alloc *alloc = data;
  void *changed = echo__alloc_realloc(data, memory, old_size, new_size);
  if (memory == NULL && alloc->probed == NULL) {
    alloc->probed = changed;
    alloc->probed_size = new_size;
  }
  return changed;
}

void echo__alloc_measure(lua_State *L) {
  static const char text[64]; /* no short string, of which there is one of each */
  echo__alloc *alloc = echo__alloc_of(L);
  if (alloc == NULL) return;
  alloc->probed = NULL;
  lua_setallocf(L, probe, alloc);
  const char *at = lua_pushlstring(L, text, sizeof text);
  lua_setallocf(L, echo__alloc_realloc, alloc);
  size_t before = (size_t)((uintptr_t)at - (uintptr_t)alloc->probed);
  if (alloc->probed_size == before + sizeof text + 1) alloc->text_at = before;
  lua_pop(L, 1);
}

void echo__alloc_adopt(echo__alloc *alloc, lua_State *L) {
  size_t used = (size_t)lua_gc(L, LUA_GCCOUNT) * 1024 + (size_t)lua_gc(L, LUA_GCCOUNTB);
  size_t limit = echo__load(&alloc->limit, relaxed);
  echo__store(&alloc->left, used < limit ? limit - used : 0, relaxed);
  alloc->own = lua_getallocf(L, &alloc->own_data);
  lua_setallocf(L, echo__alloc_realloc, alloc);
}

void *echo__alloc_realloc(void *data, void *memory, size_t old_size, size_t new_size) {
  echo__alloc *alloc = data;
  size_t had = memory == NULL ? 0 : old_size; /* without a block it is the kind of object */
  size_t left = echo__load(&alloc->left, relaxed);
  if (new_size > had && new_size - had > left) {
    withdraw(alloc);
    return NULL;
  }
  void *changed = alloc->own != NULL ? alloc->own(alloc->own_data, memory, old_size, new_size)
                                     : change(alloc, memory, had, new_size);
  if (changed != NULL || new_size == 0) echo__store(&alloc->left, left + had - new_size, relaxed);
  return changed;
}
