/* Preloaded: writes down every write, sync and rename with the path of its file, and makes chosen ones fail.
 *
 * SYSCALLS_LOG: the file to write to, one event a line, in the order of completion:
 *   write PATH OCTETS | sync PATH | rename FROM TO | said TEXT (what is written to standard output, before it goes out)
 * SYSCALLS_FAIL: CALL:PART:NTH:ERRNO, the NTH call (write, sync, rename, open) from 1 on whose path contains PART fails so;
 *   open is one for writing.
 * SYSCALLS_FAIL_WHILE: a file of lines CALL:PART:ERRNO; as long as it is there, every such call fails so.
 * SYSCALLS_MARK: a text; a write to a file tells of each word in it that begins so: holds PATH WORD, after the write.
 * SYSCALLS_SAID: a text; a write to a socket tells of each place where it stands, with the word after it, before the write:
 *   said TEXT WORD
 */
#define _GNU_SOURCE
#include <ctype.h>
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
static const char *fail_while, *mark, *said;

__attribute__((constructor)) static void begin(void) {
  const char *log = getenv("SYSCALLS_LOG"), *fail = getenv("SYSCALLS_FAIL");
  fail_while = getenv("SYSCALLS_FAIL_WHILE");
  mark = getenv("SYSCALLS_MARK");
  said = getenv("SYSCALLS_SAID");
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

static int fails_now(const char *call, const char *path) {
  char text[1024], *rest = text, *line;
  int file = fail_while ? (int)syscall(SYS_openat, AT_FDCWD, fail_while, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return 0;
  ssize_t length = syscall(SYS_read, file, text, sizeof text - 1);
  syscall(SYS_close, file);
  text[length < 0 ? 0 : length] = 0;
  while ((line = strsep(&rest, "\n"))) {
    char which[16], part[256];
    int error;
    if (sscanf(line, "%15[^:]:%255[^:]:%d", which, part, &error) != 3) continue;
    if (strcmp(call, which) == 0 && strstr(path, part)) return error;
  }
  return 0;
}

static int fails(const char *call, const char *path) {
  int error = fails_now(call, path);
  if (error == 0) {
    if (fail_nth == 0 || strcmp(call, fail_call) != 0 || !strstr(path, fail_part)) return 0;
    if (__atomic_add_fetch(&fail_seen, 1, __ATOMIC_SEQ_CST) != fail_nth) return 0;
    error = fail_errno;
  }
  event("failed %s %s\n", call, path);
  errno = error;
  return 1;
}

static size_t word(const char *from, const char *end) {
  size_t length = 0;
  while (from + length < end && (isalnum((unsigned char)from[length]) || from[length] == '-')) length++;
  return length;
}

static void look(const char *path, const void *data, size_t size, int before) {
  const char *text = before ? said : mark, *at = data, *end = at + size;
  if (!text || !*text || (path[0] == '/') == before || (before && strncmp(path, "socket:", 7) != 0)) return;
  size_t length = strlen(text);
  while (at < end && (at = memmem(at, (size_t)(end - at), text, length))) {
    int more = (int)word(at + length, end);
    if (before) event("said %s%.*s\n", text, more, at + length);
    else event("holds %s %s%.*s\n", path, text, more, at + length);
    at += length;
  }
}

static void look_all(const char *path, const struct iovec *parts, int count, int before) {
  for (int i = 0; i < count; i++) look(path, parts[i].iov_base, parts[i].iov_len, before);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define WRITES(name, params, args, looks)            \
  ssize_t name params {                              \
    char path[512];                                  \
    int before = 1;                                  \
    path_of(fd, path, sizeof path);                  \
    if (fails("write", path)) return -1;             \
    looks;                                           \
    ssize_t result = REAL(name) args;                \
    before = 0;                                      \
    if (result >= 0 && path[0] == '/') {             \
      looks;                                         \
      event("write %s %zd\n", path, result);         \
    }                                                \
    return result;                                   \
  }

#define ONE look(path, data, size, before)
#define ALL look_all(path, parts, count, before)

WRITES(pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at), ONE)
WRITES(pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at), ONE)
WRITES(writev, (int fd, const struct iovec *parts, int count), (fd, parts, count), ALL)
WRITES(pwritev, (int fd, const struct iovec *parts, int count, off_t at), (fd, parts, count, at), ALL)
WRITES(pwritev64, (int fd, const struct iovec *parts, int count, off64_t at), (fd, parts, count, at), ALL)

#define SAY if (fd == 1 && before) event("said %.*s", (int)size, (const char *)data)

WRITES(write, (int fd, const void *data, size_t size), (fd, data, size), SAY; ONE)

#define OPENS(name)                                                                    \
  int name(const char *path, int flags, ...) {                                         \
    mode_t mode = 0;                                                                   \
    if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE) {                         \
      va_list args;                                                                    \
      va_start(args, flags);                                                           \
      mode = va_arg(args, mode_t);                                                     \
      va_end(args);                                                                    \
    }                                                                                  \
    if ((flags & O_ACCMODE) != O_RDONLY && fails("open", path)) return -1;             \
    return REAL(name)(path, flags, mode);                                              \
  }

OPENS(open)
OPENS(open64)

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
