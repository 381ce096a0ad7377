/* The injector: every node leaves exactly once, in its producer's order, seen as its producer left
 * it; and nothing waits unseen. */
#include "variant.h" /* before all that tells the model something */

#include "queue/injector.c"

enum { PRODUCERS = 2, EACH = 4, NODES = PRODUCERS * EACH };

struct item {
  echo_node node;
  model::plain<int> payload;
};

struct stage : model::scenario {
  echo__injector injector;
  item items[NODES];
  int taken[NODES] = {};
  int inside = 0; /* put in, less taken: what an onlooker that sees everything would count */
  int last[PRODUCERS] = {-1, -1};
  bool one_consumer = false;     /* then nodes leave in their producer's order */
  int takes = 0, takes_over = 0; /* over once the consumer has said that it left something */

  stage() {
    echo__injector_init(&injector);
  }

  echo_node *fresh(int number) {
    items[number].payload = number + 1;
    return &items[number].node;
  }

  void push(int number) {
    echo_node *node = fresh(number);
    echo__injector_push(&injector, node, node);
    inside++;
  }

  void push_chain(int number, int count) {
    echo_node *first = fresh(number), *at = first;
    for (int i = 1; i < count; i++) {
      at->next = fresh(number + i);
      at = at->next;
    }
    echo__injector_push_chain(&injector, first, at);
    inside += count;
  }

  void see(echo_node *node) {
    int number = (int)((item *)node - items), producer = number / EACH;
    CHECK(number >= 0 && number < NODES);
    CHECK(items[number].payload == number + 1);
    items[number].payload = 0;
    CHECK(taken[number]++ == 0);
    inside--;
    if (!one_consumer) return;
    CHECK(last[producer] < number);
    last[producer] = number;
  }

  echo_steal take(unsigned limit) {
    echo__batch batch;
    batch.left = false;
    takes++;
    echo_steal outcome = echo__injector_take(&injector, limit, &batch);
    if (outcome == ECHO_STEAL_TAKEN) {
      CHECK(batch.count > 0 && batch.count <= limit);
      for (unsigned i = 0; i < batch.count; i++)
        see(batch.nodes[i]);
      if (batch.left) echo__fence(seq_cst); /* the caller notifies */
    }
    takes_over++;
    return outcome;
  }

  /* Behind a fence, if nobody takes meanwhile, whoever looks finds what is inside. */
  void look() {
    int before = takes;
    bool quiet = takes == takes_over;
    int there = inside;
    echo__fence(seq_cst);
    bool waits = echo__injector_waits(&injector);
    if (quiet && takes == before && there > 0) CHECK(waits);
  }

  void after() override {
    CHECK(echo__injector_waits(&injector) == (inside > 0));
    echo__batch batch;
    while (echo__injector_take(&injector, 2, &batch) == ECHO_STEAL_TAKEN)
      for (unsigned i = 0; i < batch.count; i++)
        taken[(item *)batch.nodes[i] - items]++;
  }
};

/* One by one and in chains, two producers, two consumers. */
struct traffic : stage {
  void thread(unsigned index) override {
    if (index < PRODUCERS) return produce(index);
    for (int i = 0; i < 4; i++)
      take(1 + model::choose(2));
  }

  void produce(unsigned index) {
    int first = (int)index * EACH;
    switch (model::choose(3)) {
    case 0:
      for (int i = 0; i < EACH; i++)
        push(first + i);
      break;
    case 1:
      push(first);
      push_chain(first + 1, EACH - 1);
      break;
    case 2: push_chain(first, 2); push_chain(first + 2, 2);
    }
  }

  void after() override {
    stage::after();
    for (int i = 0; i < NODES; i++)
      CHECK(taken[i] == 1);
  }
};

/* The same with one consumer. */
struct order : traffic {
  order() {
    one_consumer = true;
  }
};

/* One producer and two consumers that look before they leave. */
struct onlookers : stage {
  void thread(unsigned index) override {
    if (index == 0) {
      for (int i = 0; i < EACH; i++)
        push(i);
      look();
      return;
    }
    for (int i = 0; i < 2; i++) {
      take(1);
      look();
    }
  }
};

/* Small enough for every schedule. */
struct pair : stage {
  void thread(unsigned index) override {
    if (index == 0) return push_chain(0, 3);
    take(1);
    take(2);
  }
};

SCENARIO(traffic, 4, 200000, 0, 0)
SCENARIO(order, 3, 100000, 0, 0)
SCENARIO(onlookers, 3, 200000, 0, 0)
SCENARIO(pair, 3, 100000, 3, 2)
