/*
 * Running jobs in a worker's state, on the worker's thread, each in a fiber.
 *
 * A core task's function is called when its task begins and again each time it goes on after it was
 * suspended. When it returns, the task has ended or is suspended once more.
 */
#ifndef ECHO_LUA_RUN_H
#define ECHO_LUA_RUN_H

#include "lua/job.h"
#include "lua/map.h"

/* The core task's function; the argument is the job's run. */
void echo__run_job(void *run);

typedef enum echo__progress { ECHO__SUSPENDED, ECHO__ENDED } echo__progress;

/* Calls the map's function on the items of the run's chunk, or goes on with that. */
echo__progress echo__run_chunk(echo__runner *runner);

#endif
