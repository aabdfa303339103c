#include "CPostgreSQL.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static struct cpostgresql_functions functions;
static bool is_loaded;
static char failure[512];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static bool resolve(void *library, const char *name, void *function) {
    void *symbol = dlsym(library, name);
    if (!symbol) {
        snprintf(failure, sizeof failure,
                 "libpq.so.5, the PostgreSQL client library, has no %s; version 14 or newer is needed "
                 "(Debian: apt-get install libpq5)",
                 name);
        return false;
    }
    // POSIX allows it; ISO C has no cast from an object's pointer to a function's.
    memcpy(function, &symbol, sizeof symbol);
    return true;
}

static void load(void) {
    // Never closed: OpenSSL and others in it register functions to run at exit.
    void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(failure, sizeof failure,
                 "libpq.so.5, the PostgreSQL client library, cannot be loaded; install it "
                 "(Debian: apt-get install libpq5): %s",
                 dlerror());
        return;
    }
#define RESOLVE(result, name, parameters) &&resolve(library, #name, &functions.name)
    is_loaded = true CPOSTGRESQL_FUNCTIONS(RESOLVE);
#undef RESOLVE
}

const struct cpostgresql_functions *cpostgresql_load(void) {
    pthread_once(&once, load);
    return is_loaded ? &functions : NULL;
}

const char *cpostgresql_failure(void) { return failure; }
