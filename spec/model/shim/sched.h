/* A thread that yields lets the others go on. */
#ifndef MODEL_SCHED_H
#define MODEL_SCHED_H

#include "engine.hpp"

#define sched_yield() model::pause()

#endif
