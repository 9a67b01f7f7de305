/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -netdev user: a network of the guest's own behind the host's sockets, by libslirp, in a program of its own
 * (user_net/): so the program that holds the guest's memory parses no packets of the guest's. Frames go
 * through a socket of packets. That program ends when its socket is closed. It is started by a spawner
 * (host/spawner.h) once the program itself must not start any.
 *
 * Threads: main thread only.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/count_of.h"
#include "base/json_build.h"
#include "base/message.h"
#include "host/spawner.h"
#include "net/type.h"
#include "net/user_chardev.h"
#include "net/user_net/start.h"

#define PATIENCE_MS 30000

/* The state while its program is being started. */
struct user {
    int fd; /* -1: the cable has it */
    struct watch *watch;
    struct timer patience;
    struct user_forward *forwards; /* to chardevs */
};

struct user_values {
    char *net, *host, *dhcpstart, *dns, *hostname, *domainname, *ipv6_net, *hostfwd, *guestfwd;
    bool ipv4, ipv4_given, ipv6, ipv6_given, restricted;
};

#define TEXT(name, field, help) PROPERTY_ROW(user_values, name, PROPERTY_STRING, field, help)
#define TEXTS(name, field, help) PROPERTY_ROW(user_values, name, PROPERTY_TEXTS, field, help)
static const struct property properties[] = {
    PROPERTY_ROW_GIVEN(user_values, "ipv4", PROPERTY_BOOL, ipv4, "IPv4 (default on)"),
    TEXT("net", net, "the guest's network, ADDRESS[/BITS] (default 10.0.2.0/24)"),
    TEXT("host", host, "the host's address in it (default: its number 2)"),
    TEXT("dhcpstart", dhcpstart, "the first of 16 addresses for guests by DHCP (default: number 15)"),
    TEXT("dns", dns, "address of the name server (default: number 3)"),
    TEXT("hostname", hostname, "the guest's name, by DHCP"),
    TEXT("domainname", domainname, "the guest's domain, by DHCP"),
    PROPERTY_ROW_GIVEN(user_values, "ipv6", PROPERTY_BOOL, ipv6, "IPv6 (default on)"),
    TEXT("ipv6-net", ipv6_net, "the guest's network of IPv6, PREFIX/BITS (default fec0::/64)"),
    PROPERTY_ROW(user_values, "restrict", PROPERTY_BOOL, restricted,
                 "the guest reaches nothing but by hostfwd (default off)"),
    TEXTS("hostfwd", hostfwd,
          "a port of the host's that leads to the guest: tcp|udp:[HOST]:PORT-[GUEST]:PORT; may be repeated"),
    TEXTS("guestfwd", guestfwd,
          "an address of the guest's network that leads to a server: tcp:ADDRESS:PORT-tcp:HOST:PORT, "
          "-unix:PATH or -chardev:ID; may be repeated"),
};
#undef TEXT
#undef TEXTS

#define RULES_LENGTH 4096

/* The rule of an element of QMP's list, {"str": "tcp::2222-:22"}. */
static const char *list_rule(struct json_object *element, const char *name, struct error *error)
{
    struct json_object *text;

    if (json_object_is_type(element, json_type_object) && json_object_object_length(element) == 1 &&
        json_object_object_get_ex(element, "str", &text) && json_object_is_type(text, json_type_string))
        return json_object_get_string(text);
    error_set(error,
              "Parameter '%s' expects text, or a list of objects, as [{\"str\": "
              "\"tcp:127.0.0.1:2222-:22\"}]",
              name);
    return NULL;
}

/* QMP's list as text with commas. */
static bool join(struct json_object *object, const char *name, struct error *error)
{
    struct json_object *list = json_object_object_get(object, name);
    char joined[RULES_LENGTH] = "";
    size_t length = 0;

    if (!json_object_is_type(list, json_type_array))
        return true;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        const char *rule = list_rule(json_object_array_get_idx(list, i), name, error);

        if (!rule)
            return false;
        if (strchr(rule, ','))
            return error_set(error, "Invalid %s forwarding rule '%.80s': a rule has no comma",
                             *name == 'h' ? "host" : "guest", rule);
        if (length + strlen(rule) + 2 > sizeof joined)
            return error_set(error, "Parameter '%s' has more than %u characters", name, RULES_LENGTH - 2);
        length += (size_t)sprintf(joined + length, "%s%s", i > 0 ? "," : "", rule);
    }
    add_string(object, name, joined);
    return true;
}

