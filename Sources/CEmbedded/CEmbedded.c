#include "CEmbedded.h"

// The compiler records the files as dependencies, so editing one rebuilds this.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char openapi_yaml[] = {
#embed "../../openapi.yaml"
};

static const unsigned char openapi_json[] = {
#embed "../../openapi.json"
};

struct embedded_file embedded_openapi_yaml(void) {
    return (struct embedded_file){openapi_yaml, sizeof openapi_yaml};
}

struct embedded_file embedded_openapi_json(void) {
    return (struct embedded_file){openapi_json, sizeof openapi_json};
}
