// The parts of Linux that the event loop needs and the Swift importer does not see, or sees only
// with a feature macro.
#pragma once
#include <stdint.h>
#include <sys/types.h>

struct clinux_event {
    uint32_t events;
    uint64_t token;
};

enum {
    CLINUX_READABLE = 1, // EPOLLIN
    CLINUX_WRITABLE = 4, // EPOLLOUT
    CLINUX_ERROR = 8,    // EPOLLERR
    CLINUX_HANGUP = 16,  // EPOLLHUP
};

// Each returns -1 and sets errno like the system call behind it.
int clinux_epoll_create(void);
int clinux_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t token);
int clinux_epoll_modify(int epoll, int descriptor, uint32_t events, uint64_t token);
int clinux_epoll_remove(int epoll, int descriptor);
int clinux_epoll_wait(int epoll, struct clinux_event *events, int capacity, int timeout_milliseconds);
int clinux_eventfd(void);
// Accepts without blocking; the new descriptor is non-blocking and closed on exec.
int clinux_accept(int listener);
// A TCP socket for `family` that is non-blocking and closed on exec.
int clinux_socket(int family);
int clinux_set_option(int descriptor, int level, int name, int value);
// write(2) to a socket without SIGPIPE.
ssize_t clinux_send(int descriptor, const void *bytes, size_t count);
// Nanoseconds of CLOCK_MONOTONIC.
uint64_t clinux_monotonic_nanoseconds(void);
// Milliseconds of CLOCK_REALTIME since 1970.
int64_t clinux_realtime_milliseconds(void);
// f_type of statfs(2), or -1.
int64_t clinux_file_system_type(const char *path);
// Makes all threads share `count` heaps. Call it before there is a second thread.
void clinux_share_heaps(int count);
// Returns unused memory in the heaps to the system.
void clinux_trim_heaps(void);
// Names the calling thread, for top and perf; at most 15 bytes.
void clinux_name_thread(const char *name);
// Waits until the descriptor can be read, for so many milliseconds or, if negative, for as long as it takes. SIGINT,
// which is blocked, ends the wait with EINTR. Returns 0 when the time is over.
int clinux_await_input(int descriptor, int milliseconds);
// The columns of the terminal; 0 if the descriptor is not a terminal or does not say.
int clinux_terminal_columns(int descriptor);
// The columns that a character takes on a terminal; -1 if it is not printable.
int clinux_character_columns(uint32_t character);
