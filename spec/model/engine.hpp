/*
 * What a model needs of relacy, without relacy's own header: the models are many and small, and
 * only engine.cpp pays for its templates.
 *
 * relacy runs the threads as fibers, decides at every step which goes on, repeats that for
 * thousands of schedules (iterations), tells deadlocks and livelocks, and replays a failure with
 * its history.
 */
#ifndef MODEL_ENGINE_HPP
#define MODEL_ENGINE_HPP

namespace model {

enum { THREADS = 4 }; /* at most, in one scenario */

/* A point at which another thread may go on. */
void step();

/* The same, for a thread that can do nothing useful before another did. */
void pause();

/* One of 0 to n - 1: every one is tried. 0 is the usual one. */
unsigned choose(unsigned n);

/* True now and then, where something unusual but legal can happen: an old value is read, a weak
 * compare-and-swap fails. A bounded search allows few of them in one iteration. */
bool unusual();

/* Ends the iteration: an error was found. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The calling thread, from 0. */
unsigned self();

/* Sleeps until woken (true), or, if `timed`, until any moment (false). All asleep is a deadlock. */
bool sleep_on(const void *key, bool timed);
void wake(const void *key, bool all);

/* A line of the history that is printed after a failure. */
bool recording();
void record(const char *function, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One situation that a model is put in. Made anew for every iteration. */
struct scenario {
  virtual void before() {
  }
  virtual void thread(unsigned index) = 0;
  virtual void after() {
  }
  virtual ~scenario() {
  }
};

struct entry {
  const char *name;
  unsigned threads;
  unsigned random;   /* iterations at random */
  unsigned switches; /* and every schedule with so many preemptions ... */
  unsigned odd;      /* ... and so many unusual outcomes; 0 and 0: none */
  scenario *(*make)(void *memory);
  unsigned bytes;
  entry *next;
  static entry *first;
  entry(const char *name, unsigned threads, unsigned random, unsigned switches, unsigned odd,
        scenario *(*make)(void *), unsigned bytes);
};

template <class T> scenario *make(void *memory);

} // namespace model

inline void *operator new(decltype(sizeof 0), void *memory, model::scenario *) {
  return memory;
}
inline void operator delete(void *, void *, model::scenario *) {
}

template <class T> model::scenario *model::make(void *memory) {
  return new (memory, (scenario *)nullptr) T;
}

/* SCENARIO(type, threads, random iterations, preemptions, unusual outcomes) */
#define SCENARIO(type, threads, random, switches, odd)                                             \
  static model::entry type##_entry(#type, threads, random, switches, odd, model::make<type>,       \
                                   sizeof(type));

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition)) model::fail("%s (line %d)", #condition, __LINE__);                           \
  } while (0)

#endif
