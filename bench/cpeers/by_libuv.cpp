// libuv: the pool behind uv_queue_work, whose requests are the caller's memory and come from the
// loop's own thread.
#include <uv.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "contestant.h"

namespace cpeers {
namespace {

void call(uv_work_t *request) {
  reinterpret_cast<task>(request->data)();
}

struct by_libuv : contestant {
  uv_loop_t loop;
  std::vector<uv_work_t> requests;
  size_t used = 0;

  explicit by_libuv(unsigned workers) {
    setenv("UV_THREADPOOL_SIZE", std::to_string(workers).c_str(), 1);
    uv_loop_init(&loop);
  }
  ~by_libuv() override {
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
  }
  void reserve(int tasks) override {
    requests = std::vector<uv_work_t>(static_cast<size_t>(tasks));
  }
  // Its loop is told of each.
  void wait(long count) override {
    uv_run(&loop, UV_RUN_DEFAULT);
    wait_for_ends(count);
  }
  void submit(task function, int count) override {
    for (int i = 0; i < count; i++) {
      uv_work_t *request = &requests[used++];
      request->data = reinterpret_cast<void *>(function);
      uv_queue_work(&loop, request, call, nullptr);
    }
  }
};

} // namespace

std::unique_ptr<contestant> start_libuv(unsigned workers) {
  return std::make_unique<by_libuv>(workers);
}

} // namespace cpeers
