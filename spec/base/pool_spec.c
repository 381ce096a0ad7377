/* Objects of one size, whoever takes them and whoever gives them back. */
#include "base/pool.h"

#include <echo/status.h>
#include <stdlib.h>
#include <string.h>

#include "support/allocations.h"

enum { MANY = 5000, BIG = 64 };

static echo__pool pool;
static echo__cache cache;

static int open_pool(void **state) {
  (void)state;
  cache = (echo__cache){0};
  return echo__pool_init(&pool, BIG, &pool);
}

static int close_pool(void **state) {
  (void)state;
  echo__cache_close(&pool, &cache);
  echo__pool_close(&pool);
  return 0;
}

static void take_many(void **objects, echo__cache *from) {
  for (int i = 0; i < MANY; i++) {
    objects[i] = echo__pool_take(&pool, from);
    assert_non_null(objects[i]);
    memset(objects[i], i & 127, BIG);
  }
}

static void give_many(void **objects, echo__cache *to) {
  for (int i = 0; i < MANY; i++)
    echo__pool_give(&pool, to, objects[i]);
}

static int by_address(const void *a, const void *b) {
  uintptr_t one = (uintptr_t) * (void *const *)a, two = (uintptr_t) * (void *const *)b;
  return (one > two) - (one < two);
}

IT(hands_no_object_out_twice) {
  void *objects[MANY];
  for (int round = 0; round < 3; round++) {
    take_many(objects, &cache);
    qsort(objects, MANY, sizeof *objects, by_address);
    for (int i = 1; i < MANY; i++)
      assert_true((char *)objects[i] - (char *)objects[i - 1] >= BIG);
    give_many(objects, &cache);
  }
}

IT(leaves_the_objects_that_are_out_alone) {
  void *objects[MANY];
  take_many(objects, &cache);
  echo__pool_trim(&pool);
  for (int i = 0; i < MANY; i++) {
    assert_int_equal(((unsigned char *)objects[i])[0], i & 127);
    assert_int_equal(((unsigned char *)objects[i])[BIG - 1], i & 127);
  }
  give_many(objects, &cache);
}

IT(aligns_whole_lines_to_lines) {
  void *objects[MANY];
  take_many(objects, &cache);
  for (int i = 0; i < MANY; i++)
    assert_int_equal((uintptr_t)objects[i] % 64, 0);
  give_many(objects, &cache);
}

IT(tells_whose_its_objects_are) {
  echo__pool other;
  echo__cache own = {0};
  void *objects[MANY];
  assert_int_equal(echo__pool_init(&other, 48, &own), ECHO_OK);
  take_many(objects, &cache); /* of several slabs */
  void *foreign = echo__pool_take(&other, &own);
  memset(foreign, 1, 48);
  for (int i = 0; i < MANY; i++)
    assert_ptr_equal(echo__pool_owner(objects[i]), &pool);
  assert_ptr_equal(echo__pool_owner(foreign), &own);
  give_many(objects, &cache);
  echo__pool_give(&other, &own, foreign);
  echo__cache_close(&other, &own);
  echo__pool_close(&other);
}

IT(rounds_odd_sizes_up) {
  const size_t sizes[] = {1, 17, 40};
  for (unsigned i = 0; i < SPEC_COUNT(sizes); i++) {
    echo__pool odd;
    echo__cache own = {0};
    assert_int_equal(echo__pool_init(&odd, sizes[i], NULL), ECHO_OK);
    char *objects[20];
    for (int k = 0; k < 20; k++) {
      objects[k] = echo__pool_take(&odd, &own);
      assert_int_equal((uintptr_t)objects[k] % 16, 0);
      memset(objects[k], k, sizes[i]);
    }
    for (int k = 0; k < 20; k++) {
      assert_int_equal(objects[k][0], k);
      assert_int_equal(objects[k][sizes[i] - 1], k);
      echo__pool_give(&odd, &own, objects[k]);
    }
    echo__cache_close(&odd, &own);
    echo__pool_close(&odd);
  }
}

/* Threads that pass objects round: each takes some, writes its name into them, and hands them to
 * its neighbour, who sees to it that nobody else has written. */
