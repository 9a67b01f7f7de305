/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's firmware configuration device (QEMU docs/specs/fw_cfg.rst): items, which firmware and guests read by
 * number, and files, which are items with a name. Selector and data register are I/O ports on x86-64, and in
 * memory on arm64; with either, the device can also copy an item to guest memory (DMA). All accesses are
 * checked: items that do not exist read as zeros, and a transfer to addresses without memory is an error for
 * the guest.
 *
 * A machine has the device if config->fw_cfg is set: with firmware, or with -fw_cfg.
 *
 * Threads: vCPUs read under the device's lock, below which are only leases of guest memory. Items are set on
 * the main thread, which takes the lock, at the start and while vCPUs are paused.
 */
#ifndef VMM_FIRMWARE_FW_CFG_H
#define VMM_FIRMWARE_FW_CFG_H

#include <pthread.h>

#include "device/device.h"

/* Numbers of items; those from FW_CFG_LOCAL on are specific to the architecture. */
enum {
    FW_CFG_SIGNATURE = 0x00,
    FW_CFG_ID = 0x01,
    FW_CFG_UUID = 0x02,
    FW_CFG_RAM_SIZE = 0x03,
    FW_CFG_NOGRAPHIC = 0x04, /* SeaBIOS uses the serial port */
    FW_CFG_NB_CPUS = 0x05,
    FW_CFG_KERNEL_ADDRESS = 0x07, /* of a kernel that firmware starts; addresses and sizes have 4 bytes */
    FW_CFG_KERNEL_SIZE = 0x08,
    FW_CFG_INITRD_ADDRESS = 0x0a,
    FW_CFG_INITRD_SIZE = 0x0b,
    FW_CFG_BOOT_MENU = 0x0e,
    FW_CFG_MAX_CPUS = 0x0f,
    FW_CFG_KERNEL_DATA = 0x11,
    FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_ADDRESS = 0x13,
    FW_CFG_CMDLINE_SIZE = 0x14,
    FW_CFG_CMDLINE_DATA = 0x15,
    FW_CFG_SETUP_ADDRESS = 0x16,
    FW_CFG_SETUP_SIZE = 0x17,
    FW_CFG_SETUP_DATA = 0x18,
    FW_CFG_FILE_DIR = 0x19,
    FW_CFG_FILE_FIRST = 0x20,
    FW_CFG_LOCAL = 0x8000,
};
#define FW_CFG_NUMBERS FW_CFG_FILE_FIRST /* items that are not files have lower numbers */
#define FW_CFG_FILES_MAX 64u
#define FW_CFG_NAME_MAX 55u                 /* length of a file's name, bytes */
#define FW_CFG_SIZE_MAX (64u * 1024 * 1024) /* length of an item that is copied, bytes */

/* Bits of the item FW_CFG_ID: interfaces of the device. */
#define FW_CFG_TRADITIONAL 1u
#define FW_CFG_DMA 2u

/* Bits of a transfer's control word. */
#define FW_CFG_DMA_ERROR 1u
#define FW_CFG_DMA_READ 2u
#define FW_CFG_DMA_SKIP 4u
#define FW_CFG_DMA_SELECT 8u
#define FW_CFG_DMA_WRITE 16u
/* Maximum number of zeros after an item's end that one transfer writes: longer ones would keep the vCPU, and
 * threads that wait for it, busy for seconds. */
#define FW_CFG_ZEROS_MAX (64u * 1024)

/* Offsets of registers at ports (the selector is at 0), and in memory (the data register is at 0). */
enum { FW_CFG_PORT_DATA = 1, FW_CFG_PORT_DMA = 4, FW_CFG_PORTS = 12 };
enum { FW_CFG_MEMORY_SELECTOR = 8, FW_CFG_MEMORY_DMA = 16, FW_CFG_MEMORY_LENGTH = 24 };

struct fw_cfg_item {
    uint8_t *bytes; /* owned; NULL: no such item */
    uint32_t length;
};

