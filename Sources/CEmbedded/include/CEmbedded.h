// Files of the repository, embedded in the program.
#pragma once
#include <stddef.h>

struct embedded_file {
    const unsigned char *bytes;
    size_t count;
};

struct embedded_file embedded_openapi_yaml(void);
struct embedded_file embedded_openapi_json(void);

// A file of the page for browsers.
struct embedded_page_file {
    const char *name;
    struct embedded_file file;
};

// Those from Sources/LogbookPage, by number from 0 on; after the last one, `name` is null.
struct embedded_page_file embedded_page_file(size_t number);
