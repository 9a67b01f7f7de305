/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/numbers.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* Unknown without /proc: any number will do then. */
static struct {
    bool known;
    int *list;
    size_t count, room;
} inherited;

static bool remember(int fd)
{
    if (inherited.count == inherited.room) {
        const size_t room = inherited.room ? 2 * inherited.room : 16;
        int *list = reallocarray(inherited.list, room, sizeof *list);

        if (!list)
            return false;
        inherited.list = list;
        inherited.room = room;
    }
    inherited.list[inherited.count++] = fd;
    return true;
}

bool numbers_begin(struct error *error)
{
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    bool good = true;

    inherited.known = folder != NULL;
    while (good && folder && (entry = readdir(folder)) != NULL)
        if (isdigit((unsigned char)entry->d_name[0]) && atoi(entry->d_name) != dirfd(folder))
            good = remember(atoi(entry->d_name));
    if (folder)
        closedir(folder);
    return good || error_set(error, "out of memory");
}

static int *find_inherited(int fd)
{
    for (size_t i = 0; i < inherited.count; i++)
        if (inherited.list[i] == fd)
            return &inherited.list[i];
    return NULL;
}

bool numbers_has(int fd)
{
    return !inherited.known || find_inherited(fd);
}

void numbers_take(int fd)
{
    int *found = find_inherited(fd);

    if (found)
        *found = inherited.list[--inherited.count];
}

/* A number may be open all the same: as one that the program itself has opened. */
bool numbers_refuse(const char *property, int fd, struct error *error)
{
    return error_set(
        error,
        "%s=%d: it is %s: whoever starts hotram must leave it open%s, or a QMP client passes it with "
        "getfd",
        property, fd,
        fcntl(fd, F_GETFD) < 0 ? "not open"
                               : "a descriptor of hotram's own, or one that another option has taken",
        fcntl(fd, F_GETFD) < 0 ? "" : " for one option alone");
}

void numbers_end(void)
{
    free(inherited.list);
    memset(&inherited, 0, sizeof inherited);
}
