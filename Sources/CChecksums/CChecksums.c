#include "CChecksums.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HEADER_BYTES = 100,
    PAGE_SIZE_AT = 16,
    RESERVE_AT = 20,
    CHECKSUM_BYTES = 8,
    SMALLEST_PAGE = 512,
    LARGEST_PAGE = 65536,
    LOCK_BYTE = 0x40000000, // https://sqlite.org/fileformat2.html#the_lock_byte_page
    STATE = 0x10600,        // an opcode of xFileControl; those of SQLite are small
    SUBPAGE_READ = 0x8000,  // SQLITE_IOCAP_SUBPAGE_READ, of SQLite 3.48
    // https://sqlite.org/fileformat2.html#the_write_ahead_log
    WAL_HEADER_BYTES = 32,
    WAL_SALTS_AT = 16,
    WAL_SUM_AT = 24,
    FRAME_HEADER_BYTES = 24,
    FRAME_SALTS_AT = 8,
    FRAME_SUM_AT = 16,
    SALTS_BYTES = 8,
    SUM_BYTES = 8,
};

static const sqlite3_int64 nowhere = INT64_MAX;

// A database file, or its WAL. That of the VFS below follows it in memory.
struct file {
    sqlite3_file base;
    unsigned char *page; // room for one, and the header of a frame
    sqlite3_int64 end;   // the file has been seen to be as long as this
    uint32_t damaged;
    int page_bytes; // 0 before the header has been seen
    int has_checksums;
    int is_unverified;
    // Of a WAL:
    struct file *database;
    const char *path;
    int is_marked;
    sqlite3_int64 header_end; // of the frame header that was written last, until its page is
    sqlite3_int64 unsummed;   // from here on frames do not match their sums, until SQLite sums them up anew
};

static sqlite3_vfs *below;

static sqlite3_file *inner(sqlite3_file *file) { return (sqlite3_file *)((struct file *)file + 1); }

// MARK: The checksum

