/* Steps the wall clock of the processes that load it (LD_PRELOAD): adds what the file CLOCK_STEPS says for their id.
   The file is pairs of 64-bit numbers, a process id and nanoseconds; 0 as the id stands for every other process. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define PAIRS 256
static volatile const int64_t *steps;

__attribute__((constructor)) static void begin(void) {
  const char *name = getenv("CLOCK_STEPS");
  int file = name ? open(name, O_RDONLY) : -1;
  if (file < 0) return;
  void *at = mmap(0, PAIRS * 16, PROT_READ, MAP_SHARED, file, 0);
  if (at != MAP_FAILED) steps = at;
  close(file);
}

static int64_t step(void) {
  if (!steps) return 0;
  int64_t all = 0, own = getpid();
  for (int n = 0; n < PAIRS; n++) {
    if (steps[2 * n] == own) return steps[2 * n + 1];
    if (steps[2 * n] == 0 && steps[2 * n + 1]) all = steps[2 * n + 1];
  }
  return all;
}

int clock_gettime(clockid_t which, struct timespec *at) {
  int failed = syscall(SYS_clock_gettime, which, at);
  if (failed || (which != CLOCK_REALTIME && which != CLOCK_REALTIME_COARSE)) return failed;
  int64_t now = at->tv_sec * 1000000000LL + at->tv_nsec + step();
  at->tv_sec = now / 1000000000LL;
  at->tv_nsec = now % 1000000000LL;
  return 0;
}

int gettimeofday(struct timeval *at, void *zone) {
  (void)zone;
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
  at->tv_sec = now.tv_sec;
  at->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *at) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (at) *at = now.tv_sec;
  return now.tv_sec;
}
