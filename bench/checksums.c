// What checksums of pages cost: the same work over files with and without them, in turn, CPU time of the process.
// bench/checksums.sh builds and runs it.
#include "CChecksums.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROWS = 200000, IN_TRANSACTION = 1000, ROUNDS = 5, SCANS = 5, SUMS = 200000 };

static const char *const paths[] = {"plain.db", "checksums.db"};

static double cpu_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void require(int result, sqlite3 *connection) {
    if (result == SQLITE_OK || result == SQLITE_DONE || result == SQLITE_ROW) return;
    fprintf(stderr, "%s\n", sqlite3_errmsg(connection));
    exit(1);
}

static sqlite3 *open_file(int with, const char *pragmas) {
    char uri[64];
    snprintf(uri, sizeof uri, "file:%s?checksums=%d", paths[with], with);
    sqlite3 *connection;
    require(sqlite3_open_v2(uri, &connection, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI, NULL),
            connection);
    if (with) require(cchecksums_request(connection), connection);
    require(sqlite3_exec(connection, pragmas, NULL, NULL, NULL), connection);
    return connection;
}

static sqlite3_int64 number(sqlite3 *connection, const char *sql) {
    sqlite3_stmt *statement;
    require(sqlite3_prepare_v2(connection, sql, -1, &statement, NULL), connection);
    require(sqlite3_step(statement), connection);
    sqlite3_int64 value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

// Inserts as the writer does, checkpoints included; CPU seconds.
static double insert(int with) {
    char wal[64];
    snprintf(wal, sizeof wal, "%s-wal", paths[with]);
    unlink(paths[with]), unlink(wal);
    sqlite3 *connection = open_file(with, "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
                                          "CREATE TABLE events (seq INTEGER PRIMARY KEY, id TEXT, severity TEXT,"
                                          "  title TEXT, created_at TEXT);"
                                          "CREATE UNIQUE INDEX i ON events (id);"
                                          "CREATE INDEX s ON events (severity, created_at);"
                                          "CREATE INDEX c ON events (created_at)");
    sqlite3_stmt *statement;
    require(sqlite3_prepare_v2(connection,
                               "INSERT INTO events VALUES (NULL, hex(randomblob(13)), iif(random() % 3, 'info', 'error'),"
                               "  printf('%200d', ?1), printf('2026-01-01T00:00:%09d', ?1))",
                               -1, &statement, NULL),
            connection);
    double begin = cpu_seconds();
    for (int row = 0; row < ROWS; row++) {
        if (row % IN_TRANSACTION == 0) sqlite3_exec(connection, "BEGIN", NULL, NULL, NULL);
        sqlite3_bind_int(statement, 1, row);
        require(sqlite3_step(statement), connection);
        sqlite3_reset(statement);
        if (row % IN_TRANSACTION == IN_TRANSACTION - 1)
            require(sqlite3_exec(connection, "COMMIT", NULL, NULL, NULL), connection);
    }
    sqlite3_finalize(statement);
    require(sqlite3_exec(connection, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL), connection);
    double time = cpu_seconds() - begin;
    sqlite3_close(connection);
    return time;
}

// Reads every page of the table, out of the file or out of the WAL, through a cache that holds none of them; CPU
// microseconds a page.
static double scan(int with, const char *prepare) {
    sqlite3 *connection = open_file(with, "PRAGMA cache_size=10; PRAGMA wal_autocheckpoint=0");
    require(sqlite3_exec(connection, prepare, NULL, NULL, NULL), connection);
    double pages = (double)number(connection, "PRAGMA page_count");
    double begin = cpu_seconds();
    for (int i = 0; i < SCANS; i++) number(connection, "SELECT sum(length(title)) FROM events NOT INDEXED");
    double time = cpu_seconds() - begin;
    sqlite3_close(connection);
    return time * 1e6 / SCANS / pages;
}

static int compare(const void *a, const void *b) { return (*(const double *)a > *(const double *)b) * 2 - 1; }

static double median(double *values) {
    qsort(values, ROUNDS, sizeof *values, compare);
    return values[ROUNDS / 2];
}

int main(void) {
    static unsigned char page[4096];
    if (cchecksums_register() != SQLITE_OK) return 1;
    uint64_t sum = 0;
    double begin = cpu_seconds();
    for (uint32_t i = 0; i < SUMS; i++) sum += page[0] = (unsigned char)cchecksums_of_page(page, sizeof page, i + 1);
    printf("a checksum of 4 KiB: %.2f us (%u)\n", (cpu_seconds() - begin) * 1e6 / SUMS, (unsigned)sum);
    double inserted[2][ROUNDS], scanned[2][ROUNDS], scanned_wal[2][ROUNDS];
    for (int round = 0; round < ROUNDS; round++)
        for (int with = 0; with < 2; with++) {
            inserted[with][round] = insert(with);
            scanned[with][round] = scan(with, "");
            scanned_wal[with][round] = scan(with, "UPDATE events SET title = replace(title, ' ', '.')");
        }
    double insert_time[] = {median(inserted[0]), median(inserted[1])};
    double scan_time[] = {median(scanned[0]), median(scanned[1])};
    double wal_time[] = {median(scanned_wal[0]), median(scanned_wal[1])};
    printf("a page read: %.2f us without, %.2f us with\n", scan_time[0], scan_time[1]);
    printf("a page read from the WAL: %.2f us without, %.2f us with\n", wal_time[0], wal_time[1]);
    printf("a row inserted: %.2f us without, %.2f us with: %.2f of the speed\n", insert_time[0] * 1e6 / ROWS,
           insert_time[1] * 1e6 / ROWS, insert_time[0] / insert_time[1]);
    return 0;
}