bool net_user_join(struct json_object *object, struct error *error)
{
    return join(object, "hostfwd", error) && join(object, "guestfwd", error);
}

static bool check(const void *opaque, bool keyval, struct error *error)
{
    const struct user_values *values = opaque;

    (void)keyval;
    if (values->guestfwd && strstr(values->guestfwd, "-cmd:"))
        return error_set(error, "Parameter 'guestfwd' does not accept cmd: no program is run; start one that "
                                "listens, and give tcp:HOST:PORT, unix:PATH or chardev:ID in its place");
    return !values->ipv4_given || values->ipv4 || !values->ipv6_given || values->ipv6 ||
           error_set(error, "ipv4=off and ipv6=off leave no network; give one of them");
}

/* ---- the program ---- */

/* Beside this program, as built, or where it is installed. */
static bool find_program(char path[512], struct error *error)
{
    static const char installed[] = HOTRAM_LIBEXECDIR "/" USER_NET_NAME;
    char own[400];
    const ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);

    if (length > 0) { /* an absolute path: programs are not looked for in the current folder */
        own[length] = '\0';
        *strrchr(own, '/') = '\0';
        snprintf(path, 512, "%s/%s", own, USER_NET_NAME);
        if (access(path, X_OK) == 0)
            return true;
    }
    if (access(installed, X_OK) == 0) {
        snprintf(path, 512, "%s", installed);
        return true;
    }
    return error_set(error,
                     "-netdev user needs the program " USER_NET_NAME
                     ", which is neither '%s' nor '%s': it is "
                     "built and installed with hotram if libslirp is there (Debian: libslirp-dev); -netdev "
                     "stream connects to passt, which does the same",
                     length > 0 ? path : "beside hotram", installed);
}

#define WORDS_MAX (COUNT_OF(properties) + 3)

/* Its arguments: the properties that were given, as in -netdev. */
static bool make_words(const struct user_values *values, char *words[WORDS_MAX], struct error *error)
{
    size_t count = 1;

    words[0] = strdup(USER_NET_NAME);
    for (size_t i = 0; words[count - 1] && i < COUNT_OF(properties); i++) {
        const struct property *row = &properties[i];
        const char *at = (const char *)values + row->offset;
        const bool given = row->given == PROPERTY_NO_GIVEN ||
                           *(const bool *)((const char *)values + row->given);

        if (row->type == PROPERTY_BOOL ? !given : !*(char *const *)(const void *)at)
            continue;
        if (asprintf(&words[count], "%s=%s", row->name,
                     row->type != PROPERTY_BOOL ? *(char *const *)(const void *)at
                     : *(const bool *)at        ? "on"
                                                : "off") < 0)
            words[count] = NULL;
        count++;
    }
    return words[count - 1] != NULL || error_set(error, "out of memory");
}

/* Its first packet: a NUL, or the reason for which it cannot start. The spawner reports a failure in the same
 * way. */
static bool has_begun(int fd, struct error *error)
{
    char answer[512];
    const ssize_t length = recv(fd, answer, sizeof answer - 1, MSG_DONTWAIT);

    if (length <= 0)
        return error_set(error, "the program " USER_NET_NAME " ended before it served");
    answer[length] = '\0';
    return answer[0] == '\0' || error_set(error, "%s", answer);
}

static bool is_late(struct error *error)
{
    return error_set(error, "the program " USER_NET_NAME " does not answer for %u s", PATIENCE_MS / 1000);
}

static bool wait_now(struct net_backend *backend, struct error *error)
{
    struct user *user = backend->state;
    struct pollfd wait = { .fd = user->fd, .events = POLLIN };
    int ready;

    do
        ready = poll(&wait, 1, PATIENCE_MS);
    while (ready < 0 && errno == EINTR);
    return ready == 0 ? is_late(error) : has_begun(user->fd, error);
}

/* The program serves: its descriptor is the cable's. */
static bool serves(struct net_backend *backend, struct error *error)
{
    struct user *user = backend->state;
    const int fd = user->fd;

    user->fd = -1;
    return net_backend_connect(backend, 0, fd, error);
}

