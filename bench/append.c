// Many Logbooks that store events in one PostgreSQL. Each is a thread with a connection, and does what
// the store's writer does: it asks which ids are there, then appends in one transaction, by the same
// function, with the same bytes, in two round trips. Events arrive steadily, and an append takes all
// that have arrived; without a rate there is always a whole batch.
//
//     append CONNINFO LOGBOOKS RATE BATCH ROUND_TRIP_MS SECONDS
//
// RATE is in events a second for each Logbook, BATCH the most of an append. The client sleeps for
// each round trip, in place of a network. The table `sample` has the events. Prints all events that
// were stored; then, without the first second, events a second, events an append, and the median and
// the 99th percentile in ms of an append and, with a rate, of an event's way from its arrival on;
// last, the appends that the server ended after 15 s and that were tried again.
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COLUMNS = 16, ID = 0, CREATED_AT = 9, WARM_UP = 1 };

static const char *const SAMPLE =
    "SELECT id, event_type, severity, title, description, object_kind, object_namespace, object_name,"
    " metadata, created_at, cluster, reason, occurrences, NULL, fold_key,"
    " array_to_string(tsvector_to_array(words), ' ') FROM sample";
static const char *const LOOK = "SELECT * FROM events WHERE id = ANY ($1::text[])";
static const char *const SETTINGS =
    "SELECT set_config('idle_in_transaction_session_timeout', '10000', true),"
    " set_config('statement_timeout', '15000', true),"
    " CASE WHEN current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')"
    " THEN set_config('synchronous_commit', 'on', true) END";
static const char *const APPEND =
    "SELECT base, moment FROM logbook_append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,"
    " $13, $14, $15, $16, false, false)";

struct times {
    double *ms;
    size_t count, space;
};

struct logbook {
    int index;
    struct times appends, events;
    long all, stored, canceled;
};

static const char *conninfo;
static int logbooks, batch_limit, seconds;
static double rate, round_trip, begin_time;
// The values of the sample as elements of array literals.
static char **elements;
static int rows;

static void fail(const char *what) {
    fprintf(stderr, "append: %s\n", what);
    exit(1);
}

static double now(void) {
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    return moment.tv_sec + moment.tv_nsec / 1e9;
}

static void sleep_for(double duration) {
    if (duration <= 0) return;
    struct timespec moment = {(time_t)duration, (long)((duration - (time_t)duration) * 1e9)};
    nanosleep(&moment, NULL);
}

static void note(struct times *times, double duration) {
    if (times->count == times->space) {
        times->space = times->space ? times->space * 2 : 1024;
        times->ms = realloc(times->ms, times->space * sizeof *times->ms);
        if (!times->ms) fail("no memory");
    }
    times->ms[times->count++] = duration * 1000;
}

static void add(struct times *sum, const struct times *times) {
    for (size_t place = 0; place < times->count; place++) note(sum, times->ms[place] / 1000);
}

static PGconn *connect_to_server(void) {
    PGconn *connection = PQconnectdb(conninfo);
    if (PQstatus(connection) != CONNECTION_OK) fail(PQerrorMessage(connection));
    return connection;
}

static void read_sample(void) {
    PGconn *connection = connect_to_server();
    PGresult *result = PQexec(connection, SAMPLE);
    rows = PQntuples(result);
    if (rows == 0) fail(PQerrorMessage(connection));
    elements = calloc((size_t)rows * COLUMNS, sizeof *elements);
    for (int row = 0; row < rows; row++) {
        for (int column = 0; column < COLUMNS; column++) {
            char *element = malloc(2 * (size_t)PQgetlength(result, row, column) + 8), *end = element;
            elements[row * COLUMNS + column] = element;
            if (PQgetisnull(result, row, column)) {
                strcpy(element, "NULL");
                continue;
            }
            *end++ = '"';
            for (const char *byte = PQgetvalue(result, row, column); *byte; byte++) {
                if (*byte == '"' || *byte == '\\') *end++ = '\\';
                *end++ = *byte;
            }
            *end++ = '"';
            *end = 0;
        }
    }
    PQclear(result);
    PQfinish(connection);
}

// Sends what is in the pipeline, and waits for all results; false if a statement took too long.
static int exchange(PGconn *connection) {
    int is_done = 1;
    if (!PQpipelineSync(connection)) fail(PQerrorMessage(connection));
    sleep_for(round_trip);
    for (;;) {
        PGresult *result = PQgetResult(connection);
        if (!result) { // The end of one statement's results.
            if (PQstatus(connection) != CONNECTION_OK) fail(PQerrorMessage(connection));
            continue;
        }
        ExecStatusType status = PQresultStatus(result);
        const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        if (code && strcmp(code, "57014") == 0) is_done = 0;
        else if (code) fail(PQerrorMessage(connection));
        PQclear(result);
        if (status == PGRES_PIPELINE_SYNC) return is_done;
    }
}

static void send_statement(PGconn *connection, const char *name, int count, const char *const *values) {
    if (!PQsendQueryPrepared(connection, name, count, values, NULL, NULL, 0)) fail(PQerrorMessage(connection));
}

static void prepare(PGconn *connection, const char *name, const char *sql) {
    PGresult *result = PQprepare(connection, name, sql, 0, NULL);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) fail(PQerrorMessage(connection));
    PQclear(result);
}

