/*
 * A map from addresses to small numbers, made to be emptied often.
 *
 * Open addressing over 16-byte slots. A slot is taken when its stamp carries the map's generation,
 * so that emptying the map is one addition. Values have ECHO__POINTER_BITS bits.
 *
 * One thread owns a map; nothing here is shared.
 */
#ifndef ECHO_LUA_POINTER_MAP_H
#define ECHO_LUA_POINTER_MAP_H

#include <stddef.h>
#include <stdint.h>

#define ECHO__POINTER_BITS   40
#define ECHO__POINTER_MAX    ((UINT64_C(1) << ECHO__POINTER_BITS) - 1)
#define ECHO__POINTER_ABSENT UINT64_MAX
#define ECHO__POINTER_FAILED (UINT64_MAX - 1)

typedef struct echo__pointer_slot {
  const void *key;
  uint64_t stamp; /* generation above, value in the low ECHO__POINTER_BITS bits */
} echo__pointer_slot;

typedef struct echo__pointer_map {
  echo__pointer_slot *slots; /* never NULL: an empty map points at one static slot */
  size_t mask;               /* slots - 1 */
  size_t count;              /* entries of this generation */
  size_t limit;              /* entries that make the map grow */
  uint64_t generation;
  unsigned shift;
} echo__pointer_map;

/* Makes an empty map that owns no memory. Never fails. */
void echo__pointer_map_init(echo__pointer_map *map);

/* Frees the memory; the map is empty and usable again. Idempotent. */
void echo__pointer_map_release(echo__pointer_map *map);

/* Forgets every entry, in constant time but for a map that grew out of proportion: that one gives
 * its memory back. */
void echo__pointer_map_clear(echo__pointer_map *map);

/* Adds `key` where the map has no room for it. Returns as echo__pointer_map_add(). */
uint64_t echo__pointer_map_grow_and_add(echo__pointer_map *map, const void *key, uint64_t value);

/* Addresses differ in their middle bits; the product carries those to the top. */
static inline size_t echo__pointer_map_home(const echo__pointer_map *map, const void *key) {
  uint64_t mixed = (uint64_t)(uintptr_t)key * UINT64_C(0x9E3779B97F4A7C15);
  return (size_t)(mixed >> map->shift) & map->mask;
}

/* The slot of `key`, or the free one where it belongs: a map is never full. */
static inline echo__pointer_slot *echo__pointer_map_slot(const echo__pointer_map *map,
                                                         const void *key) {
  size_t index = echo__pointer_map_home(map, key);
  for (;;) {
    echo__pointer_slot *slot = &map->slots[index];
    if (slot->stamp >> ECHO__POINTER_BITS != map->generation || slot->key == key) return slot;
    index = (index + 1) & map->mask;
  }
}

/* The value of `key`, or ECHO__POINTER_ABSENT. */
static inline uint64_t echo__pointer_map_find(const echo__pointer_map *map, const void *key) {
  const echo__pointer_slot *slot = echo__pointer_map_slot(map, key);
  if (slot->stamp >> ECHO__POINTER_BITS != map->generation) return ECHO__POINTER_ABSENT;
  return slot->stamp & ECHO__POINTER_MAX;
}

/* Returns the value `key` has, and leaves it; else enters `value` and returns ECHO__POINTER_ABSENT,
 * or ECHO__POINTER_FAILED when memory ran out or the value has too many bits. */
static inline uint64_t echo__pointer_map_add(echo__pointer_map *map, const void *key,
                                             uint64_t value) {
  echo__pointer_slot *slot = echo__pointer_map_slot(map, key);
  if (slot->stamp >> ECHO__POINTER_BITS == map->generation) return slot->stamp & ECHO__POINTER_MAX;
  if (map->count >= map->limit || value > ECHO__POINTER_MAX)
    return echo__pointer_map_grow_and_add(map, key, value);
  slot->key = key;
  slot->stamp = map->generation << ECHO__POINTER_BITS | value;
  map->count++;
  return ECHO__POINTER_ABSENT;
}

#endif
