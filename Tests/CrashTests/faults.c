/* A disk that fails, and one whose power is cut: preloaded into the server (LD_PRELOAD).
 *
 * FAULTS_FILES    file names (the last part of the path, separated by colons) that stand on this disk
 * FAULTS_CONTROL  a file of 4 octets, mapped: what fails now (a letter in the first octet)
 *                   '-' nothing, 'n' writes: no space, 'e' writes: I/O error, 's' syncs: I/O error, 'q' writes beyond the file's end: no space,
 *                   'm' writes of the first file's two first pages: no space
 * FAULTS_LOG      where writes are logged with what was there before, and syncs: to undo what no sync has made lasting
 * FAULTS_BOOT     a file to be read in place of /proc/sys/kernel/random/boot_id
 *
 * The log holds records: kind (1 octet: W write, S sync, O some pages written out, B sync of some pages, which makes lasting what was written out
 * too), file (1: its place in FAULTS_FILES), offset (8), length (4), then for W as many octets as were there before (zeros beyond the end of
 * the file), for O and B 8 octets: the length that they concern. Writes are logged page by page. A file opened with O_DSYNC or O_SYNC is
 * synced by each write.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096
#define FDS 65536

static unsigned char place[FDS]; /* of the file behind a descriptor, from 1; 0: another one */
static unsigned char synced[FDS];
static volatile char *control;
static int undo = -1;
static const char *files, *boot;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void begin(void) __attribute__((constructor));
static void begin(void) {
  static int begun;
  const char *path;
  int fd;
  if (begun) return;
  begun = 1;
  files = getenv("FAULTS_FILES");
  boot = getenv("FAULTS_BOOT");
  if ((path = getenv("FAULTS_CONTROL"))) {
    fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    if (fd >= 0) {
      void *map = mmap(0, 4, PROT_READ, MAP_SHARED, fd, 0);
      if (map != MAP_FAILED) control = map;
      syscall(SYS_close, fd);
    }
  }
  if ((path = getenv("FAULTS_LOG"))) undo = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static char failing(void) { return control ? *control : '-'; }

static int number(const char *path) {
  const char *name = strrchr(path, '/'), *p = files;
  int n = 1;
  name = name ? name + 1 : path;
  while (p && *p) {
    size_t length = strcspn(p, ":");
    if (strlen(name) == length && !memcmp(name, p, length)) return n;
    p += length + (p[length] == ':');
    n++;
  }
  return 0;
}

static int opened(int fd, const char *path, int flags) {
  if (fd >= 0 && fd < FDS) {
    place[fd] = number(path);
    synced[fd] = (flags & (O_DSYNC | O_SYNC)) != 0;
  }
  return fd;
}

static int open_file(int at, const char *path, int flags, mode_t mode) {
  begin();
  if (boot && !strcmp(path, "/proc/sys/kernel/random/boot_id")) path = boot;
  return opened(syscall(SYS_openat, at, path, flags, mode), path, flags);
}

#define MODE mode_t mode = 0; \
  if (flags & (O_CREAT | O_TMPFILE)) { va_list list; va_start(list, flags); mode = va_arg(list, mode_t); va_end(list); }
int open(const char *path, int flags, ...) { MODE return open_file(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return open_file(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE return open_file(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE return open_file(at, path, flags, mode); }

int close(int fd) {
  if (fd >= 0 && fd < FDS) place[fd] = 0;
  return syscall(SYS_close, fd);
}

static void all(int fd, const void *bytes, size_t count) {
  while (count) {
    ssize_t n = syscall(SYS_write, fd, bytes, count);
    if (n <= 0) abort();
    bytes = (const char *)bytes + n;
    count -= n;
  }
}

static void record(char kind, int file, uint64_t offset, uint32_t length, const void *before) {
  unsigned char bytes[14 + PAGE];
  bytes[0] = kind;
  bytes[1] = file;
  memcpy(bytes + 2, &offset, 8);
  memcpy(bytes + 10, &length, 4);
  if (length) memcpy(bytes + 14, before, length);
  all(undo, bytes, 14 + length);
}

/* What is there now, where a write is going to be. */
static void remember(int fd, uint64_t offset, size_t count) {
  unsigned char old[PAGE];
  uint64_t page;
  if (undo < 0) return;
  pthread_mutex_lock(&lock);
  for (page = offset / PAGE; page * PAGE < offset + count; page++) {
    ssize_t n = syscall(SYS_pread64, fd, old, PAGE, page * PAGE);
    if (n < 0) n = 0;
    memset(old + n, 0, PAGE - n);
    record('W', place[fd], page * PAGE, PAGE, old);
  }
  pthread_mutex_unlock(&lock);
}

static void lasting(int fd) {
  if (undo < 0) return;
  pthread_mutex_lock(&lock);
  record('S', place[fd], 0, 0, 0);
  pthread_mutex_unlock(&lock);
}

/* Of whole pages. */
static void concerns(char kind, int file, uint64_t offset, uint64_t count) {
  if (undo < 0) return;
  pthread_mutex_lock(&lock);
  record(kind, file, offset, sizeof count, &count);
  pthread_mutex_unlock(&lock);
}

static int tracked(int fd) { return fd >= 0 && fd < FDS && place[fd]; }

static int refused(int fd, uint64_t offset, size_t count) {
  struct stat status;
  switch (failing()) {
    case 'n': return ENOSPC;
    case 'e': return EIO;
    case 'm': return place[fd] == 1 && offset < 2 * PAGE ? ENOSPC : 0;
    case 'q': return !fstat(fd, &status) && offset + count > (uint64_t)status.st_size ? ENOSPC : 0;
    default: return 0;
  }
}

static int before(int fd, uint64_t offset, size_t count) {
  int code = refused(fd, offset, count);
  if (code) { errno = code; return -1; }
  remember(fd, offset, count);
  return 0;
}

static ssize_t after(int fd, ssize_t result) {
  if (synced[fd]) lasting(fd);
  return result;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
  if (!tracked(fd)) return syscall(SYS_pwrite64, fd, bytes, count, offset);
  if (before(fd, offset, count)) return -1;
  return after(fd, syscall(SYS_pwrite64, fd, bytes, count, offset));
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { return pwrite64(fd, bytes, count, offset); }

static size_t total(const struct iovec *v, int count) {
  size_t sum = 0;
  while (count-- > 0) sum += v[count].iov_len;
  return sum;
}

ssize_t write(int fd, const void *bytes, size_t count) {
  if (!tracked(fd)) return syscall(SYS_write, fd, bytes, count);
  if (before(fd, lseek(fd, 0, SEEK_CUR), count)) return -1;
  return after(fd, syscall(SYS_write, fd, bytes, count));
}

ssize_t writev(int fd, const struct iovec *v, int count) {
  if (!tracked(fd)) return syscall(SYS_writev, fd, v, count);
  if (before(fd, lseek(fd, 0, SEEK_CUR), total(v, count))) return -1;
  return after(fd, syscall(SYS_writev, fd, v, count));
}

ssize_t pwritev64(int fd, const struct iovec *v, int count, off64_t offset) {
  ssize_t done = 0;
  int i;
  if (!tracked(fd)) return syscall(SYS_pwritev, fd, v, count, offset, offset >> 32);
  for (i = 0; i < count; i++) {
    ssize_t n = pwrite64(fd, v[i].iov_base, v[i].iov_len, offset + done);
    if (n < 0) return done ? done : -1;
    done += n;
    if ((size_t)n < v[i].iov_len) break;
  }
  return done;
}
ssize_t pwritev(int fd, const struct iovec *v, int count, off_t offset) { return pwritev64(fd, v, count, offset); }

/* The real sync is left out: nobody takes the power away from this machine. */
static int sync_file(int fd, long call) {
  if (!tracked(fd)) return syscall(call, fd);
  if (failing() == 's' || failing() == 'e') { errno = EIO; return -1; }
  lasting(fd);
  return 0;
}
int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }
int fsync(int fd) { return sync_file(fd, SYS_fsync); }

/* SYNC_FILE_RANGE_WAIT_AFTER; what is only begun may not have reached the disk. */
int sync_file_range(int fd, off64_t offset, off64_t count, unsigned flags) {
  if (!tracked(fd)) return syscall(SYS_sync_file_range, fd, offset, count, flags);
  if (failing() == 's' || failing() == 'e') { errno = EIO; return -1; }
  if (flags & 4) concerns('O', place[fd], offset, count);
  return syscall(SYS_sync_file_range, fd, offset, count, flags);
}

/* Maps of the files, by their beginnings. */
#define MAPS 64
static struct { char *start; size_t length; uint64_t offset; int file; } maps[MAPS];

void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset) {
  void *start = (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
  int i;
  if (start == MAP_FAILED || (flags & MAP_ANONYMOUS) || !tracked(fd)) return start;
  pthread_mutex_lock(&lock);
  for (i = 0; i < MAPS && maps[i].start; i++) {}
  if (i == MAPS) abort();
  maps[i].start = start; maps[i].length = length; maps[i].offset = offset; maps[i].file = place[fd];
  pthread_mutex_unlock(&lock);
  return start;
}
void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
  return mmap64(address, length, protection, flags, fd, offset);
}

int munmap(void *start, size_t length) {
  int i;
  pthread_mutex_lock(&lock);
  for (i = 0; i < MAPS; i++) if (maps[i].start == start) maps[i].start = 0;
  pthread_mutex_unlock(&lock);
  return syscall(SYS_munmap, start, length);
}

int msync(void *start, size_t length, int flags) {
  int i, file = 0;
  uint64_t offset = 0;
  pthread_mutex_lock(&lock);
  for (i = 0; i < MAPS; i++)
    if (maps[i].start && (char *)start >= maps[i].start && (char *)start < maps[i].start + maps[i].length) {
      file = maps[i].file;
      offset = maps[i].offset + ((char *)start - maps[i].start);
    }
  pthread_mutex_unlock(&lock);
  if (!file) return syscall(SYS_msync, start, length, flags);
  if (failing() == 's' || failing() == 'e') { errno = EIO; return -1; }
  if (flags & MS_SYNC) concerns('B', file, offset, length);
  return 0;
}

int ftruncate64(int fd, off64_t length) {
  if (tracked(fd) && (failing() == 'n' || failing() == 'e')) { errno = failing() == 'n' ? ENOSPC : EIO; return -1; }
  return syscall(SYS_ftruncate, fd, length);
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }
