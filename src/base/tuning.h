/*
 * The constants that shape memory and latency. The "small" preset shrinks them so that overflow,
 * hand-over and wrap-around happen all the time in tests.
 */
#ifndef ECHO_BASE_TUNING_H
#define ECHO_BASE_TUNING_H

/* Under the address sanitizer every object is an allocation of its own, so that a use after free is
 * seen instead of hidden by a free list. */
#if defined(__SANITIZE_ADDRESS__)
#define ECHO__PLAIN_ALLOCATION 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ECHO__PLAIN_ALLOCATION 1
#endif
#endif
#ifndef ECHO__PLAIN_ALLOCATION
#define ECHO__PLAIN_ALLOCATION 0
#endif

#ifdef ECHO__SMALL

enum {
  ECHO__RING = 4,            /* slots of one deque; a power of two */
  ECHO__BATCH = 2,           /* tasks that leave an injector at once */
  ECHO__STEAL_BATCH = 2,     /* tasks that one steal moves */
  ECHO__MAGAZINE = 2,        /* objects that change hands with the pool's depot at once */
  ECHO__SLAB = 1024,         /* bytes the pool asks the system for; a power of two */
  ECHO__KEEP_MAGAZINES = 2,  /* full magazines the depot keeps when it trims */
  ECHO__LANES = 2,           /* submission lanes shared by the threads outside */
  ECHO__MESSAGE_INLINE = 16, /* bytes of a message that need no allocation */
  ECHO__CODE_SLOTS = 2,      /* closures a state remembers the code of; a power of two */
  ECHO__CODE_LOADED = 2,     /* functions a worker keeps loaded */
  ECHO__SPARE_PARCELS = 2,   /* empty parcels that a channel keeps */
  ECHO__TRACE_SLOTS = 256,   /* of 32 bytes in a thread's buffer of a recording; a power of two */
  ECHO__TRACE_GROWS = 1,     /* bytes of blanks in a recording's file, at least and */
  ECHO__TRACE_GROWS_MOST = 8192, /* at most */
  ECHO__BLOCK = 1024,      /* bytes from which on memory is a block, and a string travels in one */
  ECHO__KEEP_BYTES = 8192, /* of blocks that nobody holds */
  ECHO__NAMED_QUEUES = 63, /* of one scheduler, at most; less than 65536 */
  ECHO__DEPTH = 3          /* nested tables the codec follows before it puts one off */
};

#else

enum {
  ECHO__RING = 256,
  ECHO__BATCH = 64,
  ECHO__STEAL_BATCH = 8,
  ECHO__MAGAZINE = 64,
  ECHO__SLAB = 2097152,
  ECHO__KEEP_MAGAZINES = 64,
  ECHO__LANES = 16,
  ECHO__MESSAGE_INLINE = 48,
  ECHO__CODE_SLOTS = 256,
  ECHO__CODE_LOADED = 1024,
  ECHO__SPARE_PARCELS = 256,
  ECHO__TRACE_SLOTS = 16384,
  ECHO__TRACE_GROWS = 65536,
  ECHO__TRACE_GROWS_MOST = 8388608,
  ECHO__BLOCK = 32768,
  ECHO__KEEP_BYTES = 8388608,
  ECHO__NAMED_QUEUES = 65535,
  ECHO__DEPTH = 100
};

#endif

enum {
  ECHO__FAIRNESS = 61,      /* one start in so many goes to a lower class that waits */
  ECHO__SPIN_ROUNDS = 16,   /* looks round before a busy worker parks */
  ECHO__SPIN_PAUSES = 50,   /* pauses between two of them, a microsecond or so */
  ECHO__SPIN_AFTER = 8,     /* tasks since the last wake-up that make a worker "busy" */
  ECHO__SPIN_WORTH = 50000, /* nanoseconds of sleep that a spin would rather have bridged */
  ECHO__TURN_TASKS = 61,    /* tasks between two turns of a worker's event loop, at most */
  ECHO__TURN_TIME = 200000, /* nanoseconds, likewise */
  ECHO__MAX_WORKERS = 1024  /* workers of one scheduler */
};

#endif
