/*
 * The order of taking. For each class from high to low: what is pinned to the worker, its own
 * deque, the injector, what is on offer, the other workers' deques. Only then the next class.
 *
 * Within a class the pinned ones go first, but take turns with what lies in the own deque and the
 * injector: tasks that go on again and again must not keep new ones of their class from starting,
 * nor these keep those from going on. Stealing comes last; what waits in another's deque has an
 * owner that comes to it, and so has what is on offer.
 */
#include "queue/state.h"

enum { STEAL_TRIES = 4 };

static echo_steal found(echo_taken *taken, echo_node *node, int class, bool more, bool stolen) {
  *taken = (echo_taken){
      .node = node, .priority = echo__priority_of(class), .more = more, .stolen = stolen};
  return ECHO_STEAL_TAKEN;
}

static echo_steal take_own(echo_queue *q, unsigned worker, int class, echo_taken *taken) {
  echo__side *s = &q->sides[worker];
  if (!s->announced[class]) return ECHO_STEAL_EMPTY;
  echo_node *node = echo__deque_pop(&s->deques[class]);
  if (node != NULL) return found(taken, node, class, false, false);
  echo__side_withdraw(q, worker, class);
  return ECHO_STEAL_EMPTY;
}

/* Puts taken nodes into the worker's deque so that it pops them in the order of the array. */
static void push_in_order(echo_queue *q, unsigned worker, int class, echo_node **nodes,
                          unsigned count) {
  while (count > 0)
    echo__side_push(q, worker, class, nodes[--count]);
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
  return by == 0 ? bits : bits >> by | bits << (ECHO__PRESENCE_BITS - by);
}

static echo_steal accept_from(echo_queue *q, unsigned taker, unsigned worker, int class,
                              echo_taken *taken) {
  echo_node *node;
  echo_steal outcome = echo__offer_accept(q, taker, worker, class, &node);
  if (outcome != ECHO_STEAL_TAKEN) return outcome;
  bool more = echo__deque_length(&q->sides[worker].offers[class]) > 0;
  found(taken, node, class, more, worker != taker);
  taken->offered = true;
  return ECHO_STEAL_TAKEN;
}

/* Where a worker looks when it looks at others. */
typedef echo_steal look(echo_queue *q, unsigned thief, unsigned victim, int class,
                        echo_taken *taken);

static uint64_t seen_in_word(const echo_queue *q, unsigned thief, unsigned word, int class,
                             look *one) {
  const echo__presence *present = &q->present[word];
  if (one == accept_from) return echo__load(&present->offers[class], relaxed);
  uint64_t bits = echo__load(&present->classes[class], relaxed);
  return thief / ECHO__PRESENCE_BITS == word ? bits & ~echo__presence_bit(thief) : bits;
}

/* Tries the workers of one word of presence bits, from a random one on. */
static echo_steal look_in_word(echo_queue *q, unsigned thief, unsigned word, int class, look *one,
                               echo_taken *taken) {
  uint64_t bits = seen_in_word(q, thief, word, class, one);
  if (bits == 0) return ECHO_STEAL_EMPTY;
  unsigned start = echo__random_below(&q->sides[thief].random, ECHO__PRESENCE_BITS);
  echo_steal outcome = ECHO_STEAL_EMPTY;
  for (bits = rotate_right(bits, start); bits != 0; bits &= bits - 1) {
    unsigned bit = ((unsigned)__builtin_ctzll(bits) + start) % ECHO__PRESENCE_BITS;
    echo_steal here = one(q, thief, word * ECHO__PRESENCE_BITS + bit, class, taken);
    if (here == ECHO_STEAL_TAKEN) return here;
    if (here == ECHO_STEAL_RETRY) outcome = here;
  }
  return outcome;
}

static echo_steal look_round(echo_queue *q, unsigned thief, int class, look *one,
                             echo_taken *taken) {
  unsigned first = q->words == 1 ? 0 : echo__random_below(&q->sides[thief].random, q->words);
  echo_steal outcome = ECHO_STEAL_EMPTY;
  for (unsigned i = 0; i < q->words; i++) {
    echo_steal here = look_in_word(q, thief, (first + i) % q->words, class, one, taken);
    if (here == ECHO_STEAL_TAKEN) return here;
    if (here == ECHO_STEAL_RETRY) outcome = here;
  }
  return outcome;
}

/* What is on offer is part of a task that has begun, so it goes before what has not. */
static echo_steal take_far(echo_queue *q, unsigned worker, int class, echo_taken *taken) {
  echo_steal accepted = look_round(q, worker, class, accept_from, taken);
  if (accepted == ECHO_STEAL_TAKEN) return accepted;
  echo_steal stolen = look_round(q, worker, class, steal_from, taken);
  return stolen == ECHO_STEAL_EMPTY ? accepted : stolen;
}

