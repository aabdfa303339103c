// Quickly fills a database with as many events as a cluster makes in a month.
//
//   generate fill FILE ROWS [END]
//     FILE has ROWS more, over the 30 days before END (seconds since 1970; or now)
//   generate insert FILE ROWS ROWS_PER_TRANSACTION SECONDS
//     rows/s, CPU us per row: more of the same as in a file that has ROWS, inserted as Logbook does
//
// FILE is a database that Logbook made, with some events in it (bench/scale.sh does this): their
// titles and descriptions are the vocabulary. The rest is drawn with the skew of a real cluster:
// six types; four severities, of which critical is rare and some kinds never have it; 20 kinds; 200
// namespaces by Zipf's law; an object for every hundred events, mostly pods that live a while and
// never come back; bursts that share a millisecond; events that come late. `fill` drops the indexes
// first and builds them last. Table and indexes are Logbook's, whatever its version.

#include <math.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TEMPLATES = 1000, NAMESPACES = 200, KINDS = 20, TEXT = 8192, NAME = 256 };
static const int64_t span_ms = 30LL * 24 * 3600 * 1000;

static sqlite3 *database;

static void check(int result, int expected) {
    if (result == expected) return;
    fprintf(stderr, "generate: %s\n", sqlite3_errmsg(database));
    exit(1);
}

static void execute(const char *sql) { check(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK); }

static sqlite3_stmt *prepare(const char *sql) {
    sqlite3_stmt *statement;
    check(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), SQLITE_OK);
    return statement;
}

// Chance ---------------------------------------------------------------------------------------------------------

// xorshift64*: the same seed makes the same events.
static uint64_t state;

static uint64_t random64(void) {
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return state * 0x2545F4914F6CDD1D;
}

static double chance(void) { return (double)(random64() >> 11) / 9007199254740992.0; }
static int below(int limit) { return (int)(chance() * limit); }

// An index below `limit`, the first ones by far the most often: Zipf's law, by inversion of its
// integral.
static int zipf(int limit) { return (int)exp(chance() * log((double)limit + 1)) - 1; }

// The population -------------------------------------------------------------------------------------------------

static const char *const kinds[KINDS] = {
    "Pod", "ReplicaSet", "Deployment", "Node", "Job", "StatefulSet", "DaemonSet", "Service", "Ingress", "ConfigMap",
    "PersistentVolumeClaim", "CronJob", "HorizontalPodAutoscaler", "Certificate", "CertificateRequest", "Lease",
    "Endpoints", "Namespace", "HelmChart", "Challenge"};
static const char *const teams[] = {"payments", "search", "checkout", "media", "ml", "identity", "billing", "edge"};
static const char *const stages[] = {"prod", "staging", "dev", "test", "canary"};
static const char *const apps[] = {"api", "worker", "frontend", "gateway", "indexer", "scheduler", "cache", "postgres",
                                   "redis", "kafka", "nginx", "auth", "mailer", "exporter", "coredns", "importer"};
static const char *const types[] = {"cluster", "operator", "health", "insight", "assessment", "system"};
static const char *const components[] = {"kubelet", "default-scheduler", "deployment-controller", "job-controller",
                                         "replicaset-controller", "cert-manager", "cluster-autoscaler"};
#define PICK(list) list[below((int)(sizeof list / sizeof *list))]

struct object { uint8_t kind, namespace; char name[62]; };
static struct object *objects;
static int object_count, lasting_count;
static char namespaces[NAMESPACES][48];

static void suffix(char *text, int length) {
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789"; // as Kubernetes has them
    for (int place = 0; place < length; place++) text[place] = letters[below(sizeof letters - 1)];
    text[length] = 0;
}

static void populate(long rows) {
    for (int place = 0; place < NAMESPACES; place++)
        if (place == 0) strcpy(namespaces[place], "kube-system");
        else snprintf(namespaces[place], sizeof namespaces[0], "%s-%s-%d", PICK(teams), PICK(stages), place);
    object_count = rows / 100 < 1000 ? 1000 : (int)(rows / 100);
    lasting_count = object_count / 30;
    objects = calloc((size_t)object_count, sizeof *objects);
    for (int place = 0; place < object_count; place++) {
        struct object *object = &objects[place];
        char first[16], second[16];
        suffix(first, 10), suffix(second, 5);
        object->namespace = (uint8_t)zipf(NAMESPACES);
        if (place >= lasting_count) {
            object->kind = chance() < 0.85 ? 0 : chance() < 0.6 ? 1 : 4;
            snprintf(object->name, sizeof object->name, object->kind ? "%s-%s" : "%s-%s-%s", PICK(apps), first, second);
        } else if ((object->kind = (uint8_t)below(KINDS)) == 3) {
            snprintf(object->name, sizeof object->name, "node-%d", place);
        } else {
            snprintf(object->name, sizeof object->name, "%s-%d", PICK(apps), place % 97);
        }
    }
}