enum { PASSERS = 4, HANDFUL = 50, PASSES = 2000 };

typedef struct passer {
  unsigned index;
  struct passer *next;
  echo__cache cache;
  _Atomic(void **) inbox;
  atomic_int *wrong;
} passer;

static void send_handful(passer *p) {
  void **handful = malloc(HANDFUL * sizeof *handful);
  for (int i = 0; i < HANDFUL; i++) {
    handful[i] = echo__pool_take(&pool, &p->cache);
    memset(handful[i], (int)p->index + 1, BIG);
  }
  while (atomic_load(&p->next->inbox) != NULL)
    sched_yield();
  atomic_store(&p->next->inbox, handful);
}

static void receive_handful(passer *p) {
  void **handful;
  while ((handful = atomic_exchange(&p->inbox, NULL)) == NULL)
    sched_yield();
  unsigned char sender = (unsigned char)((p->index + PASSERS - 1) % PASSERS + 1);
  for (int i = 0; i < HANDFUL; i++) {
    unsigned char *object = handful[i];
    if (object[0] != sender || object[BIG - 1] != sender) atomic_fetch_add(p->wrong, 1);
    echo__pool_give(&pool, &p->cache, object);
  }
  free(handful);
}

static void *pass(void *argument) {
  passer *p = argument;
  for (int i = 0; i < SPEC_ROUNDS(PASSES); i++) {
    send_handful(p);
    receive_handful(p);
  }
  echo__cache_close(&pool, &p->cache);
  return NULL;
}

IT(serves_threads_that_give_back_what_others_took) {
  atomic_int wrong = 0;
  passer passers[PASSERS] = {0};
  spec_threads threads = {0};
  for (unsigned i = 0; i < PASSERS; i++) {
    passers[i].index = i;
    passers[i].next = &passers[(i + 1) % PASSERS];
    passers[i].wrong = &wrong;
  }
  for (unsigned i = 0; i < PASSERS; i++)
    spec_threads_add(&threads, pass, &passers[i]);
  spec_threads_join(&threads);
  assert_int_equal(atomic_load(&wrong), 0);
}

IT(gives_out_again_what_came_back_through_another_cache) {
  if (ECHO__PLAIN_ALLOCATION) skip();
  void *objects[MANY];
  echo__cache other = {0};
  take_many(objects, &cache);
  size_t bytes = echo__pool_bytes(&pool);
  for (int round = 0; round < 10; round++) {
    give_many(objects, &other);
    take_many(objects, &cache);
  }
  give_many(objects, &other);
  echo__cache_close(&pool, &other);
  assert_true(echo__pool_bytes(&pool) <= bytes + 2 * ECHO__SLAB);
}

IT(asks_the_system_for_nothing_in_the_steady_state) {
  if (ECHO__PLAIN_ALLOCATION) skip();
  void *objects[MANY];
  echo__cache other = {0};
  for (int round = 0; round < 30; round++) { /* the caches' magazines fill up once */
    take_many(objects, &cache);
    give_many(objects, &other);
  }
  long made = atomic_load(&spec_allocated.made);
  for (int round = 0; round < 30; round++) {
    take_many(objects, &cache);
    give_many(objects, &other);
  }
  assert_int_equal(atomic_load(&spec_allocated.made), made);
  echo__cache_close(&pool, &other);
}

IT(returns_memory_when_it_is_trimmed) {
  if (ECHO__PLAIN_ALLOCATION) skip();
  enum { BURST = 20000 };
  static void *objects[BURST];
  for (int i = 0; i < BURST; i++)
    objects[i] = echo__pool_take(&pool, &cache);
  size_t peak = echo__pool_bytes(&pool);
  assert_true(peak >= (size_t)BURST * BIG);
  assert_false(echo__pool_swollen(&pool));
  for (int i = 0; i < BURST; i++)
    echo__pool_give(&pool, &cache, objects[i]);
  assert_true(echo__pool_swollen(&pool));
  echo__pool_trim(&pool);
  assert_false(echo__pool_swollen(&pool));
  size_t kept = (size_t)(ECHO__KEEP_MAGAZINES + 4) * ECHO__MAGAZINE * BIG + 2 * ECHO__SLAB;
  assert_true(echo__pool_bytes(&pool) <= kept);
}

