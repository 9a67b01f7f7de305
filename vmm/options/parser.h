/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the files of the command line's parser: the table of options, the parser's state, and the
 * handlers.
 *
 * Each option is one row of options_table[]. Parsing, -help and, by way of -help, the shell's completion are
 * derived from it; a test compares the manual page with it.
 *
 * Handlers and finish_ functions return false and an error if an option is refused.
 *
 * Threads: main thread, before there are others.
 */
#ifndef VMM_OPTIONS_PARSER_H
#define VMM_OPTIONS_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/error.h"
#include "base/props.h"

/* The number of a -drive among those of its kind: if=virtio or if=none. */
struct drive_index {
    bool virtio;
    uint32_t index;
};

/* What a -drive says of writes; whether there is -snapshot is known at the end. */
struct drive_writes {
    char *node;
    const char *option; /* as in struct object_config, like the next */
    char *text;
    bool snapshot_given, snapshot; /* snapshot= */
    bool read_only, flash;
};

/* State of the parser. Options may come in any order and repeatedly, so rules that concern several are
 * checked by the finish_ functions after the last one. */
struct parser {
    struct config *config;
    bool done;            /* help was printed: no machine is started */
    bool lost;            /* the start of the next option is unknown */
    const char *restore;  /* -restore: the file of a snapshot, or NULL */
    const char *conflict; /* name of the first option that cannot be beside it, or NULL */
    bool restoring;       /* options come from the file */
    const char *option;   /* name of the present option, a literal */
    const char *argument; /* its argument, or NULL */
    const char *file;     /* of -readconfig, in which it is; or NULL */
    unsigned line;        /* of its section */

    /* -m, in bytes; not given: 0 */
    uint64_t ram_size;
    uint64_t maxmem;
    uint32_t slots;
    bool slots_given;
    bool maxmem_given;
    bool maxmem_bare; /* without a suffix */

    /* -smp; not given: 0 */
    uint32_t cpus;
    uint32_t maxcpus;
    uint32_t sockets;
    uint32_t cores;
    uint32_t threads;

    /* Arguments of -numa, which are parsed after all other options */
    const char **numa;
    size_t numa_count;
    char *dimm_node; /* -machine dimm-node=: "own" or a number */

    char **bridges; /* ids of those that are left out */
    size_t bridge_count;

    /* -drive and its short forms */
    struct drive_index *drives;
    size_t drive_count;
    struct drive_writes *writes;
    size_t write_count;

    /* -accel, -machine accel= */
    char *accels;      /* all that were given, "tcg:kvm" */
    bool accel_chosen; /* config->accel is the first of them that hotram supports */

    /* For the default of stdio */
    bool nographic;
    bool display_none;
    bool serial_given;     /* there is no default serial port */
    bool serial_connected; /* COM1 has a chardev */
    bool monitor_given;    /* there is no default monitor */
    unsigned monitors;     /* number of -monitor and -qmp, for the ids of their chardevs */
};

typedef bool option_handler(struct parser *parser, const char *argument, struct error *error);

enum option_group { GROUP_MACHINE, GROUP_KERNEL, GROUP_CONSOLE, GROUP_RUN, GROUP_HELP, GROUP_COUNT };

struct option {
    const char *name;
    const char *argument; /* as -help shows it, one line for each form; NULL: none */
    enum option_group group;
    option_handler *handle; /* NULL: the argument is stored in config, at `offset` */
    size_t offset;          /* of a char * (with argument) or a bool (without); 0: accepted, without effect */
    const char *help;
    const char *examples; /* complete arguments of the program, one line each; NULL: none */
};

extern const struct option options_table[];
extern const size_t options_count;
extern const char *const option_group_titles[GROUP_COUNT];

/* The row of an option, by its name without dashes; NULL: there is none. */
const struct option *option_find(const char *name);

/* left_out.c: what hotram lacks and a guest can do without, which -machine ignore-absent=on leaves out. Keep
 * it, by a sentence about it. */
void leave_out(struct parser *parser, const char *sentence);
/* The same of a value of the present option, if it is one of `words`; false: it is none of them. */
bool leave_out_word(struct parser *parser, const char *words, const char *word, size_t length,
                    const char *reason);
/* The same of a device; false: it has to be there. */
bool leave_out_device(struct parser *parser, struct json_object *properties);
/* When all options are known. False and errors, a line each, after those that are there already (`good`:
 * none). */
bool finish_left_out(struct parser *parser, bool good, struct error *error);
void left_out_free(char **list, size_t count);

/* Why hotram does not support an option of QEMU 7.2; NULL: QEMU does not have it, either. */
const char *option_absent(const char *name);
/* Whether a guest can do without what this option of QEMU makes, with this argument (NULL: none follows on
 * the command line). *takes_argument: the argument belongs to the option. */
