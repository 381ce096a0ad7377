/*
 * What becomes of things with threads when the process forks: the child has a copy of the memory,
 * and of the threads only the one that forked.
 *
 * Whoever has such a thing enters it here. Before a fork all that is entered is held: its locks are
 * taken, so that the child finds what they guard whole; afterwards, in both processes, it is let
 * go. In the child it is then told, when nothing is held any more. To hold means to try: it must
 * not wait, or two that hold each other's locks would do so for ever. Locks that are held for long
 * must not be among them.
 *
 * All of that happens on the thread that forks. Where the system does not tell of forks, and where
 * it is passed by (vfork, posix_spawn), nothing happens: what follows there is an exec.
 */
#ifndef ECHO_BASE_FORK_H
#define ECHO_BASE_FORK_H

#include <stdbool.h>

/* Embedded in the thing; any of the three may be NULL. */
typedef struct echo__forkable {
  struct echo__forkable *next, **link; /* link: what points here; NULL when not entered */
  bool (*hold)(struct echo__forkable *forkable);
  void (*let_go)(struct echo__forkable *forkable);
  void (*in_child)(struct echo__forkable *forkable);
} echo__forkable;

/* Enters what has its functions set, and takes it out again (also if it was not entered). Any
 * thread. */
void echo__fork_enter(echo__forkable *forkable);
void echo__fork_leave(echo__forkable *forkable);

#endif
