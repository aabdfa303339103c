// A VFS of SQLite (https://sqlite.org/vfs.html) that keeps a checksum in the last 8 bytes of each page of a database
// file, and reads no page that does not match it: SQLITE_IOERR_DATA. SQLite leaves these bytes alone in a file whose
// header says so (byte 20, https://sqlite.org/fileformat2.html#resbyte); other files pass through as they are.
//
// Pages in a WAL have no such checksum, for the sums of its frames are made before they get here. Whoever moves a WAL
// into the file without this VFS leaves pages that do not match. So that this can be told from damage, there is a file
// "FILE-unsealed" beside such a database from before the first byte is written to its WAL until the WAL has been
// emptied or deleted through here: where it stands beside an empty WAL, or beside none, somebody else has been there.
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

// Reads a page of the file and nothing else: SQLITE_OK, SQLITE_IOERR_DATA, or why it cannot be read. One that does not
// match, and that the WAL has, is SQLITE_OK: it is about to be written anew.
int cchecksums_check_page(sqlite3 *connection, uint32_t number);

// Gives a page of the file the checksum that it should have; says whether it had another. The file must have been
// opened by a URI with the parameter unverified=1, by which every page can be read, and there must be no WAL.
int cchecksums_seal_page(sqlite3 *connection, uint32_t number, int *was_unsealed);

// That of a page of `size` bytes, a multiple of 8, without its own place. The same on every machine.
uint64_t cchecksums_of_page(const void *page, size_t size, uint32_t number);
