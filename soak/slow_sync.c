/* Makes fsync and fdatasync wait: as many microseconds as the first word of the file says that SLOW_SYNC names.
   Preloaded into a server, it is a slow disk for whoever needs its writes to be on it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static volatile uint32_t *delay;

__attribute__((constructor)) static void open_delay(void) {
  const char *name = getenv("SLOW_SYNC");
  int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0)
    return;
  void *found = mmap(NULL, sizeof *delay, PROT_READ, MAP_SHARED, file, 0);
  if (found != MAP_FAILED)
    delay = found;
  close(file);
}

static void wait_for_disk(void) {
  uint32_t us = delay ? *delay : 0;
  struct timespec pause = {us / 1000000, us % 1000000 * 1000L};
  if (us)
    nanosleep(&pause, NULL);
}

int fsync(int file) {
  wait_for_disk();
  return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file);
}

int fdatasync(int file) {
  wait_for_disk();
  return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file);
}
