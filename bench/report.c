#include "report.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROWS = 1024, MAX_VALUES = 128 };

typedef struct row {
  const char *question, *who, *unit;
  bool floor;
  int count;
  double values[MAX_VALUES];
} row;

static row rows[MAX_ROWS];
static int row_count;

static struct { const char *who, *why; } skipped[MAX_ROWS];
static int skipped_count;

static row *find(const char *question, const char *who, const char *unit) {
  for (int i = 0; i < row_count; i++)
    if (strcmp(rows[i].question, question) == 0 && strcmp(rows[i].who, who) == 0) return &rows[i];
  if (row_count == MAX_ROWS) abort();
  row *added = &rows[row_count++];
  added->question = question;
  added->who = who;
  added->unit = unit;
  return added;
}

static row *add(const char *question, const char *who, const char *unit, double value) {
  row *r = find(question, who, unit);
  if (r->count < MAX_VALUES) r->values[r->count++] = value;
  return r;
}

void bench_add(const char *question, const char *who, const char *unit, double value) {
  add(question, who, unit, value);
}

void bench_add_floor(const char *question, const char *who, const char *unit, double value) {
  add(question, who, unit, value)->floor = true;
}

void bench_skip(const char *who, const char *why) {
  if (skipped_count == MAX_ROWS) abort();
  skipped[skipped_count].who = who;
  skipped[skipped_count++].why = why;
}

int bench_count(int number) {
  const char *scale = getenv("BENCH_SCALE");
  double count = scale == NULL ? number : number * atof(scale);
  return count < 1 ? 1 : (int)count;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double bench_quantile(double *values, int count, double quantile) {
  qsort(values, (size_t)count, sizeof *values, by_value);
  return values[(int)(quantile * (count - 1))];
}

static double median(const row *r) {
  double sorted[MAX_VALUES];
  memcpy(sorted, r->values, sizeof sorted);
  return bench_quantile(sorted, r->count, 0.5);
}

static const row *floor_of(const row *r) {
  for (int i = 0; i < row_count; i++)
    if (rows[i].floor && strcmp(rows[i].question, r->question) == 0) return &rows[i];
  return NULL;
}

static bool is_rate(const row *r) {
  size_t length = strlen(r->unit);
  return (length > 2 && strcmp(r->unit + length - 2, "/s") == 0) ||
         strcmp(r->unit, "times one") == 0;
}

static void print_row(const row *r) {
  double sorted[MAX_VALUES];
  const row *floor = floor_of(r);
  memcpy(sorted, r->values, sizeof sorted);
  double middle = bench_quantile(sorted, r->count, 0.5);
  printf("%-42s %-26s %11.5g %11.5g %11.5g  %-9s", r->question, r->who, middle, sorted[0],
         sorted[r->count - 1], r->unit);
  if (floor != NULL && floor != r)
    printf(" %8.2f", is_rate(r) ? median(floor) / middle : middle / median(floor));
  printf("\n");
}

static void print_line(const row *r) {
  printf("row\t%s\t%s\t%s\t%s\t", r->question, r->who, r->unit, r->floor ? "floor" : "");
  for (int i = 0; i < r->count; i++)
    printf("%s%.9g", i == 0 ? "" : " ", r->values[i]);
  printf("\n");
}

void bench_print(void) {
  bool lines = getenv("BENCH_ROWS") != NULL;
  if (!lines)
    printf("%-69s %11s %11s %11s  %-9s %8s\n", "", "median", "least", "most", "", "x floor");
  for (int i = 0; i < row_count; i++)
    (lines ? print_line : print_row)(&rows[i]);
  for (int i = 0; i < skipped_count; i++)
    printf(lines ? "skip\t%s\t%s\n" : "%s: %s\n", skipped[i].who, skipped[i].why);
}
