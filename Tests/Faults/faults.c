// A failing disk, for tests. Loaded with LD_PRELOAD, it stands between libsqlite3 and libc, counts
// the calls that touch the database's files, and makes chosen ones fail, kills the process before
// one, or cuts the power there.
//
// The power cut: of everything written since the last sync of its file, a random part is undone,
// some of it torn at 512-byte sectors. Of the changes to names since the last sync of the folder, a
// random tail is undone (file systems keep their order). As on Linux, a failed sync loses its data
// for good unless it is written again: it reports once to each descriptor that was open, and calls
// the pages clean (https://lwn.net/Articles/752063/).
//
// FAULTS_FILE     files whose path begins with this, and the folder they are in
// FAULTS_KIND     open, read, write, sync, truncate, unlink, rename, or change: all of these but read
// FAULTS_AT       the first call of this kind that fails, counted from 1
// FAULTS_COUNT    how many fail from there on (default 1)
// FAULTS_ACTION   EIO, ENOSPC, short (half of a write, then ENOSPC), kill, or cut
// FAULTS_SEED     of what a power cut keeps
// FAULTS_QUOTA    bytes that the files may have together; beyond that ENOSPC
// FAULTS_CURE     while this file exists nothing fails, and the quota does not hold
// FAULTS_CUT      once this file exists the power goes at the next change
//
// FAULTS_TYPE     of the file system, as statfs(2) has it
//
// Each fault says so on standard error: "fault: write 17 EIO".
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum kind { OPEN, READ, WRITE, SYNC, TRUNCATE, UNLINK, RENAME, CHANGE, KINDS };
static const char *const kind_names[] = {"open", "read", "write", "sync", "truncate", "unlink", "rename", "change"};

enum { FILES = 4096, SECTOR = 512 };

// A file, identified by its inode, because names come and go. The descriptor is the shim's own and
// never closed: closing one would drop the locks that the process has on the file, and an open one
// keeps the inode's number from being reused.
struct file {
    dev_t device;
    ino_t inode;
    int descriptor;
};

// Changes that are not yet synced, oldest first.
struct change {
    enum { BYTES, SIZE, CREATED, REMOVED, RENAMED } what;
    struct file *file;              // BYTES, SIZE
    off_t offset, size, old_size;   // BYTES: offset and size; SIZE: size is the new one
    unsigned char *old, *new;       // BYTES: before and after; SIZE: old is what was cut off
    unsigned char *lost;            // BYTES, after a failed sync: which bytes nobody wrote again
    char *path, *to, *saved;        // names: of it; RENAMED: the new one; another link to what vanished
    struct change *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *prefix, *cure, *cut_file;
static char *folder;
static enum kind fault_kind = KINDS;
static long fault_at, fault_count = 1, counts[KINDS], quota = -1;
static const char *action = "EIO";
static uint64_t state;
static int saved_count, is_second_half;
static struct file files[FILES];
static struct file *by_descriptor[FILES];
static int is_folder[FILES];
static int unreported[FILES]; // of a descriptor: the error of a sync by another one
static struct change *changes;

static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_pread)(int, void *, size_t, off_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off_t);
static int (*real_fallocate)(int, off_t, off_t);
static int (*real_unlink)(const char *);
static int (*real_rename)(const char *, const char *);

