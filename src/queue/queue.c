/*
 * The order of taking. For each class from high to low: the worker's own deque, the injector,
 * the other workers' deques. Only then the next class.
 *
 * `present` has a bit per class and worker: set by the owner when it pushes, cleared by the owner
 * when it finds its deque of that class empty. It makes "does anybody hold a high task?" one load
 * for 64 workers, which is what lets the rule above hold at every take. A set bit may be out of
 * date (thieves took the last node); a clear one is not, but for a push that is still under way.
 */
#include <echo/queue.h>
#include <stdlib.h>

#include "base/random.h"
#include "queue/deque.h"
#include "queue/injector.h"

enum { WORD_BITS = 64, STEAL_TRIES = 4 };

_Static_assert(ECHO__BATCH <= ECHO__RING && ECHO__STEAL_BATCH <= ECHO__RING,
               "a batch must fit an empty deque");

/* What belongs to one worker. */
typedef struct side {
  echo__deque deques[ECHO_PRIORITIES];
  ECHO__ALIGNED echo__random random;
  bool announced[ECHO_PRIORITIES];  /* the worker's bits in `present` */
  bool fed[ECHO_PRIORITIES];        /* the owner has pushed since the deque was last empty */
  unsigned passed[ECHO_PRIORITIES]; /* starts that passed over the class while it waited */
  unsigned streak;                  /* starts in a row that passed over any class */
  unsigned since_injector;          /* takes since the injectors came first */
} side;

typedef struct presence {
  echo__atomic(uint64_t) classes[ECHO_PRIORITIES];
} presence;

struct echo_queue {
  unsigned workers, words, fairness;
  presence *present; /* `words` of them */
  side *sides;       /* `workers` of them */
  echo__injector injectors[ECHO_PRIORITIES];
};

static int class_of(echo_priority priority) {
  return ECHO_PRIORITY_HIGH - (int)priority;
}

static echo_priority priority_of(int class) {
  return (echo_priority)(ECHO_PRIORITY_HIGH - class);
}

static size_t whole_lines(size_t bytes) {
  return (bytes + ECHO__LINE - 1) / ECHO__LINE * ECHO__LINE;
}

