/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/control_path.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool control_folder(char path[CONTROL_PATH_SIZE], struct error *error)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    int length;

    if (!runtime || !*runtime)
        return error_set(error, "XDG_RUNTIME_DIR is not set");
    if (*runtime != '/')
        return error_set(error, "XDG_RUNTIME_DIR is '%.200s', which does not begin with '/'", runtime);
    length = snprintf(path, CONTROL_PATH_SIZE, "%s/hotram", runtime);
    if (length + sizeof "/x" CONTROL_SUFFIX > CONTROL_PATH_SIZE)
        return error_set(error,
                         "XDG_RUNTIME_DIR is '%.200s': the path of a socket has at most %d bytes, and this "
                         "leaves none for its name",
                         runtime, CONTROL_PATH_SIZE - 1);
    return true;
}

/* Whether a byte of a name stands for itself in the file's name. */
static bool plain(const char *name, size_t at)
{
    unsigned char c = (unsigned char)name[at];

    return c > ' ' && c != 0x7f && c != '/' && c != '%' && !(c == '.' && at == 0);
}

bool control_path(const char *name, char path[CONTROL_PATH_SIZE], struct error *error)
{
    size_t used;

    if (!control_folder(path, error))
        return false;
    if (!*name)
        return error_set(error, "the name is empty");
    used = strlen(path);
    path[used++] = '/';
    for (size_t at = 0; name[at]; at++) {
        if (used + sizeof "%XX" CONTROL_SUFFIX > CONTROL_PATH_SIZE)
            return error_set(error,
                             "the name has %zu bytes, and the path of its socket, %.*s..., would have more "
                             "than %d; a shorter name fits",
                             strlen(name), (int)used, path, CONTROL_PATH_SIZE - 1);
        used += (size_t)sprintf(path + used, plain(name, at) ? "%c" : "%%%02X", (unsigned char)name[at]);
    }
    strcpy(path + used, CONTROL_SUFFIX);
    return true;
}

static int hex(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool control_name(const char *file, char *name, size_t size)
{
    size_t length = strlen(file), end = sizeof CONTROL_SUFFIX - 1, used = 0;

    if (length <= end || strcmp(file + length - end, CONTROL_SUFFIX) != 0 || *file == '.')
        return false;
    for (length -= end; length > 0 && used + 1 < size; used++) {
        bool code = *file == '%';
        int high = code && length >= 3 ? hex(file[1]) : 0, low = code && length >= 3 ? hex(file[2]) : 0;

        if (code && (high < 0 || low < 0 || high + low == 0))
            return false;
        name[used] = code ? (char)(high * 16 + low) : *file;
        file += code ? 3 : 1;
        length -= code ? 3 : 1;
    }
    name[used] = '\0';
    return length == 0;
}
