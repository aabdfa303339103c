// What the Swift importer cannot see of zlib's header: a macro.
#pragma once
#include <zlib.h>

static inline int czlib_begin_inflating(z_stream *stream, int window_bits) { return inflateInit2(stream, window_bits); }
