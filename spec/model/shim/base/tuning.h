/* Stands in for src/base/tuning.h: as small as it goes, so that few steps reach everything. */
#ifndef ECHO_BASE_TUNING_H
#define ECHO_BASE_TUNING_H

#ifndef MODEL_RING
#define MODEL_RING 2
#endif

enum {
  ECHO__RING = MODEL_RING,
  ECHO__BATCH = 2,
  ECHO__STEAL_BATCH = 2,
  ECHO__LANES = 1,
  ECHO__FAIRNESS = 61,
  ECHO__SPIN_ROUNDS = 2,
  ECHO__SPIN_PAUSES = 1,
  ECHO__SPIN_AFTER = 2,
  ECHO__SPIN_WORTH = 1, /* time stands still here: every sleep was short */
  ECHO__MAX_WORKERS = 64,
  ECHO__NAMED_QUEUES = 63,
  ECHO__SPARE_PARCELS = 1
};

#endif
