/* The lock: one inside at a time, who sees what the one before left; and whoever sleeps is woken.
 */
#include "variant.h" /* before all that tells the model something */

#include <stddef.h>

#include "system.hpp"

#include "base/lock.c"

enum { EACH = 2 };

struct stage : model::scenario {
  echo__lock lock;
  model::plain<int> count;
  int inside = 0;

  stage() {
    echo__lock_init(&lock);
    count = 0;
  }

  void thread(unsigned) override {
    for (int i = 0; i < EACH; i++) {
      echo__lock_take(&lock);
      CHECK(inside++ == 0);
      count++;
      model::step();
      inside--;
      echo__lock_give(&lock);
    }
  }
};

struct two : stage {
  void after() override {
    CHECK(count == 2 * EACH);
    CHECK(echo__load(&lock.word, relaxed) == ECHO__LOCK_FREE);
  }
};

struct three : stage {
  void after() override {
    CHECK(count == 3 * EACH);
    CHECK(echo__load(&lock.word, relaxed) == ECHO__LOCK_FREE);
  }
};

SCENARIO(two, 2, 40000, 3, 1)
SCENARIO(three, 3, 60000, 2, 0)
