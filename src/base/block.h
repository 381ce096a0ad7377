/*
 * Blocks: large pieces of memory, which several may hold and which are kept for a while when nobody
 * does.
 *
 * Why they are kept. The system hands fresh memory out page by page: each page costs a fault, and
 * is cleared, when it is first touched, which for a megabyte takes as long as copying it twice.
 * malloc gives large pieces back as soon as they are freed, so that whoever takes one after the
 * other pays that each time.
 *
 * What is kept is bounded: ECHO__KEEP_BYTES in the whole process, of blocks of at most half of
 * that; a new one takes the place of the oldest. And it is kept only while there is a user (workers
 * are): when the last one leaves, all of it goes back to malloc. The places are taken and filled
 * one atomic step each and without a lock, so that the child of a fork finds none held.
 *
 * Who holds. A block begins with one holder, and the last one to release it ends it, on whatever
 * thread that is. What is in it is written before it has a second holder, and only read from then
 * on; whatever carries it to another thread synchronises. Under the address sanitizer nothing is
 * kept, so that a use after the end is seen.
 */
#ifndef ECHO_BASE_BLOCK_H
#define ECHO_BASE_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"
#include "base/tuning.h"

typedef struct echo__block {
  echo__atomic(size_t) holders;
  size_t capacity;
  _Alignas(max_align_t) char bytes[];
} echo__block;

/* A block of undefined content with room for so many bytes, and one holder; NULL without memory.
 * Any thread, as all of these. */
echo__block *echo__block_take(size_t size);

/* Adds a holder to a block that the caller holds; and takes one off. */
void echo__block_retain(echo__block *block);
void echo__block_release(echo__block *block);

/* True if the caller, who is a holder, is the only one. */
bool echo__block_is_sole(const echo__block *block);

/* Makes room for so many bytes, more or fewer, and keeps what is in it as far as there is room: the
 * block's new place, or NULL without memory and it is as before. The sole holder. */
echo__block *echo__block_resize(echo__block *block, size_t size);

/* Makes plain memory, to be freed by free(), of a block and its first `size` bytes, of which it has
 * more. Never fails. The sole holder. */
void *echo__block_unwrap(echo__block *block, size_t size);

/* The block whose `bytes` these are. */
static inline echo__block *echo__block_of(void *bytes) {
  return (echo__block *)(void *)((char *)bytes - offsetof(echo__block, bytes));
}

/* Each user's coming and going. */
void echo__blocks_enter(void);
void echo__blocks_leave(void);

/* Bytes that are kept at this moment. */
size_t echo__blocks_kept(void);

#endif
