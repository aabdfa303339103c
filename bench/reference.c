// SQLite itself with Logbook's own schema, in one thread and nothing else: the reference for the
// service.
//
//   reference insert FILE ROWS_PER_TRANSACTION SECONDS   rows/s, CPU us per row
//   reference fill   FILE ROWS                           nothing; FILE has ROWS more
//   reference read   FILE SECONDS                        us per lookup by id, us per page of 50
//
// FILE is a database that Logbook made, with some events in it. Copies of those events are
// inserted, each with its own id and time, so rows, columns, indexes and triggers are Logbook's,
// whatever its version.

#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { MOST_TEMPLATES = 1000, MOST_COLUMNS = 32, ID_BYTES = 136, TIME_BYTES = 32, PAGE_ROWS = 50 };

static sqlite3 *database;

static void check(int result, int expected) {
    if (result == expected) return;
    fprintf(stderr, "reference: %s\n", sqlite3_errmsg(database));
    exit(1);
}

static void execute(const char *sql) { check(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK); }

static sqlite3_stmt *prepare(const char *sql) {
    sqlite3_stmt *statement;
    check(sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL), SQLITE_OK);
    return statement;
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

// xorshift64*: ids must be spread like random ones but need not be secret. It starts with the time,
// because two runs on one file must not make the same.
static uint64_t random64(void) {
    static uint64_t state;
    if (state == 0) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        state = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    }
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return state * 0x2545F4914F6CDD1D;
}

// As in Sources/SQLiteStore/Writer/EventWriter.swift, which checkpoints by itself after as many
// pages.
static void open_database(const char *path) {
    check(sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL), SQLITE_OK);
    execute("PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
            "PRAGMA temp_store=MEMORY; PRAGMA secure_delete=OFF; PRAGMA cache_size=-16000;"
            "PRAGMA wal_autocheckpoint=4096;");
}

// Inserting ------------------------------------------------------------------------------------------------------

static sqlite3_stmt *insertion;
static sqlite3_value *templates[MOST_TEMPLATES][MOST_COLUMNS];
static int template_count, column_count, id_column, time_column;

// Reads the events to copy and prepares the insertion of every column except `seq`, which the store
// sets.
static void load_templates(void) {
    char columns[1024] = "", marks[2 * MOST_COLUMNS] = "";
    sqlite3_stmt *names = prepare("SELECT name FROM pragma_table_info('events') WHERE name <> 'seq'");
    while (sqlite3_step(names) == SQLITE_ROW && column_count < MOST_COLUMNS) {
        const char *name = (const char *)sqlite3_column_text(names, 0);
        if (!strcmp(name, "id")) id_column = column_count;
        if (!strcmp(name, "created_at")) time_column = column_count;
        snprintf(columns + strlen(columns), sizeof columns - strlen(columns), "%s%s", column_count ? "," : "", name);
        strcat(marks, column_count++ ? ",?" : "?");
    }
    sqlite3_finalize(names);

    char sql[2048];
    snprintf(sql, sizeof sql, "SELECT %s FROM events LIMIT %d", columns, MOST_TEMPLATES);
    sqlite3_stmt *events = prepare(sql);
    for (; sqlite3_step(events) == SQLITE_ROW; template_count++)
        for (int column = 0; column < column_count; column++)
            templates[template_count][column] = sqlite3_value_dup(sqlite3_column_value(events, column));
    sqlite3_finalize(events);
    if (template_count == 0) {
        fprintf(stderr, "reference: the database holds no event to copy\n");
        exit(1);
    }

    snprintf(sql, sizeof sql, "INSERT INTO events (%s) VALUES (%s)", columns, marks);
    insertion = prepare(sql);
}

