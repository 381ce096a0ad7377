#include "memory.hpp"

namespace model {

memory the;
unsigned views_used;

void memory_start(unsigned threads) {
  for (auto &t : the.threads) {
    t.now = t.acquired = t.released = view();
  }
  for (unsigned i = 0; i < threads; i++)
    the.threads[i].now.clock[i] = 1;
  for (unsigned i = 0; i < LOCATIONS; i++)
    the.sc[i] = the.top[i] = 0;
  the.spares = 0;
  the.open = false;
  views_used = 0;
}

unsigned location_make() {
  if (the.spares > 0) return the.spare[--the.spares];
  if (views_used == LOCATIONS) fail("the model has too many atomics");
  return views_used++;
}

void location_free(unsigned location) {
  the.spare[the.spares++] = location;
}

void fence(order o, const char *function, unsigned line) {
  step();
  auto &t = the.threads[self()];
  if (acquires(o)) t.now.join(t.acquired);
  if (o == mo_seq_cst) {
    t.now.join_seen(the.sc);
    for (unsigned i = 0; i < views_used; i++)
      the.sc[i] = t.now.seen[i];
    t.acquired.join(t.now);
  }
  if (releases(o)) {
    t.released = t.now;
    t.now.clock[self()]++;
  }
  record(function, line, "fence");
}

} // namespace model
