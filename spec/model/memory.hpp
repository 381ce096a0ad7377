/*
 * The memory model of C11 and C++20, for relacy's scheduler.
 *
 * relacy has atomics of its own. They are not used, because four of their simplifications matter
 * here:
 * - a seq_cst operation that is no fence has no place in the order of the fences, so the submit
 * that relies on that (echo__idle_notify_injected) fails although it is right;
 * - a seq_cst fence synchronizes with every later one, so that data races behind fences go unseen;
 * - a relaxed store continues the release sequence of an earlier one by the same thread, as in C11
 *   but no longer in C++20 and C23: it hides the relaxed store in the deque's pop;
 * - stores take their places in a variable's order as they are executed.
 *
 * So this is the view machine that the literature gives for RC11 (Kang et al. 2017, Dang et al.
 * 2020). A variable keeps the messages that were stored to it, in modification order. A view says,
 * for each variable, how far a thread must have seen it at least, and, for each thread, what of it
 * has happened before (the clock, for data races). A load takes any message that its thread's view
 * allows; acquire joins the message's view. All seq_cst operations and fences also pass through one
 * global view, in the order in which they are executed; only its variables, not its clocks.
 *
 * What it does not show: loads that read from stores executed later (load buffering). No compiler
 * may do worse, but ARM may; it concerns the deque's slots alone (bugs.cmake: steal-claim-relaxed).
 * Of the messages of a variable the last 12 are kept.
 */
#ifndef MODEL_MEMORY_HPP
#define MODEL_MEMORY_HPP

#include <stdint.h>

#include "engine.hpp"

/* The seeded bug whose text was not found, or NULL. */
extern const char *const model_stale;

namespace model {

enum { LOCATIONS = 128, MESSAGES = 12, GAP = 1 << 10 };

enum order { mo_relaxed, mo_acquire, mo_release, mo_acq_rel, mo_seq_cst };

inline bool acquires(order o) {
  return o == mo_acquire || o == mo_acq_rel || o == mo_seq_cst;
}
inline bool releases(order o) {
  return o == mo_release || o == mo_acq_rel || o == mo_seq_cst;
}

typedef uint32_t stamp;

extern unsigned views_used; /* locations in use: the others need no look */

struct view {
  uint32_t clock[THREADS];
  stamp seen[LOCATIONS];