struct fw_cfg_file {
    char name[FW_CFG_NAME_MAX + 1];
    struct fw_cfg_item item;
};

/* A file that is to be set; its name and bytes are copied. */
struct fw_cfg_content {
    const char *name;
    const void *bytes;
    size_t length;
};

/* The state that the guest can change. */
struct fw_cfg_state {
    uint32_t offset;   /* of the next byte to be read; may be beyond the item's end */
    uint32_t dma_high; /* upper half of a transfer's address, until the lower half is written */
    uint16_t key;      /* number of the selected item, which need not exist */
};
extern const struct state_table fw_cfg_state_table;
extern const struct device_type fw_cfg_type;

struct fw_cfg {
    struct device device; /* first */
    const struct board *board;
    bool memory; /* the registers are among the memory */
    uint64_t address;
    pthread_mutex_t lock; /* of what follows */
    struct fw_cfg_state state;
    struct fw_cfg_item items[FW_CFG_NUMBERS];
    struct fw_cfg_file files[FW_CFG_FILES_MAX]; /* their numbers follow FW_CFG_FILE_FIRST */
    unsigned file_count;
};

/* Initialize the device, without items; its registers are at a port or, with `memory`, at a guest-physical
 * address. An error is reported by bus_check(). */
void fw_cfg_init(struct fw_cfg *fw_cfg, struct board *board, bool memory, uint64_t address);
void fw_cfg_destroy(struct fw_cfg *fw_cfg);

/* Set an item, `number` below FW_CFG_NUMBERS, and replace a previous one. The bytes are copied. False and an
 * error: out of memory, or length exceeds FW_CFG_SIZE_MAX; nothing has changed. */
bool fw_cfg_set(struct fw_cfg *fw_cfg, uint16_t number, const void *bytes, size_t length,
                struct error *error);
/* The same for bytes of malloc(), which are the device's from then on, and as many as there are. */
void fw_cfg_give(struct fw_cfg *fw_cfg, uint16_t number, uint8_t *bytes, uint32_t length);
/* The same for a little-endian number of 2, 4 or 8 bytes. */
bool fw_cfg_set_number(struct fw_cfg *fw_cfg, uint16_t number, uint64_t value, size_t width,
                       struct error *error);
/* Add a file. False and an error: the name exists, is empty, or is longer than FW_CFG_NAME_MAX; there are
 * already FW_CFG_FILES_MAX; or as for fw_cfg_set(). Nothing has changed. */
bool fw_cfg_add_file(struct fw_cfg *fw_cfg, const char *name, const void *bytes, size_t length,
                     struct error *error);
/* Add a file, or replace that of the same name, which keeps its number. False and an error, as for
 * fw_cfg_add_file(), except that the name may exist. */
bool fw_cfg_set_file(struct fw_cfg *fw_cfg, const char *name, const void *bytes, size_t length,
                     struct error *error);
/* The same for `count` files of different names: all of them or, with false and an error, none. */
bool fw_cfg_set_files(struct fw_cfg *fw_cfg, const struct fw_cfg_content *contents, unsigned count,
                      struct error *error);

/* given_files.c: read the files of -fw_cfg and add them. False and an error that quotes the option. Main
 * thread.
 */
bool fw_cfg_add_given(struct fw_cfg *fw_cfg, const struct config *config, struct error *error);

/* The unread bytes of the selected item, and their number; 0 if there are none, or no such item. Under the
 * lock.
 */
const uint8_t *fw_cfg_left(const struct fw_cfg *fw_cfg, uint32_t *length);
/* Select an item, beginning with its first byte. Under the lock. */
void fw_cfg_select(struct fw_cfg *fw_cfg, uint16_t key);
/* fw_cfg_dma.c: carry out the transfer that the 16 bytes at a guest-physical address describe. Its result is
 * written there. Under the lock. */
void fw_cfg_transfer(struct fw_cfg *fw_cfg, uint64_t address);

#endif
