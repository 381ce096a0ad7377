/* The file of a recording is valid JSON at every moment: after each write, and after each part of
 * one that a kill may leave, which is broken off between two pages. */
#include "scheduler/trace_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/events.h"

/* The file as it stands, kept here: pwrite is stood in for. */
enum { MOST = 1 << 22 };
static char content[MOST + 1];
static size_t size;

static bool looks = true;
static bool real = true;       /* the writes go to the file itself */
static int writes, fail_at;    /* fails from that one on; 0: none fails */
static int fail_with;          /* errno; 0: it writes half of what it is to write */
static int invalid, unguarded; /* times that the file was not valid, and was it for a moment only */

ssize_t __real_pwrite(int descriptor, const void *bytes, size_t count, off_t place);
ssize_t __wrap_pwrite(int descriptor, const void *bytes, size_t count, off_t place);
int __real_ftruncate(int descriptor, off_t length);
int __wrap_ftruncate(int descriptor, off_t length);

static void look(void) {
  if (looks && !spec_json_is_valid(content, size)) invalid++;
}

/* As the kernel does it: a page at a time. */
static void write_pages(const char *bytes, size_t count, size_t place, bool looked_at) {
  while (count > 0) {
    size_t part = 4096 - place % 4096;
    if (part > count) part = count;
    assert_true(place + part <= MOST);
    assert_true(place <= size); /* no hole */
    memcpy(content + place, bytes, part);
    if (place + part > size) size = place + part;
    bytes += part, place += part, count -= part;
    if (looked_at) look();
  }
}

/* While the bracket moves the file is invalid after the first of two writes, and only then. */
static bool moves_bracket(const char *bytes, size_t count) {
  return count == 3 && memcmp(bytes, "\n]\n", 3) == 0;
}

ssize_t __wrap_pwrite(int descriptor, const void *bytes, size_t count, off_t place) {
  if (real) return __real_pwrite(descriptor, bytes, count, place);
  writes++;
  if (fail_at > 0 && writes >= fail_at) {
    errno = fail_with;
    if (fail_with != 0) return -1;
    fail_at = 0;
    count = (count + 1) / 2;
  }
  bool moves = moves_bracket(bytes, count);
  unguarded += moves;
  write_pages(bytes, count, (size_t)place, !moves);
  return (ssize_t)count;
}

int __wrap_ftruncate(int descriptor, off_t length) {
  if (real) return __real_ftruncate(descriptor, length);
  size = (size_t)length;
  look();
  return 0;
}

static echo__trace_file file;

static int begin(void **state) {
  (void)state;
  size = 0;
  real = false;
  writes = fail_at = invalid = unguarded = 0;
  assert_int_equal(echo__trace_file_open(&file, "/dev/null", "{}", 2), 0);
  look();
  return 0;
}

static int end(void **state) {
  (void)state;
  echo__trace_file_close(&file);
  real = true;
  return 0;
}

/* A line of so many bytes that says which it is. */
static bool add(int number, size_t length) {
  char *room = echo__trace_file_line(&file);
  if (room == NULL) return false;
  int begun = snprintf(room, ECHO__TRACE_LINE, "{\"id\":%d,\"name\":\"", number);
  memset(room + begun, 'x', length - (size_t)begun - 2);
  memcpy(room + length - 2, "\"}", 2);
  echo__trace_file_add(&file, length);
  return true;
}

/* The numbers of the lines, in order, must be those from 1 to `last`. */
static void expect_lines(int last) {
  content[size] = '\0';
  int seen = 0;
  for (const char *at = content; (at = strstr(at, "{\"id\":")) != NULL; at++)
    assert_int_equal(atoi(at + 6), ++seen);
  assert_int_equal(seen, last);
}

IT(begins_as_a_whole_file) {
  assert_int_equal(invalid, 0);
  assert_string_equal((content[size] = '\0', content), "[\n{}\n]\n");
}

IT(is_valid_after_each_page_of_each_write) {
  uint64_t random = spec_seed();
  for (int number = 1; number <= 400; number++) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    assert_true(add(number, 40 + (random >> 33) % 900));
    if ((random >> 20) % 50 == 0) echo__trace_file_flush(&file);
  }
  echo__trace_file_flush(&file);
  assert_int_equal(file.error, 0);
  assert_int_equal(invalid, 0);
  expect_lines(400);
  echo__trace_file_close(&file);
  assert_int_equal(invalid, 0);
  expect_lines(400);
  assert_string_equal((content[size] = '\0', content + size - 5), "\"}\n]\n");
}