static uint64_t word_at(const unsigned char *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

// One to one in the lane and in the word: what differs in one word of a page differs to the end.
static uint64_t mix(uint64_t lane, uint64_t word) {
    lane ^= word;
    return (lane ^ lane >> 32) * 0x9E3779B97F4A7C15;
}

uint64_t cchecksums_of_page(const void *page, size_t size, uint32_t number) {
    const unsigned char *bytes = page;
    size_t words = (size - CHECKSUM_BYTES) / 8;
    // Where a page stands counts, too. Four lanes, for one would wait for each of its multiplications.
    uint64_t a = number, b = 1, c = 2, d = 3;
    size_t i = 0;
    for (; i + 4 <= words; i += 4) {
        a = mix(a, word_at(bytes + 8 * i));
        b = mix(b, word_at(bytes + 8 * i + 8));
        c = mix(c, word_at(bytes + 8 * i + 16));
        d = mix(d, word_at(bytes + 8 * i + 24));
    }
    for (; i < words; i++) a = mix(a, word_at(bytes + 8 * i));
    return mix(mix(mix(mix(0, a), b), c), d);
}

static uint64_t kept_checksum(const unsigned char *page, int size) { return word_at(page + size - CHECKSUM_BYTES); }

static void put_checksum(unsigned char *page, int size, uint32_t number) {
    uint64_t checksum = cchecksums_of_page(page, (size_t)size, number);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    checksum = __builtin_bswap64(checksum);
#endif
    memcpy(page + size - CHECKSUM_BYTES, &checksum, CHECKSUM_BYTES);
}

// MARK: What file it is

static int is_page_size(int size) {
    return size >= SMALLEST_PAGE && size <= LARGEST_PAGE && (size & (size - 1)) == 0;
}

static int is_page(const struct file *file, int count, sqlite3_int64 offset) {
    return (file->page_bytes ? count == file->page_bytes : is_page_size(count)) && offset % count == 0;
}

static uint32_t page_number(int size, sqlite3_int64 offset) { return (uint32_t)(offset / size) + 1; }

// A bit of the header must not turn the checksums off: whether the first page has one where its header says that it
// has none.
static int has_denied_checksum(struct file *file, const unsigned char *page) {
    if (page != file->page) memcpy(file->page, page, (size_t)file->page_bytes);
    file->page[RESERVE_AT] = CHECKSUM_BYTES;
    return kept_checksum(file->page, file->page_bytes) == cchecksums_of_page(file->page, (size_t)file->page_bytes, 1);
}

// Takes what the header says, of which `count` bytes and maybe the whole page are there.
static void learn(struct file *file, const unsigned char *header, int count) {
    int size = header[PAGE_SIZE_AT] << 8 | header[PAGE_SIZE_AT + 1] << 16;
    file->page_bytes = is_page_size(size) ? size : 0;
    file->has_checksums = header[RESERVE_AT] == CHECKSUM_BYTES;
    if (file->has_checksums || !file->page_bytes) return;
    if (count == size) {
        file->has_checksums = has_denied_checksum(file, header);
        return;
    }
    sqlite3_file *real = inner(&file->base);
    if (real->pMethods->xRead(real, file->page, size, 0) == SQLITE_OK)
        file->has_checksums = has_denied_checksum(file, file->page);
}

// MARK: Reading and writing

static int verify(struct file *file, const unsigned char *page, int size, sqlite3_int64 offset) {
    uint32_t number = page_number(size, offset);
    if (file->is_unverified || kept_checksum(page, size) == cchecksums_of_page(page, (size_t)size, number))
        return SQLITE_OK;
    file->damaged = number;
    return SQLITE_IOERR_DATA;
}

static int read_file(sqlite3_file *base, void *bytes, int count, sqlite3_int64 offset) {
    struct file *file = (struct file *)base;
    sqlite3_file *real = inner(base);
    int size = file->page_bytes;
    // SQLite 3.45 and later may read a part of an overflow page.
    int is_part = file->has_checksums && size && count < size && offset >= HEADER_BYTES;
    sqlite3_int64 in_page = is_part ? offset % size : 0;
    if (is_part && in_page + count <= size) {
        int result = real->pMethods->xRead(real, file->page, size, offset - in_page);
        memcpy(bytes, file->page + in_page, (size_t)count);
        return result == SQLITE_OK ? verify(file, file->page, size, offset - in_page) : result;
    }
    // Behind the end of the file it is SQLITE_IOERR_SHORT_READ, and zeros.
    int result = real->pMethods->xRead(real, bytes, count, offset);
    if (result != SQLITE_OK) return result;
    if (offset == 0 && count >= HEADER_BYTES) learn(file, bytes, count);
    return file->has_checksums && is_page(file, count, offset) ? verify(file, bytes, count, offset) : SQLITE_OK;
}

static int write_page(struct file *file, unsigned char *page, int size, sqlite3_int64 offset) {
    sqlite3_file *real = inner(&file->base);
    put_checksum(page, size, page_number(size, offset));
    int result = real->pMethods->xWrite(real, page, size, offset);
    if (result == SQLITE_OK && offset + size > file->end) file->end = offset + size;
    return result;
}

// SQLite does not write a page that became free as soon as it was new, and may read it later on.
static int fill_gap(struct file *file, int size, sqlite3_int64 offset) {
    sqlite3_file *real = inner(&file->base);
    int result = real->pMethods->xFileSize(real, &file->end);
    sqlite3_int64 gap = file->end / size * size;
    for (; result == SQLITE_OK && gap < offset; gap += size) {
        if (gap / size == LOCK_BYTE / size) continue;
        memset(file->page, 0, (size_t)size);
        result = write_page(file, file->page, size, gap);
    }
    return result;
}

static int write_file(sqlite3_file *base, const void *bytes, int count, sqlite3_int64 offset) {
    struct file *file = (struct file *)base;
    sqlite3_file *real = inner(base);
    if (offset == 0 && count >= SMALLEST_PAGE) learn(file, bytes, count);
    if (!file->has_checksums || !is_page(file, count, offset))
        return real->pMethods->xWrite(real, bytes, count, offset);
    if (offset > file->end) {
        int result = fill_gap(file, count, offset);
        if (result != SQLITE_OK) return result;
    }
    // The checksum goes into SQLite's own page, as that of its cksumvfs does: from there it may come to a journal, which
    // another program plays back as it is.
    return write_page(file, (unsigned char *)bytes, count, offset);
}

static int truncate_file(sqlite3_file *base, sqlite3_int64 size) {
    ((struct file *)base)->end = 0;
    return inner(base)->pMethods->xTruncate(inner(base), size);
}

static int control_file(sqlite3_file *base, int operation, void *argument) {
    if (operation != STATE) return inner(base)->pMethods->xFileControl(inner(base), operation, argument);
    *(struct file **)argument = (struct file *)base;
    return SQLITE_OK;
}

static int characteristics(sqlite3_file *base) {
    return inner(base)->pMethods->xDeviceCharacteristics(inner(base)) & ~SUBPAGE_READ;
}

static int close_file(sqlite3_file *base) {
    sqlite3_free(((struct file *)base)->page);
    return inner(base)->pMethods->xClose(inner(base));
}

// MARK: The mark

// "FILE-unsealed" for "FILE-wal"; false for other names.
static int name_mark(const char *wal, char mark[PATH_MAX]) {
    static const char of_wal[] = "-wal", of_mark[] = "-unsealed";
    size_t length = strlen(wal);
    if (length < sizeof of_wal - 1 || length + sizeof of_mark > PATH_MAX) return 0;
    length -= sizeof of_wal - 1;
    if (strcmp(wal + length, of_wal)) return 0;
    memcpy(mark, wal, length);
    strcpy(mark + length, of_mark);
    return 1;
}

static int sync_folder(char *path) {
    char *slash = strrchr(path, '/');
    if (!slash) return SQLITE_IOERR_DIR_FSYNC;
    slash[slash == path] = 0;
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return SQLITE_IOERR_DIR_FSYNC;
    int result = fsync(folder) == 0 ? SQLITE_OK : SQLITE_IOERR_DIR_FSYNC;
    close(folder);
    return result;
}

// The folder is synced though the mark is there already, for it may be there from an attempt whose sync failed.
static int set_mark(struct file *wal) {
    char mark[PATH_MAX];
    if (!name_mark(wal->path, mark)) return SQLITE_CANTOPEN;
    if (wal->is_marked && access(mark, F_OK) == 0) return SQLITE_OK;
    int made = open(mark, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (made < 0 && errno != EEXIST) return errno == ENOSPC || errno == EDQUOT ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    if (made >= 0) close(made);
    int result = sync_folder(mark);
    wal->is_marked = result == SQLITE_OK;
    return result;
}

// A mark that stays for nothing costs the next start some time: no failure here is worth an error.
static void remove_mark(struct file *wal) {
    char mark[PATH_MAX];
    if (name_mark(wal->path, mark)) unlink(mark);
    wal->is_marked = 0;
}

static int delete_file(sqlite3_vfs *vfs, const char *path, int syncs_folder) {
    (void)vfs;
    char mark[PATH_MAX];
    struct stat wal;
    // An empty one says nothing: it may be somebody else who emptied it.
    if (!name_mark(path, mark) || access(mark, F_OK) != 0 || stat(path, &wal) != 0 || wal.st_size == 0)
        return below->xDelete(below, path, syncs_folder);
    // Synced, for the WAL must not come back without its mark.
    int result = below->xDelete(below, path, 1);
    if (result == SQLITE_OK) unlink(mark);
    return result;
}

// MARK: The WAL

static uint32_t big_endian(const unsigned char *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

// https://sqlite.org/fileformat2.html#checksum_algorithm
static void sum_words(uint32_t sum[2], const unsigned char *bytes, int count, int is_swapped) {
    for (int i = 0; i < count; i += 8) {
        uint32_t words[2];
        memcpy(words, bytes + i, sizeof words);
        sum[0] += (is_swapped ? __builtin_bswap32(words[0]) : words[0]) + sum[1];
        sum[1] += (is_swapped ? __builtin_bswap32(words[1]) : words[1]) + sum[0];
    }
}

static int matches_sum(const unsigned char *frame, int size, const unsigned char *before, int is_swapped) {
    uint32_t sum[] = {big_endian(before), big_endian(before + 4)};
    sum_words(sum, frame, FRAME_SALTS_AT, is_swapped);
    sum_words(sum, frame + FRAME_HEADER_BYTES, size, is_swapped);
    return sum[0] == big_endian(frame + FRAME_SUM_AT) && sum[1] == big_endian(frame + FRAME_SUM_AT + 4);
}

static int is_page_in_frame(int size, sqlite3_int64 offset) {
    return is_page_size(size) && offset >= WAL_HEADER_BYTES + FRAME_HEADER_BYTES &&
           (offset - WAL_HEADER_BYTES - FRAME_HEADER_BYTES) % (size + FRAME_HEADER_BYTES) == 0;
}

// SQLite looks at the sums when it opens a WAL, and not when it reads pages from it. Each goes on from that of the frame
// before.
static int read_wal(sqlite3_file *base, void *bytes, int count, sqlite3_int64 offset) {
    struct file *wal = (struct file *)base;
    sqlite3_file *real = inner(base);
    if (!wal->database->has_checksums || !is_page_in_frame(count, offset) || offset >= wal->unsummed)
        return real->pMethods->xRead(real, bytes, count, offset);
    unsigned char before[SUM_BYTES], *frame = wal->database->page;
    sqlite3_int64 begin = offset - FRAME_HEADER_BYTES;
    sqlite3_int64 sum_at =
        begin == WAL_HEADER_BYTES ? WAL_SUM_AT : begin - count - FRAME_HEADER_BYTES + FRAME_SUM_AT;
    int result = real->pMethods->xRead(real, before, SUM_BYTES, sum_at);
    if (result == SQLITE_OK) result = real->pMethods->xRead(real, frame, count + FRAME_HEADER_BYTES, begin);
    if (result != SQLITE_OK) return result;
    memcpy(bytes, frame + FRAME_HEADER_BYTES, (size_t)count);
    // SQLite leaves salts and sum out where it is going to sum up anew (walEncodeFrame in wal.c), and after a rollback
    // to a savepoint such a frame may stand before `unsummed`: no flipped bit makes 16 bytes of 0.
    static const unsigned char none[SALTS_BYTES + SUM_BYTES];
    if (!memcmp(frame + FRAME_SALTS_AT, none, sizeof none)) return SQLITE_OK;
    // In the byte order of the machine that made it, which is this one's but for a WAL from elsewhere.
    if (matches_sum(frame, count, before, 0) || matches_sum(frame, count, before, 1)) return SQLITE_OK;
    wal->database->damaged = big_endian(frame);
    return SQLITE_IOERR_DATA;
}

static int write_wal(sqlite3_file *base, const void *bytes, int count, sqlite3_int64 offset) {
    struct file *wal = (struct file *)base;
    if (offset == 0) wal->unsummed = nowhere;
    if (offset == 0 && wal->database->has_checksums) {
        int result = set_mark(wal);
        if (result != SQLITE_OK) return result;
    }
    // A page that a transaction writes a second time is put in the place of the first, and the sums from there on are
    // made anew before it is committed, beginning with that frame.
    if (count == FRAME_HEADER_BYTES) {
        wal->header_end = offset + count;
        if (wal->header_end == wal->unsummed) wal->unsummed = nowhere;
    } else if (offset == wal->header_end) {
        wal->header_end = 0;
    } else if (offset < wal->unsummed && is_page_in_frame(count, offset)) {
        wal->unsummed = offset;
    }
    return inner(base)->pMethods->xWrite(inner(base), bytes, count, offset);
}

static int truncate_wal(sqlite3_file *base, sqlite3_int64 size) {
    struct file *wal = (struct file *)base;
    sqlite3_file *real = inner(base);
    sqlite3_int64 held = 0;
    int result = real->pMethods->xFileSize(real, &held);
    if (result == SQLITE_OK) result = real->pMethods->xTruncate(real, size);
    if (result != SQLITE_OK || size > 0 || held == 0 || !wal->database->has_checksums) return result;
    // Synced, for what it held must not come back without its mark.
    if (real->pMethods->xSync(real, SQLITE_SYNC_NORMAL) == SQLITE_OK) remove_mark(wal);
    return SQLITE_OK;
}

// MARK: What passes through

static int sync_file(sqlite3_file *file, int flags) { return inner(file)->pMethods->xSync(inner(file), flags); }
static int file_size(sqlite3_file *file, sqlite3_int64 *size) {
    return inner(file)->pMethods->xFileSize(inner(file), size);
}
static int lock(sqlite3_file *file, int level) { return inner(file)->pMethods->xLock(inner(file), level); }
static int unlock(sqlite3_file *file, int level) { return inner(file)->pMethods->xUnlock(inner(file), level); }
static int check_lock(sqlite3_file *file, int *is_reserved) {
    return inner(file)->pMethods->xCheckReservedLock(inner(file), is_reserved);
}
static int sector_size(sqlite3_file *file) { return inner(file)->pMethods->xSectorSize(inner(file)); }
static int shm_map(sqlite3_file *file, int region, int size, int extends, void volatile **memory) {
    return inner(file)->pMethods->xShmMap(inner(file), region, size, extends, memory);
}
static int shm_lock(sqlite3_file *file, int offset, int count, int flags) {
    return inner(file)->pMethods->xShmLock(inner(file), offset, count, flags);
}
static void shm_barrier(sqlite3_file *file) { inner(file)->pMethods->xShmBarrier(inner(file)); }
static int shm_unmap(sqlite3_file *file, int deletes) {
    return inner(file)->pMethods->xShmUnmap(inner(file), deletes);
}

// Version 2 has no xFetch: what is mapped is not read through here.
static const sqlite3_io_methods methods = {
    2,         close_file, read_file,    write_file,  truncate_file,   sync_file, file_size, lock,        unlock,
    check_lock, control_file, sector_size, characteristics, shm_map, shm_lock,  shm_barrier, shm_unmap, NULL, NULL,
};
static const sqlite3_io_methods wal_methods = {
    2,         close_file, read_wal,    write_wal,  truncate_wal,    sync_file, file_size, lock,        unlock,
    check_lock, control_file, sector_size, characteristics, shm_map, shm_lock,  shm_barrier, shm_unmap, NULL, NULL,
};

// MARK: Opening

static int open_file(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *flags_out) {
    (void)vfs;
    // A journal, a temporary file: the VFS below has it to itself.
    if (!(flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL))) return below->xOpen(below, path, base, flags, flags_out);
    struct file *file = (struct file *)base;
    sqlite3_file *real = inner(base);
    memset(file, 0, sizeof *file);
    int result = below->xOpen(below, path, real, flags, flags_out);
    if (result == SQLITE_OK && flags & SQLITE_OPEN_WAL) {
        file->database = (struct file *)sqlite3_database_file_object(path);
        file->path = path;
        file->unsummed = nowhere;
        file->base.pMethods = &wal_methods;
        return SQLITE_OK;
    }
    if (result == SQLITE_OK && !(file->page = sqlite3_malloc(LARGEST_PAGE + FRAME_HEADER_BYTES))) result = SQLITE_NOMEM;
    if (result == SQLITE_OK && real->pMethods->iVersion < 2) result = SQLITE_ERROR;
    if (result != SQLITE_OK) {
        sqlite3_free(file->page);
        if (real->pMethods) real->pMethods->xClose(real);
        return result;
    }
    file->has_checksums = sqlite3_uri_boolean(path, "checksums", 0);
    file->is_unverified = sqlite3_uri_boolean(path, "unverified", 0);
    file->base.pMethods = &methods;
    return SQLITE_OK;
}

int cchecksums_register(void) {
    static sqlite3_vfs vfs;
    if (below) return SQLITE_OK;
    if (!(below = sqlite3_vfs_find(NULL))) return SQLITE_ERROR;
    // All but opening and deleting is what it is below.
    vfs = *below;
    vfs.pNext = NULL;
    vfs.zName = "checksums";
    vfs.szOsFile += (int)sizeof(struct file);
    vfs.xOpen = open_file;
    vfs.xDelete = delete_file;
    return sqlite3_vfs_register(&vfs, 1);
}

// MARK: Of a connection

static struct file *file_of(sqlite3 *connection) {
    struct file *file = NULL;
    return sqlite3_file_control(connection, "main", STATE, &file) == SQLITE_OK ? file : NULL;
}

int cchecksums_request(sqlite3 *connection) {
    int bytes = CHECKSUM_BYTES;
    return sqlite3_file_control(connection, "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes);
}

int cchecksums_are_kept(sqlite3 *connection) {
    struct file *file = file_of(connection);
    return file && file->has_checksums;
}

uint32_t cchecksums_damaged_page(sqlite3 *connection) {
    struct file *file = file_of(connection);
    return file ? file->damaged : 0;
}

uint32_t cchecksums_pages(sqlite3 *connection) {
    struct file *file = file_of(connection);
    sqlite3_int64 size = 0;
    if (!file || !file->has_checksums || !file->page_bytes || file_size(&file->base, &size) != SQLITE_OK) return 0;
    return (uint32_t)(size / file->page_bytes);
}

// Whether the WAL has a page, by what its frames say of themselves.
static int is_in_wal(sqlite3 *connection, const struct file *file, uint32_t number) {
    sqlite3_file *wal = NULL;
    unsigned char header[WAL_HEADER_BYTES], frame[FRAME_HEADER_BYTES];
    if (sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal) != SQLITE_OK) return 0;
    if (!wal || wal->pMethods != &wal_methods) return 0;
    sqlite3_file *real = inner(wal);
    if (real->pMethods->xRead(real, header, WAL_HEADER_BYTES, 0) != SQLITE_OK) return 0;
    sqlite3_int64 at = WAL_HEADER_BYTES;
    while (real->pMethods->xRead(real, frame, FRAME_HEADER_BYTES, at) == SQLITE_OK) {
        if (memcmp(frame + FRAME_SALTS_AT, header + WAL_SALTS_AT, SALTS_BYTES)) return 0;
        if (big_endian(frame) == number) return 1;
        at += FRAME_HEADER_BYTES + file->page_bytes;
    }
    return 0;
}

int cchecksums_check_page(sqlite3 *connection, uint32_t number) {
    unsigned char page[LARGEST_PAGE];
    struct file *file = file_of(connection);
    if (!file || !file->has_checksums || !file->page_bytes) return SQLITE_MISUSE;
    int size = file->page_bytes;
    if (number == (uint32_t)(LOCK_BYTE / size) + 1) return SQLITE_OK;
    int result = read_file(&file->base, page, size, (sqlite3_int64)(number - 1) * size);
    return result == SQLITE_IOERR_DATA && is_in_wal(connection, file, number) ? SQLITE_OK : result;
}

int cchecksums_seal_page(sqlite3 *connection, uint32_t number, int *was_unsealed) {
    unsigned char page[LARGEST_PAGE];
    struct file *file = file_of(connection);
    *was_unsealed = 0;
    if (!file || !file->has_checksums || !file->page_bytes) return SQLITE_MISUSE;
    int size = file->page_bytes;
    sqlite3_file *real = inner(&file->base);
    sqlite3_int64 offset = (sqlite3_int64)(number - 1) * size;
    if (number == (uint32_t)(LOCK_BYTE / size) + 1) return SQLITE_OK;
    int result = real->pMethods->xRead(real, page, size, offset);
    if (result != SQLITE_OK || kept_checksum(page, size) == cchecksums_of_page(page, (size_t)size, number))
        return result;
    *was_unsealed = 1;
    put_checksum(page, size, number);
    // What the page holds is not written, and cannot be torn.
    int kept_at = size - CHECKSUM_BYTES;
    return real->pMethods->xWrite(real, page + kept_at, CHECKSUM_BYTES, offset + kept_at);
}
