/*
 * A job's priority after the submit: it can be changed, and it is raised to that of a task which
 * waits for it.
 *
 * A core task cannot leave the queue it lies in. So a job that has not begun is submitted once
 * more, with the new priority: a stand-in. Whichever of its core tasks comes first begins the job,
 * and the others find that it has begun; so one of them may end long before the job. A job that has
 * begun takes its core task along: at once if it is suspended, else when it is suspended next. A
 * map keeps its priority.
 */
#ifndef ECHO_LUA_URGENCY_H
#define ECHO_LUA_URGENCY_H

#include "lua/job.h"

typedef struct echo__stand_in {
  echo__job *job;
  echo__atomic(bool) begun; /* by this one, and written there */
} echo__stand_in;

/* Changes the priority. ECHO_OK, ECHO_INVALID if the job has ended or is a map, or what a submit
 * returns. Any thread that has a reference. */
int echo__job_set_priority(echo__job *job, echo_priority priority);

/* Raises the job, and those it waits for, to at least this priority. As far as it can be done:
 * never fails. Any thread that has a reference. */
void echo__job_raise(echo__job *job, echo_priority priority);

/* Whoever is awaited goes on as urgently as who waits; nothing if `waiter` is NULL. */
void echo__job_lend(const echo__job *waiter, echo__job *job);

/* The stand-in's core function, in run.c. */
void echo__run_stand_in(void *stand_in);

#endif