static void side_init(side *s, unsigned index) {
  for (int class = 0; class < ECHO_PRIORITIES; class ++)
    echo__deque_init(&s->deques[class]);
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

int echo_queue_create(echo_queue **out, const echo_queue_options *options) {
  unsigned workers = options->workers;
  if (workers < 1 || workers > ECHO__MAX_WORKERS) return ECHO_INVALID;
  echo_queue *q = zeroed_lines(sizeof *q);
  if (q == NULL) return ECHO_MEMORY;
  q->workers = workers;
  q->words = (workers + WORD_BITS - 1) / WORD_BITS;
  q->fairness = options->fairness;
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
  echo__injector_push(&q->injectors[class_of(priority)], node, node);
}

static void announce(echo_queue *q, unsigned worker, int class) {
  side *s = &q->sides[worker];
  if (s->announced[class]) return;
  s->announced[class] = true;
  /* Relaxed: whoever must not miss the bit stands behind a fence (echo_queue_has_work). */
  echo__or(&q->present[worker / WORD_BITS].classes[class], UINT64_C(1) << (worker % WORD_BITS),
           relaxed);
}

static void withdraw(echo_queue *q, unsigned worker, int class) {
  side *s = &q->sides[worker];
  if (!s->announced[class]) return;
  s->announced[class] = false;
  s->fed[class] = false;
  echo__and(&q->present[worker / WORD_BITS].classes[class], ~(UINT64_C(1) << (worker % WORD_BITS)),
            relaxed);
}

static void push(echo_queue *q, unsigned worker, int class, echo_node *node) {
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
  q->sides[worker].fed[class_of(priority)] = true;
  push(q, worker, class_of(priority), node);
}

/* Puts taken nodes into the worker's deque so that it pops them in the order of the array. */
static void push_in_order(echo_queue *q, unsigned worker, int class, echo_node **nodes,
                          unsigned count) {
  while (count > 0)
    push(q, worker, class, nodes[--count]);
}

/* -- looking ---------------------------------------------------------------------------------- */

static bool class_waits(const echo_queue *q, int class) {
  if (echo__injector_waits(&q->injectors[class])) return true;
  for (unsigned word = 0; word < q->words; word++) {
    if (echo__load(&q->present[word].classes[class], relaxed) != 0) return true;
  }
  return false;
}

/* As class_waits, but a presence bit counts only if its deque holds something. */
static bool class_has_work(const echo_queue *q, int class) {
  if (echo__injector_waits(&q->injectors[class])) return true;
  for (unsigned word = 0; word < q->words; word++) {
    uint64_t bits = echo__load(&q->present[word].classes[class], relaxed);
    for (; bits != 0; bits &= bits - 1) {
      unsigned worker = word * WORD_BITS + (unsigned)__builtin_ctzll(bits);
      if (echo__deque_length(&q->sides[worker].deques[class]) > 0) return true;
    }
  }
  return false;
}

bool echo_queue_has_work_from(const echo_queue *q, echo_priority priority) {
  for (int class = 0; class <= class_of(priority); class ++) {
    if (class_has_work(q, class)) return true;
  }
  return false;
}

bool echo_queue_has_work(const echo_queue *q) {
  return echo_queue_has_work_from(q, ECHO_PRIORITY_LOW);
}

/* -- taking ----------------------------------------------------------------------------------- */

static echo_steal found(echo_taken *taken, echo_node *node, int class, bool more, bool stolen) {
  *taken = (echo_taken){node, priority_of(class), more, stolen};
  return ECHO_STEAL_TAKEN;
}

static echo_steal take_own(echo_queue *q, unsigned worker, int class, echo_taken *taken) {
  side *s = &q->sides[worker];
  if (!s->announced[class]) return ECHO_STEAL_EMPTY;
  echo_node *node = echo__deque_pop(&s->deques[class]);
  if (node != NULL) return found(taken, node, class, false, false);
  withdraw(q, worker, class);
  return ECHO_STEAL_EMPTY;
}

static echo_steal take_injected(echo_queue *q, unsigned worker, int class, unsigned limit,
                                echo_taken *taken) {
  if (!echo__injector_waits(&q->injectors[class])) return ECHO_STEAL_EMPTY;
  echo__batch batch;
  echo_steal outcome = echo__injector_take(&q->injectors[class], limit, &batch);
  if (outcome != ECHO_STEAL_TAKEN) return outcome;
  push_in_order(q, worker, class, batch.nodes + 1, batch.count - 1);
  return found(taken, batch.nodes[0], class, batch.left || batch.count > 1, false);
}

/* Takes up to half of what the victim has, oldest first; the first is to run, the others go into
 * the thief's own deque, which is empty for this class. */
static echo_steal steal_from(echo_queue *q, unsigned thief, unsigned victim, int class,
                             echo_taken *taken) {
  echo__deque *deque = &q->sides[victim].deques[class];
  int64_t half = (echo__deque_length(deque) + 1) / 2;
  unsigned want = half < ECHO__STEAL_BATCH ? (unsigned)half : ECHO__STEAL_BATCH;
  echo_node *nodes[ECHO__STEAL_BATCH];
  unsigned count = 0;
  echo_steal outcome = ECHO_STEAL_EMPTY;
  for (int tries = 0; count < want && tries < STEAL_TRIES;) {
    outcome = echo__deque_steal(deque, &nodes[count]);
    if (outcome == ECHO_STEAL_EMPTY) break;
    if (outcome == ECHO_STEAL_TAKEN)
      count++;
    else
      tries++;
  }
  if (count == 0) return outcome;
  push_in_order(q, thief, class, nodes + 1, count - 1);
  return found(taken, nodes[0], class, count > 1, true);
}

static uint64_t rotate_right(uint64_t bits, unsigned by) {
  return by == 0 ? bits : bits >> by | bits << (WORD_BITS - by);
}

/* Tries the workers of one word of presence bits, from a random one on. */
static echo_steal steal_in_word(echo_queue *q, unsigned thief, unsigned word, int class,
                                echo_taken *taken) {
  uint64_t bits = echo__load(&q->present[word].classes[class], relaxed);
  if (thief / WORD_BITS == word) bits &= ~(UINT64_C(1) << (thief % WORD_BITS));
  if (bits == 0) return ECHO_STEAL_EMPTY;
  unsigned start = echo__random_below(&q->sides[thief].random, WORD_BITS);
  echo_steal outcome = ECHO_STEAL_EMPTY;
  for (bits = rotate_right(bits, start); bits != 0; bits &= bits - 1) {
    unsigned bit = ((unsigned)__builtin_ctzll(bits) + start) % WORD_BITS;
    echo_steal one = steal_from(q, thief, word * WORD_BITS + bit, class, taken);
    if (one == ECHO_STEAL_TAKEN) return one;
    if (one == ECHO_STEAL_RETRY) outcome = one;
  }
  return outcome;
}

static echo_steal steal(echo_queue *q, unsigned thief, int class, echo_taken *taken) {
  unsigned first = q->words == 1 ? 0 : echo__random_below(&q->sides[thief].random, q->words);
  echo_steal outcome = ECHO_STEAL_EMPTY;
  for (unsigned i = 0; i < q->words; i++) {
    echo_steal one = steal_in_word(q, thief, (first + i) % q->words, class, taken);
    if (one == ECHO_STEAL_TAKEN) return one;
    if (one == ECHO_STEAL_RETRY) outcome = one;
  }
  return outcome;
}

/* The three places of one class. The last place's RETRY is not lost if an earlier one said it. */
static echo_steal take_class(echo_queue *q, unsigned worker, int class, echo_taken *taken) {
  if (take_own(q, worker, class, taken) == ECHO_STEAL_TAKEN) return ECHO_STEAL_TAKEN;
  echo_steal injected = take_injected(q, worker, class, ECHO__BATCH, taken);
  if (injected == ECHO_STEAL_TAKEN) return injected;
  echo_steal stolen = steal(q, worker, class, taken);
  return stolen == ECHO_STEAL_EMPTY ? injected : stolen;
}

/* A class whose turn it is by fairness: the one passed over most, or -1. */
static int overdue_class(const echo_queue *q, const side *s) {
  if (q->fairness == 0 || s->streak + 1 < q->fairness) return -1;
  int overdue = -1;
  for (int class = 1; class < ECHO_PRIORITIES; class ++) {
    if (s->passed[class] > 0 && (overdue < 0 || s->passed[class] > s->passed[overdue])) {
      overdue = class;
    }
  }
  return overdue;
}

/* The injector comes first here: it holds what has waited longest. */
static echo_steal take_overdue(echo_queue *q, unsigned worker, echo_taken *taken) {
  side *s = &q->sides[worker];
  int class = overdue_class(q, s);
  if (class < 0) return ECHO_STEAL_EMPTY;
  s->streak = 0;
  s->passed[class] = 0;
  echo_steal outcome = take_injected(q, worker, class, 1, taken);
  return outcome == ECHO_STEAL_TAKEN ? outcome : take_class(q, worker, class, taken);
}

/* Counts the classes below a start that had to wait once more. */
static void note_passed(echo_queue *q, side *s, int class) {
  bool passed = false;
  s->passed[class] = 0;
  for (int lower = class + 1; lower < ECHO_PRIORITIES; lower++) {
    bool waits = class_waits(q, lower);
    s->passed[lower] = waits ? s->passed[lower] + 1 : 0;
    passed |= waits;
  }
  s->streak = passed ? s->streak + 1 : 0;
}

/* A worker whose own deque never runs dry, because its tasks push new ones, still looks at the
 * injectors now and then; the highest class that waits goes first here too. What lies in a deque
 * only because it came from the injector keeps its place before what came later. */
static echo_steal take_injected_in_turn(echo_queue *q, unsigned worker, echo_taken *taken) {
  side *s = &q->sides[worker];
  if (++s->since_injector < ECHO__FAIRNESS) return ECHO_STEAL_EMPTY;
  s->since_injector = 0;
  for (int class = 0; class < ECHO_PRIORITIES; class ++) {
    if (s->fed[class] && take_injected(q, worker, class, 1, taken) == ECHO_STEAL_TAKEN) {
      return ECHO_STEAL_TAKEN;
    }
    if (class_waits(q, class)) return ECHO_STEAL_EMPTY;
  }
  return ECHO_STEAL_EMPTY;
}

echo_steal echo_queue_take(echo_queue *q, unsigned worker, echo_taken *taken) {
  side *s = &q->sides[worker];
  if (take_overdue(q, worker, taken) == ECHO_STEAL_TAKEN) return ECHO_STEAL_TAKEN;
  echo_steal outcome = take_injected_in_turn(q, worker, taken);
  for (int class = 0; class < ECHO_PRIORITIES && outcome != ECHO_STEAL_TAKEN; class ++) {
    echo_steal one = take_class(q, worker, class, taken);
    if (one != ECHO_STEAL_EMPTY) outcome = one;
  }
  if (outcome == ECHO_STEAL_TAKEN) note_passed(q, s, class_of(taken->priority));
  return outcome;
}

static echo_steal evict_class(echo_queue *q, int class, echo_taken *taken) {
  echo__batch batch;
  echo_steal outcome = echo__injector_take(&q->injectors[class], 1, &batch);
  if (outcome == ECHO_STEAL_TAKEN) return found(taken, batch.nodes[0], class, false, false);
  for (unsigned i = 0; i < q->workers; i++) {
    echo_node *node;
    echo_steal one = echo__deque_steal(&q->sides[i].deques[class], &node);
    if (one == ECHO_STEAL_TAKEN) return found(taken, node, class, false, false);
    if (one == ECHO_STEAL_RETRY) outcome = one;
  }
  return outcome;
}

echo_steal echo_queue_evict(echo_queue *q, echo_taken *taken) {
  echo_steal outcome = ECHO_STEAL_EMPTY;
  for (int class = 0; class < ECHO_PRIORITIES; class ++) {
    echo_steal one = evict_class(q, class, taken);
    if (one == ECHO_STEAL_TAKEN) return one;
    if (one == ECHO_STEAL_RETRY) outcome = one;
  }
  return outcome;
}
