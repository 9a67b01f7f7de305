/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/passed.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/count_of.h"
#include "base/props.h"
#include "base/suggest.h"
#include "host/numbers.h"

#define SET_FOLDER "/dev/fdset/"

/* Sets in order of their numbers; names behind them. */
static struct passed *first;

static bool comes_before(const struct passed *one, const struct passed *other)
{
    if (!one->name != !other->name)
        return !one->name;
    return one->name || one->set <= other->set;
}

static void free_one(struct passed *passed)
{
    close(passed->fd);
    free(passed->name);
    free(passed->opaque);
    free(passed);
}

static struct passed **find_name(const char *name)
{
    struct passed **link = &first;

    while (*link && !((*link)->name && strcmp((*link)->name, name) == 0))
        link = &(*link)->next;
    return link;
}

static struct passed **find_in_set(int64_t set, int fd)
{
    struct passed **link = &first;

    while (*link && ((*link)->name || (*link)->set != set || (fd >= 0 && (*link)->fd != fd)))
        link = &(*link)->next;
    return link;
}

static void take_out(struct passed **link)
{
    struct passed *passed = *link;

    *link = passed->next;
    free_one(passed);
}

static bool is_full(bool names)
{
    unsigned count = 0;

    for (const struct passed *passed = first; passed; passed = passed->next)
        count += !passed->name != names;
    return count >= PASSED_MAX;
}

/* `text` is the name, or what is said of one in a set. */
static bool keep(const char *name, int64_t set, const char *opaque, int fd, struct error *error)
{
    struct passed *passed = calloc(1, sizeof *passed), **link = &first;

    if (passed) {
        *passed = (struct passed){
            .fd = fd, .name = name ? strdup(name) : NULL, .set = set, .opaque = opaque ? strdup(opaque) : NULL
        };
        if ((!name || passed->name) && (!opaque || passed->opaque)) {
            while (*link && comes_before(*link, passed))
                link = &(*link)->next;
            passed->next = *link;
            *link = passed;
            return true;
        }
        free_one(passed);
    } else
        close(fd);
    return error_set(error, "out of memory");
}

/* ---- by name ---- */

static bool starts_with_digit(const char *text)
{
    return *text >= '0' && *text <= '9';
}

bool passed_name(const char *name, int fd, struct error *error)
{
    struct passed **old = find_name(name);

    if (!*name || starts_with_digit(name) || strchr(name, ':')) {
        close(fd);
        return error_set(
            error, "Parameter 'fdname' expects a name not starting with a digit, without ':'; got '%.80s'",
            name);
    }
    if (*old) {
        close((*old)->fd);
        (*old)->fd = fd;
        return true;
    }
    if (is_full(true)) {
        close(fd);
        return error_set(error, "%u descriptors have names, which is the limit; closefd frees one",
                         PASSED_MAX);
    }
    return keep(name, -1, NULL, fd, error);
}

/* No such name: with those that there are. */
static bool no_name(const char *what, const char *name, struct error *error)
{
    struct suggestion suggestion;
    char subject[200];

    suggestion_start(&suggestion, name);
    for (const struct passed *passed = first; passed; passed = passed->next)
        if (passed->name)
            suggestion_offer(&suggestion, passed->name);
    words_format(subject, sizeof subject, "%sFile descriptor named '%.80s' not found", what, name);
    if (suggestion.names[0])
        return suggestion_fail(&suggestion, subject, error);
    return error_set(error, "%s: no descriptor has a name; getfd on a QMP socket passes one (SCM_RIGHTS)",
                     subject);
}

bool passed_close_name(const char *name, struct error *error)
{
    struct passed **link = find_name(name);

    if (!*link)
        return no_name("", name, error);
    take_out(link);
    return true;
}

/* ---- sets ---- */

static int64_t free_set(void)
{
    int64_t set = 0;

    for (const struct passed *passed = first; passed && !passed->name; passed = passed->next)
        if (passed->set == set)
            set++;
    return set;
}

bool passed_add(int64_t *set, int fd, const char *opaque, struct error *error)
{
    if (is_full(false)) {
        close(fd);
        return error_set(error, "%u descriptors are in sets, which is the limit; remove-fd frees one",
                         PASSED_MAX);
    }
    if (*set < 0)
        *set = free_set();
    return keep(NULL, *set, opaque, fd, error);
}

bool passed_remove(int64_t set, int fd, struct error *error)
{
    struct passed **link = find_in_set(set, fd);
    char name[64];

    if (*link) {
        do
            take_out(link);
        while (*(link = find_in_set(set, fd)) && fd < 0);
        return true;
    }
    if (fd >= 0)
        snprintf(name, sizeof name, "fdset-id:%lld, fd:%d", (long long)set, fd);
    else
        snprintf(name, sizeof name, "fdset-id:%lld", (long long)set);
    return error_set(error, "File descriptor named '%s' not found; query-fdsets shows those that there are",
                     name);
}

const struct passed *passed_next(const struct passed *passed)
{
    passed = passed ? passed->next : first;
    return passed && !passed->name ? passed : NULL;
}

