/*
 * echo/branch.h - fork and join: a task splits its work, and waits for the parts.
 *
 *     struct sum { const int *first; size_t count; long result; };
 *
 *     static void sum(void *argument) {
 *       struct sum *all = argument;
 *       if (all->count < 1000) {
 *         all->result = add_up(all->first, all->count);
 *         return;
 *       }
 *       size_t half = all->count / 2;
 *       struct sum left = {all->first, half, 0}, right = {all->first + half, all->count - half, 0};
 *       echo_branch branch;
 *       echo_fork(&branch, sum, &left);
 *       sum(&right);
 *       echo_join(&branch);
 *       all->result = left.result + right.result;
 *     }
 *
 * A branch is not a task but a part of the one that forks it: it is not submitted, counted,
 * reported or refused, has no handle, costs no memory but the caller's, and a hundredth of what a
 * task costs. A fork offers it to the other workers; the join runs it if nobody has taken it by
 * then, and else waits for its end.
 *
 * A branch has the priority that its task had when it forked. Whoever is idle takes it, but not
 * before a task of that priority which has not begun: those who wait longest go first, and the task
 * that forked goes on by itself if all others are busy.
 *
 * Inside of a branch, wherever it runs: fork, join, submit, wait and echo_task_is_cancelled (which
 * tells of the task that forked it) work as in its task. It is no task of its own: there
 * echo_task_current is NULL, and echo_task_suspend and echo_task_again return ECHO_INVALID. Keep
 * what belongs to a thread, as a lua_State does, out of branches, and leave none by longjmp.
 */
#ifndef ECHO_BRANCH_H
#define ECHO_BRANCH_H

#include <echo/queue.h>
#include <echo/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The memory is the caller's, from the fork to the join; on the stack is the right place. Its
 * members are private, and need not be set before the fork. */
typedef struct echo_branch {
  echo_node node;
  void (*function)(void *argument);
  void *argument;
  void *worker;
  void *task;
  int32_t priority;
  uint32_t word;
} echo_branch;

/* Offers function(argument) to the other workers of the scheduler in whose task this is called; it
 * is run once, here or there. Each fork needs its join, on the same thread and before the branch's
 * memory goes. It is never refused: outside of a task, with a single worker, or when this worker
 * has hundreds on offer already, the join will run it. */
ECHO_API void echo_fork(echo_branch *branch, void (*function)(void *argument), void *argument);

/* Returns when the branch has ended, and what it did is seen. A worker that has to wait runs other
 * branches and tasks meanwhile: for some ten microseconds such as are no less urgent, then
 * whatever is there. Join the branch that was forked last first: another order is allowed, but
 * runs those in between on the way.
 *
 * ECHO_OK; or ECHO_FORKED, in the child of a fork(2) that was made between fork and join: the
 * branch was with a thread that is not in this process, and will not end. */
ECHO_API int echo_join(echo_branch *branch);

#ifdef __cplusplus
}
#endif

#endif
