/*
 * The parking protocol (src/scheduler/idle.h, PAIR idle.announce) on a machine with store buffers.
 *
 * Each thread's stores wait in its buffer until they reach the memory, at any moment and in any
 * order (so it is weaker than TSO, whose buffers keep the order); the thread itself sees them at
 * once. A fence waits until the buffer is empty, and so does a change that is acq_rel or seq_cst. A
 * relaxed change whose result nobody uses is a store here, as it is on ARM. Loads are in order:
 * what reorders those is relacy's to find.
 *
 * Each inline stands for the function of the same name: echo__idle_NAME in idle.c, or NAME there
 * and in worker.c. -D SCENARIO and one -D of a seeded bug come from CMakeLists.txt.
 *
 *   MEET      tasks are injected, two at a time, each of which ends when both have begun
 *   CHILDREN  one task pushes a child into its worker's deque, twice, and waits for it
 *   PINS      a task is injected and one is pinned to worker 0, and again when both have ended
 *
 * When nobody can go on, everything must be done: a worker that sleeps through work is what is
 * looked for.
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#define OUTSIDE WORKERS /* the thread that injects */
#define THREADS (WORKERS + 1)
#define ROUNDS 2

/* -- memory ------------------------------------------------------------------------------------ */

#define INBOX 0
#define SEARCHING 1
#define DEQUE(w) (2 + (w))
#define PARKED(w) (2 + WORKERS + (w)) /* a bit of the word */
#define PINNED(w) (2 + 2 * WORKERS + (w))
#define LOCATIONS (2 + 3 * WORKERS)

typedef buffer {
  byte added[LOCATIONS];
  byte length
};

byte memory[LOCATIONS];
buffer buffers[THREADS];

/* What a thread sees. */
#define seen(t, location) (memory[location] + buffers[t].added[location])

inline store_one_more(t, location) {
  atomic {
    buffers[t].added[location]++;
    buffers[t].length++
  }
}

inline fence(t) {
  buffers[t].length == 0
}

proctype store_buffer(byte t) {
  byte l;
end:
  do
  :: atomic {
       buffers[t].length > 0 ->
       if
       :: l = 0
       :: l = 1
       :: l = 2
       :: l = 3
       :: l = 4
       :: l = 5
       :: l = 6
       :: l = 7
#if WORKERS == 3
       :: l = 8
       :: l = 9
       :: l = 10
#endif
       fi;
       if
       :: buffers[t].added[l] > 0 ->
          buffers[t].added[l]--;
          buffers[t].length--;
          memory[l]++
       :: else
       fi;
       l = 0
     }
  od
}

/* -- the word a worker sleeps on --------------------------------------------------------------- */

#define CLAIMED 1
#define ASLEEP 2
#define NUDGED 4

byte token[WORKERS];
bool in_futex[WORKERS];

/* The swap, then echo__word_wait, which looks and sleeps in one step. */
inline sleep_for(w, tokens) {
  do
  :: token[w] & (tokens) -> break
  :: else ->
     atomic {
       if
       :: token[w] & (tokens)
       :: else ->
          token[w] = token[w] | ASLEEP;
          expected = token[w]
       fi
     };
     atomic {
       if
       :: token[w] == expected -> in_futex[w] = true
       :: else
       fi;
       expected = 0
     };
end_asleep:
     !in_futex[w]
  od
}

inline give_token(thread, whose, one) {
#ifndef TOKEN_RELAXED
  fence(thread);
#endif
  atomic {
    if
    :: token[whose] & one -> before = 0
    :: else ->
       before = token[whose];
       token[whose] = token[whose] | one
    fi
  };
  if
  :: before & ASLEEP -> in_futex[whose] = false
  :: else
  fi;
  before = 0
}

/* -- who makes work visible -------------------------------------------------------------------- */

/* One change of the bit: whose it was is what it was before. A change of what is in one's own
 * buffer waits for that. */