IT(moves_the_bracket_rarely) {
  looks = false;
  for (int number = 1; number <= 4000; number++) {
    assert_true(add(number, 500));
    if (number % 10 == 0) echo__trace_file_flush(&file);
  }
#if !defined(ECHO__SMALL)
  assert_true(unguarded < 25);
#endif
  assert_true(unguarded > 0);
  looks = true;
  look();
  assert_int_equal(invalid, 0);
}

IT(puts_what_is_kept_in_the_place_of_what_is_provisional) {
  int kept = 0;
  for (int round = 0; round < 200; round++) {
    for (int i = 0; i < round % 7; i++)
      assert_true(add(++kept, 100));
    echo__trace_file_be_provisional(&file);
    int provisional = round * 5 % 90; /* more and fewer, over several pages */
    for (int i = 1; i <= provisional; i++)
      assert_true(add(kept + i, 200));
    echo__trace_file_flush(&file);
    assert_int_equal(invalid, 0);
    expect_lines(kept + provisional);
  }
  echo__trace_file_close(&file);
  assert_int_equal(invalid, 0);
  expect_lines(kept);
}

IT(leaves_out_what_is_provisional_and_finds_no_room) {
  echo__trace_file_be_provisional(&file);
  int count = 0;
  while (add(count + 1, 1000))
    count++;
  assert_true(count > 20);
  echo__trace_file_flush(&file);
  expect_lines(count);
  assert_true(add(1, 100));
  echo__trace_file_flush(&file);
  expect_lines(1);
  assert_int_equal(invalid, 0);
}

IT(goes_on_where_a_write_was_cut_short) {
  for (int number = 1; number <= 500; number++) {
    assert_true(add(number, 300));
    if (number % 40 == 0) fail_at = writes + 1, fail_with = 0;
  }
  fail_at = 0;
  echo__trace_file_flush(&file);
  assert_int_equal(file.error, 0);
  expect_lines(500);
}

/* Wherever it fails: what is there is whole, and nothing is written any more. */
IT(is_whole_when_a_write_fails) {
  for (int which = 1; which < 24; which++) {
    end(NULL);
    begin(NULL);
    fail_at = writes + which;
    fail_with = ENOSPC;
    for (int number = 1; number <= 400; number++) {
      assert_true(add(number, 300));
      if (number % 20 == 0) echo__trace_file_flush(&file);
    }
    assert_int_equal(file.error, ENOSPC);
    assert_int_equal(invalid, 0);
    int before = writes;
    echo__trace_file_close(&file);
    assert_int_equal(writes, before);
    assert_int_equal(file.error, ENOSPC);
    assert_true(spec_json_is_valid(content, size));
  }
}

IT(says_why_it_cannot_be_opened) {
  static echo__trace_file other;
  assert_int_equal(echo__trace_file_open(&other, "/nonexistent/file", "{}", 2), ENOENT);
  assert_int_equal(other.descriptor, -1);
  assert_int_equal(echo__trace_file_open(&other, "/", "{}", 2), EISDIR);
  fail_at = writes + 1;
  fail_with = ENOSPC;
  assert_int_equal(echo__trace_file_open(&other, "/dev/null", "{}", 2), ENOSPC);
  assert_int_equal(other.descriptor, -1);
  echo__trace_file_close(&other); /* which does nothing */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(begins_as_a_whole_file, begin, end),
      cmocka_unit_test_setup_teardown(is_valid_after_each_page_of_each_write, begin, end),
      cmocka_unit_test_setup_teardown(moves_the_bracket_rarely, begin, end),
      cmocka_unit_test_setup_teardown(puts_what_is_kept_in_the_place_of_what_is_provisional, begin,
                                      end),
      cmocka_unit_test_setup_teardown(leaves_out_what_is_provisional_and_finds_no_room, begin, end),
      cmocka_unit_test_setup_teardown(goes_on_where_a_write_was_cut_short, begin, end),
      cmocka_unit_test_setup_teardown(is_whole_when_a_write_fails, begin, end),
      cmocka_unit_test_setup_teardown(says_why_it_cannot_be_opened, begin, end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
