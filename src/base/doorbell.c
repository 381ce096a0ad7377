#include "base/doorbell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#if defined(__linux__) && !defined(ECHO__SMALL)
#define ECHO__HAS_EVENTFD 1
#include <sys/eventfd.h>
#endif

void echo__doorbell_init(echo__doorbell *bell) {
  *bell = (echo__doorbell){-1, -1, false};
}

#ifdef ECHO__HAS_EVENTFD

int echo__doorbell_open(echo__doorbell *bell) {
  int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (descriptor < 0) return errno;
  bell->reads = bell->writes = descriptor;
  return 0;
}

#else

static bool set_flags(int descriptor) {
  return fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 && fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0;
}

int echo__doorbell_open(echo__doorbell *bell) {
  int ends[2];
  if (pipe(ends) != 0) return errno;
  bell->reads = ends[0];
  bell->writes = ends[1];
  if (set_flags(ends[0]) && set_flags(ends[1])) return 0;
  int error = errno;
  echo__doorbell_close(bell);
  return error;
}

#endif

/* Of the eight bytes there are never more than one lot, so neither call can fall short. */
void echo__doorbell_ring(echo__doorbell *bell) {
  if (bell->rung || bell->writes < 0) return;
  uint64_t one = 1;
  bell->rung = write(bell->writes, &one, sizeof one) == sizeof one;
}

void echo__doorbell_quiet(echo__doorbell *bell) {
  if (!bell->rung) return;
  uint64_t count;
  bell->rung = read(bell->reads, &count, sizeof count) != sizeof count;
}

/* One that does not fit any more finds the bell readable. */
void echo__doorbell_knock(const echo__doorbell *bell) {
  int saved = errno;
  uint64_t one = 1;
  while (write(bell->writes, &one, sizeof one) < 0 && errno == EINTR)
    continue;
  errno = saved;
}

/* An event counter gives all knocks at once; a pipe may hold several. */
void echo__doorbell_answer(const echo__doorbell *bell) {
  uint64_t counts[16];
  while (read(bell->reads, counts, sizeof counts) == sizeof counts)
    continue;
}

static bool move(int from, int to) {
  return dup2(from, to) >= 0 && fcntl(to, F_SETFD, FD_CLOEXEC) == 0;
}

void echo__doorbell_renew(echo__doorbell *bell) {
  echo__doorbell own;
  if (bell->reads < 0) return;
  echo__doorbell_init(&own);
  bool well = echo__doorbell_open(&own) == 0 && move(own.reads, bell->reads) &&
              (bell->writes == bell->reads || move(own.writes, bell->writes));
  echo__doorbell_close(&own);
  bell->rung = false;
  if (!well) echo__doorbell_close(bell);
}

void echo__doorbell_close(echo__doorbell *bell) {
  if (bell->reads >= 0) close(bell->reads);
  if (bell->writes >= 0 && bell->writes != bell->reads) close(bell->writes);
  echo__doorbell_init(bell);
}
