#include "support/allocations.h"

#include <stdlib.h>

spec_allocations spec_allocated = {.refuse_after = -1};
void (*_Atomic spec_before_allocation)(void);

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
char *__real_strdup(const char *text);
void __real_free(void *memory);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
char *__wrap_strdup(const char *text);
void __wrap_free(void *memory);

static bool refused(void) {
  void (*before)(void) = atomic_load(&spec_before_allocation);
  if (before != NULL) before();
  if (atomic_load(&spec_allocated.refuse_after) < 0) return false;
  if (atomic_load(&spec_allocated.refuse_after) > 0) {
    atomic_fetch_sub(&spec_allocated.refuse_after, 1);
    return false;
  }
  if (atomic_load(&spec_allocated.refuse_for) > 0 &&
      atomic_fetch_sub(&spec_allocated.refuse_for, 1) == 1)
    atomic_store(&spec_allocated.refuse_after, -1);
  return true;
}

static void *counted(void *memory) {
  if (memory == NULL) return NULL;
  atomic_fetch_add(&spec_allocated.made, 1);
  atomic_fetch_add(&spec_allocated.live, 1);
  return memory;
}

void *__wrap_malloc(size_t bytes) {
  return refused() ? NULL : counted(__real_malloc(bytes));
}

void *__wrap_calloc(size_t count, size_t bytes) {
  return refused() ? NULL : counted(__real_calloc(count, bytes));
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes) {
  return refused() ? NULL : counted(__real_aligned_alloc(alignment, bytes));
}

void *__wrap_realloc(void *memory, size_t bytes) {
  if (refused()) return NULL;
  void *grown = __real_realloc(memory, bytes);
  return memory == NULL ? counted(grown) : grown;
}

char *__wrap_strdup(const char *text) {
  return refused() ? NULL : counted(__real_strdup(text));
}

void __wrap_free(void *memory) {
  if (memory != NULL) atomic_fetch_sub(&spec_allocated.live, 1);
  __real_free(memory);
}