static void insert_one(void) {
    static int turn;
    struct timespec now;
    struct tm utc;
    char created_at[TIME_BYTES], stamp[TIME_BYTES], id[ID_BYTES];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t length = strftime(created_at, sizeof created_at, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(created_at + length, sizeof created_at - length, ".%03dZ", (int)(now.tv_nsec / 1000000));
    strftime(stamp, sizeof stamp, "%Y%m%d_%H%M%S", &utc);
    snprintf(id, sizeof id, "evt_%s_%016llx", stamp, (unsigned long long)random64());

    sqlite3_value **event = templates[turn++ % template_count];
    for (int column = 0; column < column_count; column++) {
        if (column == id_column) sqlite3_bind_text(insertion, column + 1, id, -1, SQLITE_STATIC);
        else if (column == time_column) sqlite3_bind_text(insertion, column + 1, created_at, -1, SQLITE_STATIC);
        else sqlite3_bind_value(insertion, column + 1, event[column]);
    }
    check(sqlite3_step(insertion), SQLITE_DONE);
    sqlite3_reset(insertion);
}

static void insert_transaction(int rows) {
    execute("BEGIN IMMEDIATE");
    for (int row = 0; row < rows; row++) insert_one();
    execute("COMMIT");
}

static void insert(int rows_per_transaction, double seconds) {
    load_templates();
    insert_transaction(rows_per_transaction); // opens the WAL, fills the caches
    long rows = 0;
    double begin = seconds_now(), cpu = cpu_seconds(), elapsed;
    do {
        insert_transaction(rows_per_transaction);
        rows += rows_per_transaction;
        elapsed = seconds_now() - begin;
    } while (elapsed < seconds);
    printf("%.0f %.1f\n", (double)rows / elapsed, (cpu_seconds() - cpu) * 1e6 / (double)rows);
}

static void fill(long rows) {
    load_templates();
    execute("PRAGMA synchronous=OFF"); // nothing is measured here
    for (; rows > 0; rows -= 1000) insert_transaction(rows < 1000 ? (int)rows : 1000);
    execute("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA synchronous=FULL");
}

// Reading --------------------------------------------------------------------------------------------------------

// Steps through all rows and touches every column, as sending them would; returns the number of
// rows.
static int drain(sqlite3_stmt *statement) {
    int rows = 0;
    volatile size_t bytes = 0;
    for (; sqlite3_step(statement) == SQLITE_ROW; rows++)
        for (int column = 0; column < sqlite3_column_count(statement); column++) {
            sqlite3_column_text(statement, column);
            bytes += (size_t)sqlite3_column_bytes(statement, column);
        }
    sqlite3_reset(statement);
    return rows;
}

static void read_events(double seconds) {
    static char ids[MOST_TEMPLATES][ID_BYTES];
    int count = 0;
    sqlite3_stmt *some = prepare("SELECT id FROM events ORDER BY random() LIMIT 1000");
    while (sqlite3_step(some) == SQLITE_ROW)
        snprintf(ids[count++], sizeof ids[0], "%s", (const char *)sqlite3_column_text(some, 0));
    sqlite3_finalize(some);

    sqlite3_stmt *lookup = prepare("SELECT * FROM events WHERE id = ?");
    sqlite3_stmt *page = prepare("SELECT * FROM events ORDER BY created_at DESC, seq DESC LIMIT 50");
    long lookups = 0, pages = 0;
    double begin = seconds_now(), lookup_seconds, page_seconds;
    do {
        sqlite3_bind_text(lookup, 1, ids[lookups++ % count], -1, SQLITE_STATIC);
        if (drain(lookup) != 1) exit(1);
    } while ((lookup_seconds = seconds_now() - begin) < seconds);
    begin = seconds_now();
    do {
        pages++;
        if (drain(page) != PAGE_ROWS) exit(1);
    } while ((page_seconds = seconds_now() - begin) < seconds);
    printf("%.1f %.1f\n", lookup_seconds * 1e6 / (double)lookups, page_seconds * 1e6 / (double)pages);
}

int main(int count, char **words) {
    if (count < 4) {
        fprintf(stderr, "usage: reference insert FILE ROWS_PER_TRANSACTION SECONDS | fill FILE ROWS | read FILE SECONDS\n");
        return 2;
    }
    open_database(words[2]);
    if (!strcmp(words[1], "insert") && count == 5) insert(atoi(words[3]), atof(words[4]));
    else if (!strcmp(words[1], "fill")) fill(atol(words[3]));
    else if (!strcmp(words[1], "read")) read_events(atof(words[3]));
    else return 2;
    return 0;
}
