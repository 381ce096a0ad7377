/* Stands in for src/scheduler/here.h: the model's threads are fibers of one thread. */
#ifndef ECHO_SCHEDULER_HERE_H
#define ECHO_SCHEDULER_HERE_H

#include "memory.hpp"

struct echo__worker;

typedef struct echo__here {
  struct echo__worker *worker;
  unsigned number;
} echo__here;

#define echo__this_thread (*model_here())
#define _Thread_local

inline echo__here model_heres[model::THREADS];

inline echo__here(*model_here()) {
  return &model_heres[model::self()];
}

#endif
