// libdispatch: its global queue, which has as many threads as it sees fit: one for each processor.
#ifndef __clang__ // for which alone its headers are written
#define __has_feature(name)   0
#define __has_extension(name) 0
#endif
#include <dispatch/dispatch.h>

#include "contestant.h"

namespace cpeers {
namespace {

void call(void *argument) {
  reinterpret_cast<task>(argument)();
}

struct by_dispatch : contestant {
  dispatch_queue_t queue = dispatch_get_global_queue(DISPATCH_QUEUE_PRIORITY_DEFAULT, 0);

  void submit(task function, int count) override {
    for (int i = 0; i < count; i++)
      dispatch_async_f(queue, reinterpret_cast<void *>(function), call);
  }
};

} // namespace

std::unique_ptr<contestant> start_dispatch(unsigned) {
  return std::make_unique<by_dispatch>();
}

} // namespace cpeers
