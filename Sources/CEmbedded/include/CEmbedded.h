// Files of the repository that are embedded in the program.
#pragma once
#include <stddef.h>

struct embedded_file {
    const unsigned char *bytes;
    size_t count;
};

struct embedded_file embedded_openapi_yaml(void);
struct embedded_file embedded_openapi_json(void);
