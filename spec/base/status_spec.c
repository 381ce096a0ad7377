/* Every status has a name and a sentence. */
#include <ctype.h>
#include <echo/status.h>
#include <string.h>

#include "support/spec.h"

static const int codes[] = {
#define CODE(name, code, text, sentence) ECHO_##name,
    ECHO_STATUS_MAP(CODE)
#undef CODE
};

IT(counts_success_as_0_and_errors_downwards) {
  for (unsigned i = 0; i < SPEC_COUNT(codes); i++)
    assert_int_equal(codes[i], -(int)i);
}

IT(knows_the_names_that_the_contract_gives) {
  assert_string_equal(echo_status_name(ECHO_OK), "ok");
  assert_string_equal(echo_status_name(ECHO_TIMEOUT), "timeout");
  assert_string_equal(echo_status_name(ECHO_STOPPED), "stopped");
  assert_string_equal(echo_status_name(ECHO_LOST), "lost");
  assert_string_equal(echo_status_name(ECHO_CANCELLED), "cancelled");
}

IT(has_one_lower_case_word_for_each_name) {
  for (unsigned i = 0; i < SPEC_COUNT(codes); i++) {
    const char *name = echo_status_name(codes[i]);
    assert_true(name[0] != '\0');
    for (; *name != '\0'; name++)
      assert_true(islower((unsigned char)*name));
  }
}

IT(has_names_and_sentences_that_differ) {
  for (unsigned i = 0; i < SPEC_COUNT(codes); i++) {
    for (unsigned k = 0; k < i; k++) {
      assert_string_not_equal(echo_status_name(codes[i]), echo_status_name(codes[k]));
      assert_string_not_equal(echo_strerror(codes[i]), echo_strerror(codes[k]));
    }
  }
}

IT(says_so_when_it_does_not_know_a_status) {
  const int strangers[] = {1, -(int)SPEC_COUNT(codes), INT32_MAX, INT32_MIN};
  for (unsigned i = 0; i < SPEC_COUNT(strangers); i++) {
    assert_string_equal(echo_status_name(strangers[i]), "unknown");
    assert_string_equal(echo_strerror(strangers[i]), "unknown status");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(counts_success_as_0_and_errors_downwards),
      cmocka_unit_test(knows_the_names_that_the_contract_gives),
      cmocka_unit_test(has_one_lower_case_word_for_each_name),
      cmocka_unit_test(has_names_and_sentences_that_differ),
      cmocka_unit_test(says_so_when_it_does_not_know_a_status),
  };
  return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
