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
 * And with the last worker kept for what is urgent, in a set of sleepers of its own; all tasks are
 * high but those that are called low, which it leaves alone:
 *
 *   URGENT        a low task is injected, and a high one, for which it waits; and again
 *   URGENT_MEET   as MEET
 *   URGENT_CHILD  as CHILDREN, of a low task
 *
 * When nobody can go on, everything must be done: a worker that sleeps through work is what is
 * looked for.
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#if defined(URGENT_MEET)
#define MEET
#elif defined(URGENT_CHILD)
#define CHILDREN
#endif
#if defined(URGENT) || defined(URGENT_MEET) || defined(URGENT_CHILD)
#define KEPT 1
#else
#define KEPT 0
#endif
#define ORDINARY (WORKERS - KEPT) /* these come first */
#define OUTSIDE WORKERS           /* the thread that injects */
#define THREADS (WORKERS + 1)
#define ROUNDS 2

/* -- memory ------------------------------------------------------------------------------------ */

#define INBOX 0
#define SEARCHING 1
#define DEQUE(w) (2 + (w))
#define PARKED(w) (2 + WORKERS + (w)) /* a bit of the word */
#define PINNED(w) (2 + 2 * WORKERS + (w))
#define LOWS (2 + 3 * WORKERS) /* the injector of low tasks */
#define SEARCHING_KEPT (3 + 3 * WORKERS)
#define LOCATIONS (2 + 3 * WORKERS + 2 * KEPT)

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
#if WORKERS == 3 || KEPT
       :: l = 8
       :: l = 9
#endif
#if WORKERS == 3
       :: l = 10
#if KEPT
       :: l = 11
       :: l = 12
#endif
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

/* echo__idle_notify_injected of one set, whose workers are the ones from `first` on up to `past`. */
inline notify_set(t, counted, first, past) {
  if
  :: seen(t, counted) != 0 -> comes = true
  :: else ->
     victim = first;
     do
     :: victim == past -> break
     :: victim < past && seen(t, PARKED(victim)) == 0 -> victim++
     :: victim < past && seen(t, PARKED(victim)) != 0 ->
        clear_bit(t, victim, was_set);
        if
        :: was_set ->
#ifdef CLAIM_UNCOUNTED
           skip;
#else
           store_one_more(t, counted);
#endif
           give_token(t, victim, CLAIMED);
           comes = true;
           break
        :: else -> victim++
        fi
     od
  fi;
  victim = 0;
  was_set = 0
}

/* echo__notify_injected: the second set is looked at behind the same fence. */
inline notify_injected(t, high) {
#if KEPT == 0
  notify_set(t, SEARCHING, 0, WORKERS);
#elif defined(ONE_SET)
  notify_set(t, SEARCHING, 0, WORKERS);
#elif defined(KEPT_FIRST)
  notify_set(t, SEARCHING_KEPT, ORDINARY, WORKERS);
  if
  :: !comes -> notify_set(t, SEARCHING, 0, ORDINARY)
  :: else
  fi;
#else
  notify_set(t, SEARCHING, 0, ORDINARY);
#ifndef KEPT_NEVER
  if
  :: !comes && high -> notify_set(t, SEARCHING_KEPT, ORDINARY, WORKERS)
  :: else
  fi;
#endif
#endif
  comes = false
}

inline notify(t, high) {
#ifndef NOTIFY_UNFENCED
  fence(t);
#endif
  notify_injected(t, high)
}

/* echo_queue_inject: the swap is sequentially consistent. */
inline inject(t, inbox) {
#ifdef INJECT_UNFENCED
  store_one_more(t, inbox);
#else
  atomic {
    buffers[t].length == 0 -> memory[inbox]++
  };
#endif
  notify_injected(t, inbox == INBOX)
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
  notify(w, true)
}

/* -- workers ----------------------------------------------------------------------------------- */

byte searchers; /* how many take themselves for searching */
byte begun, done, children;
#ifdef URGENT
byte lows, highs; /* how many have begun */
#endif
#ifdef URGENT_CHILD
#define PARENTS LOWS
#else
#define PARENTS INBOX
#endif

#if WORKERS == 3
#define in_deques(t) (seen(t, DEQUE(0)) + seen(t, DEQUE(1)) + seen(t, DEQUE(2)))
#else
#define in_deques(t) (seen(t, DEQUE(0)) + seen(t, DEQUE(1)))
#endif
#define has_high(t) (seen(t, INBOX) + in_deques(t) != 0)
#if KEPT
#define is_kept(w) ((w) >= ORDINARY)
#define has_work(t) (has_high(t) || seen(t, LOWS) != 0)
#ifdef KEPT_BLIND
#define has_reason(w) ((!is_kept(w) && has_work(w)) || seen(w, PINNED(w)) != 0)
#else
#define has_reason(w) (has_high(w) || (!is_kept(w) && seen(w, LOWS) != 0) || seen(w, PINNED(w)) != 0)
#endif
#ifdef ONE_SET
#define SEARCHING_WITH(w) SEARCHING
#define ALIKE(w) WORKERS
#else
#define SEARCHING_WITH(w) (SEARCHING + is_kept(w) * (SEARCHING_KEPT - SEARCHING))
#define ALIKE(w) (ORDINARY + is_kept(w) * (KEPT - ORDINARY))
#endif
#else
#define has_work(t) has_high(t)
#define has_reason(w) (has_work(w) || seen(w, PINNED(w)) != 0)
#define SEARCHING_WITH(w) SEARCHING
#define ALIKE(w) WORKERS
#endif

/* What is pinned to it, its own deque, the injector, the deques of others; and then what is low. */
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
          :: else ->
#if KEPT
             if
             :: !is_kept(w) && memory[LOWS] > 0 -> from = LOWS
             :: else
             fi
#else
             skip
#endif
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
    assert(memory[SEARCHING_WITH(w)] > 0);
    memory[SEARCHING_WITH(w)]--;
    last = memory[SEARCHING_WITH(w)] == 0;
    searching = false;
    searchers--
  }
}

/* Ordinary workers for whatever waits, urgent ones only for what is high. */
inline find_help(w) {
#ifdef KEPT_NOT_HANDED_ON
  notify(w, false)
#else
  notify(w, has_high(w))
#endif
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
     :: more || has_work(w) -> find_help(w)
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
     :: more -> notify(w, from != LOWS)
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
     store_one_more(w, SEARCHING_WITH(w));
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
  :: !searching && 2 * seen(w, SEARCHING_WITH(w)) < ALIKE(w) ->
     store_one_more(w, SEARCHING_WITH(w));
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
#ifdef URGENT
  if
  :: from == LOWS ->
     lows++;
     mine = lows;
end_waits:
     highs >= mine;
     mine = 0
  :: else -> highs++
  fi;
  done++
#endif
#ifdef CHILDREN
  if
  :: from != PARENTS -> children++
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
  bool searching, claimed, stays, last, more, comes;
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
  bool comes;
#ifdef CHILDREN
  inject(OUTSIDE, PARENTS)
#else
  do
  :: round == ROUNDS -> break
  :: else ->
#ifdef MEET
     inject(OUTSIDE, INBOX);
#endif
#ifdef PINS
     pin(OUTSIDE, 0);
#endif
#ifdef URGENT
     inject(OUTSIDE, LOWS);
#endif
     inject(OUTSIDE, INBOX);
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
#if KEPT
  assert(memory[SEARCHING_KEPT] == 0);
#endif
  assert(memory[SEARCHING] == searchers && searchers == 0)
}
