/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What -smbios says of each type of structure. Strings are owned; NULL: not given.
 */
#ifndef VMM_BASE_SMBIOS_CONFIG_H
#define VMM_BASE_SMBIOS_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Structures of which there may be several, up to this number of each type. */
#define SMBIOS_LIST_MAX 255u

struct smbios_port { /* type 8 */
    char *internal, *external;
    uint32_t connector, port; /* bytes, of the lists of DSP0134, 7.9.2 and 7.9.3 */
};

struct smbios_slot { /* type 9 */
    char *designation, *pci_device;
    uint32_t type, width, usage, length, id, characteristics1, characteristics2; /* bytes; `id`: 2 */
};

struct smbios_onboard { /* type 41 */
    char *designation, *kind, *pci_device;
    uint32_t instance; /* a byte */
};

struct smbios_config {
    struct {
        char *vendor, *version, *date, *release; /* "MAJOR.MINOR", two bytes */
        bool uefi;                               /* the firmware is UEFI */
    } bios;                                      /* type 0 */
    struct {
        char *manufacturer, *product, *version, *serial, *uuid, *sku, *family;
    } system; /* type 1 */
    struct {
        char *manufacturer, *product, *version, *serial, *asset, *location;
        bool present; /* it was given; there is none otherwise */
    } board;          /* type 2 */
    struct {
        char *manufacturer, *version, *serial, *asset, *sku;
    } chassis; /* type 3 */
    struct {
        char *socket, *manufacturer, *version, *serial, *asset, *part;
        uint64_t id; /* what CPUID would say */
        bool id_given;
        uint32_t max_speed, speed; /* MHz */
        bool max_speed_given, speed_given;
    } processor;   /* type 4 */
    char **values; /* type 11, in the order given */
    size_t value_count;
    struct {
        char *locator, *bank, *manufacturer, *serial, *asset, *part;
        uint32_t speed; /* MT/s; 0: unknown */
        bool speed_given;
    } memory;                  /* type 17 */
    struct smbios_port *ports; /* in the order given, as the next two */
    struct smbios_slot *slots;
    struct smbios_onboard *onboards;
    size_t port_count, slot_count, onboard_count;
};

#endif
