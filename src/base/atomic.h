/*
 * Every atomic operation of Echo goes through these names, so that a model checker can put its own
 * in their place and check the very text that is compiled.
 *
 * An order is written as the C11 suffix: echo__load(&x, acquire). Each order that is stronger than
 * relaxed names its partner in a comment, "PAIR deque.publish"; spec/lint/pairs.lua checks that
 * every tag stands at both ends.
 */
#ifndef ECHO_BASE_ATOMIC_H
#define ECHO_BASE_ATOMIC_H

#include <stdatomic.h>

#define echo__atomic(type)          _Atomic(type)
#define echo__load(p, order)        atomic_load_explicit((p), memory_order_##order)
#define echo__store(p, v, order)    atomic_store_explicit((p), (v), memory_order_##order)
#define echo__exchange(p, v, order) atomic_exchange_explicit((p), (v), memory_order_##order)
#define echo__add(p, v, order)      atomic_fetch_add_explicit((p), (v), memory_order_##order)
#define echo__sub(p, v, order)      atomic_fetch_sub_explicit((p), (v), memory_order_##order)
#define echo__or(p, v, order)       atomic_fetch_or_explicit((p), (v), memory_order_##order)
#define echo__and(p, v, order)      atomic_fetch_and_explicit((p), (v), memory_order_##order)
#define echo__fence(order)          echo__fence_##order()

/* Compilers fence with a locked operation on the word that the stack pointer points at. Mostly that
 * is the return address, and the return that follows waits for it: twice the cost of the fence. */
static inline void echo__fence_seq_cst(void) {
#if defined(__x86_64__) && defined(__GNUC__)
  __asm__ __volatile__("lock; orl $0, -64(%%rsp)" ::: "memory", "cc");
#else
  atomic_thread_fence(memory_order_seq_cst);
#endif
}

/* Between a thread and a signal handler that runs on it. */
#define echo__signal_fence() atomic_signal_fence(memory_order_seq_cst)

/* Compare and swap; on failure *expected holds what was there. The failure order is relaxed unless
 * the long form names one. */
#define echo__cas(p, expected, desired, order)                                                     \
  atomic_compare_exchange_strong_explicit((p), (expected), (desired), memory_order_##order,        \
                                          memory_order_relaxed)
#define echo__cas_weak(p, expected, desired, order)                                                \
  atomic_compare_exchange_weak_explicit((p), (expected), (desired), memory_order_##order,          \
                                        memory_order_relaxed)

/* Two cores never share what is this far apart: adjacent lines are fetched in pairs. */
#define ECHO__LINE    128
#define ECHO__ALIGNED _Alignas(ECHO__LINE)

/* Adds to a counter that only the calling thread writes and others read. */
#define echo__bump(p, n) echo__store((p), echo__load((p), relaxed) + (n), release)

static inline void echo__pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

#endif
