// A VFS of SQLite (https://sqlite.org/vfs.html) that keeps a checksum in the last 8 bytes of each page of a database
// file, and reads no page that does not match it: SQLITE_IOERR_DATA. SQLite leaves these bytes alone in a file whose
// header says so (byte 20, https://sqlite.org/fileformat2.html#resbyte); other files pass through as they are.
#pragma once
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

// Has every connection that is opened from here on use it.
int cchecksums_register(void);

// Has the database that is made in the empty file of `connection` have checksums. The file must have been opened by a
// URI with the parameter checksums=1, for it may be written before its header is.
int cchecksums_request(sqlite3 *connection);

// Whether the file of `connection` has checksums.
int cchecksums_are_kept(sqlite3 *connection);

// The page of the file that `connection` could not read last, for it did not match its checksum; 0 is none.
uint32_t cchecksums_damaged_page(sqlite3 *connection);

// Pages of the file, whatever the WAL holds; 0 where they have no checksums.
uint32_t cchecksums_pages(sqlite3 *connection);

// Reads a page of the file and nothing else: SQLITE_OK, SQLITE_IOERR_DATA, or why it cannot be read.
int cchecksums_check_page(sqlite3 *connection, uint32_t number);

// That of a page of `size` bytes, a multiple of 8, without its own place. The same on every machine.
uint64_t cchecksums_of_page(const void *page, size_t size, uint32_t number);