static echo_steal take_pinned(echo_queue *q, unsigned worker, int class, echo_taken *taken) {
  echo_node *node = echo__pinned_take(&q->sides[worker].pinned, class);
  if (node == NULL) return ECHO_STEAL_EMPTY;
  found(taken, node, class, false, false);
  taken->pinned = true;
  return ECHO_STEAL_TAKEN;
}

/* The own deque and the injector. */
static inline echo_steal take_near(echo_queue *q, unsigned worker, int class, echo_taken *taken) {
  if (take_own(q, worker, class, taken) == ECHO_STEAL_TAKEN) return ECHO_STEAL_TAKEN;
  return take_injected(q, worker, class, ECHO__BATCH, taken);
}

/* False if take_far would find nobody to look at. */
static inline bool others_have(const echo_queue *q, unsigned worker, int class) {
  if (q->words > 1) return true;
  uint64_t deques = echo__load(&q->present[0].classes[class], relaxed);
  uint64_t offers = echo__load(&q->present[0].offers[class], relaxed);
  return ((deques & ~echo__presence_bit(worker)) | offers) != 0;
}

/* A class of which something is pinned to the worker. */
static echo_steal take_by_turns(echo_queue *q, unsigned worker, int class, echo_taken *taken) {
  bool *yields = &q->sides[worker].yields[class];
  if (*yields && take_near(q, worker, class, taken) == ECHO_STEAL_TAKEN) {
    *yields = false;
    return ECHO_STEAL_TAKEN;
  }
  *yields = true;
  return take_pinned(q, worker, class, taken);
}

/* The places of one class. The last place's RETRY is not lost if an earlier one said it. */
static echo_steal take_class(echo_queue *q, unsigned worker, int class, echo_taken *taken) {
  if (echo__pinned_waits(&q->sides[worker].pinned, class)) {
    return take_by_turns(q, worker, class, taken);
  }
  echo_steal near = take_near(q, worker, class, taken);
  if (near == ECHO_STEAL_TAKEN || !others_have(q, worker, class)) return near;
  echo_steal far = take_far(q, worker, class, taken);
  return far == ECHO_STEAL_EMPTY ? near : far;
}

/* A class whose turn it is by fairness: the one passed over most, or -1. */
static int overdue_class(const echo_queue *q, const echo__side *s) {
  if (q->fairness == 0 || s->streak + 1 < q->fairness) return -1;
  int overdue = -1;
  for (int class = 1; class < ECHO_PRIORITIES; class ++) {
    if (s->passed[class] > 0 && (overdue < 0 || s->passed[class] > s->passed[overdue])) {
      overdue = class;
    }
  }
  return overdue;
}

/* The injector comes first here, in turn with the pinned ones: it holds what has waited longest. */
static echo_steal take_overdue(echo_queue *q, unsigned worker, int lowest, echo_taken *taken) {
  echo__side *s = &q->sides[worker];
  int class = overdue_class(q, s);
  if (class < 0 || class > lowest) return ECHO_STEAL_EMPTY;
  s->streak = 0;
  s->passed[class] = 0;
  if ((s->yields[class] || !echo__pinned_waits(&s->pinned, class)) &&
      take_injected(q, worker, class, 1, taken) == ECHO_STEAL_TAKEN) {
    s->yields[class] = false;
  } else if (take_class(q, worker, class, taken) != ECHO_STEAL_TAKEN) {
    return ECHO_STEAL_EMPTY;
  }
  taken->fair = true;
  return ECHO_STEAL_TAKEN;
}

static bool class_waits(const echo_queue *q, const echo__side *s, int class) {
  return echo__pinned_waits(&s->pinned, class) || echo__class_waits(q, class);
}

/* Counts the classes below a start that had to wait once more; `pinned`: as far as they are. */
static void note_passed(const echo_queue *q, echo__side *s, int class, bool pinned) {
  bool passed = false;
  s->passed[class] = 0;
  for (int lower = class + 1; lower < ECHO_PRIORITIES; lower++) {
    bool waits = pinned ? echo__pinned_waits(&s->pinned, lower) : class_waits(q, s, lower);
    s->passed[lower] = waits ? s->passed[lower] + 1 : 0;
    passed |= waits;
  }
  s->streak = passed ? s->streak + 1 : 0;
}

/* What take_class would leave waiting: the injector behind a deque that the worker's
 * own tasks keep filled (what lies there only because it came from the injector keeps its place),
 * and others' deques behind pinned nodes. */
