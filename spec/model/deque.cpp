/* The deque: every node is taken exactly once, by whoever saw what its owner wrote into it. */
#include "variant.h" /* before all that tells the model something */

#include "queue/deque.c"

enum { NODES = 4 * ECHO__RING };

struct item {
  echo_node node;
  model::plain<int> payload;
};

struct stage : model::scenario {
  echo__deque deque;
  item items[NODES];
  int taken[NODES] = {}, pushed = 0;

  stage() {
    echo__deque_init(&deque);
  }

  int take(echo_node *node) {
    int number = (int)((item *)node - items);
    CHECK(node != NULL && number >= 0 && number < NODES);
    CHECK(items[number].payload == number + 1);
    items[number].payload = 0;
    CHECK(taken[number]++ == 0);
    return number;
  }

  /* What queue.c does; the chain would go to the injector. */
  void push() {
    item *next = &items[pushed];
    next->payload = ++pushed;
    while (!echo__deque_push(&deque, &next->node)) {
      echo_node *first, *last;
      unsigned count = echo__deque_take_oldest(&deque, &first, &last);
      for (int before = -1; count > 0; count--, first = first->next) {
        int number = take(first);
        CHECK(number > before);
        CHECK((count == 1) == (first == last));
        before = number;
      }
    }
  }

  bool pop() {
    echo_node *node = echo__deque_pop(&deque);
    if (node != NULL) take(node);
    return node != NULL;
  }

  void steal(int times) {
    int before = -1;
    for (; times > 0; times--) {
      echo_node *node = NULL;
      if (echo__deque_steal(&deque, &node) != ECHO_STEAL_TAKEN) continue;
      int number = take(node);
      CHECK(number > before); /* oldest first */
      before = number;
    }
  }

  void after() override {
    CHECK(echo__deque_length(&deque) == 0);
    for (int i = 0; i < pushed; i++)
      CHECK(taken[i] == 1);
  }
};

/* The owner and two thieves at the last node. */
struct last_node : stage {
  void thread(unsigned index) override {
    if (index > 0) return steal(1);
    push();
    pop();
    push();
    while (pop()) {
    }
  }
};

/* More than the ring holds: slots are used again, the older half is handed over. */
struct overflow : stage {
  void thread(unsigned index) override {
    if (index > 0) return steal(2);
    for (int i = 0; i < 2 * ECHO__RING + 1; i++)
      push();
    while (pop()) {
    }
  }
};

/* Whatever an owner may do, against two thieves. */
struct program : stage {
  void thread(unsigned index) override {
    if (index > 0) return steal(3);
    for (int i = 0; i < NODES + 4; i++) {
      if (pushed < NODES && model::choose(3) > 0)
        push();
      else
        pop();
    }
    while (pop()) {
    }
  }
};

/* The same against one thief: other schedules become likely. */
struct duel : program {};

SCENARIO(last_node, 3, 200000, 3, 2)
SCENARIO(overflow, 3, 200000, 0, 0)
SCENARIO(program, 3, 200000, 0, 0)
SCENARIO(duel, 2, 100000, 0, 0)
