// steady_disk -- preloaded into a server by a benchmark: a disk that takes LAB_DISK_US microseconds for each fdatasync and
// fsync, whatever the real one does. For figures that compare with those of another machine.
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

static long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000L + t.tv_nsec;
}

int fdatasync(int file) {
  (void)file;
  const char* text = getenv("LAB_DISK_US");
  const long until = now() + (text ? atol(text) : 0) * 1000, early = 30000;
  prctl(PR_SET_TIMERSLACK, 1);
  const struct timespec nearly = {0, until - now() - early};
  if (nearly.tv_nsec > 0) nanosleep(&nearly, NULL);
  while (now() < until) {
  }
  return 0;
}

int fsync(int file) { return fdatasync(file); }
