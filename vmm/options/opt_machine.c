/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -machine, -accel, -enable-kvm, -cpu, and what a machine needs before it can run.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_build.h"
#include "base/suggest.h"
#include "options/parser.h"

static const struct choice machine_keys[] = {
    { "type", NULL, NULL },
    { "accel", NULL, NULL },
    { "usb", "off", "hotram has no USB" },
    { "graphics", "off", "hotram has no display" },
    { "dump-guest-core", "on|off", NULL },
    { "mem-merge", "on|off", NULL },
    { "ignore-absent", "on|off", NULL },
    { "kernel-irqchip", "on", "the interrupt controllers are emulated by KVM" },
#if defined(__aarch64__)
    { "acpi", "on|off", NULL },
    { "acpi-events", "ged", "arm64 supports no other value" },
    { "gic-version", "2|3|host|max", NULL },
#else
    { "acpi", "on", "memory hotplug requires ACPI" },
    { "acpi-events", "gpe|ged", NULL },
#endif
    { "vmport", "off|auto", "hotram has no VMware port" },
    { "hpet", "off", "hotram has no HPET" },
#if defined(__aarch64__)
    { "its", "on|off", NULL },
#else
    { "smm", "off|auto",
      "hotram does not support system management mode; UEFI firmware without it is OVMF_CODE_4M.fd" },
    { "i8042", "off", "hotram has no keyboard controller" },
    { "sata", "off", "hotram has no SATA controller" },
    { "smbus", "off", "hotram has no SMBus" },
#endif
    { "memory-backend", NULL, NULL },
    { "pflash0", NULL, NULL },
    { "pflash1", NULL, NULL },
#if defined(__aarch64__)
    { "dimm-at-boot", "acpi", "e820 is not available on arm64" },
#else
    { "dimm-at-boot", "acpi|e820", NULL },
#endif
    { "dimm-node", NULL, NULL },
    { "dimm-granularity", NULL, NULL },
    { "dimm-template", NULL, NULL },
    { "dimm-map-limit", NULL, NULL },
    { "dimm-map-strict", "on|off", NULL },
    { "plug-timeout", NULL, NULL },
    { "unplug-timeout", NULL, NULL },
};

static const struct choice accel_keys[] = {
    { "accel", NULL, NULL },
    { "kernel-irqchip", "on", "the interrupt controllers are emulated by KVM" },
};

static const struct choice cpu_keys[] = {
    { "model", "host|max", "the guest sees the host's CPU" },
    { "migratable", "on|off", NULL },
    { "pmu", "on|off", NULL },
    { "host-phys-bits", "on", "the guest has the host's physical address bits" },
#if defined(__x86_64__)
    { "kvm-pv-eoi", "on|off", NULL },
#endif
};

const char *machine_key_at(size_t index, bool *is_bool)
{
    if (index >= sizeof machine_keys / sizeof machine_keys[0])
        return NULL;
    *is_bool = machine_keys[index].values && strstr("on|off", machine_keys[index].values) != NULL;
    return machine_keys[index].key;
}

static void list_machines(void)
{
    const struct machine_type *type;

    puts("Supported machines are:");
    for (size_t i = 0; (type = machine_type_at(i)) != NULL; i++) {
        if (type->alias)
            printf("%-20s %s (alias of %s)\n", type->alias, type->help, type->name);
        printf("%-20s %s\n", type->name, type->help);
    }
}

/* The machine with a name, which may be its alias; NULL and an error when there is none. */
static const struct machine_type *find_machine(const char *name, struct error *error)
{
    const struct machine_type *type = machine_type_find(name);
    struct suggestion suggestion;
    char subject[160];

    if (type)
        return type;
    if (machine_type_is_qemus(name)) {
        error_set(
            error,
            "'%.60s' is a machine type of QEMU; hotram has one machine, hotram-1: write -machine %s, or omit it",
            name, MACHINE_ALIAS);
        return NULL;
    }
    suggestion_start(&suggestion, name);
    for (size_t i = 0; (type = machine_type_at(i)) != NULL; i++) {
        suggestion_offer(&suggestion, type->name);
        if (type->alias)
            suggestion_offer(&suggestion, type->alias);
    }
    words_format(subject, sizeof subject, "'%.60s' is not a machine type of hotram; the default is hotram-1",
                 name);
    suggestion_fail(&suggestion, subject, error);
    return NULL;
}