static echo_steal take_neglected(echo_queue *q, unsigned worker, int class, echo_taken *taken) {
  echo__side *s = &q->sides[worker];
  if (s->fed[class] && take_injected(q, worker, class, 1, taken) == ECHO_STEAL_TAKEN) {
    return ECHO_STEAL_TAKEN;
  }
  if (s->announced[class] || !echo__pinned_waits(&s->pinned, class)) return ECHO_STEAL_EMPTY;
  return take_far(q, worker, class, taken);
}

/* A worker that always finds something close at hand still looks further now and then; the highest
 * class that waits goes first here too. */
static echo_steal take_in_turn(echo_queue *q, unsigned worker, int lowest, echo_taken *taken) {
  echo__side *s = &q->sides[worker];
  if (++s->since_turn < ECHO__FAIRNESS) return ECHO_STEAL_EMPTY;
  s->since_turn = 0;
  for (int class = 0; class <= lowest; class ++) {
    if (take_neglected(q, worker, class, taken) == ECHO_STEAL_TAKEN) return ECHO_STEAL_TAKEN;
    if (class_waits(q, s, class)) return ECHO_STEAL_EMPTY;
  }
  return ECHO_STEAL_EMPTY;
}

static echo_steal take_down_to(echo_queue *q, unsigned worker, int lowest, echo_taken *taken) {
  echo__side *s = &q->sides[worker];
  if (echo__pinned_arrived(&s->pinned)) echo__side_sort_in(q, worker);
  if (take_overdue(q, worker, lowest, taken) == ECHO_STEAL_TAKEN) return ECHO_STEAL_TAKEN;
  echo_steal outcome = take_in_turn(q, worker, lowest, taken);
  for (int class = 0; class <= lowest && outcome != ECHO_STEAL_TAKEN; class ++) {
    echo_steal one = take_class(q, worker, class, taken);
    if (one != ECHO_STEAL_EMPTY) outcome = one;
  }
  if (outcome == ECHO_STEAL_TAKEN) note_passed(q, s, echo__class_of(taken->priority), false);
  return outcome;
}

echo_steal echo_queue_take(echo_queue *q, unsigned worker, echo_taken *taken) {
  return take_down_to(q, worker, ECHO_PRIORITIES - 1, taken);
}

echo_steal echo_queue_take_from(echo_queue *q, unsigned worker, echo_priority lowest,
                                echo_taken *taken) {
  return take_down_to(q, worker, echo__class_of(lowest), taken);
}

static echo_steal take_overdue_pinned(echo_queue *q, unsigned worker, int lowest,
                                      echo_taken *taken) {
  echo__side *s = &q->sides[worker];
  int class = overdue_class(q, s);
  if (class < 0 || class > lowest) return ECHO_STEAL_EMPTY;
  s->streak = 0;
  s->passed[class] = 0;
  if (take_pinned(q, worker, class, taken) != ECHO_STEAL_TAKEN) return ECHO_STEAL_EMPTY;
  taken->fair = true;
  return ECHO_STEAL_TAKEN;
}

/* Of the other classes only what is pinned: nobody else would come for it, so fairness counts for
 * that, too. */
echo_steal echo_queue_take_high(echo_queue *q, unsigned worker, echo_priority lowest,
                                echo_taken *taken) {
  echo__side *s = &q->sides[worker];
  if (echo__pinned_arrived(&s->pinned)) echo__side_sort_in(q, worker);
  echo_steal outcome = take_overdue_pinned(q, worker, echo__class_of(lowest), taken);
  if (outcome == ECHO_STEAL_TAKEN) return outcome;
  outcome = take_in_turn(q, worker, 0, taken);
  if (outcome != ECHO_STEAL_TAKEN) outcome = take_class(q, worker, 0, taken);
  for (int class = 1; class <= echo__class_of(lowest) && outcome == ECHO_STEAL_EMPTY; class ++)
    outcome = take_pinned(q, worker, class, taken);
  if (outcome == ECHO_STEAL_TAKEN) note_passed(q, s, echo__class_of(taken->priority), true);
  return outcome;
}

echo_node *echo_queue_take_pinned(echo_queue *q, unsigned worker) {
  echo__pinned *pinned = &q->sides[worker].pinned;
  if (echo__pinned_arrived(pinned)) echo__side_sort_in(q, worker);
  echo_node *node = NULL;
  for (int class = 0; class < ECHO_PRIORITIES && node == NULL; class ++)
    node = echo__pinned_take(pinned, class);
  return node;
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
