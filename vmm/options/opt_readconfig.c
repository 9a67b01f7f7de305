/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -readconfig: options in a file. Each section of it is the argument of the option of its kind, and goes the
 * same way from there as that on the command line, at the place where -readconfig stands.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/count_of.h"
#include "base/suggest.h"
#include "host/file.h"
#include "host/passed.h"
#include "options/config_file.h"
#include "options/parser.h"

/* QEMU's names of groups, and the options whose arguments they are. */
static const struct {
    const char *group, *option;
} groups[] = {
    { "accel", "accel" },     { "action", "action" },
    { "add-fd", "add-fd" },   { "audiodev", "audiodev" },
    { "boot-opts", "boot" },  { "chardev", "chardev" },
    { "device", "device" },   { "drive", "drive" },
    { "fw_cfg", "fw_cfg" },   { "global", "global" },
    { "machine", "machine" }, { "memory", "m" },
    { "mon", "mon" },         { "msg", "msg" },
    { "name", "name" },       { "netdev", "netdev" },
    { "nic", "nic" },         { "numa", "numa" },
    { "object", "object" },   { "overcommit", "overcommit" },
    { "rtc", "rtc" },         { "sandbox", "sandbox" },
    { "smp-opts", "smp" },
};

/* ---- The file ---- */

/* N of "/dev/fd/N" and other names of descriptors of this process; -1 for any other path. */
static int descriptor_of(const char *path)
{
    static const char *const folders[] = { "/dev/fd/", "/proc/self/fd/" };
    uint64_t number;

    if (strcmp(path, "/dev/stdin") == 0)
        return STDIN_FILENO;
    for (size_t i = 0; i < COUNT_OF(folders); i++)
        if (strncmp(path, folders[i], strlen(folders[i])) == 0 &&
            number_parse(path + strlen(folders[i]), &number) && number <= INT_MAX)
            return (int)number;
    return -1;
}

/* A copy of the first descriptor of a set that an -add-fd before has made: the sets themselves are filled
 * when the command line has been read. */
static int open_set(const struct config *config, const char *path, char why[FILE_WHY_SIZE])
{
    uint64_t set;

    if (number_parse(strrchr(path, '/') + 1, &set))
        for (size_t i = 0; i < config->descriptor_count; i++)
            if ((uint64_t)config->descriptors[i].set == set)
                return fcntl(config->descriptors[i].fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    snprintf(why, FILE_WHY_SIZE, "no -add-fd before it has a descriptor in the set");
    return -1;
}

/* A path is opened without waiting. A pipe that is open already is not opened: whoever gave its descriptor
 * writes to it. */
static int open_file(const struct config *config, const char *path, char why[FILE_WHY_SIZE])
{
    const int given = descriptor_of(path);
    struct stat status;

    if (passed_is_set(path))
        return open_set(config, path, why);
    if (given >= 0 && fstat(given, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)))
        return fcntl(given, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return file_open_regular(path, O_RDONLY, 0, why);
}

/* As read(), also of a descriptor that does not wait. */
static ssize_t read_some(int fd, char *bytes, size_t size)
{
    for (;;) {
        const ssize_t got = read(fd, bytes, size);
        struct pollfd ready = { .fd = fd, .events = POLLIN };

        if (got >= 0 || (errno != EAGAIN && errno != EINTR))
            return got;
        if (errno == EAGAIN && poll(&ready, 1, -1) < 0 && errno != EINTR)
            return -1;
    }
}

/* The whole file, on the heap; NULL and an error. */
static char *read_file(const struct config *config, const char *path, size_t *length, struct error *error)
{
    char why[FILE_WHY_SIZE] = "", *bytes;
    const int fd = open_file(config, path, why);
    ssize_t got = 1;

    *length = 0;
    if (fd < 0) {
        error_set(error, "Could not open '%.200s': %s", path, *why ? why : strerror(errno));
        return NULL;
    }
    bytes = malloc(CONFIG_FILE_MAX + 1);
    while (bytes && got > 0 && *length <= CONFIG_FILE_MAX) {
        got = read_some(fd, bytes + *length, CONFIG_FILE_MAX + 1 - *length);
        *length += got > 0 ? (size_t)got : 0;
    }
    if (!bytes)
        error_set(error, "out of memory");
    else if (got < 0)
        error_set(error, "Cannot read config file: %s", strerror(errno));
    else if (*length > CONFIG_FILE_MAX)
        error_set(error, "the file has more than 1 MiB, which is the limit of a configuration file");
    close(fd);
    if (bytes && got >= 0 && *length <= CONFIG_FILE_MAX)
        return bytes;
    free(bytes);
    return NULL;
}

/* ---- Its sections ---- */

/* A group that is QEMU's, but not hotram's, or none at all. */
static bool unknown_group(const char *group, struct error *error)
{
    const char *reason = option_absent(group);
    struct suggestion suggestion;
    char subject[160];

    if (reason)
        return error_set(error, "QEMU option group not supported by hotram (%s)", reason);
    suggestion_start(&suggestion, group);
    for (size_t i = 0; i < COUNT_OF(groups); i++)
        suggestion_offer(&suggestion, groups[i].group);
    words_format(subject, sizeof subject, "There is no option group '%s'", group);
    return suggestion_fail(&suggestion, subject, error);
}

static bool take_section(struct parser *parser, const struct config_section *section, struct error *error)
{
    struct config *config = parser->config;
    const struct option *option = NULL;
    char **text;

    for (size_t i = 0; i < COUNT_OF(groups); i++)
        if (strcmp(groups[i].group, section->group) == 0)
            option = option_find(groups[i].option);
    if (!option)
        return unknown_group(section->group, error);
    text = array_grow(&config->sections, config->section_count++, sizeof *text);
    *text = string_copy(section->text);
    parser->option = option->name;
    parser->argument = *text;
    if (!option->handle(parser, *text, error))
        return false;
    note_option(parser, option, *text);
    return true;
}

/* As on the command line, all that is wrong is said in one run: a line each. */
static bool take_sections(struct parser *parser, const char *path, const struct config_sections *sections,
                          struct error *error)
{
    bool good = true;

    for (size_t i = 0; i < sections->count && !parser->done; i++) {
        const struct config_section *section = &sections->list[i];
        struct error next = { 0 };

        parser->file = path;
        parser->line = section->line;
        if (take_section(parser, section, &next))
            continue;
        error_prefix(&next, "line %u: [%s]: ", section->line, section->group);
        if (good) {
            *error = next;
        } else {
            error_prefix(&next, "-readconfig %.200s: ", path);
            error_add_line(error, &next);
        }
        good = false;
    }
    parser->file = NULL;
    return good;
}

bool option_readconfig(struct parser *parser, const char *argument, struct error *error)
{
    struct config_sections sections = { 0 };
    size_t length;
    char *bytes = read_file(parser->config, argument, &length, error);
    const bool good = bytes && config_file_parse(bytes, length, &sections, error) &&
                      take_sections(parser, argument, &sections, error);

    free(bytes);
    config_sections_free(&sections);
    return good || parser->done;
}
