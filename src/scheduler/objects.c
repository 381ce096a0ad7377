#include "scheduler/objects.h"

echo_task *echo__object_take_timed(echo__objects *objects, echo__caches *caches) {
  return echo__pool_take(&objects->timed, &caches->timed);
}

void echo__object_give_timed(echo__objects *objects, echo__caches *caches, echo_task *task) {
  echo__pool_give(&objects->timed, &caches->timed, task);
}