  void join(const view &other) {
    for (unsigned i = 0; i < THREADS; i++)
      if (clock[i] < other.clock[i]) clock[i] = other.clock[i];
    join_seen(other.seen);
  }
  void join_seen(const stamp *other) {
    for (unsigned i = 0; i < views_used; i++)
      if (seen[i] < other[i]) seen[i] = other[i];
  }
  void copy(const view &other) {
    for (unsigned i = 0; i < THREADS; i++)
      clock[i] = other.clock[i];
    for (unsigned i = 0; i < views_used; i++)
      seen[i] = other.seen[i];
  }
};

struct memory {
  struct {
    view now, acquired, released; /* what an acquire fence would add; what a release fence left */
  } threads[THREADS];
  stamp sc[LOCATIONS];
  stamp top[LOCATIONS]; /* the highest stamp a location has had, if it changes hands */
  unsigned spare[LOCATIONS], spares;
  bool open; /* the threads run: until then, and afterwards, nothing races */
};

extern memory the;

void memory_start(unsigned threads);
inline void memory_open() {
  the.open = true;
}
inline void memory_close() {
  the.open = false;
}

void fence(order o, const char *function, unsigned line);

unsigned location_make();
void location_free(unsigned location);

/* Something that must not be used after its end. */
struct alive {
  volatile uint32_t magic = 0xA11FE;
  void check(const char *what) const {
    if (magic != 0xA11FE) fail("use of something that is gone: %s", what);
  }
  alive() {
  }
  alive(const alive &) {
  }
  alive &operator=(const alive &) {
    return *this;
  }
  ~alive() {
    magic = 0;
  }
};

template <class T> long long shown(T *value) {
  return (long long)(intptr_t)value & 0xFFFF;
}
template <class T> long long shown(T value) {
  return (long long)value;
}

struct site {
  const char *function;
  unsigned line;
  const char *what;
};

template <class T> class atomic {
  struct message {
    T value;
    stamp at;
    bool taken; /* a read-modify-write follows on it: nothing may come between */
    view seen_with;
  };
  alive life;
  unsigned location;
  mutable message messages[MESSAGES];
  mutable int count;

  void one(T value, stamp at) {
    count = 1;
    messages[0].value = value;
    messages[0].at = at;
    messages[0].taken = false;
    view zero = {};
    messages[0].seen_with = zero;
  }

  stamp lowest(order o) const {
    stamp low = the.threads[self()].now.seen[location];
    if (o == mo_seq_cst && low < the.sc[location]) low = the.sc[location];
    return low;
  }

  void observe(const message &m, order o) const {
    auto &t = the.threads[self()];
    t.acquired.join(m.seen_with);
    if (t.acquired.seen[location] < m.at) t.acquired.seen[location] = m.at;
    if (t.now.seen[location] < m.at) t.now.seen[location] = m.at;
    if (acquires(o)) t.now.join(m.seen_with);
    if (o == mo_seq_cst && the.sc[location] < m.at) the.sc[location] = m.at;
  }

  /* Makes room for a message behind messages[after]; where it is then. */
  int insert(int after) {
    if (count == MESSAGES) {
      for (int i = 1; i < count; i++)
        messages[i - 1] = messages[i];
      count--;
      after--;
    }
    stamp at = 0;
    if (after + 1 < count) {
      at = (messages[after].at + messages[after + 1].at) / 2;
      if (at == messages[after].at) fail("the model's stamps lie too close");
      for (int i = count; i > after + 1; i--)
        messages[i] = messages[i - 1];
    } else {
      at = messages[after].at + GAP;
    }
    count++;
    messages[after + 1].at = at;
    messages[after + 1].taken = false;
    if (the.top[location] < at) the.top[location] = at;
    return after + 1;
  }

  void put(int place, T value, order o, const view *sequence) {
    auto &t = the.threads[self()];
    message &m = messages[place];
    m.value = value;
    if (t.now.seen[location] < m.at) t.now.seen[location] = m.at;
    if (t.acquired.seen[location] < m.at) t.acquired.seen[location] = m.at;
    if (o == mo_seq_cst && the.sc[location] < m.at) the.sc[location] = m.at;
    m.seen_with = releases(o) ? t.now : t.released;
    m.seen_with.seen[location] = m.at;
    if (sequence != nullptr) m.seen_with.join(*sequence);
    t.now.clock[self()]++;
  }

  /* The message that a read-modify-write continues. */
  int last_free(stamp low) const {
    int i = count - 1;
    for (int older = i - 1; older >= 0 && messages[older].at >= low; older--) {
      if (messages[older].taken) continue;
      if (!unusual()) break;
      i = older;
    }
    return i;
  }

public:
  atomic(T value = T()) : location(location_make()) {
    one(value, the.top[location] + GAP);
    the.top[location] += GAP;
  }
  ~atomic() {
    location_free(location);
  }
  atomic(const atomic &other) : atomic(other.newest()) {
  }
  atomic &operator=(const atomic &other) {
    if (the.open) fail("an atomic was assigned to");
    one(other.newest(), messages[0].at);
    return *this;
  }

  T newest() const {
    life.check("an atomic");
    return messages[count - 1].value;
  }

  T load(order o, site s) const {
    if (!the.open) return newest();
    step();
    life.check(s.what);
    stamp low = lowest(o);
    int i = count - 1;
    while (i > 0 && messages[i - 1].at >= low && unusual())
      i--;
    observe(messages[i], o);
    record(s.function, s.line, "load %s: %llx, %d behind", s.what, shown(messages[i].value),
           count - 1 - i);
    return messages[i].value;
  }

  void store(T value, order o, site s) {
    if (!the.open) return one(value, messages[0].at);
    step();
    life.check(s.what);
    stamp low = lowest(o);
    int after = count - 1;
    while (after > 0 && messages[after].at > low && !messages[after - 1].taken &&
           messages[after - 1].at >= low && unusual())
      after--;
    put(insert(after), value, o, nullptr);
    record(s.function, s.line, "store %s: %llx", s.what, shown(value));
  }

  template <class F> T change(F f, order o, site s) {
    if (!the.open) {
      T before = newest();
      one(f(before), messages[0].at);
      return before;
    }
    step();
    life.check(s.what);
    return changed(last_free(lowest(o)), f, o, s);
  }

  template <class F> T changed(int i, F f, order o, site s) {
    observe(messages[i], o);
    T before = messages[i].value;
    view sequence = messages[i].seen_with;
    messages[i].taken = true;
    int place = insert(i);
    T after = f(before);
    put(place, after, o, &sequence);
    record(s.function, s.line, "change %s: %llx to %llx", s.what, shown(before), shown(after));
    return before;
  }

  bool compare_and_swap(T *expected, T desired, order o, bool weak, site s) {
    T want = *expected;
    if (!the.open) {
      *expected = newest();
      if (*expected != want) return false;
      one(desired, messages[0].at);
      return true;
    }
    step();
    life.check(s.what);
    stamp low = lowest(o);
    int i = count - 1;
    for (int older = i - 1; older >= 0 && messages[older].at >= low; older--) {
      if (messages[older].taken && messages[older].value == want) continue;
      if (!unusual()) break;
      i = older;
    }
    if (messages[i].value == want && !(weak && unusual())) {
      changed(
          i, [=](T) { return desired; }, o, s);
      return true;
    }
    observe(messages[i], mo_relaxed);
    *expected = messages[i].value;
    record(s.function, s.line, "swap %s failed: %llx", s.what, shown(*expected));
    return false;
  }
};

/* A plain variable that several threads use: their uses must be ordered. */
template <class T> class plain {
  T value;
  alive life;
  mutable unsigned writer = 0;
  mutable uint32_t written = 0, read[THREADS] = {};

  T get() const {
    if (the.open) {
      life.check("a plain variable");
      const view &now = the.threads[self()].now;
      if (written > now.clock[writer]) fail("data race: read beside a write of thread %u", writer);
      read[self()] = now.clock[self()];
    }
    return value;
  }

  void set(T v) {
    if (the.open) {
      life.check("a plain variable");
      const view &now = the.threads[self()].now;
      if (written > now.clock[writer]) fail("data race: write beside a write of thread %u", writer);
      for (unsigned i = 0; i < THREADS; i++)
        if (read[i] > now.clock[i]) fail("data race: write beside a read of thread %u", i);
      writer = self();
      written = now.clock[writer];
    } else {
      written = 0;
      for (unsigned i = 0; i < THREADS; i++)
        read[i] = 0;
    }
    value = v;
  }

public:
  plain(T v = T()) : value(v) {
    if (the.open) {
      writer = self();
      written = the.threads[writer].now.clock[writer];
    }
  }
  plain(const plain &other) : plain(other.get()) {
  }
  plain &operator=(const plain &other) {
    set(other.get());
    return *this;
  }
  plain &operator=(T v) {
    set(v);
    return *this;
  }
  operator T() const {
    return get();
  }
  /* For the model itself, whose looks are no thread's. */
  T peek() const {
    return value;
  }
  T operator->() const {
    return get();
  }
  T operator++(int) {
    T before = get();
    set(before + 1);
    return before;
  }
  T operator--(int) {
    T before = get();
    set(before - 1);
    return before;
  }
  T operator++() {
    return set(get() + 1), value;
  }
  T operator--() {
    return set(get() - 1), value;
  }
  plain &operator+=(T v) {
    set(get() + v);
    return *this;
  }
  plain &operator|=(int v) {
    set((T)(get() | v));
    return *this;
  }
};

/* What each thread has for itself. */
template <class T> class local {
  T values[THREADS] = {};

public:
  T &mine() {
    return values[self()];
  }
  operator T &() {
    return mine();
  }
  T operator->() {
    return mine();
  }
  local &operator=(T v) {
    mine() = v;
    return *this;
  }
  void reset() {
    for (T &v : values)
      v = T();
  }
};

class mutex {
  alive life;
  bool held = false;
  view left = {};

public:
  void lock() {
    if (!the.open) return;
    step();
    life.check("a mutex");
    while (held)
      sleep_on(this, false);
    held = true;
    the.threads[self()].now.join(left);
  }
  void unlock() {
    if (!the.open) return;
    step();
    life.check("a mutex");
    held = false;
    left = the.threads[self()].now;
    the.threads[self()].now.clock[self()]++;
    wake(this, false);
  }
};

} // namespace model

#endif