inline clear_bit(thread, whose, was) {
  atomic {
    buffers[thread].added[PARKED(whose)] == 0 ->
    was = memory[PARKED(whose)];
    memory[PARKED(whose)] = 0
  }
}

inline notify_injected(t) {
  if
  :: seen(t, SEARCHING) != 0
  :: else ->
     victim = 0;
     do
     :: victim == WORKERS -> break
     :: victim < WORKERS && seen(t, PARKED(victim)) == 0 -> victim++
     :: victim < WORKERS && seen(t, PARKED(victim)) != 0 ->
        clear_bit(t, victim, was_set);
        if
        :: was_set ->
#ifdef CLAIM_UNCOUNTED
           skip;
#else
           store_one_more(t, SEARCHING);
#endif
           give_token(t, victim, CLAIMED);
           break
        :: else -> victim++
        fi
     od
  fi;
  victim = 0;
  was_set = 0
}

inline notify(t) {
#ifndef NOTIFY_UNFENCED
  fence(t);
#endif
  notify_injected(t)
}

/* echo_queue_inject: the swap is sequentially consistent. */
inline inject(t) {
#ifdef INJECT_UNFENCED
  store_one_more(t, INBOX);
#else
  atomic {
    buffers[t].length == 0 -> memory[INBOX]++
  };
#endif
  notify_injected(t)
}

/* echo_queue_pin, whose swap is sequentially consistent, and echo__idle_notify_pinned. */
inline pin(t, whom) {
#ifdef PIN_UNFENCED
  store_one_more(t, PINNED(whom));
#else
  atomic {
    buffers[t].length == 0 -> memory[PINNED(whom)]++
  };
#endif
  if
#ifdef PIN_CLAIMS
  :: seen(t, PARKED(whom)) != 0 -> give_token(t, whom, CLAIMED)
#else
  :: seen(t, PARKED(whom)) != 0 -> give_token(t, whom, NUDGED)
#endif
  :: else
  fi
}

/* echo_queue_push: a store. */
inline push(w) {
  store_one_more(w, DEQUE(w));
  notify(w)
}

/* -- workers ----------------------------------------------------------------------------------- */

byte searchers; /* how many take themselves for searching */
byte begun, done, children;

#if WORKERS == 3
#define in_deques(t) (seen(t, DEQUE(0)) + seen(t, DEQUE(1)) + seen(t, DEQUE(2)))
#else
#define in_deques(t) (seen(t, DEQUE(0)) + seen(t, DEQUE(1)))
#endif
#define has_work(t) (seen(t, INBOX) + in_deques(t) != 0)
#define has_reason(w) (has_work(w) || seen(w, PINNED(w)) != 0)

/* What is pinned to it, its own deque, the injector, the deques of others. */
inline take(w) {
  atomic {
    from = LOCATIONS;
    if
    :: memory[PINNED(w)] > 0 -> from = PINNED(w)
    :: memory[PINNED(w)] == 0 && memory[DEQUE(w)] > 0 -> from = DEQUE(w)
    :: else ->
       if
       :: memory[INBOX] > 0 -> from = INBOX
       :: else ->
          if
          :: w != 0 && memory[DEQUE(0)] > 0 -> from = DEQUE(0)
          :: w != 1 && memory[DEQUE(1)] > 0 -> from = DEQUE(1)
#if WORKERS == 3
          :: w != 2 && memory[DEQUE(2)] > 0 -> from = DEQUE(2)
#endif
          :: else
          fi
       fi
    fi;
    if
    :: from < LOCATIONS ->
       memory[from]--;
       more = memory[from] > 0 && from != PINNED(w)
    :: else
    fi
  }
}

/* The change is sequentially consistent. */
inline stop_searching(w, last) {
  atomic {
    buffers[w].length == 0 ->
    assert(memory[SEARCHING] > 0);
    memory[SEARCHING]--;
    last = memory[SEARCHING] == 0;
    searching = false;
    searchers--
  }
}