static void choose_accel(struct parser *parser, const char *word)
{
    bool kvm = strcmp(word, "kvm") == 0;

    if (parser->accel_chosen || (!kvm && strcmp(word, "qtest") != 0))
        return;
    parser->config->accel = kvm ? ACCEL_KVM : ACCEL_QTEST;
    parser->accel_chosen = true;
}

/* "kvm:tcg", and what earlier options said: in order of preference, of which the first that hotram has
 * counts. The names of others are passed over, those that are not known too: QEMU gets a new one now and
 * then. */
static void read_accels(struct parser *parser, const char *text)
{
    char *words = string_copy(text), *rest = words, *word, *all;

    while ((word = strsep(&rest, ":")))
        choose_accel(parser, word);
    free(words);
    all = parser->accels;
    if (asprintf(&parser->accels, "%s%s%s", all ? all : "", all ? ":" : "", text) < 0)
        parser->accels = string_copy(text);
    free(all);
}

/* The values have been checked. "host" and "max" are the newest GIC that there is. */
static void read_events(struct config *config, struct json_object *object)
{
    const char *events = keyval_get(object, "acpi-events"), *gic = keyval_get(object, "gic-version");

    if (events)
        config->ged = strcmp(events, "ged") == 0;
    if (gic)
        config->gic_version = *gic == '2' || *gic == '3' ? (uint32_t)(*gic - '0') : 0;
}

/* QEMU's -smp in other words: the keys smp.KEY leave the object. */
static bool read_smp_keys(struct parser *parser, struct json_object *object, struct error *error)
{
    struct json_object *smp = json_new_object();
    bool good;

    json_object_object_foreach(object, key, value)
    {
        if (strncmp(key, "smp.", 4) == 0)
            json_add(smp, key + 4, json_object_get(value));
    }
    json_object_object_foreach(smp, name, unused)
    {
        char whole[80];

        (void)unused;
        snprintf(whole, sizeof whole, "smp.%s", name);
        json_object_object_del(object, whole);
    }
    good = smp_read(parser, smp, error);
    json_object_put(smp);
    return good;
}

/* The banks of flash are block nodes, which -blockdev makes. */
static bool read_flash(struct parser *parser, struct json_object *object, struct error *error)
{
    for (unsigned i = 0; i < FLASH_BANKS; i++) {
        char key[16];
        const char *node;

        snprintf(key, sizeof key, "pflash%u", i);
        node = keyval_get(object, key);
        if (node && parser->config->pflash[i] && strcmp(node, parser->config->pflash[i]) != 0)
            return error_set(error,
                             "-machine %s=%.80s: bank %u is node '%.80s' already; give it once, by -machine, "
                             "-pflash or -drive if=pflash",
                             key, node, i, parser->config->pflash[i]);
        if (node)
            replace_string(&parser->config->pflash[i], node);
    }
    return true;
}

/* usb=on: a controller, without which a guest can do. */
static void read_usb(struct parser *parser, struct json_object *object)
{
    const char *usb = keyval_get(object, "usb");
    bool on = false;

    if (!usb || !bool_parse(usb, &on) || !on)
        return;
    leave_out(parser, "-machine usb=on: hotram has no USB");
    json_object_object_del(object, "usb");
}

static bool read_machine(struct parser *parser, struct json_object *object, struct error *error)
{
    const char *name = keyval_get(object, "type"), *accel = keyval_get(object, "accel");
    const char *backend = keyval_get(object, "memory-backend");
    const struct machine_type *type = NULL;

    if (name && is_help(name)) {
        list_machines();
        parser->done = true;
        return true;
    }
    read_usb(parser, object);
    if (!read_smp_keys(parser, object, error) ||
        !choices_check(object, machine_keys, sizeof machine_keys / sizeof machine_keys[0], "-machine", error))
        return false;
    if ((name && !(type = find_machine(name, error))) || !option_machine_dimms(parser, object, error) ||
        !read_flash(parser, object, error))
        return false;
    if (accel)
        read_accels(parser, accel);
    if (backend)
        replace_string(&parser->config->ram_backend, backend);
    if (type)
        replace_string(&parser->config->machine, type->name);
    keyval_get_bool(object, "dump-guest-core", &parser->config->dump_guest_core);
    keyval_get_bool(object, "mem-merge", &parser->config->mem_merge);
    keyval_get_bool(object, "ignore-absent", &parser->config->ignore_absent);
    keyval_get_bool(object, "acpi", &parser->config->acpi);
    keyval_get_bool(object, "its", &parser->config->its);
    read_events(parser->config, object);
    return true;
}

