/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QOM paths, compared part by part from the end.
 */
#include "base/qom_path.h"

#include <stddef.h>
#include <string.h>

/* Take the last part off text[0, *length). False when there is none. */
static bool take_part(const char *text, size_t *length, const char **part, size_t *part_length)
{
    size_t end = *length;

    while (end > 0 && text[end - 1] == '/')
        end--;
    *length = end;
    while (*length > 0 && text[*length - 1] != '/')
        --*length;
    *part = text + *length;
    *part_length = end - *length;
    return *part_length > 0;
}

bool qom_path_names(const char *path, const char *whole)
{
    size_t left = strlen(path), whole_left = strlen(whole), length, whole_length;
    const char *part, *whole_part;
    bool any = false;

    while (take_part(path, &left, &part, &length)) {
        if (!take_part(whole, &whole_left, &whole_part, &whole_length) || length != whole_length ||
            memcmp(part, whole_part, length) != 0)
            return false;
        any = true;
    }
    if (*path == '/')
        return !take_part(whole, &whole_left, &whole_part, &whole_length);
    return any;
}

bool qom_search_try(struct qom_search *search, const char *whole)
{
    return qom_path_names(search->path, whole) && ++search->found == 1;
}

bool qom_search_end(const struct qom_search *search, struct error *error)
{
    if (search->found > 1)
        return error_set(error,
                         "Path '%.200s' does not uniquely identify an object: %u have it; give more of the "
                         "path, or all of it from '/' on",
                         search->path, search->found);
    return search->found == 1;
}
