/* Sixty frames a second, and how long each took. One thread. */
#ifndef FRAMES_H
#define FRAMES_H

typedef struct frames {
  double *work; /* seconds that each frame kept the thread busy; allocated */
  int count, capacity, late;
  double next; /* when the next one is due */
} frames;

/* Seconds of a monotonic clock. */
double frames_now(void);

/* Waits until the next frame is due; returns the time at which it begins. */
double frames_begin(frames *all);

/* Notes the frame that began at that time. */
void frames_end(frames *all, double began);

/* Prints a line: how many, and their median, 99th percentile and worst. */
void frames_print(const frames *all, const char *what);

void frames_close(frames *all);

#endif