// At the first call, because another library's constructor may run before one of ours.
static void begin(void) {
    if (real_rename) return;
    real_open = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    real_close = (int (*)(int))dlsym(RTLD_NEXT, "close");
    real_pread = (ssize_t(*)(int, void *, size_t, off_t))dlsym(RTLD_NEXT, "pread64");
    real_pwrite = (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite64");
    real_write = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    real_fdatasync = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    real_ftruncate = (int (*)(int, off_t))dlsym(RTLD_NEXT, "ftruncate64");
    real_fallocate = (int (*)(int, off_t, off_t))dlsym(RTLD_NEXT, "posix_fallocate64");
    real_unlink = (int (*)(const char *))dlsym(RTLD_NEXT, "unlink");
    real_rename = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
    const char *text;
    if ((text = getenv("FAULTS_KIND")))
        for (fault_kind = 0; fault_kind < KINDS && strcmp(text, kind_names[fault_kind]); fault_kind++) {}
    if ((text = getenv("FAULTS_AT"))) fault_at = atol(text);
    if ((text = getenv("FAULTS_COUNT"))) fault_count = atol(text);
    if ((text = getenv("FAULTS_ACTION"))) action = text;
    if ((text = getenv("FAULTS_SEED"))) state = strtoull(text, NULL, 10);
    if ((text = getenv("FAULTS_QUOTA"))) quota = atol(text);
    cure = getenv("FAULTS_CURE");
    cut_file = getenv("FAULTS_CUT");
    if (!(text = getenv("FAULTS_FILE"))) return;
    folder = strdup(text);
    *strrchr(folder, '/') = 0;
    prefix = text;
}

// SplitMix64
static uint64_t random_bits(void) {
    uint64_t mixed = state += 0x9E3779B97F4A7C15;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB;
    return mixed ^ mixed >> 31;
}

static void say(const char *format, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (real_write(STDERR_FILENO, line, (size_t)length) != length) _exit(70);
}

static void require(int condition, const char *what) {
    if (condition) return;
    say("fault: the shim itself failed: %s, errno %d\n", what, errno);
    _exit(70); // Not abort(): a handler of its signal may close descriptors, which waits for the lock that is held.
}

static int is_ours(const char *path) { return prefix && path && !strncmp(path, prefix, strlen(prefix)); }

static int exists(const char *path) {
    struct stat status;
    return path && stat(path, &status) == 0;
}

static off_t size_of(struct file *file) {
    struct stat status;
    require(fstat(file->descriptor, &status) == 0, "fstat");
    return status.st_size;
}

// MARK: What has not been synced

static struct change *note(int what, struct file *file) {
    struct change *change = calloc(1, sizeof *change);
    change->what = what;
    change->file = file;
    if (file) change->old_size = size_of(file);
    struct change **end = &changes;
    while (*end) end = &(*end)->next;
    return *end = change;
}

static unsigned char *bytes_of(struct file *file, off_t offset, size_t count) {
    unsigned char *bytes = calloc(1, count + 1);
    ssize_t got = real_pread(file->descriptor, bytes, count, offset);
    require(got >= 0, "pread");
    return bytes;
}

static void note_write(struct file *file, const void *new, size_t count, off_t offset) {
    struct change *change = note(BYTES, file);
    change->offset = offset;
    change->size = (off_t)count;
    change->old = bytes_of(file, offset, count);
    change->new = memcpy(malloc(count + 1), new, count);
}

static void note_truncation(struct file *file, off_t size) {
    struct change *change = note(SIZE, file);
    change->size = size;
    if (size < change->old_size) change->old = bytes_of(file, size, (size_t)(change->old_size - size));
}

// Another name for a file that is about to vanish, so that it can be restored. It must differ from
// any that an earlier killed process left behind.
static char *save(const char *path) {
    char *name = malloc(strlen(path) + 64);
    sprintf(name, "%s.vanished-%d-%d", path, (int)getpid(), ++saved_count);
    if (link(path, name) == 0) return name;
    free(name);
    return NULL;
}

static void forget(struct change *change) {
    if (change->saved) real_unlink(change->saved);
    free(change->old), free(change->new), free(change->lost);
    free(change->path), free(change->to), free(change->saved);
    free(change);
}

// Rewritten data is no longer lost.
static void regain(struct change *lost, struct change *synced) {
    for (off_t i = 0; i < lost->size; i++) {
        off_t offset = lost->offset + i;
        if (offset >= synced->offset && offset < synced->offset + synced->size) lost->lost[i] = 0;
    }
}

static void sync_file(struct file *file, int succeeds) {
    struct change **place = &changes;
    for (struct change *change; (change = *place);) {
        if (change->file != file || change->lost) {
            place = &change->next;
        } else if (succeeds || change->what != BYTES) {
            for (struct change *other = changes; other; other = other->next)
                if (other->file == file && other->lost && change->what == BYTES) regain(other, change);
            *place = change->next;
            forget(change);
        } else {
            change->lost = memset(malloc((size_t)change->size + 1), 1, (size_t)change->size);
            place = &change->next;
        }
    }
}

static void sync_folder(void) {
    struct change **place = &changes;
    for (struct change *change; (change = *place);) {
        if (change->file) {
            place = &change->next;
        } else {
            *place = change->next;
            forget(change);
        }
    }
}

// MARK: The power cut

static void put(struct file *file, const unsigned char *bytes, off_t count, off_t offset) {
    require(real_pwrite(file->descriptor, bytes, (size_t)count, offset) == count, "pwrite");
}

static void undo(struct change *change) {
    switch (change->what) {
    case BYTES:
        for (off_t i = 0; change->lost && i < change->size; i++)
            if (change->lost[i]) put(change->file, change->old + i, 1, change->offset + i);
        if (change->lost) break;
        put(change->file, change->old, change->size, change->offset);
        require(real_ftruncate(change->file->descriptor, change->old_size) == 0, "ftruncate");
        break;
    case SIZE:
        require(real_ftruncate(change->file->descriptor, change->old_size) == 0, "ftruncate");
        if (change->old) put(change->file, change->old, change->old_size - change->size, change->size);
        break;
    case CREATED: real_unlink(change->path); break;
    case RENAMED:
        require(real_rename(change->to, change->path) == 0, "rename");
        if (change->saved) require(real_rename(change->saved, change->to) == 0, "rename back");
        break;
    case REMOVED: require(real_rename(change->saved, change->path) == 0, "bring back"); break;
    }
}

static void undo_all(struct change *change, int names, int *kept) {
    if (!change) return;
    int is_name = !change->file;
    int is_kept = is_name && names && (*kept)-- > 0;
    undo_all(change->next, names, kept);
    if (is_name == names && !is_kept) undo(change);
}

// Repeats the change, as far as the disk had got.
static void redo(struct change *change, uint64_t percent) {
    if (!change->file || change->lost || random_bits() % 100 >= percent) return;
    if (change->what == SIZE) {
        require(real_ftruncate(change->file->descriptor, change->size) == 0, "ftruncate");
        return;
    }
    int is_torn = random_bits() % 4 == 0;
    off_t end = change->offset + change->size;
    for (off_t from = change->offset, to; from < end; from = to) {
        to = (from / SECTOR + 1) * SECTOR;
        if (to > end) to = end;
        if (is_torn && random_bits() % 2) continue;
        put(change->file, change->new + (from - change->offset), to - from, from);
    }
}

static void cut(void) {
    int names = 0, none = 0;
    for (struct change *change = changes; change; change = change->next) names += !change->file;
    undo_all(changes, 0, &none);
    static const uint64_t shares[] = {0, 20, 50, 80, 95};
    uint64_t percent = shares[random_bits() % 5];
    for (struct change *change = changes; change; change = change->next) redo(change, percent);
    int kept = (int)(random_bits() % (uint64_t)(names + 1));
    undo_all(changes, 1, &kept);
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

// MARK: Faults

// Counts a call; 0 if it may proceed, -1 with errno if it fails, 1 if only half of it succeeds.
static int strike(enum kind kind) {
    if (exists(cure)) return 0;
    counts[kind]++;
    if (kind != READ) counts[CHANGE]++;
    if (kind != READ && exists(cut_file)) {
        say("fault: power cut\n");
        cut();
    }
    if (is_second_half && kind == WRITE) {
        is_second_half = 0;
        errno = ENOSPC;
        return -1;
    }
    if (fault_kind == CHANGE ? kind == READ : kind != fault_kind) return 0;
    long count = counts[fault_kind];
    if (count < fault_at || count >= fault_at + fault_count || !fault_at) return 0;
    say("fault: %s %ld %s\n", kind_names[kind], count, action);
    if (!strcmp(action, "kill")) {
        kill(getpid(), SIGKILL);
        for (;;) pause();
    }
    if (!strcmp(action, "cut")) cut();
    if (!strcmp(action, "short") && kind == WRITE) return is_second_half = 1;
    errno = strcmp(action, "EIO") ? ENOSPC : EIO;
    return -1;
}

// The part of a write ending at `end` that the quota allows.
static ssize_t within_quota(struct file *file, off_t end, size_t count) {
    if (quota < 0 || exists(cure)) return (ssize_t)count;
    long total = 0;
    for (int i = 0; i < FILES && files[i].descriptor; i++) {
        struct stat status;
        require(fstat(files[i].descriptor, &status) == 0, "fstat");
        if (status.st_nlink) total += status.st_size;
    }
    long growth = end - size_of(file);
    if (growth <= 0 || total + growth <= quota) return (ssize_t)count;
    long excess = total + growth - quota;
    ssize_t rest = (ssize_t)count - (excess < growth ? excess : growth);
    if (rest > 0) return rest;
    errno = ENOSPC;
    return -1;
}

static struct file *file_of(int descriptor) {
    return descriptor >= 0 && descriptor < FILES ? by_descriptor[descriptor] : NULL;
}

static void know(int descriptor, const char *path) {
    struct stat status;
    require(descriptor < FILES && fstat(descriptor, &status) == 0, "a descriptor");
    int i = 0;
    for (; i < FILES && files[i].descriptor; i++)
        if (files[i].device == status.st_dev && files[i].inode == status.st_ino) break;
    require(i < FILES, "too many files");
    if (!files[i].descriptor) {
        int own = real_open(path, O_RDWR | O_CLOEXEC);
        require(own > 0, "open");
        files[i] = (struct file){status.st_dev, status.st_ino, own};
    }
    by_descriptor[descriptor] = &files[i];
}

// MARK: The calls

static int open_file(const char *path, int flags, mode_t mode) {
    begin();
    if (folder && !strcmp(path, folder)) {
        int descriptor = real_open(path, flags, mode);
        if (descriptor >= 0 && descriptor < FILES) is_folder[descriptor] = 1;
        return descriptor;
    }
    if (!is_ours(path)) return real_open(path, flags, mode);
    pthread_mutex_lock(&lock);
    int descriptor = -1;
    if (strike(OPEN) == 0) {
        int is_new = flags & O_CREAT && !exists(path);
        descriptor = real_open(path, flags, mode);
        if (descriptor >= 0) know(descriptor, path);
        if (descriptor >= 0 && is_new) note(CREATED, NULL)->path = strdup(path);
    }
    pthread_mutex_unlock(&lock);
    return descriptor;
}

int open64(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return open_file(path, flags, mode);
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return open_file(path, flags, mode);
}

int close(int descriptor) {
    begin();
    if (descriptor >= 0 && descriptor < FILES) {
        pthread_mutex_lock(&lock);
        by_descriptor[descriptor] = NULL;
        is_folder[descriptor] = 0;
        unreported[descriptor] = 0;
        pthread_mutex_unlock(&lock);
    }
    return real_close(descriptor);
}

ssize_t pread64(int descriptor, void *bytes, size_t count, off_t offset) {
    begin();
    if (!file_of(descriptor)) return real_pread(descriptor, bytes, count, offset);
    pthread_mutex_lock(&lock);
    ssize_t result = strike(READ) < 0 ? -1 : real_pread(descriptor, bytes, count, offset);
    pthread_mutex_unlock(&lock);
    return result;
}

static ssize_t write_file(int descriptor, const void *bytes, size_t count, off_t offset) {
    struct file *file = file_of(descriptor);
    pthread_mutex_lock(&lock);
    int struck = strike(WRITE);
    ssize_t result = struck < 0 ? -1 : struck > 0 ? (ssize_t)(count / 2) : (ssize_t)count;
    if (result >= 0) result = within_quota(file, offset + result, (size_t)result);
    if (result > 0) {
        note_write(file, bytes, (size_t)result, offset);
        result = real_pwrite(descriptor, bytes, (size_t)result, offset);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off_t offset) {
    begin();
    return file_of(descriptor) ? write_file(descriptor, bytes, count, offset)
                               : real_pwrite(descriptor, bytes, count, offset);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
    return pwrite64(descriptor, bytes, count, offset);
}

static void report_to_others(int descriptor, int error) {
    for (int other = 0; other < FILES; other++)
        if (other != descriptor && by_descriptor[other] == by_descriptor[descriptor]) unreported[other] = error;
}

static int sync_descriptor(int descriptor) {
    begin();
    struct file *file = file_of(descriptor);
    int is_names = descriptor >= 0 && descriptor < FILES && is_folder[descriptor];
    if (!file && !is_names) return real_fdatasync(descriptor);
    pthread_mutex_lock(&lock);
    // Nothing is really synced: the power will not fail while the tests run, and they take a tenth
    // of the time.
    int result = strike(SYNC) < 0 ? -1 : 0;
    int error = errno;
    if (file) {
        sync_file(file, result == 0);
        if (result != 0) {
            report_to_others(descriptor, error);
        } else if (unreported[descriptor]) {
            result = -1;
            error = unreported[descriptor];
            unreported[descriptor] = 0;
        }
    }
    if (is_names && result == 0) sync_folder();
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int fdatasync(int descriptor) { return sync_descriptor(descriptor); }

int fsync(int descriptor) { return sync_descriptor(descriptor); }

int ftruncate64(int descriptor, off_t size) {
    begin();
    struct file *file = file_of(descriptor);
    if (!file) return real_ftruncate(descriptor, size);
    pthread_mutex_lock(&lock);
    int result = strike(TRUNCATE) < 0 || within_quota(file, size, 1) < 0 ? -1 : 0;
    if (result == 0) {
        note_truncation(file, size);
        result = real_ftruncate(descriptor, size);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate(int descriptor, off_t size) { return ftruncate64(descriptor, size); }

int posix_fallocate64(int descriptor, off_t offset, off_t size) {
    begin();
    struct file *file = file_of(descriptor);
    if (!file) return real_fallocate(descriptor, offset, size);
    pthread_mutex_lock(&lock);
    int result = strike(TRUNCATE) < 0 || within_quota(file, offset + size, 1) < 0 ? errno : 0;
    if (result == 0) {
        note_truncation(file, offset + size);
        result = real_fallocate(descriptor, offset, size);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int posix_fallocate(int descriptor, off_t offset, off_t size) { return posix_fallocate64(descriptor, offset, size); }

int unlink(const char *path) {
    begin();
    if (!is_ours(path)) return real_unlink(path);
    pthread_mutex_lock(&lock);
    int result = -1;
    if (!exists(path)) {
        errno = ENOENT;
    } else if (strike(UNLINK) == 0) {
        struct change *change = note(REMOVED, NULL);
        change->path = strdup(path);
        change->saved = save(path);
        require(change->saved != NULL, "link");
        result = real_unlink(path);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int statfs(const char *path, struct statfs *status) {
    static int (*real_statfs)(const char *, struct statfs *);
    if (!real_statfs) real_statfs = (int (*)(const char *, struct statfs *))dlsym(RTLD_NEXT, "statfs");
    int result = real_statfs(path, status);
    const char *type = getenv("FAULTS_TYPE");
    if (result == 0 && type) status->f_type = strtol(type, NULL, 0);
    return result;
}

int rename(const char *path, const char *to) {
    begin();
    if (!is_ours(path)) return real_rename(path, to);
    pthread_mutex_lock(&lock);
    int result = -1;
    if (strike(RENAME) == 0) {
        struct change *change = note(RENAMED, NULL);
        change->path = strdup(path);
        change->to = strdup(to);
        change->saved = save(to);
        result = real_rename(path, to);
        require(result == 0, "rename");
    }
    pthread_mutex_unlock(&lock);
    return result;
}
