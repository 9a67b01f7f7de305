/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the words of -netdev user to libslirp's configuration. Defaults are QEMU's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/user_net/user_net.h"

#define GUESTS 16u /* addresses that DHCP gives */

struct reading {
    SlirpConfig *slirp;
    struct settings *settings;
    char *why;
    size_t size;
    const char *net, *host, *dhcpstart, *dns, *ipv6_net;
};

static bool refuse(const struct reading *reading, const char *what, const char *value, const char *expects)
{
    snprintf(reading->why, reading->size, "Parameter '%s' expects %s; got '%.80s'", what, expects, value);
    return false;
}

/* Bits behind the slash; -1: none that are a number up to `most`. */
static int read_bits(const char *text, int most)
{
    char *rest;
    const long bits = strtol(text, &rest, 10);

    return *text >= '0' && *text <= '9' && *rest == '\0' && bits <= most ? (int)bits : -1;
}

static bool split(const char *text, char *address, size_t size, const char **bits)
{
    const size_t length = strcspn(text, "/");

    *bits = text[length] ? text + length + 1 : NULL;
    if (length >= size)
        return false;
    memcpy(address, text, length);
    address[length] = '\0';
    return true;
}

static bool read_net(struct reading *reading)
{
    SlirpConfig *slirp = reading->slirp;
    char address[64];
    const char *text;
    int bits = 24;

    inet_pton(AF_INET, "10.0.2.0", &slirp->vnetwork);
    if (reading->net) {
        if (!split(reading->net, address, sizeof address, &text) ||
            inet_pton(AF_INET, address, &slirp->vnetwork) != 1 || (text && (bits = read_bits(text, 28)) < 8))
            return refuse(reading, "net", reading->net, "ADDRESS/BITS with 8 to 28 bits, as 10.0.2.0/24");
    }
    slirp->vnetmask.s_addr = htonl(0xffffffffu << (32 - bits));
    slirp->vnetwork.s_addr &= slirp->vnetmask.s_addr;
    return true;
}

/* An address in the network, by default of this number. */
static bool read_address(struct reading *reading, const char *what, const char *text, unsigned number,
                         struct in_addr *address)
{
    const SlirpConfig *slirp = reading->slirp;

    address->s_addr = slirp->vnetwork.s_addr | htonl(number);
    if (!text)
        return true;
    if (inet_pton(AF_INET, text, address) != 1 ||
        (address->s_addr & slirp->vnetmask.s_addr) != slirp->vnetwork.s_addr)
        return refuse(reading, what, text, "an address in the guest's network ('net')");
    return true;
}

static bool check_apart(const struct reading *reading)
{
    const SlirpConfig *slirp = reading->slirp;
    const uint32_t first = ntohl(slirp->vdhcp_start.s_addr);
    const struct {
        const char *name;
        struct in_addr at;
    } fixed[] = { { "host", slirp->vhost }, { "dns", slirp->vnameserver } };

    if (slirp->vhost.s_addr == slirp->vnameserver.s_addr) {
        snprintf(reading->why, reading->size, "'host' and 'dns' are the same address, %s; they must differ",
                 inet_ntoa(slirp->vhost));
        return false;
    }
    for (unsigned i = 0; i < 2; i++)
        if (ntohl(fixed[i].at.s_addr) - first < GUESTS) {
            snprintf(reading->why, reading->size,
                     "the %u addresses from 'dhcpstart' on contain that of '%s', %s", GUESTS, fixed[i].name,
                     inet_ntoa(fixed[i].at));
            return false;
        }
    if (((first + GUESTS - 1) & ntohl(slirp->vnetmask.s_addr)) != ntohl(slirp->vnetwork.s_addr)) {
        snprintf(reading->why, reading->size,
                 "the %u addresses from 'dhcpstart' on do not lie in the guest's network", GUESTS);
        return false;
    }
    return true;
}

static bool read_ipv6(struct reading *reading)
{
    SlirpConfig *slirp = reading->slirp;
    char address[64];
    const char *bits;
    int length = 64;

    inet_pton(AF_INET6, "fec0::", &slirp->vprefix_addr6);
    if (reading->ipv6_net) {
        if (!split(reading->ipv6_net, address, sizeof address, &bits) ||
            inet_pton(AF_INET6, address, &slirp->vprefix_addr6) != 1 ||
            (bits && (length = read_bits(bits, 126)) < 0))
            return refuse(reading, "ipv6-net", reading->ipv6_net, "PREFIX/BITS, as fec0::/64");
    }
    slirp->vprefix_len = (uint8_t)length;
    slirp->vhost6 = slirp->vnameserver6 = slirp->vprefix_addr6;
    slirp->vhost6.s6_addr[15] |= 2;
    slirp->vnameserver6.s6_addr[15] |= 3;
    return true;
}

