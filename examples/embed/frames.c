#include "frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const double period = 1.0 / 60;

double frames_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void sleep_until(double time) {
  struct timespec until = {.tv_sec = (time_t)time};
  until.tv_nsec = (long)((time - (double)until.tv_sec) * 1e9);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0)
    continue;
}

/* A frame that is more than one period late is dropped, as a display would. */
double frames_begin(frames *all) {
  if (all->next == 0) all->next = frames_now();
  sleep_until(all->next);
  double now = frames_now();
  if (now - all->next > period) {
    all->late++;
    all->next = now;
  }
  all->next += period;
  return now;
}

void frames_end(frames *all, double began) {
  if (all->count == all->capacity) {
    int capacity = all->capacity > 0 ? 2 * all->capacity : 1024;
    double *more = realloc(all->work, (size_t)capacity * sizeof *more);
    if (more == NULL) return;
    all->work = more;
    all->capacity = capacity;
  }
  all->work[all->count++] = frames_now() - began;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

void frames_print(const frames *all, const char *what) {
  if (all->count == 0) return;
  qsort(all->work, (size_t)all->count, sizeof *all->work, compare);
  printf("%s: %d frames, %.2f ms (median), %.2f ms (p99), %.2f ms (worst), %d dropped\n", what,
         all->count, 1000 * all->work[all->count / 2], 1000 * all->work[all->count * 99 / 100],
         1000 * all->work[all->count - 1], all->late);
}

void frames_close(frames *all) {
  free(all->work);
  *all = (frames){0};
}
