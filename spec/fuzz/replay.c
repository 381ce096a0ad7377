/*
 * Runs a target over files, where there is no fuzzer to do it: the seeds, and what once was a
 * finding, are a test in every preset.
 *
 * Usage: replay file...
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LARGEST = 1 << 20 };

/* The bytes in a block of exactly their size, so that a sanitizer sees a step beyond them. */
static void run(const uint8_t *bytes, size_t size) {
  uint8_t *data = malloc(size > 0 ? size : 1);
  if (!data) abort();
  for (size_t i = 0; i < size; i++)
    data[i] = bytes[i];
  LLVMFuzzerTestOneInput(data, size);
  free(data);
}

int main(int count, char **paths) {
  static uint8_t bytes[LARGEST];
  for (int i = 1; i < count; i++) {
    FILE *file = fopen(paths[i], "rb");
    if (!file) {
      perror(paths[i]);
      return 1;
    }
    run(bytes, fread(bytes, 1, sizeof bytes, file));
    fclose(file);
  }
  printf("%d files\n", count - 1);
  return count > 1 ? 0 : 1;
}
