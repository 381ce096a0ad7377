/*
 * echo/status.h - what every function of Echo returns when it can fail.
 *
 * A status is 0 (ECHO_OK) or a negative code. One list makes the codes, their names and their
 * sentences, so that none of the three can be forgotten.
 */
#ifndef ECHO_STATUS_H
#define ECHO_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

/* Marks what the shared library exports; everything else stays hidden. */
#if defined(__GNUC__) || defined(__clang__)
#define ECHO_API __attribute__((visibility("default")))
#else
#define ECHO_API
#endif

/* X(NAME, code, name for programs, sentence for people) */
#define ECHO_STATUS_MAP(X)                                                                         \
  X(OK, 0, "ok", "success")                                                                        \
  X(INVALID, -1, "invalid", "an argument is missing or out of its range, or it is too late")       \
  X(MEMORY, -2, "memory", "out of memory")                                                         \
  X(THREAD, -3, "thread", "the system refused to start a thread")                                  \
  X(STOPPED, -4, "stopped", "the scheduler takes no more tasks: it was stopped")                   \
  X(CANCELLED, -5, "cancelled", "the task was cancelled")                                          \
  X(TIMEOUT, -6, "timeout", "the time ran out")                                                    \
  X(LOST, -7, "lost", "the task was abandoned when the scheduler stopped")                         \
  X(EXISTS, -8, "exists", "something of that name is there already")                               \
  X(MISSING, -9, "missing", "nothing of that name is there")                                       \
  X(BUILT, -10, "built", "the builder has built its scheduler already")                            \
  X(DEADLOCK, -11, "deadlock", "this call would wait for itself")                                  \
  X(TRANSFER, -12, "transfer", "a value cannot travel between states")                             \
  X(FULL, -13, "full", "as many tasks are queued as may be")                                       \
  X(DESCRIPTOR, -14, "descriptor", "the system refused a file descriptor")                         \
  X(FORKED, -15, "forked", "the scheduler's threads are in the process that forked this one")      \
  X(FILE, -16, "file", "a file cannot be opened or written")

typedef enum echo_status {
#define ECHO_STATUS_ENUM(name, code, text, sentence) ECHO_##name = code,
  ECHO_STATUS_MAP(ECHO_STATUS_ENUM)
#undef ECHO_STATUS_ENUM
} echo_status;

/* The sentence for a status ("out of memory"); "unknown status" for any other number.
 * Any thread; the string is static. */
ECHO_API const char *echo_strerror(int status);

/* The short name of a status ("memory"); "unknown" for any other number.
 * Any thread; the string is static. */
ECHO_API const char *echo_status_name(int status);

#ifdef __cplusplus
}
#endif

#endif
