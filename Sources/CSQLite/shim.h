// The parts of sqlite3.h that the Swift importer cannot see: casts in macros, and variadic
// functions.
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

// Syncs the database file itself, regardless of the WAL.
static inline int csqlite_sync_database(sqlite3 *connection) {
    sqlite3_file *file = 0;
    int result = sqlite3_file_control(connection, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    return result == SQLITE_OK ? file->pMethods->xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY) : result;
}

// Turns off memory statistics. Nobody calls sqlite3_memory_used, and counting takes a process-wide
// lock at every allocation. Call it first; later it returns SQLITE_MISUSE.
static inline int csqlite_forgo_memory_statistics(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

// The file is untrusted, and its schema is code: its triggers and views do not run, its claims
// about functions are not trusted, and nothing writes to SQLite's own tables
// (https://sqlite.org/security.html).
static inline int csqlite_distrust_file(sqlite3 *connection) {
    const int switches[][2] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},
        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
        {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
    };
    for (unsigned place = 0; place < sizeof switches / sizeof *switches; place++) {
        int result = sqlite3_db_config(connection, switches[place][0], switches[place][1], (int *)0);
        if (result != SQLITE_OK) return result;
    }
    return SQLITE_OK;
}