inline end_search(w) {
  stop_searching(w, last);
  if
  :: last ->
#ifndef FOUND_UNFENCED
     fence(w);
#endif
     if
#ifndef FOUND_NO_LOOK
     :: more || has_work(w) -> notify(w)
#endif
     :: else
     fi
  :: else
  fi;
  last = false
}

inline note_found(w) {
  if
  :: searching -> end_search(w)
  :: else ->
     if
     :: more -> notify(w)
     :: else
     fi
  fi;
  more = false
}

inline rise(w) {
  clear_bit(w, w, was_set);
  claimed = !was_set;
  was_set = 0;
#ifndef RISE_IMPATIENT
  if
  :: claimed -> sleep_for(w, CLAIMED)
  :: else
  fi;
#endif
  token[w] = 0
}

inline park(w) {
  store_one_more(w, PARKED(w));
#ifndef ANNOUNCE_UNFENCED
  fence(w);
#endif
#ifdef NO_SECOND_LOOK
  stays = false;
#else
  stays = has_reason(w);
#endif
  if
  :: stays
  :: else -> sleep_for(w, CLAIMED | NUDGED)
  fi;
  rise(w);
  if
  :: claimed -> searching = true; searchers++
  :: !claimed && stays ->
     store_one_more(w, SEARCHING);
     searching = true;
     searchers++
  :: else
  fi;
  claimed = false;
  stays = false
}

/* A search that finds nothing, and the pause in which it goes on. */
inline rest(w) {
  if
  :: !searching && 2 * seen(w, SEARCHING) < WORKERS ->
     store_one_more(w, SEARCHING);
     searching = true;
     searchers++
  :: else
  fi;
  if
  :: searching && has_reason(w)
  :: else ->
     if
     :: searching -> stop_searching(w, last); last = false
     :: else
     fi;
     park(w)
  fi
}

inline call(w) {
#ifdef MEET
  atomic {
    begun++;
    mine = begun + begun % 2 /* how many have begun when the other one has */
  };
end_waits:
  begun >= mine;
  mine = 0;
  done++
#endif
#ifdef CHILDREN
  if
  :: from != INBOX -> children++
  :: else ->
     do
     :: mine == ROUNDS -> break
     :: else ->
        push(w);
        mine++;
end_waits:
        children == mine
     od;
     mine = 0;
     done++
  fi
#endif
#ifdef PINS
  done++
#endif
}

proctype worker(byte w) {
  byte victim, was_set, before, expected, from, mine;
  bool searching, claimed, stays, last, more;
  do
  :: take(w);
     if
     :: from < LOCATIONS ->
        note_found(w);
        call(w)
     :: else -> rest(w)
     fi
  od
}

/* -- the thread outside ------------------------------------------------------------------------ */

#ifdef CHILDREN
#define EXPECTED 1
#else
#define EXPECTED (2 * ROUNDS)
#endif

proctype outside() {
  byte victim, was_set, before, round;
#ifdef CHILDREN
  inject(OUTSIDE)
#else
  do
  :: round == ROUNDS -> break
  :: else ->
#ifdef MEET
     inject(OUTSIDE);
#else
     pin(OUTSIDE, 0);
#endif
     inject(OUTSIDE);
     round++;
end_waits:
     done == 2 * round
  od
#endif
}

init {
  atomic {
    run worker(0);
    run worker(1);
    run store_buffer(0);
    run store_buffer(1);
#if WORKERS == 3
    run worker(2);
    run store_buffer(2);
#endif
    run store_buffer(OUTSIDE);
    run outside()
  };
  timeout ->
  assert(done == EXPECTED);
  assert(!has_work(OUTSIDE) && memory[PINNED(0)] == 0);
  assert(memory[SEARCHING] == searchers && searchers == 0)
}