// Long-lived objects have a third of the events, a few of them most of it; the rest is about
// objects alive at the moment.
static const struct object *choose(double progress) {
    if (chance() < 0.33) return &objects[zipf(lasting_count)];
    int newest = lasting_count + (int)(progress * (object_count - lasting_count));
    int place = newest - (int)(-log(1 - chance()) * 300);
    return &objects[place < lasting_count ? lasting_count : place];
}

static const char *severity(int kind, int type) {
    double draw = chance();
    if (draw < 0.80) return "info";
    if (draw < 0.95) return "warning";
    if (draw < 0.995 || kind % 5 == 2 || type == 5) return "error";
    return "critical";
}

// The events -----------------------------------------------------------------------------------------------------

static struct { char title[TEXT], description[TEXT], name[NAME], reason[NAME]; } templates[TEMPLATES];
static int template_count;

static void load_templates(void) {
    sqlite3_stmt *events = prepare("SELECT title, coalesce(description, ''), coalesce(object_name, '') FROM events");
    for (; sqlite3_step(events) == SQLITE_ROW && template_count < TEMPLATES; template_count++) {
        snprintf(templates[template_count].title, TEXT, "%s", (const char *)sqlite3_column_text(events, 0));
        snprintf(templates[template_count].description, TEXT, "%s", (const char *)sqlite3_column_text(events, 1));
        snprintf(templates[template_count].name, NAME, "%s", (const char *)sqlite3_column_text(events, 2));
        // Titles of Kubernetes' events are "REASON: message".
        sscanf(templates[template_count].title, "%200[A-Za-z]:", templates[template_count].reason);
    }
    sqlite3_finalize(events);
    if (template_count == 0) fprintf(stderr, "generate: the database holds no event to learn from\n"), exit(1);
}

// Copies `text` with `name` in place of `old`.
static void rename_in(char *out, size_t size, const char *text, const char *old, const char *name) {
    size_t length = 0, old_length = strlen(old);
    while (*text && length + NAME < size) {
        if (old_length > 3 && !strncmp(text, old, old_length)) {
            length += (size_t)snprintf(out + length, size - length, "%s", name);
            text += old_length;
        } else {
            out[length++] = *text++;
        }
    }
    out[length] = 0;
}

static int write_time(char *text, const char *format, int64_t ms) {
    time_t seconds = ms / 1000;
    struct tm utc;
    gmtime_r(&seconds, &utc);
    return (int)strftime(text, 32, format, &utc);
}

static void bind(sqlite3_stmt *statement, int index, const char *text) {
    check(sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC), SQLITE_OK);
}

// The same for events that are alike; which 64 bits these are means nothing here.
static sqlite3_int64 fold_key(const char *const *texts, int count) {
    uint64_t hash = 0xCBF29CE484222325;
    for (int place = 0; place < count; place++) {
        for (const char *text = texts[place] ? texts[place] : "\1"; *text; text++)
            hash = (hash ^ (uint8_t)*text) * 0x100000001B3;
        hash = (hash ^ 0xFF) * 0x100000001B3;
    }
    return (sqlite3_int64)(hash * 0x9E3779B97F4A7C15);
}

static void insert_one(sqlite3_stmt *insertion, int64_t ms, double progress) {
    static char id[NAME], title[1024], description[TEXT], metadata[1024], created_at[64], stamp[64];
    const struct object *object = choose(progress);
    int type = zipf(6);
    // An insight or an assessment is about a workload.
    if (type >= 3 && type <= 4 && object->kind > 5) type = 0;
    write_time(stamp, "%Y%m%d_%H%M%S", ms);
    if (chance() < 0.8) snprintf(id, sizeof id, "evt_%s_%016llx", stamp, (unsigned long long)random64());
    else snprintf(id, sizeof id, "k8s:core:%08x-%04x-4%03x-a%03x-%012llx:%d", (unsigned)random64(), below(65536),
                  below(4096), below(4096), (unsigned long long)random64() >> 16, (int)(progress * 1e8));
    sprintf(created_at + write_time(created_at, "%Y-%m-%dT%H:%M:%S", ms), ".%03dZ", (int)(ms % 1000));
    int chosen = below(template_count);
    rename_in(title, sizeof title, templates[chosen].title, templates[chosen].name, object->name);
    rename_in(description, sizeof description / 8, templates[chosen].description, templates[chosen].name, object->name);
    snprintf(metadata, sizeof metadata,
             "{\"uid\":\"%08x-%04x-4%03x-a%03x-%012llx\",\"count\":%d,\"source\":{\"component\":\"%s\","
             "\"host\":\"ip-10-0-%d-%d\"},\"firstTimestamp\":\"%s\",\"zone\":\"eu-1%c\"}",
             (unsigned)random64(), below(65536), below(4096), below(4096), (unsigned long long)random64() >> 16,
             1 + zipf(1000), PICK(components), below(8), below(256), created_at, 'a' + below(3));
    int is_wide = object->kind == 3 || object->kind == 17; // nodes and namespaces lie in no namespace
    const char *reason = *templates[chosen].reason ? templates[chosen].reason : NULL;
    const char *alike[] = {types[type], severity(object->kind, type), kinds[object->kind],
                           is_wide ? NULL : namespaces[object->namespace], object->name, reason ? reason : title};
    bind(insertion, 11, reason);
    check(sqlite3_bind_int64(insertion, 12, fold_key(alike, 6)), SQLITE_OK);
    bind(insertion, 1, id), bind(insertion, 2, alike[0]), bind(insertion, 3, alike[1]);
    bind(insertion, 4, title), bind(insertion, 5, description), bind(insertion, 6, kinds[object->kind]);
    bind(insertion, 7, is_wide ? NULL : namespaces[object->namespace]), bind(insertion, 8, object->name);
    bind(insertion, 9, metadata), bind(insertion, 10, created_at);
    check(sqlite3_step(insertion), SQLITE_DONE);
    sqlite3_reset(insertion);
}