bool option_extra(const char *name, const char *argument, bool *takes_argument);
/* Whether an option of QEMU, with this argument (NULL: none follows on the command line), requests nothing
 * that hotram would have to do, and is therefore accepted. *takes_argument: the argument belongs to the
 * option. */
bool option_harmless(const char *name, const char *argument, bool *takes_argument);
/* Number `index` of these as it is typed ("-net none"), for help; NULL after the last. */
const char *option_harmless_at(size_t index, char text[32]);

/* Append an error on a line of its own, unless it is already there, so that one run reports all errors. */
void error_add_line(struct error *error, const struct error *next);

/* Check keys with fixed values: each key of the object must be in the table, and its value one of `values`
 * ("on|off"; NULL: any). `otherwise`, which may be NULL, is the reason why others are refused. */
struct choice {
    const char *key;
    const char *values;
    const char *otherwise;
};
bool choices_check(struct json_object *object, const struct choice *table, size_t count, const char *what,
                   struct error *error);
/* The value of a key of a keyval object, or NULL. */
const char *keyval_get(struct json_object *object, const char *key);
/* Set *value to a boolean that has been checked; unchanged if the key does not exist. */
void keyval_get_bool(struct json_object *object, const char *key, bool *value);
/* Parse a number from `min` to `max`, of the property `key`. False and an error: malformed, or out of range.
 */
bool option_number(const char *key, const char *text, uint32_t min, uint32_t max, uint32_t *value,
                   struct error *error);
/* Whether a text is "help" or "?". */
bool is_help(const char *text);
/* A copy on the heap; NULL if `text` is NULL. This and the next two end the program with a message if memory
 * is exhausted. */
char *string_copy(const char *text);
/* Free *string and replace it by a copy. */
void replace_string(char **string, const char *text);
/* Extend the array at *array_address, of `count` elements of `size` bytes, by one. Returns the new element,
 * which is zeroed. */
void *array_grow(void *array_address, size_t count, size_t size);

/* opt_image.c: whether a node is for qemu-storage-daemon; keep it, whose name is checked and free; the one
 * that has this name, or NULL; a value as the command line has it; give each its device. */
bool image_wants(struct props props);
bool image_add(struct parser *parser, struct props props, struct error *error);
struct image_config *image_find(const struct config *config, const char *name);
const char *image_text(struct json_object *value);
bool finish_images(struct parser *parser, struct error *error);
void images_free(struct image_config *images, size_t count);
void image_free(struct image_config *image); /* what it points to */
/* A node that was given before leaves its list, as flat members; *keyval: some of it was not given as JSON.
 * NULL: there is none. */
struct json_object *image_take_node(struct config *config, const char *name, bool *keyval);
/* Make the members of `below` those of the node that `link` names. */
void image_put_below(struct json_object *flat, const char *link, struct json_object *below);
/* The argument of the daemon's --blockdev; NULL: out of memory. */
char *image_print(struct json_object *flat);
/* opt_snapshot.c */
bool finish_snapshots(struct parser *parser, struct error *error);
void writes_free(struct drive_writes *writes, size_t count);
/* image_device.c: make its device of a virtio-blk-pci, which has been checked, of this type. */
bool image_device(struct object_config *given, const char *driver, struct image_config *image,
                  struct error *error);

/* machine_types.c: a machine. */
struct machine_type {
    const char *name;
    const char *alias;    /* another name of it, or NULL */
    const char *qom_type; /* its QOM type, and the parent of that */
    const char *qom_parent;
    const char *help;
};
/* The QOM type whose properties libvirt uses for all machines of an architecture. */
#if defined(__aarch64__)
#define MACHINE_FAMILY "virt-machine"
#define MACHINE_ALIAS "virt"
#else
#define MACHINE_ALIAS "q35"
#define MACHINE_FAMILY "generic-pc-machine"
#endif
/* NULL after the last. */
const struct machine_type *machine_type_at(size_t index);
/* By name or alias; NULL: there is none. */
const struct machine_type *machine_type_find(const char *name);

/* A machine of QEMU that hotram does not have, of any version. */
bool machine_type_is_qemus(const char *name);

/* opt_machine.c: the keys of -machine; NULL after the last. */
const char *machine_key_at(size_t index, bool *is_bool);

/* opt_dimm.c: the keys of -machine that are about DIMMs. */
bool option_machine_dimms(struct parser *parser, struct json_object *object, struct error *error);

