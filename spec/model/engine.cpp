#include "engine.hpp"

#include <relacy/relacy.hpp>
#undef new
#undef delete
#undef malloc
#undef free

#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#include "memory.hpp"

namespace model {

entry *entry::first;

entry::entry(const char *name_, unsigned threads_, unsigned random_, unsigned switches_,
             unsigned odd_, scenario *(*make_)(void *), unsigned bytes_)
    : name(name_), threads(threads_), random(random_), switches(switches_), odd(odd_), make(make_),
      bytes(bytes_), next(nullptr) {
  entry **end = &first;
  while (*end != nullptr)
    end = &(*end)->next;
  *end = this;
}

static const entry *running;
static bool bounded;
static unsigned odd_left;

alignas(128) static char scenario_memory[1 << 23];

/* Sleepers by the address they sleep on. A woken thread has left the table already. */
struct bed {
  const void *key;
  rl::waitset<THREADS> threads;
};
static bed beds[16];

static bed &bed_of(const void *key) {
  bed *unused = nullptr;
  for (bed &b : beds) {
    if (b.threads && b.key == key) return b;
    if (!b.threads && unused == nullptr) unused = &b;
  }
  unused->key = key;
  return *unused;
}

void step() {
  rl::ctx().sched();
}

void pause() {
  rl::yield(1, RL_INFO);
}

unsigned choose(unsigned n) {
  return n < 2 ? 0 : rl::ctx().rand(n, rl::sched_type_user);
}

bool unusual() {
  if (!bounded) return rl::ctx().rand(4, rl::sched_type_atomic_load) == 3;
  if (odd_left == 0 || rl::ctx().rand(2, rl::sched_type_atomic_load) == 0) return false;
  odd_left--;
  return true;
}

static char failure[400];

void fail(const char *format, ...) {
  va_list list;
  va_start(list, format);
  vsnprintf(failure, sizeof failure, format, list);
  va_end(list);
  rl::ctx().fail_test(failure, rl::test_result_user_assert_failed, RL_INFO);
}

unsigned self() {
  return (unsigned)rl::ctx().threadx_->index_;
}

bool sleep_on(const void *key, bool timed) {
  bed &b = bed_of(key);
  rl::unpark_reason reason = b.threads.park_current(rl::ctx(), timed, false, false, RL_INFO);
  return reason == rl::unpark_reason_normal;
}

void wake(const void *key, bool all) {
  bed &b = bed_of(key);
  while (b.threads) {
    b.threads.unpark_one(rl::ctx(), RL_INFO);
    if (!all) break;
  }
}

bool recording() {
  return rl::ctx().collecting_history();
}

void record(const char *function, unsigned line, const char *format, ...) {
  if (!recording()) return;
  char text[300];
  va_list list;
  va_start(list, format);
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  rl::user_msg_event event = {text};
  rl::ctx().exec_log(rl::debug_info(function, "", line), event);
}

template <int N> struct suite : rl::test_suite<suite<N>, N> {
  scenario *s;

  suite() {
    for (bed &b : beds)
      ::new (&b) bed();
    odd_left = running->odd;
    memory_start(N);
    s = running->make(scenario_memory);
  }

  void before() {
    s->before();
  }

  void thread(unsigned index) {
    memory_open();
    s->thread(index);
  }

  void after() {
    memory_close();
    s->after();
  }

  ~suite() {
    s->~scenario();
  }
};

static bool simulate(rl::test_params &params) {
  switch (running->threads) {
  case 2: return rl::simulate<suite<2>>(params);
  case 3: return rl::simulate<suite<3>>(params);
  default: return rl::simulate<suite<4>>(params);
  }
}

/* Where relacy writes to. It must not allocate: relacy's operator new counts as the model's own. */
struct sink : std::streambuf {
  char text[1 << 20];
  size_t length = 0;

