// What the Swift importer cannot see of sqlite3.h: casts in macros, and variadic functions.
#pragma once
#include <sqlite3.h>

static inline int csqlite_bind_text(sqlite3_stmt *statement, int index, const void *text, sqlite3_uint64 size) {
    // The caller keeps the bytes alive until the statement is reset.
    return sqlite3_bind_text64(statement, index, (const char *)text, size, SQLITE_STATIC, SQLITE_UTF8);
}

static inline int csqlite_bind_text_copy(sqlite3_stmt *statement, int index, const void *text, sqlite3_uint64 size) {
    return sqlite3_bind_text64(statement, index, (const char *)text, size, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static inline int csqlite_keep_wal_on_close(sqlite3 *connection) {
    return sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)0);
}

// Syncs the database file itself, whatever the WAL holds.
static inline int csqlite_sync_database(sqlite3 *connection) {
    sqlite3_file *file = 0;
    int result = sqlite3_file_control(connection, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    return result == SQLITE_OK ? file->pMethods->xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY) : result;
}

// Has the next checkpoint move the whole WAL again: the number of frames that have been moved (nBackfill, 96 bytes into
// the WAL-index, https://sqlite.org/walformat.html#the_wal_index_file_format) becomes 0. Nobody may checkpoint meanwhile.
static inline int csqlite_forget_moved(sqlite3 *connection) {
    enum { INDEX_PAGE = 32768, MOVED = 96 };
    sqlite3_file *file = 0;
    void volatile *index = 0;
    int result = sqlite3_file_control(connection, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (result == SQLITE_OK) result = file->pMethods->xShmMap(file, 0, INDEX_PAGE, 0, &index);
    if (index) __atomic_store_n((unsigned volatile *)((char volatile *)index + MOVED), 0, __ATOMIC_SEQ_CST);
    return result;
}

// Nobody asks sqlite3_memory_used, and keeping count takes a lock of the whole process at every allocation.
// To be called before anything else; later it is SQLITE_MISUSE.
static inline int csqlite_forgo_memory_statistics(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }
