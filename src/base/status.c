#include <echo/status.h>

const char *echo_strerror(int status) {
  switch (status) {
#define SENTENCE(name, code, text, sentence)                                                       \
  case code: return sentence;
    ECHO_STATUS_MAP(SENTENCE)
#undef SENTENCE
  default: return "unknown status";
  }
}

const char *echo_status_name(int status) {
  switch (status) {
#define NAME(name, code, text, sentence)                                                           \
  case code: return text;
    ECHO_STATUS_MAP(NAME)
#undef NAME
  default: return "unknown";
  }
}
