// What do C, C++ and Rust's libraries for tasks take for the same work, and Echo beside them?
//
// Each round, each library answers the question in a process of its own, one after the other, so
// that none finds another's threads or memory. Those that were not found when the build was
// configured are skipped by name, and so is what one cannot do.
//
//   outside    a million empty tasks from one thread
//   outside4   the same from four threads, a quarter each
//   inside     the same from inside one task
//   fork       fib(30), each call of which spawns a task and waits for it; and plain calls
//   idle       from a submit to the task's first instruction, the workers asleep; and a bare futex
//   start      a pool is made, does one task and is stopped; and bare threads
//   bytes      memory of a queued task, all workers busy
//   rest       the processor time of a pool that has nothing to do
//
// Usage: bench-cpeers QUESTION[,QUESTION...]|all [workers [rounds [LIBRARY,LIBRARY...]]]
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "../report.h"
#include "question.h"

namespace {

using cpeers::question;

constexpr unsigned patience = 120; // seconds
constexpr int max_rounds = 99;

struct library {
  const char *name;
  cpeers::starter start; // or nullptr: a program of its own answers, in Rust
  const char *program;
};

const library libraries[] = {
    {"bare", cpeers::start_bare, nullptr},
    {"echo", cpeers::start_echo, nullptr},
#ifdef BENCH_TBB
    {"oneTBB", cpeers::start_tbb, nullptr},
#endif
#ifdef BENCH_TASKFLOW
    {"Taskflow", cpeers::start_taskflow, nullptr},
#endif
#ifdef BENCH_ENKI
    {"enkiTS", cpeers::start_enki, nullptr},
#endif
#ifdef BENCH_DISPATCH
    {"libdispatch", cpeers::start_dispatch, nullptr},
#endif
    {"libuv", cpeers::start_libuv, nullptr},
#ifdef BENCH_RUST
    {"rayon", nullptr, BENCH_RUST},
    {"tokio", nullptr, BENCH_RUST},
#endif
#ifdef BENCH_ORIGINAL
    {"original", nullptr, BENCH_ORIGINAL},
#endif
};

// What one cannot do, and why.
const struct {
  const char *library, *question, *why;
} gaps[] = {
    {"enkiTS", "bytes", "n/a, of 257 tasks in a queue it runs one at once"},
    {"libdispatch", "fork", "n/a, who waits holds a thread up"},
    {"libdispatch", "start", "n/a, it does not stop"},
    {"libuv", "outside4", "n/a, one thread submits"},
    {"libuv", "inside", "n/a, one thread submits"},
    {"libuv", "fork", "n/a, one thread submits"},
    {"libuv", "start", "n/a, its pool does not stop"},
    {"original", "fork", "n/a, who waits holds a worker up"},
    {"bare", "outside", nullptr},
    {"bare", "outside4", nullptr},
    {"bare", "inside", nullptr},
    {"bare", "bytes", nullptr},
    {"bare", "rest", nullptr},
};

void skip_what_is_missing() {
#ifndef BENCH_TBB
  bench_skip("oneTBB", "not installed");
#endif
#ifndef BENCH_TASKFLOW
  bench_skip("Taskflow", "not installed");
#endif
#ifndef BENCH_ENKI
  bench_skip("enkiTS", "not installed");
#endif
#ifndef BENCH_DISPATCH
  bench_skip("libdispatch", "not installed");
#endif
#ifndef BENCH_RUST
  bench_skip("rayon, tokio", "not installed");
#endif
#ifndef BENCH_ORIGINAL
  bench_skip("original", "not installed");
#endif
}

// Whether a name is among others, which have commas between them.
bool has_word(const std::string &words, const std::string &word) {
  return ("," + words + ",").find("," + word + ",") != std::string::npos;
}

// The child: answers, and is over.
[[noreturn]] void answer(const library &who, const question &what, unsigned workers, int pipe) {
  alarm(patience);
  dup2(pipe, STDOUT_FILENO);
  if (who.start == nullptr) {
    execl(who.program, who.program, who.name, what.name, std::to_string(workers).c_str(),
          std::to_string(what.amount).c_str(), nullptr);
    std::perror(who.program);
    _exit(1);
  }
  for (double value : what.measure({who.start, workers, what.amount}))
    std::printf("%.9g\n", value);
  std::fflush(stdout);
  _exit(0);
}

std::vector<double> read_values(int pipe) {
  std::vector<double> values;
  std::FILE *file = fdopen(pipe, "r");
  for (double value; std::fscanf(file, "%lf", &value) == 1;)
    values.push_back(value);
  std::fclose(file);
  return values;
}

bool ask(const library &who, const question &what, unsigned workers) {
  int ends[2], status = 0;
  if (pipe(ends) != 0) return false;
  pid_t child = fork();
  if (child < 0) return false;
  if (child == 0) answer(who, what, workers, ends[1]);
  close(ends[1]);
  std::vector<double> values = read_values(ends[0]);
  waitpid(child, &status, 0);
  if (status != 0 || values.size() != what.rows.size()) return false;
  auto add = std::strcmp(who.name, "bare") == 0 ? bench_add_floor : bench_add;
  for (size_t i = 0; i < values.size(); i++)
    add(what.rows[i].text, who.name, what.rows[i].unit, values[i]);
  return true;
}

// Says why not, once for each; the report keeps the text.
void skip(const library &who, const question &what, const char *why) {
  static std::set<std::string> said;
  auto [name, is_new] = said.insert(std::string(what.name) + ", " + who.name);
  if (is_new && why != nullptr) bench_skip(name->c_str(), why);
}

void try_to_ask(const library &who, const question &what, unsigned workers) {
  for (const auto &gap : gaps)
    if (std::strcmp(gap.library, who.name) == 0 && std::strcmp(gap.question, what.name) == 0)
      return skip(who, what, gap.why);
  if (!ask(who, what, workers)) skip(who, what, "failed");
}

struct options {
  std::string questions = "all", libraries = "all";
  int workers = 2, rounds = 5;
};

bool is_asked(const std::string &names, const char *name) {
  return names == "all" || has_word(names, name);
}

void ask_all(const options &wanted, const question &what) {
  for (const library &who : libraries) {
    if (is_asked(wanted.libraries, who.name))
      try_to_ask(who, what, static_cast<unsigned>(wanted.workers));
  }
}

bool is_known(const std::string &names, const std::function<bool(const std::string &)> &knows) {
  if (names == "all") return true;
  for (size_t from = 0, to = 0; to != std::string::npos; from = to + 1) {
    to = names.find(',', from);
    if (!knows(names.substr(from, to == std::string::npos ? to : to - from))) return false;
  }
  return true;
}

bool is_question(const std::string &name) {
  for (const question &each : cpeers::questions())
    if (name == each.name) return true;
  return false;
}

bool is_library(const std::string &name) {
  for (const library &each : libraries)
    if (name == each.name) return true;
  return false;
}

bool read_arguments(int argc, char **argv, options &wanted) {
  if (argc < 2 || argc > 5) return false;
  wanted.questions = argv[1];
  if (argc > 2) wanted.workers = std::atoi(argv[2]);
  if (argc > 3) wanted.rounds = std::atoi(argv[3]);
  if (argc > 4) wanted.libraries = argv[4];
  return wanted.workers >= 1 && wanted.rounds >= 1 && wanted.rounds <= max_rounds &&
         is_known(wanted.questions, is_question) && is_known(wanted.libraries, is_library);
}

} // namespace

int main(int argc, char **argv) {
  options wanted;
  if (!read_arguments(argc, argv, wanted)) {
    std::fprintf(stderr, "usage: bench-cpeers QUESTION[,QUESTION...]|all"
                         " [workers [rounds, to 99 [LIBRARY[,LIBRARY...]]]]\nquestions:");
    for (const question &each : cpeers::questions())
      std::fprintf(stderr, " %s", each.name);
    std::fprintf(stderr, "\nlibraries:");
    for (const library &each : libraries)
      std::fprintf(stderr, " %s", each.name);
    std::fprintf(stderr, "\n");
    return 2;
  }
  for (const question &each : cpeers::questions())
    for (int i = 0; i < wanted.rounds && is_asked(wanted.questions, each.name); i++)
      ask_all(wanted, each);
  skip_what_is_missing();
  bench_print();
  return 0;
}
