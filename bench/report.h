/*
 * How the benchmarks in C tell what they measured: rows of who answered which question in which
 * unit, with one value for each round, printed as a table, or with BENCH_ROWS set as lines that
 * bench/run reads. bench/report.lua is the same for those in Lua, and says what a row is.
 *
 * For one thread. What is given as text is not copied: literals.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#ifdef __cplusplus
extern "C" {
#endif

/* One value of one round. */
void bench_add(const char *question, const char *who, const char *unit, double value);

/* The same of what is the question's floor: what the system itself takes, without a library. */
void bench_add_floor(const char *question, const char *who, const char *unit, double value);

/* Who was not measured, and why. */
void bench_skip(const char *who, const char *why);

/* So many of something, or as BENCH_SCALE wants it; at least one. */
int bench_count(int number);

/* The value below which so much of the values lies. Sorts them. */
double bench_quantile(double *values, int count, double quantile);

void bench_print(void);

#ifdef __cplusplus
}
#endif

#endif
