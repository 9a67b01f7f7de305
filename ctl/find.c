/* SPDX-License-Identifier: BSD-2-Clause */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "guest.h"

/* Somebody listens; a guest that was killed leaves its socket behind. */
static bool lives(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool good;

    strcpy(address.sun_path, path);
    good = fd >= 0 &&
           (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 || errno == EAGAIN);
    if (fd >= 0)
        close(fd);
    return good;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct guest *)a)->name, ((const struct guest *)b)->name);
}

size_t guests_find(struct guest *guests, size_t most, struct error *error)
{
    char folder[CONTROL_PATH_SIZE];
    struct dirent *entry;
    size_t count = 0;
    DIR *files;

    if (!control_folder(folder, error))
        return 0;
    files = opendir(folder);
    if (!files) {
        error_set(error, "'%s': %s", folder, strerror(errno));
        return 0;
    }
    while (count < most && (entry = readdir(files))) {
        struct guest *guest = &guests[count];

        if (!control_name(entry->d_name, guest->name, sizeof guest->name) ||
            snprintf(guest->path, sizeof guest->path, "%s/%s", folder, entry->d_name) >=
                (int)sizeof guest->path)
            continue;
        count += lives(guest->path);
    }
    closedir(files);
    qsort(guests, count, sizeof *guests, by_name);
    if (count == 0)
        error_set(error, "'%s' has no socket of a guest that runs", folder);
    return count;
}

static bool several(const struct guest *guests, size_t count, struct error *error)
{
    char names[600] = "";
    size_t used = 0;

    for (size_t i = 0; i < count && used < sizeof names - 1; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", guests[i].name);
    return error_set(error, "%zu guests are running; say which with -g NAME: %s", count, names);
}

bool guest_pick(const struct options *options, struct guest *guest, struct error *error)
{
    struct guest guests[GUESTS_MAX];
    struct error why = { 0 };
    size_t count;

    *guest = (struct guest){ 0 };
    if (options->socket) {
        if (strlen(options->socket) >= sizeof guest->path)
            return error_set(error, "the path of a socket has at most %zu bytes: '%.200s'",
                             sizeof guest->path - 1, options->socket);
        strcpy(guest->path, options->socket);
        return true;
    }
    if (options->guest_count) {
        snprintf(guest->name, sizeof guest->name, "%s", options->guests[0]);
        return control_path(options->guests[0], guest->path, error) ||
               error_prefix(error, "--guest %.80s: ", options->guests[0]);
    }
    count = guests_find(guests, GUESTS_MAX, &why);
    if (count == 0)
        return error_set(error,
                         "no guest found: %s; a guest has one when it is started with -name NAME, and any "
                         "QMP socket can be given by -s SOCKET",
                         why.text);
    if (count > 1)
        return several(guests, count, error);
    *guest = guests[0];
    return true;
}

struct qmp *guest_connect(const struct options *options, struct guest *guest, enum status *status)
{
    struct error error = { 0 };
    struct qmp *qmp;

    *status = STATUS_DONE;
    if (guest_pick(options, guest, &error)) {
        qmp = qmp_connect(guest->path, options->answer_timeout, &error);
        if (qmp)
            return qmp;
    }
    *status = fail(options, STATUS_ERROR, "%s", error.text);
    return NULL;
}

bool guest_ask(const struct options *options, struct qmp *qmp, const char *command, struct json_object *args,
               struct json_object **result, enum status *status)
{
    struct error error = { 0 };

    if (qmp_ask(qmp, command, args, options->answer_timeout, result, NULL, &error))
        return true;
    *status = fail(options, STATUS_ERROR, "%s", error.text);
    return false;
}

bool guest_ask_optional(const struct options *options, struct qmp *qmp, const char *command,
                        struct json_object **result, enum status *status)
{
    struct error error = { 0 };
    bool refused;

    if (qmp_ask(qmp, command, NULL, options->answer_timeout, result, &refused, &error) ||
        (refused && error.class == ERROR_COMMAND_NOT_FOUND))
        return true;
    *status = fail(options, STATUS_ERROR, "%s", error.text);
    return false;
}

const char *guest_title(const struct guest *guest, const struct qmp *qmp)
{
    char title[300];

    snprintf(title, sizeof title, "guest %s (process %ld)", *guest->name ? guest->name : guest->path,
             (long)qmp_pid(qmp));
    return shown(title);
}
