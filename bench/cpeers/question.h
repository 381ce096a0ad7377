// What bench-cpeers asks, and how one contestant is measured in the process that is its own.
#ifndef BENCH_CPEERS_QUESTION_H
#define BENCH_CPEERS_QUESTION_H

#include <memory>
#include <vector>

#include "contestant.h"

namespace cpeers {

using starter = std::unique_ptr<contestant> (*)(unsigned workers);

// One that is measured: who is started, with so many workers, and how much is asked.
struct trial {
  starter start;
  unsigned workers;
  int amount;
};

struct row {
  const char *text, *unit;
};

struct question {
  const char *name;
  std::vector<row> rows;
  int amount;                                    // as BENCH_SCALE wants it
  std::vector<double> (*measure)(const trial &); // a value for each row
};

const std::vector<question> &questions();

} // namespace cpeers

#endif
