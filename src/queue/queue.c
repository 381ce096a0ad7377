/* Making a queue, putting in, and looking whether anything waits. */
#include <stdlib.h>

#include "queue/state.h"

_Static_assert(ECHO__BATCH <= ECHO__RING && ECHO__STEAL_BATCH <= ECHO__RING,
               "a batch must fit an empty deque");

static size_t whole_lines(size_t bytes) {
  return (bytes + ECHO__LINE - 1) / ECHO__LINE * ECHO__LINE;
}

static void side_init(echo__side *s, unsigned index) {
  for (int class = 0; class < ECHO_PRIORITIES; class ++) {
    echo__deque_init(&s->deques[class]);
    echo__deque_init(&s->offers[class]);
  }
  echo__pinned_init(&s->pinned);
  echo__random_seed(&s->random, index);
}

static void *zeroed_lines(size_t bytes) {
  char *memory = aligned_alloc(ECHO__LINE, whole_lines(bytes));
  if (memory != NULL) {
    for (size_t i = 0; i < bytes; i++)
      memory[i] = 0;
  }
  return memory;
}

static echo_priority normal(const echo_node *node) {
  (void)node;
  return ECHO_PRIORITY_NORMAL;
}

int echo_queue_create(echo_queue **out, const echo_queue_options *options) {
  unsigned workers = options->workers;
  if (workers < 1 || workers > ECHO__MAX_WORKERS) return ECHO_INVALID;
  echo_queue *q = zeroed_lines(sizeof *q);
  if (q == NULL) return ECHO_MEMORY;
  q->workers = workers;
  q->words = (workers + ECHO__PRESENCE_BITS - 1) / ECHO__PRESENCE_BITS;
  q->fairness = options->fairness;
  q->priority_of = options->priority_of != NULL ? options->priority_of : normal;
  q->present = zeroed_lines(q->words * sizeof *q->present);
  q->sides = zeroed_lines(workers * sizeof *q->sides);
  if (q->present == NULL || q->sides == NULL) {
    echo_queue_destroy(q);
    return ECHO_MEMORY;
  }
  for (unsigned i = 0; i < workers; i++)
    side_init(&q->sides[i], i);
  for (int class = 0; class < ECHO_PRIORITIES; class ++)
    echo__injector_init(&q->injectors[class]);
  *out = q;
  return ECHO_OK;
}

void echo_queue_destroy(echo_queue *q) {
  if (q == NULL) return;
  free(q->sides);
  free(q->present);
  free(q);
}

/* -- putting in ------------------------------------------------------------------------------- */

void echo_queue_inject(echo_queue *q, echo_priority priority, echo_node *node) {
  echo__injector_push(&q->injectors[echo__class_of(priority)], node, node);
}

static void announce(echo_queue *q, unsigned worker, int class) {
  echo__side *s = &q->sides[worker];
  if (s->announced[class]) return;
  s->announced[class] = true;
  /* Relaxed: whoever must not miss the bit stands behind a fence (echo_queue_has_work). */
  echo__or(&q->present[worker / ECHO__PRESENCE_BITS].classes[class], echo__presence_bit(worker),
           relaxed);
}

void echo__side_withdraw(echo_queue *q, unsigned worker, int class) {
  echo__side *s = &q->sides[worker];
  if (!s->announced[class]) return;
  s->announced[class] = false;
  s->fed[class] = false;
  echo__and(&q->present[worker / ECHO__PRESENCE_BITS].classes[class], ~echo__presence_bit(worker),
            relaxed);
}

void echo__side_push(echo_queue *q, unsigned worker, int class, echo_node *node) {
  echo__deque *deque = &q->sides[worker].deques[class];
  while (!echo__deque_push(deque, node)) {
    echo_node *first, *last;
    if (echo__deque_take_oldest(deque, &first, &last) > 0) {
      echo__injector_push_chain(&q->injectors[class], first, last);
    }
  }
  announce(q, worker, class);
}

void echo_queue_push(echo_queue *q, unsigned worker, echo_priority priority, echo_node *node) {
  q->sides[worker].fed[echo__class_of(priority)] = true;
  echo__side_push(q, worker, echo__class_of(priority), node);
}