/* opt_memory.c */
option_handler option_memory;
bool finish_memory(struct parser *parser, struct error *error);
/* opt_machine.c */
option_handler option_machine, option_accel, option_enable_kvm, option_cpu;
bool finish_machine(struct parser *parser, struct error *error);
/* opt_memslot.c */
option_handler option_memslot;
/* The slots and the maxmem that memslots need, where -m gives none. */
bool memslots_imply(struct parser *parser, uint64_t ram, struct error *error);
/* opt_smbios.c */
option_handler option_smbios;
/* What is in it. */
void smbios_config_free(struct smbios_config *config);
/* opt_smp.c */
option_handler option_smp;
/* The keys of -smp, which -machine smp.KEY= gives, too. */
bool smp_read(struct parser *parser, struct json_object *object, struct error *error);
bool finish_smp(struct parser *parser, struct error *error);
/* opt_numa.c */
option_handler option_numa;
bool finish_numa(struct parser *parser, struct error *error);
/* numa_distance.c: -numa dist, and what follows from all of them for the pairs that were not given. */
bool numa_read_distance(struct numa_config *numa, const bool *present, struct json_object *object,
                        struct error *error);
bool numa_finish_distances(struct numa_config *numa, struct error *error);
/* opt_misc.c */
option_handler option_name, option_incoming, option_uuid, option_rtc, option_msg, option_overcommit,
    option_sandbox, option_display, option_vga, option_audiodev;
/* opt_restore.c */
option_handler option_restore;
/* An option was accepted: it is kept if it defines the machine. */
void note_option(struct parser *parser, const struct option *option, const char *argument);
/* With -restore: take the options that are in the file. */
bool finish_restore(struct parser *parser, struct error *error);
/* config.c: apply an option, which `word` names in errors. */
bool apply_option(struct parser *parser, const struct option *option, const char *word, const char *argument,
                  struct error *error);
/* opt_action.c */
option_handler option_action, option_watchdog_action;
/* What -action and QMP's set-action say, for `what` of them; those that are not named stay. */
bool actions_read(struct json_object *object, struct actions *actions, const char *what, struct error *error);
/* The same of QMP's watchdog-set-action. */
bool watchdog_action_read(struct json_object *object, struct actions *actions, const char *what,
                          struct error *error);
/* opt_block.c */
option_handler option_blockdev;
/* One more, of properties that are checked here. */
bool blockdev_add(struct parser *parser, struct props props, struct error *error);
/* opt_drive.c */
option_handler option_drive, option_pflash;
/* -hda to -hdd, by the letter of the option's name: drives 0 to 3. */
option_handler option_hd;
/* opt_descriptor.c */
option_handler option_add_fd;
/* opt_net.c */
option_handler option_netdev;
/* A back end of these properties, which `option` asks for; or help. */
bool netdev_option_add(struct parser *parser, struct props props, struct error *error);
/* Whether one given before has the id. */
bool netdev_option_is_taken(const struct config *config, const char *id);
/* opt_nic.c */
option_handler option_nic;
/* opt_firmware.c */
option_handler option_fw_cfg, option_bios, option_firmware_folder, option_boot;
/* The argument of a -fw_cfg with the absolute name of its file; NULL: it has none, or the file is not there.
 */
char *fw_cfg_absolute(const char *argument);
/* -restore: whether the command line has a file of the name that a stored -fw_cfg has. It then has that one's
 * place in the order, which the guest knows. */
bool fw_cfg_is_replaced(struct config *config, const char *argument);
/* The command line has none besides. */
bool fw_cfg_check_restored(const struct config *config, struct error *error);
/* Whether firmware runs. */
bool finish_firmware(struct parser *parser, struct error *error);
/* opt_global.c */
option_handler option_global;
/* opt_readconfig.c */
option_handler option_readconfig;
/* opt_objects.c */
option_handler option_object, option_device;
/* A -device of these properties. */
bool device_option_add(struct parser *parser, struct props props, struct error *error);
/* One more at the end of a list, made by the option that is being read. */
void keep_object(const struct parser *parser, struct object_config **list, size_t *count, struct props props);
/* The -object of a memory backend by its id or its QOM path, or NULL; its id; and its size in bytes. */
const struct object_config *backend_config_find(const struct config *config, const char *reference);
const char *backend_config_id(const struct object_config *backend);
bool backend_config_size(const struct object_config *backend, uint64_t *size, struct error *error);
/* opt_chardev.c */
option_handler option_chardev;
/* Add the chardev of "-serial DEV" and its like, under the id; mon: is not among them. */
bool chardev_from_short(struct parser *parser, const char *text, const char *id, bool mux, const char *origin,
                        struct error *error);
const struct chardev_config *chardev_config_find(const struct config *config, const char *id);
/* opt_console.c */
option_handler option_serial, option_monitor, option_qmp, option_qmp_pretty, option_mon, option_nographic,
    option_qtest;
/* A device that is the serial port; `chardev` may be NULL: nobody is at the other end. */
bool console_add_serial(struct parser *parser, const char *chardev, struct error *error);
bool finish_console(struct parser *parser, struct error *error);
/* help.c */
option_handler option_help, option_version;
/* Lists of -object help, -device help, -device NAME,help ... */
void help_names(const char *title, const char *const *names, size_t count);
void help_properties(const char *type, const struct property *table, size_t count);

#endif
