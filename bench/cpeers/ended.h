// How many tasks have ended: the same for all libraries, so that each may queue in its cheapest
// way, with nobody told of the end. Each thread counts for itself, in a cache line of its own. Any
// thread.
#ifndef BENCH_CPEERS_ENDED_H
#define BENCH_CPEERS_ENDED_H

namespace cpeers {

// A task that does nothing else.
void count_end();

// Sleeps until so many have ended since the process began.
void wait_for_ends(long count);

} // namespace cpeers

#endif
