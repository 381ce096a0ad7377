/* The lock. Its orders are the model's business (spec/model); here are real threads. */
#include "base/lock.h"
#include "support/spec.h"

enum { THREADS = 4, ROUNDS = 200000 };

typedef struct ledger {
  echo__lock lock;
  int64_t left, right; /* always alike, seen from inside */
  atomic_int unlike;
} ledger;

static void *book(void *argument) {
  ledger *l = argument;
  for (int i = 0; i < SPEC_ROUNDS(ROUNDS); i++) {
    echo__lock_take(&l->lock);
    if (l->left != l->right) atomic_fetch_add(&l->unlike, 1);
    l->left++;
    if (i % 4096 == 0) spec_nap(); /* as a holder that lost its processor: the others sleep */
    l->right++;
    echo__lock_give(&l->lock);
  }
  return NULL;
}

IT(lets_one_in_at_a_time_and_everybody_in_the_end) {
  ledger l = {0};
  spec_threads threads = {0};
  echo__lock_init(&l.lock);
  for (int i = 0; i < THREADS; i++)
    spec_threads_add(&threads, book, &l);
  spec_threads_join(&threads);
  assert_int_equal(atomic_load(&l.unlike), 0);
  assert_int_equal(l.left, (int64_t)THREADS * SPEC_ROUNDS(ROUNDS));
  assert_int_equal(l.left, l.right);
  assert_int_equal(echo__load(&l.lock.word, relaxed), ECHO__LOCK_FREE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lets_one_in_at_a_time_and_everybody_in_the_end),
  };
  return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