  int overflow(int c) override {
    if (length < sizeof text - 1) text[length++] = (char)c;
    text[length] = 0;
    return c;
  }
};
static sink out;

static void write_history(const char *path) {
  FILE *file = fopen(path, "w");
  fwrite(out.text, 1, out.length, file);
  fclose(file);
}

/* True if nothing was found. */
static bool search(const entry *e, rl::scheduler_type_e type, unsigned iterations,
                   const char *history) {
  rl::test_params params;
  std::ostream stream(&out), nowhere(nullptr);
  out.length = 0;
  running = e;
  bounded = type != rl::sched_random;
  params.output_stream = &stream;
  params.progress_stream = &nowhere;
  params.search_type = type;
  params.iteration_count = iterations > 0 ? iterations : 1;
  params.context_bound = e->switches;
  params.execution_depth_limit = 20000;
  unsigned start = get_tick_count();
  bool good = simulate(params);
  unsigned time = get_tick_count() - start;
  if (good) {
    printf("  %-15s %-11s nothing in %7lu iterations, %5u ms\n", e->name,
           bounded ? "exhaustive" : "random", (unsigned long)params.stop_iteration, time);
  } else {
    const char *reason = strchr(out.text, '\n') + 1; /* the line behind the suite's name */
    printf("  %-15s %-11s FOUND in iteration %lu: %.*s\n", e->name,
           bounded ? "exhaustive" : "random", (unsigned long)params.stop_iteration,
           (int)strcspn(reason, "\n"), reason);
    if (history != nullptr) write_history(history);
  }
  fflush(stdout);
  return good;
}

/* Broken text may follow a pointer that the model does not know: memory that served as something
 * else. That is something found, too, and the end of the search. */
static bool wild_is_well;
static char wild_stack[1 << 16];

static void on_wild_pointer(int) {
  static const char text[] = "  a wild pointer was followed: FOUND\n";
  if (write(1, text, sizeof text - 1) < 0) _exit(1);
  _exit(wild_is_well ? 0 : 1);
}

static void watch_for_wild_pointers(bool expect_bug) {
  wild_is_well = expect_bug;
  stack_t stack = {};
  stack.ss_sp = wild_stack;
  stack.ss_size = sizeof wild_stack;
  sigaltstack(&stack, nullptr);
  struct sigaction action = {};
  action.sa_handler = on_wild_pointer;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGSEGV, &action, nullptr);
  sigaction(SIGBUS, &action, nullptr);
}

} // namespace model

/* model [-b] [-h FILE] [-s SCENARIO] [-n FACTOR]: -b expects to find something. */
int main(int count, char **arguments) {
  using namespace model;
  bool expect_bug = false;
  const char *history = nullptr, *only = nullptr;
  double factor = 1;
  for (int i = 1; i < count; i++) {
    std::string a = arguments[i];
    if (a == "-b") expect_bug = true;
    if (a == "-h" && i + 1 < count) history = arguments[++i];
    if (a == "-s" && i + 1 < count) only = arguments[++i];
    if (a == "-n" && i + 1 < count) factor = atof(arguments[++i]);
  }
  watch_for_wild_pointers(expect_bug);
  if (model_stale != nullptr) {
    printf("spec/model/bugs.cmake: the text that \"%s\" replaces is not there (any more)\n",
           model_stale);
    return 2;
  }
  bool good = true;
  /* A bug is mostly found soon, if only in one of the scenarios: a short round goes first. */
  for (double part : {0.02, 0.2, 1.0}) {
    if (part < 1 && !expect_bug) continue;
    for (entry *e = entry::first; e != nullptr && good; e = e->next) {
      if (only != nullptr && strcmp(only, e->name) != 0) continue;
      good = search(e, rl::sched_random, (unsigned)(e->random * factor * part), history);
      if (good && part == 1 && factor >= 1 && e->switches > 0)
        good = search(e, rl::sched_bound, 0, history);
    }
  }
  if (expect_bug) printf(good ? "the seeded bug was NOT found\n" : "the seeded bug was found\n");
  return good == expect_bug;
}
