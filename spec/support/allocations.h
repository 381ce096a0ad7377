/*
 * Counts and refuses the allocations that Echo's own objects make, and tells a spec when one comes.
 * Whoever uses this is linked with --wrap for malloc and its like (ALLOCATIONS in
 * spec/CMakeLists.txt); the libraries that Echo calls are not concerned.
 */
#ifndef SPEC_SUPPORT_ALLOCATIONS_H
#define SPEC_SUPPORT_ALLOCATIONS_H

#include "support/spec.h"

typedef struct spec_allocations {
  atomic_long made;         /* allocations so far */
  atomic_long live;         /* of them, those not yet freed */
  atomic_long refuse_after; /* so many more succeed; negative, as at the start: all */
  atomic_long refuse_for;   /* and then so many fail, and then all succeed; 0: all fail */
} spec_allocations;

extern spec_allocations spec_allocated;

/* Called before each allocation, on its thread; NULL: nothing. */
extern void (*_Atomic spec_before_allocation)(void);

#endif
