/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/tap_scripts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/message.h"
#include "host/script.h"
#include "net/type.h"

/* At the program's end. */
#define PATIENCE_MS 30000

/* The second script of a back end: its state, and later in the list of those that run. */
struct net_down {
    struct net_down *next;
    struct script_later later;
    struct net_backends *backends;
    struct watch *watch; /* once it runs */
    char name[64];       /* of the back end, for messages */
};

static bool is_one(const char *script)
{
    return script && *script && strcmp(script, "no") != 0;
}

/* What to run, or NULL. */
static const char *choose(const char *script, const char *otherwise)
{
    if (!script)
        return access(otherwise, F_OK) == 0 ? otherwise : NULL;
    return is_one(script) ? script : NULL;
}

bool tap_scripts_check(struct tap_scripts scripts, const char *opened, struct error *error)
{
    const char *given = is_one(scripts.up) ? "script" : is_one(scripts.down) ? "downscript" : NULL;

    return !opened || !given ||
           error_set(error,
                     "'%s' and '%s' cannot be given together: whoever has opened the interface brings it up",
                     opened, given);
}

/* netdev_add answers later; -netdev does not. */
static bool is_added_later(const struct net_backend *backend)
{
    return backend->completion.ended != NULL;
}

bool tap_scripts_may(const struct net_backend *backend, struct tap_scripts scripts, struct error *error)
{
    const char *given = is_one(scripts.up) ? scripts.up : is_one(scripts.down) ? scripts.down : NULL;

    return !given || !is_added_later(backend) ||
           error_set(error,
                     "Parameter '%s' of netdev_add expects 'no'; got '%s': scripts are run only for the "
                     "-netdev of the start; bring the interface up before (ip link set tap0 up master br0)",
                     given == scripts.up ? "script" : "downscript", given);
}

static bool prepare_down(struct net_backend *backend, const char *script, const char *name, int fd,
                         struct error *error)
{
    struct net_down *down = calloc(1, sizeof *down);

    if (!down)
        return error_set(error, "out of memory");
    down->backends = backend->backends;
    words_format(down->name, sizeof down->name, "%s", backend->id);
    if (!script_later_prepare(&down->later, script, name, fd, error)) {
        free(down);
        return error_prefix(error, "downscript: ");
    }
    backend->state = down;
    return true;
}

static void describe(struct net_backend *backend, const char *property, const char *script)
{
    const size_t length = strlen(backend->description);

    if (script && length + 4 < sizeof backend->description)
        words_format(backend->description + length, sizeof backend->description - length, ",%s=%s", property,
                     script);
}

bool tap_scripts_run(struct net_backend *backend, struct tap_scripts scripts, const char *name, int fd,
                     struct error *error)
{
    const bool later = is_added_later(backend);
    const char *up = later ? NULL : choose(scripts.up, TAP_SCRIPT_UP);
    const char *down = later ? NULL : choose(scripts.down, TAP_SCRIPT_DOWN);
    struct error why;

    if (up && !script_run(up, name, &why))
        return error_set(error, "script: %s; script=no runs none, for an interface that is up", why.text);
    describe(backend, "script", up);
    describe(backend, "downscript", down);
    return !down || prepare_down(backend, down, name, fd, error);
}

/* ---- the end ---- */

static void finish(struct net_down *down, int wait_ms)
{
    struct net_down **link = &down->backends->downs;
    struct error error;

    while (*link != down)
        link = &(*link)->next;
    *link = down->next;
    watch_remove(down->watch);
    if (!script_later_end(&down->later, wait_ms, &error))
        warning("netdev '%s': downscript: %s", down->name, error.text);
    free(down);
}

static void on_end(void *opaque, uint32_t events)
{
    (void)events;
    finish(opaque, 0);
}

void tap_scripts_close(struct net_backend *backend)
{
    struct net_down *down = backend->state;

    if (!down)
        return;
    backend->state = NULL;
    script_later_begin(&down->later);
    down->next = backend->backends->downs;
    backend->backends->downs = down;
    /* Without a watch it is waited for at the end only. */
    down->watch = watch_add(backend->backends->loop, down->later.socket, EPOLLIN, on_end, down);
}

void tap_scripts_end(struct net_backends *backends)
{
    while (backends->downs)
        finish(backends->downs, PATIENCE_MS);
}