/* -- putting in for one worker ---------------------------------------------------------------- */

void echo_queue_pin(echo_queue *q, unsigned worker, echo_node *node) {
  echo__pinned_push(&q->sides[worker].pinned, node);
}

static void sort(echo_queue *q, unsigned worker, echo_node *chain) {
  while (chain != NULL) {
    echo_node *node = chain;
    chain = node->next;
    echo__pinned_append(&q->sides[worker].pinned, echo__class_of(q->priority_of(node)), node);
  }
}

void echo__side_sort_in(echo_queue *q, unsigned worker) {
  sort(q, worker, echo__pinned_open(&q->sides[worker].pinned));
}

void echo_queue_pin_own(echo_queue *q, unsigned worker, echo_node *node) {
  if (echo__pinned_arrived(&q->sides[worker].pinned)) echo__side_sort_in(q, worker);
  node->next = NULL;
  sort(q, worker, node);
}

void echo_queue_sort_pinned(echo_queue *q, unsigned worker) {
  sort(q, worker, echo__pinned_unsort(&q->sides[worker].pinned));
}

/* -- looking ---------------------------------------------------------------------------------- */

bool echo__class_waits(const echo_queue *q, int class) {
  if (echo__injector_waits(&q->injectors[class])) return true;
  for (unsigned word = 0; word < q->words; word++) {
    const echo__presence *present = &q->present[word];
    if (echo__load(&present->classes[class], relaxed) != 0) return true;
    if (echo__load(&present->offers[class], relaxed) != 0) return true;
  }
  return false;
}

/* A presence bit counts only if its deque holds something. */
static bool any_holds(const echo_queue *q, unsigned word, int class, bool offers, uint64_t bits) {
  for (; bits != 0; bits &= bits - 1) {
    unsigned worker = word * ECHO__PRESENCE_BITS + (unsigned)__builtin_ctzll(bits);
    const echo__side *s = &q->sides[worker];
    if (echo__deque_length(offers ? &s->offers[class] : &s->deques[class]) > 0) return true;
  }
  return false;
}

static bool class_has_work(const echo_queue *q, int class) {
  if (echo__injector_waits(&q->injectors[class])) return true;
  for (unsigned word = 0; word < q->words; word++) {
    const echo__presence *present = &q->present[word];
    uint64_t deques = echo__load(&present->classes[class], relaxed);
    uint64_t offers = echo__load(&present->offers[class], relaxed);
    if (any_holds(q, word, class, false, deques)) return true;
    if (any_holds(q, word, class, true, offers)) return true;
  }
  return false;
}

bool echo_queue_has_work_from(const echo_queue *q, echo_priority priority) {
  for (int class = 0; class <= echo__class_of(priority); class ++) {
    if (class_has_work(q, class)) return true;
  }
  return false;
}

bool echo_queue_has_work_of(const echo_queue *q, echo_priority priority) {
  return class_has_work(q, echo__class_of(priority));
}

bool echo_queue_has_work(const echo_queue *q) {
  return echo_queue_has_work_from(q, ECHO_PRIORITY_LOW);
}

bool echo_queue_has_pinned(const echo_queue *q, unsigned worker) {
  return echo__pinned_arrived(&q->sides[worker].pinned);
}

bool echo_queue_has_pinned_from(echo_queue *q, unsigned worker, echo_priority priority) {
  const echo__pinned *pinned = &q->sides[worker].pinned;
  if (echo__pinned_arrived(pinned)) echo__side_sort_in(q, worker);
  for (int class = 0; class <= echo__class_of(priority); class ++) {
    if (echo__pinned_waits(pinned, class)) return true;
  }
  return false;
}

bool echo_queue_has_work_for(echo_queue *q, unsigned worker, echo_priority priority) {
  const echo__pinned *pinned = &q->sides[worker].pinned;
  if (echo__pinned_arrived(pinned)) echo__side_sort_in(q, worker);
  for (int class = 0; class <= echo__class_of(priority); class ++) {
    if (echo__pinned_waits(pinned, class) || class_has_work(q, class)) return true;
  }
  return false;
}
