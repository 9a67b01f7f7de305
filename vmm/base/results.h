/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Results of system calls must not be ignored. The build includes this header first in every file of vmm/ and
 * ctl/: the compiler then refuses a call of the functions below whose result is not used. For GCC, a cast to
 * void is not a use.
 *
 * tests/unit/results.py verifies that the compiler refuses each of them.
 */
#ifndef VMM_BASE_RESULTS_H
#define VMM_BASE_RESULTS_H

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define LOOKED_AT __attribute__((warn_unused_result))

/* For a result that does not matter; `why` is a literal that gives the reason. */
#define RESULT_DOES_NOT_MATTER(call, why) \
    do { \
        if (call) { \
            (void)("" why ""); \
        } \
    } while (0)

int ioctl(int fd, unsigned long request, ...) LOOKED_AT;
void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) LOOKED_AT;
int munmap(void *address, size_t length) LOOKED_AT;
int mprotect(void *address, size_t length, int protection) LOOKED_AT;
int madvise(void *address, size_t length, int advice) LOOKED_AT;
int mincore(void *address, size_t length, unsigned char *answer) LOOKED_AT;
int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) LOOKED_AT;
int fcntl(int fd, int command, ...) LOOKED_AT;
int fallocate(int fd, int mode, off_t offset, off_t length) LOOKED_AT;
int ftruncate(int fd, off_t length) LOOKED_AT;
int flock(int fd, int operation) LOOKED_AT;
int inotify_add_watch(int fd, const char *path, uint32_t mask) LOOKED_AT;
int unlink(const char *path) LOOKED_AT;
int chdir(const char *path) LOOKED_AT;
int dup2(int fd, int other) LOOKED_AT;
int chmod(const char *path, mode_t mode) LOOKED_AT;
int fchmod(int fd, mode_t mode) LOOKED_AT;
int listen(int fd, int backlog) LOOKED_AT;
int setsockopt(int fd, int level, int name, const void *value, socklen_t length) LOOKED_AT;
int tcsetattr(int fd, int when, const struct termios *settings) LOOKED_AT;
int prctl(int operation, ...) LOOKED_AT;
int sigaction(int number, const struct sigaction *action, struct sigaction *before) LOOKED_AT;
ssize_t read(int fd, void *bytes, size_t length) LOOKED_AT;
ssize_t write(int fd, const void *bytes, size_t length) LOOKED_AT;
ssize_t send(int fd, const void *bytes, size_t length, int flags) LOOKED_AT;
pid_t setsid(void) LOOKED_AT;
long syscall(long number, ...) LOOKED_AT;

#endif
