"""A clock that is wrong by as much as a file says, for one program: what happens in a week, or with a machine whose clock is off."""
import shutil

from netlab import run

SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
static long shift(void) {
  long seconds = 0;
  FILE* f = fopen(getenv("CLOCK_SHIFT"), "r");
  if (f) {
    if (fscanf(f, "%ld", &seconds) != 1) seconds = 0;
    fclose(f);
  }
  return seconds;
}
int clock_gettime(clockid_t id, struct timespec* at) {
  static int (*real)(clockid_t, struct timespec*);
  if (!real) real = (int (*)(clockid_t, struct timespec*))dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(id, at);
  if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) at->tv_sec += shift();
  return result;
}
time_t time(time_t* at) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (at) *at = now.tv_sec;
  return now.tv_sec;
}
int gettimeofday(struct timeval* at, void* zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  at->tv_sec = now.tv_sec;
  at->tv_usec = now.tv_nsec / 1000;
  return 0;
}
"""


class ShiftedClock:
    """`env` makes a program believe it; `set` moves it on while the program runs. Needs a C compiler: `available()`."""

    def __init__(self, folder, seconds=0):
        self.file = folder.write('clock', str(seconds))
        self.folder = folder
        run('cc', '-shared', '-fPIC', '-o', folder / 'clock.so', folder.write('clock.c', SOURCE), '-ldl')
        self.env = {'LD_PRELOAD': folder / 'clock.so', 'CLOCK_SHIFT': self.file}

    @staticmethod
    def available():
        return shutil.which('cc') is not None

    def set(self, seconds):
        self.folder.write('clock', str(seconds))