static sqlite3_stmt *prepare_insertion(void) {
    return prepare(
        "INSERT INTO events (id, event_type, severity, title, description, object_kind, object_namespace, object_name,"
        " metadata, created_at, received_at, reason, fold_key)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1000 * unixepoch(?10), ?, ?)");
}

static void insert_month(long rows, int64_t end_ms) {
    sqlite3_stmt *insertion = prepare_insertion();
    int64_t now_ms = 0;
    int burst = 0;
    for (long row = 0; row < rows; row++) {
        double progress = (double)row / (double)rows;
        if (burst > 0) burst--;
        else if (chance() < 0.002) burst = 1 + zipf(row % 7 ? 200 : 20000);
        else now_ms = end_ms - span_ms + (int64_t)(progress * (double)span_ms);
        insert_one(insertion, !burst && chance() < 0.03 ? now_ms - below(60000) : now_ms, progress);
        if ((row + 1) % 1000000 == 0) fprintf(stderr, "generate: %ld of %ld events\n", row + 1, rows);
    }
    sqlite3_finalize(insertion);
}

static void fill(long rows, int64_t end_ms) {
    // After a crash, the file is discarded and made again.
    execute("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-400000; BEGIN");
    char *drops = sqlite3_mprintf(""), *creations = sqlite3_mprintf("");
    sqlite3_stmt *indexes =
        prepare("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'events' AND sql IS NOT NULL");
    while (sqlite3_step(indexes) == SQLITE_ROW) {
        drops = sqlite3_mprintf("%zDROP INDEX %s;", drops, sqlite3_column_text(indexes, 0));
        creations = sqlite3_mprintf("%z%s;", creations, sqlite3_column_text(indexes, 1));
    }
    sqlite3_finalize(indexes);
    execute(drops);
    insert_month(rows, end_ms);
    execute(creations);
    execute("COMMIT; PRAGMA journal_mode=WAL");
}

static double seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void insert(int rows_per_transaction, double duration) {
    // As in Sources/SQLiteStore/Writer/EventWriter.swift, which checkpoints by itself after as many
    // pages.
    execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA secure_delete=OFF;"
            "PRAGMA cache_size=-16000; PRAGMA wal_autocheckpoint=4096");
    sqlite3_stmt *insertion = prepare_insertion();
    long rows = 0;
    double begin = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), elapsed;
    do {
        execute("BEGIN IMMEDIATE");
        for (int row = 0; row < rows_per_transaction; row++)
            insert_one(insertion, (int64_t)(seconds(CLOCK_REALTIME) * 1000), 0.999);
        execute("COMMIT");
        rows += rows_per_transaction;
        elapsed = seconds(CLOCK_MONOTONIC) - begin;
    } while (elapsed < duration);
    sqlite3_finalize(insertion);
    printf("%.0f %.1f\n", (double)rows / elapsed, (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e6 / (double)rows);
}

int main(int count, char **words) {
    int is_fill = count >= 4 && count <= 5 && !strcmp(words[1], "fill");
    if (!is_fill && (count != 6 || strcmp(words[1], "insert"))) {
        fprintf(stderr, "usage: generate fill FILE ROWS [END] | insert FILE ROWS ROWS_PER_TRANSACTION SECONDS\n");
        return 2;
    }
    long rows = atol(words[3]);
    state = 0x9E3779B97F4A7C15u;
    check(sqlite3_open_v2(words[2], &database, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    load_templates();
    populate(rows);
    if (is_fill) {
        fill(rows, (count == 5 ? atoll(words[4]) : (int64_t)time(NULL)) * 1000);
    } else {
        state += (uint64_t)time(NULL); // other ids than those in the file
        insert(atoi(words[4]), atof(words[5]));
    }
    check(sqlite3_close(database), SQLITE_OK);
    return 0;
}
