/* What the scheduler wants of the system: sleeping on a word, threads, the clock. */
#ifndef MODEL_SYSTEM_HPP
#define MODEL_SYSTEM_HPP

#include "base/wait.h"

/* As a futex: looks at the word and sleeps in one step; what that synchronizes is not relied on. */
inline echo__woken echo__word_wait(echo__word *word, uint32_t expected, uint64_t deadline) {
  model::step();
  if (word->newest() != expected) return ECHO__WOKEN;
  model::record(__func__, __LINE__, "sleeps");
  bool woken = model::sleep_on(word, deadline != ECHO__FOREVER);
  model::record(__func__, __LINE__, woken ? "was woken" : "its time is up");
  return woken ? ECHO__WOKEN : ECHO__TIMED_OUT;
}

inline void echo__word_wake_one(echo__word *word) {
  model::step();
  model::wake(word, false);
}

inline void echo__word_wake_all(echo__word *word) {
  model::step();
  model::wake(word, true);
}

/* Time does not pass, but a deadline may be over at any moment. */
inline uint64_t echo__now(void) {
  return 0;
}
inline uint64_t echo__deadline_in(double seconds) {
  return seconds > 0 ? 1 : 0;
}

/* Something outside of the core that tasks wait for; no memory effects. */
struct event {
  bool happened = false;

  void wait() {
    while (!happened)
      model::sleep_on(this, false);
  }
  void set() {
    happened = true;
    model::wake(this, true);
  }
};

/* The same, and whoever waited sees what was done before. */
struct handover : event {
  model::view left = {};

  void wait() {
    event::wait();
    model::the.threads[model::self()].now.join(left);
  }
  void set() {
    model::view &now = model::the.threads[model::self()].now;
    left.join(now);
    now.clock[model::self()]++;
    event::set();
  }
};

/* Memory for an array, made into what it is assigned to. */
struct fresh_memory {
  size_t bytes;
  template <class T> operator T *() const {
    static int made = 0;
    alignas(128) static char memories[2][1 << 18]; /* a scenario makes no more than two of a kind */
    char *memory = memories[made++ % 2];
    for (size_t i = 0; i * sizeof(T) < bytes; i++)
      new (memory + i * sizeof(T), (model::scenario *)nullptr) T();
    return (T *)memory;
  }
  operator void *() const {
    return NULL; /* not used */
  }
};
#define aligned_alloc(line, bytes) (fresh_memory{bytes})

#endif