static void on_answer(void *opaque, uint32_t events)
{
    struct net_backend *backend = opaque;
    struct user *user = backend->state;
    struct error error;

    (void)events;
    watch_remove(user->watch);
    user->watch = NULL;
    timer_cancel(&user->patience);
    if (has_begun(user->fd, &error) && serves(backend, &error))
        net_backend_begun(backend, NULL);
    else
        net_backend_begun(backend, &error);
}

static void on_late(void *opaque)
{
    struct error error;

    is_late(&error);
    net_backend_begun(opaque, &error);
}

static bool wait_later(struct net_backend *backend, struct error *error)
{
    struct user *user = backend->state;
    struct loop *loop = backend->backends->loop;

    user->watch = watch_add(loop, user->fd, EPOLLIN, on_answer, backend);
    if (!user->watch)
        return error_set(error, "cannot watch the program's socket: %s", strerror(errno));
    timer_start(loop, &user->patience, PATIENCE_MS, on_late, backend);
    backend->starting = true;
    return true;
}

static bool start(struct net_backend *backend, const struct user_values *values, struct error *error)
{
    struct user *user = backend->state;
    char *words[WORDS_MAX] = { NULL };
    char path[512];
    int pair[2];
    bool good;

    if (!find_program(path, error))
        return false;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return error_set(error, "cannot create a socket: %s", strerror(errno));
    user->fd = pair[0];
    good = make_words(values, words, error) &&
           user_forwards_open(&user->forwards, values->guestfwd, pair[0], backend->backends->loop, error) &&
           (!backend->backends->chardevs ||
            user_forwards_attach(user->forwards, backend->backends->chardevs, true, error)) &&
           (backend->backends->sealed ? spawner_run(&backend->backends->spawner, words, pair[1], error)
                                      : program_start(path, words, pair[1], error));
    for (size_t i = 0; words[i]; i++)
        free(words[i]);
    close(pair[1]);
    if (!good)
        return false;
    return backend->completion.ended ? wait_later(backend, error)
                                     : wait_now(backend, error) && serves(backend, error);
}

static bool may_start(const struct net_backend *backend, struct error *error)
{
    return backend->backends->spawner.socket >= 0 ||
           net_backend_may(backend, "a network of libslirp's without a pcie-root-port from the start",
                           "give -device pcie-root-port then, into which cards are plugged, or start passt "
                           "and connect to it (-netdev stream,addr.type=unix)",
                           error);
}

void net_user_prepare(struct net_backends *backends)
{
    char path[512];
    struct error error;

    if (find_program(path, &error) && !spawner_start(&backends->spawner, path, &error))
        warning("%s: netdev_add user will not be possible", error.text);
}

static bool open_user(struct net_backend *backend, const void *opaque, struct props props,
                      struct error *error)
{
    const struct user_values *values = opaque;
    struct user *user = calloc(1, sizeof *user);

    (void)props;
    backend->state = user;
    if (!user)
        return error_set(error, "out of memory");
    user->fd = -1;
    backend->framing = NET_PACKETS;
    words_format(backend->description, sizeof backend->description, "type=user,net=%s,restrict=%s",
                 values->net ? values->net : "10.0.2.0/24", values->restricted ? "on" : "off");
    return may_start(backend, error) && net_backend_make_queues(backend, 1, error) &&
           start(backend, values, error);
}

static bool attach_user(struct net_backend *backend, struct chardevs *chardevs, struct error *error)
{
    const struct user *user = backend->state;

    if (chardevs)
        return user_forwards_attach(user->forwards, chardevs, false, error);
    user_forwards_detach(user->forwards);
    return true;
}

static void close_user(struct net_backend *backend)
{
    struct user *user = backend->state;

    if (!user)
        return;
    watch_remove(user->watch);
    timer_cancel(&user->patience);
    user_forwards_close(user->forwards);
    if (user->fd >= 0)
        close(user->fd);
    free(user);
}

const struct net_type net_user_type = {
    .name = "user",
    .properties = properties,
    .property_count = COUNT_OF(properties),
    .values_size = sizeof(struct user_values),
    .check = check,
    .open = open_user,
    .attach = attach_user,
    .close = close_user,
};