bool option_machine(struct parser *parser, const char *argument, struct error *error)
{
    struct json_object *object = keyval_parse(argument, "type", error);
    bool good = object && read_machine(parser, object, error);

    json_object_put(object);
    return good;
}

static bool read_accel(struct parser *parser, struct json_object *object, struct error *error)
{
    const char *accel = keyval_get(object, "accel");

    if (accel && is_help(accel)) {
        puts("Accelerators supported in hotram:\nkvm\nqtest");
        parser->done = true;
        return true;
    }
    if (!accel)
        return error_set(error, "Parameter 'accel' is missing; it expects kvm or qtest");
    if (!choices_check(object, accel_keys, sizeof accel_keys / sizeof accel_keys[0], "-accel", error))
        return false;
    read_accels(parser, accel);
    return true;
}

bool option_accel(struct parser *parser, const char *argument, struct error *error)
{
    struct json_object *object = keyval_parse(argument, "accel", error);
    bool good = object && read_accel(parser, object, error);

    json_object_put(object);
    return good;
}

bool option_enable_kvm(struct parser *parser, const char *argument, struct error *error)
{
    (void)argument, (void)error;
    read_accels(parser, "kvm");
    return true;
}

bool option_cpu(struct parser *parser, const char *argument, struct error *error)
{
    struct json_object *object;
    bool good;

    if (is_help(argument)) {
        puts("Available CPUs:\nhost                 the host's CPU with all that KVM supports of it "
             "(default)");
        parser->done = true;
        return true;
    }
    object = keyval_parse(argument, "model", error);
    good = object && choices_check(object, cpu_keys, sizeof cpu_keys / sizeof cpu_keys[0], "-cpu", error);
    parser->config->pv_eoi = true; /* the last -cpu counts, whole */
    if (good)
        keyval_get_bool(object, "kvm-pv-eoi", &parser->config->pv_eoi);
    json_object_put(object);
    return good;
}

static bool check_flash(const struct config *config, struct error *error)
{
    if ((config->pflash[0] || config->pflash[1]) && strcmp(config->machine, "none") == 0)
        return error_set(error, "-machine none has no flash; omit -machine, or pflash and if=pflash");
#if defined(__x86_64__)
    if (config->pflash[1] && !config->pflash[0])
        return error_set(error, "pflash1 requires pflash0: the second bank ends where the first begins");
#endif
    if (config->pflash[0] && config->pflash[1] && strcmp(config->pflash[0], config->pflash[1]) == 0)
        return error_set(error,
                         "pflash0 and pflash1 are both node '%.80s'; each bank needs an image of its own",
                         config->pflash[0]);
    return true;
}

static bool check_smbios(const struct config *config, struct error *error)
{
    static const struct smbios_config none;

    if (memcmp(&config->smbios, &none, sizeof none) == 0)
        return true;
    if (strcmp(config->machine, "none") == 0)
        return error_set(error, "-smbios: -machine none has no memory for the tables; omit either");
#if defined(__aarch64__)
    if (config->firmware == FIRMWARE_NONE)
        return error_set(error,
                         "-smbios: an arm64 guest has SMBIOS tables from firmware only; omit -smbios, or "
                         "name firmware by -bios");
#endif
    return true;
}

bool finish_machine(struct parser *parser, struct error *error)
{
    const struct config *config = parser->config;

    if (parser->accels && !parser->accel_chosen)
        return error_set(error, "accelerator '%.400s': hotram runs guests with kvm only", parser->accels);
    if (config->qtest_chardev && config->accel != ACCEL_QTEST)
        return error_set(error, "-qtest requires -accel qtest, because the test program replaces the guest");
    if (config->memslot_count > 0 && strcmp(config->machine, "none") == 0)
        return error_set(error, "-memslot: -machine none has no memory; omit -machine or -memslot");
    if (!config->acpi && config->slots > 0)
        return error_set(
            error,
            "-machine acpi=off: memory hotplug requires ACPI; omit slots, maxmem and -memslot, or acpi=off");
    if (!check_flash(config, error))
        return false;
    if (config->append && !config->kernel)
        return error_set(error, "-append requires a kernel: add -kernel FILE");
    if (config->initrd && !config->kernel)
        return error_set(error, "-initrd %.200s requires a kernel: add -kernel FILE", config->initrd);
    return finish_firmware(parser, error) && check_smbios(config, error);
}