IT(keeps_the_memory_of_objects_that_are_out_when_it_is_trimmed) {
  if (ECHO__PLAIN_ALLOCATION) skip();
  enum { BURST = 20000, OUT = 100 };
  static unsigned char *objects[BURST];
  for (int i = 0; i < BURST; i++)
    objects[i] = echo__pool_take(&pool, &cache);
  for (int i = 0; i < BURST; i++) {
    if (i % (BURST / OUT) == 0)
      memset(objects[i], 0x5a, BIG);
    else
      echo__pool_give(&pool, &cache, objects[i]);
  }
  echo__pool_trim(&pool);
  void *others[MANY];
  take_many(others, &cache); /* must not be any of those that are out */
  for (int i = 0; i < BURST; i += BURST / OUT) {
    assert_int_equal(objects[i][0], 0x5a);
    assert_int_equal(objects[i][BIG - 1], 0x5a);
    echo__pool_give(&pool, &cache, objects[i]);
  }
  give_many(others, &cache);
}

IT(says_so_when_there_is_no_memory) {
  atomic_store(&spec_allocated.refuse_after, 0);
  void *none = echo__pool_take(&pool, &cache);
  atomic_store(&spec_allocated.refuse_after, -1);
  assert_null(none);
  void *object = echo__pool_take(&pool, &cache);
  assert_non_null(object);
  echo__pool_give(&pool, &cache, object);
}

IT(takes_objects_back_even_without_memory) {
  if (ECHO__PLAIN_ALLOCATION) skip();
  void *objects[MANY];
  take_many(objects, &cache);
  atomic_store(&spec_allocated.refuse_after, 0);
  give_many(objects, &cache);
  atomic_store(&spec_allocated.refuse_after, -1);
  take_many(objects, &cache);
  give_many(objects, &cache);
}

IT(frees_everything_when_it_is_closed) {
  if (ECHO__PLAIN_ALLOCATION) skip();
  long before = atomic_load(&spec_allocated.live);
  echo__pool other;
  echo__cache own = {0};
  assert_int_equal(echo__pool_init(&other, BIG, &other), ECHO_OK);
  void *object = NULL;
  for (int i = 0; i < MANY; i++) {
    object = echo__pool_take(&other, &own);
    if (i % 2 == 0) echo__pool_give(&other, &own, object);
  }
  assert_true(atomic_load(&spec_allocated.live) > before);
  echo__cache_close(&other, &own);
  echo__pool_close(&other);
  assert_int_equal(atomic_load(&spec_allocated.live), before);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(hands_no_object_out_twice, open_pool, close_pool),
      cmocka_unit_test_setup_teardown(leaves_the_objects_that_are_out_alone, open_pool, close_pool),
      cmocka_unit_test_setup_teardown(aligns_whole_lines_to_lines, open_pool, close_pool),
      cmocka_unit_test_setup_teardown(tells_whose_its_objects_are, open_pool, close_pool),
      cmocka_unit_test(rounds_odd_sizes_up),
      cmocka_unit_test_setup_teardown(serves_threads_that_give_back_what_others_took, open_pool,
                                      close_pool),
      cmocka_unit_test_setup_teardown(gives_out_again_what_came_back_through_another_cache,
                                      open_pool, close_pool),
      cmocka_unit_test_setup_teardown(asks_the_system_for_nothing_in_the_steady_state, open_pool,
                                      close_pool),
      cmocka_unit_test_setup_teardown(returns_memory_when_it_is_trimmed, open_pool, close_pool),
      cmocka_unit_test_setup_teardown(keeps_the_memory_of_objects_that_are_out_when_it_is_trimmed,
                                      open_pool, close_pool),
      cmocka_unit_test_setup_teardown(says_so_when_there_is_no_memory, open_pool, close_pool),
      cmocka_unit_test_setup_teardown(takes_objects_back_even_without_memory, open_pool,
                                      close_pool),
      cmocka_unit_test(frees_everything_when_it_is_closed),
  };
  return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
