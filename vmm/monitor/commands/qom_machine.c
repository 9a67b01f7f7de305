/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the machine's keys are set to, for qom-get.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "base/json_build.h"
#include "monitor/qmp/schema.h"

#define AT(member) offsetof(struct config, member)

enum kind { ON, OFF, FIXED, FLAG, NUMBER, SIZE, TEXT };

static const struct {
    const char *key;
    enum kind kind;
    size_t offset;     /* in struct config, of what is not fixed */
    const char *fixed; /* or what stands for 0 and NULL */
} values[] = {
    { "usb", OFF, 0, NULL },
    { "kernel-irqchip", ON, 0, NULL },
    { "vmport", FIXED, 0, "off" },
    { "hpet", OFF, 0, NULL },
    { "smm", FIXED, 0, "off" },
    { "i8042", OFF, 0, NULL },
    { "sata", OFF, 0, NULL },
    { "smbus", OFF, 0, NULL },
    { "graphics", OFF, 0, NULL },
    { "its", FLAG, AT(its), NULL },
    { "dump-guest-core", FLAG, AT(dump_guest_core), NULL },
    { "ignore-absent", FLAG, AT(ignore_absent), NULL },
    { "mem-merge", FLAG, AT(mem_merge), NULL },
    { "acpi", FLAG, AT(acpi), NULL },
    { "dimm-map-strict", FLAG, AT(dimms.strict), NULL },
    { "gic-version", NUMBER, AT(gic_version), "max" },
    { "memory-backend", TEXT, AT(ram_backend), "" },
    { "dimm-node", NUMBER, AT(numa.dimm_node), "0" },
    { "dimm-granularity", SIZE, AT(dimms.granularity), "auto" },
    { "dimm-template", TEXT, AT(dimms.template), "memory-backend-ram" },
    { "dimm-map-limit", NUMBER, AT(dimms.map_limit), "0" },
    { "plug-timeout", NUMBER, AT(dimms.plug_timeout), "0" },
    { "unplug-timeout", NUMBER, AT(dimms.unplug_timeout), "0" },
};

static struct json_object *text_value(const void *from, enum kind kind, const char *none)
{
    const char *text = kind == TEXT ? *(char *const *)from : NULL;
    uint64_t number = kind == NUMBER ? *(const uint32_t *)from : kind == SIZE ? *(const uint64_t *)from : 0;
    char digits[24];

    if (number > 0)
        snprintf(digits, sizeof digits, "%" PRIu64, number);
    return json_new_string(number > 0 ? digits : text ? text : none);
}

struct json_object *qom_machine_value(const struct config *config, const char *key)
{
    if (strcmp(key, "accel") == 0)
        return json_new_string(config->accel == ACCEL_KVM ? "kvm" : "qtest");
    if (strcmp(key, "acpi-events") == 0)
        return json_new_string(config->ged ? "ged" : "gpe");
    if (strcmp(key, "dimm-at-boot") == 0)
        return json_new_string(config->dimms.in_e820 ? "e820" : "acpi");
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        const void *from = (const char *)config + values[i].offset;

        if (strcmp(values[i].key, key) != 0)
            continue;
        if (values[i].kind == ON || values[i].kind == OFF)
            return json_new_bool(values[i].kind == ON);
        if (values[i].kind == FLAG)
            return json_new_bool(*(const bool *)from);
        return text_value(from, values[i].kind, values[i].fixed);
    }
    return json_new_string("");
}