// Returns the number of tries in vain.
static int append(PGconn *connection, int logbook, long first_number, int count, unsigned *seed) {
    static __thread char *literals[COLUMNS];
    static __thread size_t spaces[COLUMNS];
    char created_at[40];
    struct timespec moment;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &moment);
    gmtime_r(&moment.tv_sec, &parts);
    size_t length = strftime(created_at, sizeof created_at, "\"%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(created_at + length, sizeof created_at - length, ".%03ldZ\"", moment.tv_nsec / 1000000);
    int first = rand_r(seed) % rows;
    for (int column = 0; column < COLUMNS; column++) {
        size_t end = 0;
        for (int place = 0; place < count; place++) {
            char id[40];
            // Random first, because real ids are spread over their index, too.
            if (column == ID) snprintf(id, sizeof id, "%08x-%04d-%010ld", rand_r(seed), logbook, first_number + place);
            const char *element = column == ID           ? id
                                  : column == CREATED_AT ? created_at
                                                         : elements[(first + place) % rows * COLUMNS + column];
            size_t size = strlen(element);
            if (end + size + 3 > spaces[column]) {
                spaces[column] = (end + size + 3) * 2;
                literals[column] = realloc(literals[column], spaces[column]);
                if (!literals[column]) fail("no memory");
            }
            literals[column][end++] = place == 0 ? '{' : ',';
            memcpy(literals[column] + end, element, size);
            end += size;
        }
        strcpy(literals[column] + end, "}");
    }
    for (int tries = 0;; tries++) {
        send_statement(connection, "look", 1, (const char *const *)literals);
        exchange(connection);
        send_statement(connection, "begin", 0, NULL);
        send_statement(connection, "settings", 0, NULL);
        send_statement(connection, "append", COLUMNS, (const char *const *)literals);
        send_statement(connection, "commit", 0, NULL);
        if (exchange(connection)) return tries;
        send_statement(connection, "rollback", 0, NULL);
        exchange(connection);
        sleep_for(tries < 5 ? 0.05 * (1 << tries) : 2);
    }
}

static void *run(void *context) {
    struct logbook *logbook = context;
    unsigned seed = (unsigned)logbook->index + 1;
    PGconn *connection = connect_to_server();
    prepare(connection, "look", LOOK);
    prepare(connection, "begin", "BEGIN ISOLATION LEVEL READ COMMITTED");
    prepare(connection, "settings", SETTINGS);
    prepare(connection, "append", APPEND);
    prepare(connection, "commit", "COMMIT");
    prepare(connection, "rollback", "ROLLBACK");
    PQenterPipelineMode(connection);
    sleep_for(begin_time - now());
    double measured = begin_time + WARM_UP, end = measured + seconds;
    // The event with this number arrives at `first + number / rate`.
    long number = 0;
    double first = begin_time + (rate > 0 ? logbook->index / rate / logbooks : 0);
    for (double start = now(); start < end; start = now()) {
        int count = batch_limit;
        if (rate > 0) {
            long arrived = start < first ? 0 : (long)((start - first) * rate) + 1;
            if (arrived <= number) {
                sleep_for(first + number / rate - start);
                continue;
            }
            if (arrived - number < count) count = (int)(arrived - number);
        }
        logbook->canceled += append(connection, logbook->index, number, count, &seed);
        double done = now();
        if (done >= measured && done < end) {
            note(&logbook->appends, done - start);
            logbook->stored += count;
            for (int place = 0; rate > 0 && place < count; place++) {
                note(&logbook->events, done - (first + (number + place) / rate));
            }
        }
        number += count;
    }
    logbook->all = number;
    PQfinish(connection);
    return NULL;
}

static int compare(const void *left, const void *right) {
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

static void print_times(struct times *times) {
    if (times->count == 0) {
        printf(" %8s %8s", "", "");
        return;
    }
    qsort(times->ms, times->count, sizeof *times->ms, compare);
    printf(" %8.1f %8.1f", times->ms[times->count / 2], times->ms[times->count * 99 / 100]);
}

int main(int count, char **arguments) {
    if (count != 7) fail("usage: append CONNINFO LOGBOOKS RATE BATCH ROUND_TRIP_MS SECONDS");
    conninfo = arguments[1];
    logbooks = atoi(arguments[2]);
    rate = atof(arguments[3]);
    batch_limit = atoi(arguments[4]);
    round_trip = atof(arguments[5]) / 1000;
    seconds = atoi(arguments[6]);
    read_sample();
    begin_time = now() + 1; // All connect before.
    struct logbook *all = calloc((size_t)logbooks, sizeof *all);
    pthread_t *threads = calloc((size_t)logbooks, sizeof *threads);
    for (int index = 0; index < logbooks; index++) {
        all[index].index = index;
        if (pthread_create(&threads[index], NULL, run, &all[index]) != 0) fail("no thread");
    }
    struct times appends = {0}, events = {0};
    long sum = 0, stored = 0, canceled = 0;
    for (int index = 0; index < logbooks; index++) {
        pthread_join(threads[index], NULL);
        sum += all[index].all;
        stored += all[index].stored;
        canceled += all[index].canceled;
        add(&appends, &all[index].appends);
        add(&events, &all[index].events);
    }
    printf("%ld %8.0f %8.1f", sum, (double)stored / seconds, appends.count ? (double)stored / appends.count : 0);
    print_times(&appends);
    print_times(&events);
    printf(" %8ld\n", canceled);
}
