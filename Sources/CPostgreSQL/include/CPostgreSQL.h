// The functions of libpq that are used, loaded when they are first asked for: neither to build nor to run without
// PostgreSQL takes libpq. Our own prototypes, after https://www.postgresql.org/docs/15/libpq.html.
#pragma once

typedef struct pg_conn PGconn;
typedef struct pg_result PGresult;
typedef struct pg_cancel PGcancel;
typedef void (*PQnoticeReceiver)(void *context, const PGresult *result);

// PQconninfoOption of libpq-fe.h.
struct cpostgresql_option {
    char *keyword;
    char *environment_variable;
    char *compiled;
    char *value;
    char *label;
    char *display;
    int display_size;
};

enum { // ConnStatusType
    CPOSTGRESQL_CONNECTION_OK = 0,
    CPOSTGRESQL_CONNECTION_BAD = 1,
};

enum { // PostgresPollingStatusType
    CPOSTGRESQL_POLLING_FAILED = 0,
    CPOSTGRESQL_POLLING_READING = 1,
    CPOSTGRESQL_POLLING_WRITING = 2,
    CPOSTGRESQL_POLLING_OK = 3,
};

enum { // ExecStatusType
    CPOSTGRESQL_COMMAND_OK = 1,
    CPOSTGRESQL_TUPLES_OK = 2,
    CPOSTGRESQL_SINGLE_TUPLE = 9,
    CPOSTGRESQL_PIPELINE_SYNC = 10,
    CPOSTGRESQL_PIPELINE_ABORTED = 11,
};

enum { // PGTransactionStatusType
    CPOSTGRESQL_IN_TRANSACTION = 2,
    CPOSTGRESQL_IN_FAILED_TRANSACTION = 3,
};

enum { // PGVerbosity
    CPOSTGRESQL_VERBOSE = 2,
};

// F(result, name, parameters)
#define CPOSTGRESQL_FUNCTIONS(F)                                                                                       \
    F(struct cpostgresql_option *, PQconninfoParse, (const char *conninfo, char **failure))                            \
    F(void, PQconninfoFree, (struct cpostgresql_option * options))                                                     \
    F(void, PQfreemem, (void *memory))                                                                                 \
    F(PGconn *, PQconnectStartParams, (const char *const *keywords, const char *const *values, int expand_dbname))     \
    F(int, PQconnectPoll, (PGconn * connection))                                                                       \
    F(void, PQfinish, (PGconn * connection))                                                                           \
    F(int, PQstatus, (const PGconn *connection))                                                                       \
    F(int, PQsocket, (const PGconn *connection))                                                                       \
    F(char *, PQhost, (const PGconn *connection))                                                                      \
    F(char *, PQhostaddr, (const PGconn *connection))                                                                  \
    F(char *, PQport, (const PGconn *connection))                                                                      \
    F(char *, PQerrorMessage, (const PGconn *connection))                                                              \
    F(int, PQsetErrorVerbosity, (PGconn * connection, int verbosity))                                                  \
    F(PQnoticeReceiver, PQsetNoticeReceiver, (PGconn * connection, PQnoticeReceiver receiver, void *context))          \
    F(int, PQserverVersion, (const PGconn *connection))                                                                \
    F(const char *, PQparameterStatus, (const PGconn *connection, const char *name))                                   \
    F(int, PQtransactionStatus, (const PGconn *connection))                                                            \
    F(int, PQsetnonblocking, (PGconn * connection, int is_nonblocking))                                                \
    F(int, PQenterPipelineMode, (PGconn * connection))                                                                 \
    F(int, PQsendPrepare,                                                                                              \
      (PGconn * connection, const char *name, const char *sql, int count, const unsigned *types))                      \
    F(int, PQsendQueryParams,                                                                                          \
      (PGconn * connection, const char *sql, int count, const unsigned *types, const char *const *values,              \
       const int *lengths, const int *formats, int result_format))                                                     \
    F(int, PQsendQueryPrepared,                                                                                        \
      (PGconn * connection, const char *name, int count, const char *const *values, const int *lengths,                \
       const int *formats, int result_format))                                                                         \
    F(int, PQpipelineSync, (PGconn * connection))                                                                      \
    F(int, PQflush, (PGconn * connection))                                                                             \
    F(int, PQconsumeInput, (PGconn * connection))                                                                      \
    F(int, PQisBusy, (PGconn * connection))                                                                            \
    F(int, PQsetSingleRowMode, (PGconn * connection))                                                                  \
    F(PGresult *, PQgetResult, (PGconn * connection))                                                                  \
    F(void, PQclear, (PGresult * result))                                                                              \
    F(int, PQresultStatus, (const PGresult *result))                                                                   \
    F(char *, PQresultErrorField, (const PGresult *result, int field))                                                 \
    F(char *, PQcmdStatus, (PGresult * result))                                                                        \
    F(char *, PQcmdTuples, (PGresult * result))                                                                        \
    F(char *, PQgetvalue, (const PGresult *result, int row, int column))                                               \
    F(int, PQgetlength, (const PGresult *result, int row, int column))                                                 \
    F(int, PQgetisnull, (const PGresult *result, int row, int column))                                                 \
    F(PGcancel *, PQgetCancel, (PGconn * connection))                                                                  \
    F(int, PQcancel, (PGcancel * cancel, char *failure, int failure_size))                                             \
    F(void, PQfreeCancel, (PGcancel * cancel))

#define CPOSTGRESQL_MEMBER(result, name, parameters) result(*name) parameters;
struct cpostgresql_functions {
    CPOSTGRESQL_FUNCTIONS(CPOSTGRESQL_MEMBER)
};
#undef CPOSTGRESQL_MEMBER

// Loads libpq on the first call. Returns NULL if that failed; then cpostgresql_failure() says why.
const struct cpostgresql_functions *cpostgresql_load(void);
const char *cpostgresql_failure(void);
