/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/announce.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/count_of.h"
#include "net/type.h"

/* One in progress: between two rounds. */
struct net_announcing {
    struct net_announcing *next;
    struct net_backends *backends;
    struct net_announcement what; /* `rounds`: how many are left; id and names are its own */
    uint64_t pause;               /* before the next round, ms */
    struct timer timer;
};

void net_announce_frame(const uint8_t mac[6], uint8_t frame[NET_ANNOUNCE_FRAME])
{
    static const uint8_t type[] = { 0x80, 0x35 };
    /* Ethernet, IPv4, the lengths of their addresses, a request (RFC 903). */
    static const uint8_t request[] = { 0, 1, 8, 0, 6, 4, 0, 3 };

    memset(frame, 0, NET_ANNOUNCE_FRAME);
    memset(frame, 0xff, 6);
    memcpy(frame + 6, mac, 6);
    memcpy(frame + 12, type, sizeof type);
    memcpy(frame + 14, request, sizeof request);
    memcpy(frame + 22, mac, 6);
    memcpy(frame + 32, mac, 6);
}

/* ---- rounds ---- */

static bool is_meant(const struct net_announcement *what, const struct net_backend *backend)
{
    for (size_t i = 0; i < what->name_count; i++)
        if (strcmp(what->names[i], backend->card->name) == 0 || strcmp(what->names[i], backend->id) == 0)
            return true;
    return !what->names;
}

static void announce_cards(const struct net_announcing *announcing)
{
    for (struct net_backend *backend = announcing->backends->first; backend; backend = backend->next)
        if (backend->card && is_meant(&announcing->what, backend))
            backend->card->announce(backend->card->opaque);
}

static void announcing_free(struct net_announcing *announcing)
{
    timer_cancel(&announcing->timer);
    for (size_t i = 0; i < announcing->what.name_count; i++)
        free((char *)(uintptr_t)announcing->what.names[i]);
    free((void *)(uintptr_t)announcing->what.names);
    free((char *)(uintptr_t)announcing->what.id);
    free(announcing);
}

static struct net_announcing **find(struct net_backends *backends, const char *id)
{
    struct net_announcing **link = &backends->announcing;

    while (*link && strcmp((*link)->what.id, id) != 0)
        link = &(*link)->next;
    return link;
}

static void end(struct net_backends *backends, const char *id)
{
    struct net_announcing **link = find(backends, id);
    struct net_announcing *announcing = *link;

    if (!announcing)
        return;
    *link = announcing->next;
    announcing_free(announcing);
}

static void next_round(void *opaque)
{
    struct net_announcing *announcing = opaque;
    const uint64_t longest = (uint64_t)announcing->what.max;

    announce_cards(announcing);
    if (--announcing->what.rounds == 0) {
        end(announcing->backends, announcing->what.id);
        return;
    }
    timer_start(announcing->backends->loop, &announcing->timer,
                announcing->pause < longest ? announcing->pause : longest, next_round, announcing);
    announcing->pause += (uint64_t)announcing->what.step;
}

/* ---- the beginning ---- */

/* The limits are those that QEMU has for the same numbers of a migration. */
static bool check_pace(const struct net_announcement *announcement, struct error *error)
{
    const struct {
        const char *name;
        int64_t value, max;
    } numbers[] = {
        { "initial", announcement->initial, 100000 },
        { "max", announcement->max, 100000 },
        { "rounds", announcement->rounds, 1000 },
        { "step", announcement->step, 10000 },
    };

    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        if (numbers[i].value < 0 || numbers[i].value > numbers[i].max)
            return error_set(error, "Parameter '%s' expects a number from 0 to %" PRId64 "; got %" PRId64,
                             numbers[i].name, numbers[i].max, numbers[i].value);
    return true;
}

static bool check_names(const struct net_backends *backends, const struct net_announcement *announcement,
                        struct error *error)
{
    for (size_t i = 0; i < announcement->name_count; i++) {
        const char *name = announcement->names[i];
        const struct net_backend *backend = net_cable_require(backends, name, error);

        if (!backend)
            return false;
        if (!backend->card)
            return error_set(error,
                             "netdev '%s' has no card whose address could be announced; name the card of "
                             "another one, or leave out its name",
                             backend->id);
    }
    return true;
}

static bool copy_names(struct net_announcing *announcing, const struct net_announcement *from)
{
    const char **names = from->names ? calloc(from->name_count + 1, sizeof *names) : NULL;

    announcing->what.names = names;
    if (from->names && !names)
        return false;
    for (size_t i = 0; i < from->name_count; i++) {
        names[i] = strdup(from->names[i]);
        if (!names[i])
            return false;
        announcing->what.name_count++;
    }
    return true;
}

static struct net_announcing *make(struct net_backends *backends, const struct net_announcement *from)
{
    struct net_announcing *announcing = calloc(1, sizeof *announcing);

    if (!announcing)
        return NULL;
    announcing->backends = backends;
    announcing->what = *from;
    announcing->what.name_count = 0;
    announcing->what.id = strdup(from->id);
    announcing->pause = (uint64_t)from->initial;
    if (copy_names(announcing, from) && announcing->what.id)
        return announcing;
    announcing_free(announcing);
    return NULL;
}

bool net_announce(struct net_backends *backends, const struct net_announcement *announcement,
                  struct error *error)
{
    struct net_announcing *announcing;

    if (!check_pace(announcement, error) || !check_names(backends, announcement, error))
        return false;
    announcing = make(backends, announcement);
    if (!announcing)
        return error_set(error, "out of memory");
    end(backends, announcement->id);
    if (announcement->rounds == 0) {
        announcing_free(announcing);
        return true;
    }
    announcing->next = backends->announcing;
    backends->announcing = announcing;
    next_round(announcing);
    return true;
}

void net_announce_stop(struct net_backends *backends)
{
    while (backends->announcing)
        end(backends, backends->announcing->what.id);
}