/* ---- inherited ones ---- */

/* Whether a number is the list's: in a set, or behind a name. */
static bool is_kept(int fd)
{
    const struct passed *passed = first;

    while (passed && passed->fd != fd)
        passed = passed->next;
    return passed != NULL;
}

static int read_number(const char *text)
{
    uint64_t number;

    return number_parse(text, &number) && number <= INT_MAX ? (int)number : -1;
}

bool passed_take(int fd, struct error *error)
{
    if (is_kept(fd))
        return error_set(error, "fd=%d is in a set already, by -add-fd; each option needs one of its own",
                         fd);
    if (!numbers_has(fd))
        return numbers_refuse("fd", fd, error);
    numbers_take(fd);
    return true;
}

/* ---- use ---- */

int passed_copy(const char *property, const char *text, struct error *error)
{
    char what[48];
    int fd;

    if (starts_with_digit(text)) {
        fd = read_number(text);
        if (fd < 0) {
            error_set(error, "%s=%.80s: it is no number of a descriptor", property, text);
            return -1;
        }
        if (!is_kept(fd) && !numbers_has(fd)) {
            numbers_refuse(property, fd, error);
            return -1;
        }
    } else {
        struct passed *named = *find_name(text);

        if (!named) {
            snprintf(what, sizeof what, "%s: ", property);
            no_name(what, text, error);
            return -1;
        }
        fd = named->fd;
    }
    fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        error_set(error, "%s=%.80s: %s", property, text,
                  errno == EBADF
                      ? "it is not open: the program that starts hotram must leave it open, or a QMP client "
                        "passes it with getfd"
                      : strerror(errno));
    return fd;
}

void passed_used(const char *text)
{
    const int fd = starts_with_digit(text) ? read_number(text) : -1;
    struct passed **link = find_name(text);

    if (fd < 0 && *link)
        take_out(link);
    else if (fd >= 0 && !is_kept(fd)) {
        numbers_take(fd);
        if (fd > STDERR_FILENO)
            close(fd);
    }
}

size_t passed_inherited(struct props props, int *descriptors, size_t room)
{
    static const char *const names[] = { "fd", "fds", "vhostfd", "vhostfds" };
    size_t found = 0;

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *at = props_string(props, names[i], NULL);

        while (at && *at && found < room) {
            if (starts_with_digit(at))
                descriptors[found++] = atoi(at);
            at += strcspn(at, ":");
            at += *at == ':';
        }
    }
    return found;
}

/* Whether a descriptor can do what `flags` ask for. */
static bool fits(int fd, int flags)
{
    const int mode = fcntl(fd, F_GETFL) & O_ACCMODE;

    return mode == O_RDWR || mode == (flags & O_ACCMODE);
}

bool passed_is_set(const char *path)
{
    return strncmp(path, SET_FOLDER, strlen(SET_FOLDER)) == 0;
}

static int copy_for(int original, int flags)
{
    const int fd = fcntl(original, F_DUPFD_CLOEXEC, 3);

    if (fd >= 0 && (flags & O_DIRECT) && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_DIRECT) < 0) {
        const int failure = errno;

        close(fd);
        errno = failure;
        return -1;
    }
    return fd;
}

/* Whether a path names one of the program's own descriptors, such as guest memory: by a mistake in a number,
 * since another way to it is no secret. */
static bool is_own_path(const char *path)
{
    static const char *const folders[] = { "/dev/fd/", "/proc/self/fd/" };

    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        const size_t length = strlen(folders[i]);

        if (strncmp(path, folders[i], length) == 0 && starts_with_digit(path + length)) {
            const int fd = read_number(path + length);

            return fd >= 0 && !is_kept(fd) && !numbers_has(fd) && fcntl(fd, F_GETFD) >= 0;
        }
    }
    return false;
}

int passed_open(const char *path, int flags, unsigned mode)
{
    const struct passed *passed = NULL;
    uint64_t set;

    if (is_own_path(path)) {
        errno = EBADF;
        return -1;
    }
    if (!passed_is_set(path))
        return open(path, flags, mode);
    errno = ENOENT;
    if (!number_parse(path + strlen(SET_FOLDER), &set) || set > INT64_MAX)
        return -1;
    while ((passed = passed_next(passed)) != NULL)
        if (passed->set == (int64_t)set) {
            if (fits(passed->fd, flags))
                return copy_for(passed->fd, flags);
            errno = EACCES;
        }
    return -1;
}

const char *passed_why(const char *path, int failure)
{
    if (failure == EBADF)
        return "hotram was not started with an open descriptor of this number that is still free; a QMP client "
               "passes one with add-fd, and the path is /dev/fdset/SET";
    if (!passed_is_set(path))
        return NULL;
    if (failure == ENOENT)
        return "there is no such set of descriptors; -add-fd or add-fd creates it";
    return failure == EACCES ? "no descriptor of the set is open for what is needed, reading or writing"
                             : NULL;
}

void passed_end(void)
{
    numbers_end();
    while (first)
        take_out(&first);
}