static bool take_word(struct reading *reading, const char *name, size_t length, const char *value)
{
    const struct {
        const char *name;
        const char **text;
    } texts[] = { { "net", &reading->net },
                  { "host", &reading->host },
                  { "dhcpstart", &reading->dhcpstart },
                  { "dns", &reading->dns },
                  { "ipv6-net", &reading->ipv6_net },
                  { "hostname", &reading->slirp->vhostname },
                  { "domainname", &reading->slirp->vdomainname },
                  { "hostfwd", &reading->settings->hostfwd },
                  { "guestfwd", &reading->settings->guestfwd } };
    const bool on = strcmp(value, "on") == 0;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strlen(texts[i].name) == length && strncmp(texts[i].name, name, length) == 0) {
            *texts[i].text = value;
            return true;
        }
    if (length == 4 && strncmp(name, "ipv4", 4) == 0)
        reading->slirp->in_enabled = on;
    else if (length == 4 && strncmp(name, "ipv6", 4) == 0)
        reading->slirp->in6_enabled = on;
    else if (length == 8 && strncmp(name, "restrict", 8) == 0)
        reading->slirp->restricted = on;
    else
        return refuse(reading, "netdev", name, "properties of -netdev user");
    return true;
}

bool settings_read(struct settings *settings, int argc, char *argv[], char *why, size_t size)
{
    SlirpConfig *slirp = &settings->slirp;
    struct reading reading = { .slirp = slirp, .settings = settings, .why = why, .size = size };

    memset(settings, 0, sizeof *settings);
    slirp->version = 1; /* all that is used is there */
    slirp->in_enabled = slirp->in6_enabled = true;
    for (int i = 1; i < argc; i++) {
        const size_t length = strcspn(argv[i], "=");

        if (!argv[i][length] || !take_word(&reading, argv[i], length, argv[i] + length + 1))
            return false;
    }
    if (slirp->vhostname && strlen(slirp->vhostname) > 32)
        return refuse(&reading, "hostname", slirp->vhostname, "at most 32 characters");
    if (slirp->vdomainname && strlen(slirp->vdomainname) > 200)
        return refuse(&reading, "domainname", slirp->vdomainname, "at most 200 characters");
    return read_net(&reading) && read_address(&reading, "host", reading.host, 2, &slirp->vhost) &&
           read_address(&reading, "dns", reading.dns, 3, &slirp->vnameserver) &&
           read_address(&reading, "dhcpstart", reading.dhcpstart, 15, &slirp->vdhcp_start) &&
           (!slirp->in_enabled || check_apart(&reading)) && read_ipv6(&reading);
}

/* ---- hostfwd ---- */

struct rule {
    bool udp;
    struct in_addr host, guest;
    int host_port, guest_port;
};

bool settings_read_end(const char *text, char end, struct in_addr *address, int *port, int least,
                       const char **rest)
{
    const char *colon = strchr(text, ':');
    char host[32], *after;
    long number;

    if (!colon || (size_t)(colon - text) >= sizeof host)
        return false;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    if (*host && inet_pton(AF_INET, host, address) != 1)
        return false;
    if (colon[1] < '0' || colon[1] > '9')
        return false;
    number = strtol(colon + 1, &after, 10);
    *rest = after + (*after != '\0');
    *port = (int)number;
    return *after == end && number >= least && number <= 65535;
}

/* "[tcp|udp]:[HOST]:PORT-[GUEST]:PORT" */
static bool read_rule(const char *text, struct rule *rule, const char **why)
{
    const char *at;

    *rule = (struct rule){ .host = { htonl(INADDR_ANY) } };
    rule->udp = strncmp(text, "udp:", 4) == 0;
    if (!rule->udp && strncmp(text, "tcp:", 4) != 0 && *text != ':') {
        *why = "Bad protocol name";
        return false;
    }
    at = strchr(text, ':') + 1;
    *why = "Bad host address or port";
    if (!settings_read_end(at, '-', &rule->host, &rule->host_port, 0, &at))
        return false;
    *why = "Bad guest address or port";
    return settings_read_end(at, '\0', &rule->guest, &rule->guest_port, 1, &at);
}

bool settings_forward(const struct settings *settings, Slirp *slirp, char *why, size_t size)
{
    const char *at = settings->hostfwd;

    while (at && *at) {
        char text[128];
        const size_t length = strcspn(at, ",");
        struct rule rule;
        const char *reason = "it is too long";

        snprintf(text, sizeof text, "%.*s", (int)(length < sizeof text ? length : sizeof text - 1), at);
        if (length >= sizeof text || !read_rule(text, &rule, &reason)) {
            snprintf(why, size,
                     "Invalid host forwarding rule '%s' (%s); expected tcp|udp:[HOST]:PORT-[GUEST]:PORT, as "
                     "tcp:127.0.0.1:2222-:22",
                     text, reason);
            return false;
        }
        errno = 0;
        if (slirp_add_hostfwd(slirp, rule.udp, rule.host, rule.host_port, rule.guest, rule.guest_port) < 0) {
            snprintf(why, size, "Could not set up host forwarding rule '%s': %s%s", text, strerror(errno),
                     errno == EADDRINUSE ? "; another program uses the port, take another one"
                     : errno == EACCES   ? "; ports below 1024 are the administrator's, take a higher one"
                                         : "");
            return false;
        }
        at += length + (at[length] == ',');
    }
    return true;
}
