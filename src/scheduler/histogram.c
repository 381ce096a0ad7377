#include "scheduler/histogram.h"

unsigned echo__range_of(uint64_t nanoseconds) {
  if (nanoseconds < ECHO__STEPS) return (unsigned)nanoseconds;
  unsigned doubling = 63 - (unsigned)__builtin_clzll(nanoseconds) - ECHO__STEP_BITS;
  if (doubling >= ECHO__DOUBLINGS) return ECHO__RANGES - 1;
  unsigned step = (unsigned)(nanoseconds >> doubling) - ECHO__STEPS;
  return ECHO__STEPS * (doubling + 1) + step;
}

uint64_t echo__range_middle(unsigned range) {
  if (range < ECHO__STEPS) return range;
  unsigned doubling = range / ECHO__STEPS - 1;
  uint64_t lowest = (uint64_t)(ECHO__STEPS + range % ECHO__STEPS) << doubling;
  return lowest + (UINT64_C(1) << doubling) / 2;
}

static void add(echo__atomic(uint64_t) * number, uint64_t amount) {
  echo__store(number, echo__load(number, relaxed) + amount, relaxed);
}

void echo__histogram_enter(echo__histogram *h, uint64_t nanoseconds) {
  add(&h->counts[echo__range_of(nanoseconds)], 1);
  add(&h->sum, nanoseconds);
  if (nanoseconds > echo__load(&h->longest, relaxed))
    echo__store(&h->longest, nanoseconds, relaxed);
}

void echo__histogram_add(const echo__histogram *h, echo__merged *sum) {
  for (unsigned i = 0; i < ECHO__RANGES; i++)
    sum->counts[i] += echo__load(&h->counts[i], relaxed);
  sum->sum += echo__load(&h->sum, relaxed);
  uint64_t longest = echo__load(&h->longest, relaxed);
  if (longest > sum->longest) sum->longest = longest;
}

/* The duration that so many of the entries do not exceed; the longest bounds what a range's middle
 * would overstate. */
static double nth(const echo__merged *sum, uint64_t number) {
  uint64_t seen = 0;
  unsigned range = 0;
  while (range < ECHO__RANGES - 1 && (seen += sum->counts[range]) < number)
    range++;
  uint64_t middle = echo__range_middle(range);
  return (double)(middle < sum->longest ? middle : sum->longest) / 1e9;
}

static double share(const echo__merged *sum, uint64_t count, unsigned thousandths) {
  uint64_t number = (count * thousandths + 999) / 1000;
  return nth(sum, number);
}

echo_distribution echo__distribution_of(const echo__merged *sum) {
  uint64_t count = 0;
  for (unsigned i = 0; i < ECHO__RANGES; i++)
    count += sum->counts[i];
  echo_distribution d = {.count = count};
  if (count == 0) return d;
  d.sum = (double)sum->sum / 1e9;
  d.p50 = share(sum, count, 500);
  d.p90 = share(sum, count, 900);
  d.p99 = share(sum, count, 990);
  d.max = (double)sum->longest / 1e9;
  return d;
}
