/*
 * Branches: fork and join. The memory is the one that forks; nothing is counted, since the task
 * that a branch is part of cannot end before it has joined it.
 *
 * `word` holds a state as a task's does, so that a worker can rest on it, and WATCHED:
 *   KEPT     nobody else knows of it; the join runs it
 *   OFFERED  it is on offer, or whoever has taken it runs it
 *   ENDED    what it did is seen by who reads this (PAIR branch.end)
 *
 * The worker that forks takes back what it has offered last. Thieves take the oldest, so if the
 * branch is no longer there, all older ones are gone as well, and what is there is younger: forked
 * later and not joined yet. If nothing is there, the branch was taken, and whoever takes one runs
 * it at once. So a join that finds nothing waits for something that happens without it, and may
 * sleep.
 *
 * The end is one swap, after which the branch is not touched: it may be gone. Who waits sets
 * WATCHED in the same word first and then looks, so either it sees the end or the end sees that it
 * waits. What wakes it needs no branch: a nudge to its worker, whose number was read before, and a
 * wake-up of an address, for one that waits after the scheduler has stopped without it.
 *
 * Who forks notifies as one that pushes (idle.h), but never interrupts a task: what is on offer
 * will be run where it was forked if nobody is free.
 *
 * Rejected: tasks whose memory is the caller's (an end with references, watchers and hooks: five
 * times the cost, and a join has to look up what a task is); pushing into the deque of the tasks
 * (what a branch submits lies above its siblings then, and the join would have to run it first);
 * stealing half of what is on offer (the oldest is the largest part; and what was only moved may
 * never run, if the thief's thread ends); private offers that their worker makes public when asked
 * (no fence at all, but a long leaf keeps them private as long as it runs); a fork without a fence,
 * and a barrier of the system's on the side of those who go to sleep (membarrier: a quarter faster,
 * and the first fork in a process with threads takes ten milliseconds).
 */
#ifndef ECHO_SCHEDULER_BRANCH_H
#define ECHO_SCHEDULER_BRANCH_H

#include "scheduler/scheduler.h"

/* Runs a branch that the worker has taken from what is on offer. */
void echo__branch_run_taken(echo__worker *worker, echo_node *node);

#endif
