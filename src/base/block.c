#include "base/block.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES = 16, LARGEST = ECHO__KEEP_BYTES / 2 };

/* `capacity` is a hint of what is there: it is written after the block. */
static struct {
  echo__atomic(echo__block *) block;
  echo__atomic(size_t) capacity;
} places[PLACES];

static echo__atomic(size_t) kept;
static echo__atomic(unsigned) oldest, users;

/* -- what is kept ----------------------------------------------------------------------------- */

/* PAIR block.place with fill: what the last holders did to the block comes before. */
static echo__block *empty(unsigned place) {
  echo__block *block = echo__exchange(&places[place].block, NULL, seq_cst); /* PAIR block.users */
  if (block != NULL) echo__sub(&kept, block->capacity, relaxed);
  return block;
}

static bool fill(unsigned place, echo__block *block) {
  echo__block *found = NULL;
  size_t capacity = block->capacity; /* it may be gone as soon as it is there */
  /* PAIR block.place block.users */
  if (!echo__cas(&places[place].block, &found, block, seq_cst)) return false;
  echo__store(&places[place].capacity, capacity, relaxed);
  return true;
}

static void free_oldest(void) {
  free(empty(echo__add(&oldest, 1, relaxed) % PLACES));
}

/* Counts the bytes before they are there, so that there are never too many. */
static bool book(size_t bytes) {
  for (unsigned i = 0; i < PLACES && echo__load(&kept, relaxed) + bytes > ECHO__KEEP_BYTES; i++)
    free_oldest();
  if (echo__add(&kept, bytes, relaxed) + bytes <= ECHO__KEEP_BYTES) return true;
  echo__sub(&kept, bytes, relaxed);
  return false;
}

static bool store(echo__block *block) {
  for (unsigned i = 0; i < PLACES; i++)
    if (fill(i, block)) return true;
  return false;
}

static void free_all(void) {
  for (unsigned i = 0; i < PLACES; i++)
    free(empty(i));
}

/* A user that leaves meanwhile looks through the places after it has gone; this one looks at the
 * users after its block is there. One of the two sees the other (PAIR block.users). */
static void keep(echo__block *block) {
  size_t bytes = block->capacity;
  bool wanted = echo__load(&users, relaxed) > 0 && bytes <= LARGEST && !ECHO__PLAIN_ALLOCATION;
  if (!wanted || !book(bytes)) {
    free(block);
    return;
  }
  bool stored = store(block);
  if (!stored) free_oldest(), stored = store(block);
  if (!stored) {
    echo__sub(&kept, bytes, relaxed);
    free(block);
  }
  if (echo__load(&users, seq_cst) == 0) free_all(); /* PAIR block.users */
}

static bool suits(size_t capacity, size_t wanted) {
  return capacity >= wanted && capacity - wanted <= wanted / 4;
}

static echo__block *find_kept(size_t wanted) {
  if (echo__load(&kept, relaxed) == 0) return NULL;
  for (unsigned i = 0; i < PLACES; i++) {
    if (!suits(echo__load(&places[i].capacity, relaxed), wanted)) continue;
    echo__block *block = empty(i);
    if (block == NULL) continue;
    if (suits(block->capacity, wanted)) return block;
    free(block); /* somebody was faster, and put another one there */
  }
  return NULL;
}

void echo__blocks_enter(void) {
  echo__add(&users, 1, relaxed);
}

void echo__blocks_leave(void) {
  if (echo__sub(&users, 1, seq_cst) == 1) free_all(); /* PAIR block.users */
}

size_t echo__blocks_kept(void) {
  return echo__load(&kept, relaxed);
}

/* -- blocks ----------------------------------------------------------------------------------- */

/* Up to a multiple of an eighth, so that what is nearly as large can use it again; 0 if there can
 * be no such block. */
static size_t round_up(size_t size) {
  if (size > PTRDIFF_MAX / 2) return 0;
  size_t step = 16;
  while (step * 16 <= size)
    step *= 2;
  return (size + step - 1) / step * step;
}

static echo__block *resize_memory(echo__block *block, size_t capacity) {
  if (capacity == 0) return NULL;
  echo__block *resized = realloc(block, sizeof *block + capacity);
  if (resized != NULL) resized->capacity = capacity;
  return resized;
}

echo__block *echo__block_take(size_t size) {
  size_t capacity = round_up(size);
  echo__block *block = find_kept(capacity);
  if (block == NULL) block = resize_memory(NULL, capacity);
  if (block == NULL) return NULL;
  echo__store(&block->holders, 1, relaxed);
  return block;
}

void echo__block_retain(echo__block *block) {
  echo__add(&block->holders, 1, relaxed);
}

void echo__block_release(echo__block *block) {
  /* Whatever each holder did with the block comes before its end. */
  if (echo__sub(&block->holders, 1, release) != 1) return; /* PAIR block.holders */
  (void)echo__load(&block->holders, acquire);              /* PAIR block.holders */
  keep(block);
}

/* Who was a holder and is no more has read before that (PAIR block.holders). */
bool echo__block_is_sole(const echo__block *block) {
  return echo__load(&block->holders, acquire) == 1;
}

echo__block *echo__block_resize(echo__block *block, size_t size) {
  if (size <= block->capacity && size >= block->capacity / 2) return block;
  return resize_memory(block, round_up(size));
}

void *echo__block_unwrap(echo__block *block, size_t size) {
  memmove(block, block->bytes, size);
  void *plain = realloc(block, size);
  return plain != NULL ? plain : block;
}
