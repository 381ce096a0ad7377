/* Stands in for src/lua/parcel.h: what is in a parcel is the number of its message. */
#ifndef ECHO_LUA_PARCEL_H
#define ECHO_LUA_PARCEL_H

#include "base/tuning.h"
#include "memory.hpp"

typedef struct echo__parcel {
  model::plain<struct echo__parcel *> next;
  model::plain<uint64_t> number;
  model::plain<int> message; /* 0: empty */
} echo__parcel;

void echo__parcel_destroy(echo__parcel *parcel); /* the model has it */

#endif
