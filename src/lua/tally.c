#include "lua/tally.h"

#include "lua/runtime.h"

void echo__tally_end(echo__runtime *runtime, int way, int by) {
  uint64_t change = (uint64_t)(int64_t)by;
  int worker = echo_worker_index(runtime->scheduler);
  if (worker < 0) {
    echo__add(&runtime->tally.ends[way], change, relaxed);
    return;
  }
  echo__atomic(uint64_t) *count = &runtime->states[worker].tally.ends[way];
  echo__store(count, echo__load(count, relaxed) + change, relaxed);
}

uint64_t echo__tally_ended(const echo__runtime *runtime, int way) {
  uint64_t sum = echo__load(&runtime->tally.ends[way], relaxed);
  for (unsigned i = 0; i < runtime->workers; i++)
    sum += echo__load(&runtime->states[i].tally.ends[way], relaxed);
  return sum;
}
