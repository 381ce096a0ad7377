/* The text of a recording's events. */
#include "scheduler/trace_line.h"

#include <stdio.h>

#include "support/events.h"

static char text[2048];

static const char *name_of(const char *name, size_t length) {
  echo__trace_line line = {text, text};
  echo__line_put_name(&line, name, length);
  *line.next = '\0';
  assert_true(spec_json_is_valid(text, (size_t)(line.next - text)));
  return text;
}

#define NAME(literal) name_of(literal, sizeof(literal) - 1)

IT(writes_numbers) {
  const uint64_t numbers[] = {0, 9, 10, 99, 100, 101, 12345, 1000000, UINT64_MAX};
  for (size_t i = 0; i < SPEC_COUNT(numbers); i++) {
    char expected[32];
    echo__trace_line line = {text, text};
    echo__line_put_number(&line, numbers[i]);
    *line.next = '\0';
    snprintf(expected, sizeof expected, "%llu", (unsigned long long)numbers[i]);
    assert_string_equal(text, expected);
  }
}

IT(writes_times_in_microseconds) {
  const struct {
    uint64_t time;
    const char *text;
  } times[] = {{0, "0.000"},
               {7, "0.007"},
               {42, "0.042"},
               {999, "0.999"},
               {1000, "1.000"},
               {1234567, "1234.567"},
               {UINT64_MAX, "18446744073709551.615"}};
  for (size_t i = 0; i < SPEC_COUNT(times); i++) {
    echo__trace_line line = {text, text};
    echo__line_put_time(&line, times[i].time);
    *line.next = '\0';
    assert_string_equal(text, times[i].text);
  }
}

IT(escapes_what_json_does_not_allow) {
  assert_string_equal(NAME(""), "\"\"");
  assert_string_equal(NAME("a\"b\\c/"), "\"a\\\"b\\\\c/\"");
  assert_string_equal(NAME("\0\1\n\x1f\x7f"), "\"\\u0000\\u0001\\u000a\\u001f\x7f\"");
}

IT(keeps_what_is_utf_8) {
  assert_string_equal(NAME("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xed\x9f\xbf\xf4\x8f\xbf\xbf"),
                      "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xed\x9f\xbf\xf4\x8f\xbf\xbf\"");
}

IT(replaces_what_is_not) {
  assert_string_equal(NAME("\xff-\xc3"), "\"\\ufffd-\\ufffd\"");
  assert_string_equal(NAME("\xc0\x80"), "\"\\ufffd\\ufffd\"");                       /* too long */
  assert_string_equal(NAME("\xe0\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\"");            /* too long */
  assert_string_equal(NAME("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"");            /* surrogate */
  assert_string_equal(NAME("\xf4\x90\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\""); /* too high */
  assert_string_equal(NAME("\xe2\x82z"), "\"\\ufffd\\ufffdz\"");
}

IT(is_valid_json_for_any_two_bytes) {
  for (unsigned pair = 0; pair < 65536; pair++) {
    const char bytes[] = {(char)(pair >> 8), (char)pair, 'x'};
    name_of(bytes, 3);
  }
}

IT(cuts_long_names_between_characters) {
  char name[200];
  for (size_t i = 0; i < sizeof name; i += 2)
    name[i] = (char)0xc3, name[i + 1] = (char)0xa4;
  const char *written = name_of(name, sizeof name);
  assert_int_equal(strlen(written), 2 + 126 + 6); /* half a character is left at the end */
  memset(name, '\1', sizeof name);
  assert_int_equal(strlen(name_of(name, sizeof name)), 2 + 127 * 6);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(writes_numbers),
      cmocka_unit_test(writes_times_in_microseconds),
      cmocka_unit_test(escapes_what_json_does_not_allow),
      cmocka_unit_test(keeps_what_is_utf_8),
      cmocka_unit_test(replaces_what_is_not),
      cmocka_unit_test(is_valid_json_for_any_two_bytes),
      cmocka_unit_test(cuts_long_names_between_characters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
