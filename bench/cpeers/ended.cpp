#include "ended.h"

#include <unistd.h>

#include <atomic>

namespace cpeers {
namespace {

// Kept when its thread ends: what it has counted still counts.
struct alignas(64) counter {
  std::atomic<long> ended{0};
  counter *next = nullptr;
};

std::atomic<counter *> counters{nullptr};
thread_local counter *own = nullptr;

counter *add_counter() {
  auto *added = new counter;
  added->next = counters;
  while (!counters.compare_exchange_weak(added->next, added)) {
  }
  return added;
}

long all_ended() {
  long sum = 0;
  for (counter *each = counters; each != nullptr; each = each->next)
    sum += each->ended.load(std::memory_order_acquire);
  return sum;
}

} // namespace

void count_end() {
  if (own == nullptr) own = add_counter();
  own->ended.store(own->ended.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

void wait_for_ends(long count) {
  while (all_ended() < count)
    usleep(100);
}

} // namespace cpeers
