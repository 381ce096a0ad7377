/* pointer_map.c - see pointer_map.h. */
#include "lua/pointer_map.h"

#include <stdlib.h>
#include <string.h>

enum {
  FIRST_SLOTS = 64,
  KEPT_SLOTS = 65536 /* 1 MiB: what a state keeps after a large message */
};

#define LAST_GENERATION ((UINT64_C(1) << (64 - ECHO__POINTER_BITS)) - 1)

/* Stamp 0 belongs to no generation, so this slot is always free; limit 0 keeps it unwritten. */
static echo__pointer_slot no_slots[1];

static void become_empty(echo__pointer_map *map) {
  map->slots = no_slots;
  map->mask = 0;
  map->count = 0;
  map->limit = 0;
  map->shift = 63;
}

void echo__pointer_map_init(echo__pointer_map *map) {
  become_empty(map);
  map->generation = 1;
}

void echo__pointer_map_release(echo__pointer_map *map) {
  if (map->slots != no_slots) free(map->slots);
  become_empty(map);
}

void echo__pointer_map_clear(echo__pointer_map *map) {
  if (map->count == 0) return;
  if (map->mask >= KEPT_SLOTS) {
    echo__pointer_map_release(map);
    return;
  }
  map->count = 0;
  if (map->generation < LAST_GENERATION) {
    map->generation++;
    return;
  }
  memset(map->slots, 0, (map->mask + 1) * sizeof *map->slots);
  map->generation = 1;
}

static void move_entries(echo__pointer_map *to, const echo__pointer_map *from) {
  for (size_t i = 0; i <= from->mask; i++) {
    const echo__pointer_slot *slot = &from->slots[i];
    if (slot->stamp >> ECHO__POINTER_BITS == from->generation)
      *echo__pointer_map_slot(to, slot->key) = *slot;
  }
}

/* At most half full: probes stay short, and there is always a free slot to end them. */
static int grow(echo__pointer_map *map) {
  echo__pointer_map larger = *map;
  size_t slots = map->limit ? (map->mask + 1) * 2 : FIRST_SLOTS;
  larger.slots = calloc(slots, sizeof *larger.slots);
  if (!larger.slots) return 0;
  larger.mask = slots - 1;
  larger.limit = slots / 2;
  larger.shift = 64;
  while (slots >>= 1)
    larger.shift--;
  move_entries(&larger, map);
  echo__pointer_map_release(map);
  *map = larger;
  return 1;
}

uint64_t echo__pointer_map_grow_and_add(echo__pointer_map *map, const void *key, uint64_t value) {
  if (value > ECHO__POINTER_MAX || !grow(map)) return ECHO__POINTER_FAILED;
  return echo__pointer_map_add(map, key, value);
}
