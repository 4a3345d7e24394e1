/* Preloaded: writes down every write, sync and rename with the path of its file, and makes chosen ones fail.
 *
 * SYSCALLS_LOG: the file to write to, one event a line, in the order of completion:
 *   write PATH OCTETS | sync PATH | rename FROM TO | said TEXT (what is written to standard output, before it goes out)
 * SYSCALLS_FAIL: CALL:PART:NTH:ERRNO, the NTH call (write, sync, rename) from 1 on whose path contains PART fails so.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int log_fd = -1;
static char fail_call[16], fail_part[256];
static int fail_nth, fail_errno, fail_seen;

__attribute__((constructor)) static void begin(void) {
  const char *log = getenv("SYSCALLS_LOG"), *fail = getenv("SYSCALLS_FAIL");
  if (log) log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fail) sscanf(fail, "%15[^:]:%255[^:]:%d:%d", fail_call, fail_part, &fail_nth, &fail_errno);
}

static void event(const char *format, ...) {
  char line[1024];
  va_list args;
  int saved = errno;
  if (log_fd < 0) return;
  va_start(args, format);
  int length = vsnprintf(line, sizeof line, format, args);
  va_end(args);
  if (length > 0) syscall(SYS_write, log_fd, line, (size_t)(length < (int)sizeof line ? length : (int)sizeof line - 1));
  errno = saved;
}

static const char *path_of(int fd, char *path, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, size - 1);
  path[length < 0 ? 0 : length] = 0;
  return path;
}

static int fails(const char *call, const char *path) {
  if (fail_nth == 0 || strcmp(call, fail_call) != 0 || !strstr(path, fail_part)) return 0;
  if (__atomic_add_fetch(&fail_seen, 1, __ATOMIC_SEQ_CST) != fail_nth) return 0;
  event("failed %s %s\n", call, path);
  errno = fail_errno;
  return 1;
}

static ssize_t wrote(const char *path, ssize_t result) {
  if (result >= 0 && path[0] == '/') event("write %s %zd\n", path, result);
  return result;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define WRITES(name, params, args)                   \
  ssize_t name params {                              \
    char path[512];                                  \
    path_of(fd, path, sizeof path);                  \
    if (fails("write", path)) return -1;             \
    return wrote(path, REAL(name) args);             \
  }

WRITES(pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at))
WRITES(pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at))
WRITES(writev, (int fd, const struct iovec *parts, int count), (fd, parts, count))
WRITES(pwritev, (int fd, const struct iovec *parts, int count, off_t at), (fd, parts, count, at))
WRITES(pwritev64, (int fd, const struct iovec *parts, int count, off64_t at), (fd, parts, count, at))

ssize_t write(int fd, const void *data, size_t size) {
  char path[512];
  if (fd == 1) event("said %.*s", (int)size, (const char *)data);
  path_of(fd, path, sizeof path);
  if (fails("write", path)) return -1;
  return fd == 1 ? REAL(write)(fd, data, size) : wrote(path, REAL(write)(fd, data, size));
}

#define SYNCS(name)                                  \
  int name(int fd) {                                 \
    char path[512];                                  \
    path_of(fd, path, sizeof path);                  \
    if (fails("sync", path)) return -1;              \
    int result = REAL(name)(fd);                     \
    if (result == 0) event("sync %s\n", path);       \
    return result;                                   \
  }

SYNCS(fsync)
SYNCS(fdatasync)

int rename(const char *from, const char *to) {
  if (fails("rename", to)) return -1;
  int result = REAL(rename)(from, to);
  if (result == 0) event("rename %s %s\n", from, to);
  return result;
}
