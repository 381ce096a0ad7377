#include "scheduler/heap.h"

#include <stdlib.h>

enum { CHILDREN = 4, LEAST_ROOM = 16 };

static int resize(echo__heap *heap, size_t room) {
  echo__entry *entries = realloc(heap->entries, room * sizeof *entries);
  if (entries == NULL) return ECHO_MEMORY;
  heap->entries = entries;
  heap->room = room;
  return ECHO_OK;
}

int echo__heap_reserve(echo__heap *heap) {
  if (heap->count < heap->room) return ECHO_OK;
  return resize(heap, heap->room < LEAST_ROOM ? LEAST_ROOM : 2 * heap->room);
}

static void set(echo__heap *heap, size_t index, echo__entry entry) {
  heap->entries[index] = entry;
  entry.timer->place = index + 1;
}

static void rise(echo__heap *heap, size_t index, echo__entry entry) {
  while (index > 0) {
    size_t parent = (index - 1) / CHILDREN;
    if (heap->entries[parent].deadline <= entry.deadline) break;
    set(heap, index, heap->entries[parent]);
    index = parent;
  }
  set(heap, index, entry);
}

/* The earliest child, or 0 if there is none. */
static size_t earliest_child(const echo__heap *heap, size_t index) {
  size_t first = index * CHILDREN + 1, best = 0;
  for (size_t child = first; child < first + CHILDREN && child < heap->count; child++) {
    if (best == 0 || heap->entries[child].deadline < heap->entries[best].deadline) best = child;
  }
  return best;
}

static void sink(echo__heap *heap, size_t index, echo__entry entry) {
  for (size_t child; (child = earliest_child(heap, index)) != 0; index = child) {
    if (heap->entries[child].deadline >= entry.deadline) break;
    set(heap, index, heap->entries[child]);
  }
  set(heap, index, entry);
}

void echo__heap_put(echo__heap *heap, echo_timer *timer, uint64_t deadline) {
  rise(heap, heap->count++, (echo__entry){deadline, timer});
}

/* The last one fills the gap and goes from there where it belongs, up or down. */
void echo__heap_take(echo__heap *heap, echo_timer *timer) {
  size_t gap = timer->place - 1;
  timer->place = 0;
  echo__entry last = heap->entries[--heap->count];
  if (gap < heap->count) {
    sink(heap, gap, last);
    rise(heap, last.timer->place - 1, last);
  }
  if (heap->room > LEAST_ROOM && heap->count < heap->room / 4) resize(heap, heap->room / 2);
}

void echo__heap_close(echo__heap *heap) {
  free(heap->entries);
  *heap = (echo__heap){0};
}
