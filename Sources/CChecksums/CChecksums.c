#include "CChecksums.h"

#include <string.h>

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
};

// A database file. That of the VFS below follows it in memory.
struct file {
    sqlite3_file base;
    unsigned char *page; // room for one
    sqlite3_int64 end;   // the file has been seen to be as long as this
    uint32_t damaged;
    int page_bytes; // 0 before the header has been seen
    int has_checksums;
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
    if (kept_checksum(page, size) == cchecksums_of_page(page, (size_t)size, number)) return SQLITE_OK;
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

static int write_page(struct file *file, int size, sqlite3_int64 offset) {
    sqlite3_file *real = inner(&file->base);
    put_checksum(file->page, size, page_number(size, offset));
    int result = real->pMethods->xWrite(real, file->page, size, offset);
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
        result = write_page(file, size, gap);
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
    memcpy(file->page, bytes, (size_t)count);
    return write_page(file, count, offset);
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

// MARK: Opening

static int open_file(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *flags_out) {
    (void)vfs;
    // A journal, a WAL, a temporary file: the VFS below has it to itself.
    if (!(flags & SQLITE_OPEN_MAIN_DB)) return below->xOpen(below, path, base, flags, flags_out);
    struct file *file = (struct file *)base;
    sqlite3_file *real = inner(base);
    memset(file, 0, sizeof *file);
    int result = below->xOpen(below, path, real, flags, flags_out);
    if (result == SQLITE_OK && (real->pMethods->iVersion < 2 || !(file->page = sqlite3_malloc(LARGEST_PAGE))))
        result = file->page ? SQLITE_ERROR : SQLITE_NOMEM;
    if (result != SQLITE_OK) {
        if (real->pMethods) real->pMethods->xClose(real);
        return result;
    }
    file->has_checksums = sqlite3_uri_boolean(path, "checksums", 0);
    file->base.pMethods = &methods;
    return SQLITE_OK;
}

int cchecksums_register(void) {
    static sqlite3_vfs vfs;
    if (below) return SQLITE_OK;
    if (!(below = sqlite3_vfs_find(NULL))) return SQLITE_ERROR;
    // All but opening is what it is below.
    vfs = *below;
    vfs.pNext = NULL;
    vfs.zName = "checksums";
    vfs.szOsFile += (int)sizeof(struct file);
    vfs.xOpen = open_file;
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

int cchecksums_check_page(sqlite3 *connection, uint32_t number) {
    unsigned char page[LARGEST_PAGE];
    struct file *file = file_of(connection);
    if (!file || !file->has_checksums || !file->page_bytes) return SQLITE_MISUSE;
    int size = file->page_bytes;
    if (number == (uint32_t)(LOCK_BYTE / size) + 1) return SQLITE_OK;
    return read_file(&file->base, page, size, (sqlite3_int64)(number - 1) * size);
}
