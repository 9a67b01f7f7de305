/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's firmware configuration device (docs/specs/fw_cfg of QEMU): items that firmware, and a guest that
 * knows them, reads by a number, and files, which are items with a name. On x86-64 a selector and a data
 * register among the I/O ports, on arm64 among the memory; both with the interface by which the device copies
 * an item to guest memory itself. Everything that the guest says is checked: what does not exist is zeros,
 * what is no memory is an error for the guest.
 *
 * A machine has it when config->fw_cfg says so: where firmware runs, or -fw_cfg gives it something to read.
 *
 * Threads: vCPUs read under the device's lock, a leaf but for leases of guest memory. Items are set on the
 * main thread, which takes the lock, at the start and while the vCPUs are paused.
 */
#ifndef VMM_FIRMWARE_FW_CFG_H
#define VMM_FIRMWARE_FW_CFG_H

#include <pthread.h>

#include "device/device.h"

/* Numbers of items; those from FW_CFG_LOCAL on are the architecture's own. */
enum {
    FW_CFG_SIGNATURE = 0x00,
    FW_CFG_ID = 0x01,
    FW_CFG_UUID = 0x02,
    FW_CFG_RAM_SIZE = 0x03,
    FW_CFG_NOGRAPHIC = 0x04, /* SeaBIOS speaks on the serial port */
    FW_CFG_NB_CPUS = 0x05,
    FW_CFG_BOOT_MENU = 0x0e,
    FW_CFG_MAX_CPUS = 0x0f,
    FW_CFG_FILE_DIR = 0x19,
    FW_CFG_FILE_FIRST = 0x20,
    FW_CFG_LOCAL = 0x8000,
};
#define FW_CFG_NUMBERS FW_CFG_FILE_FIRST /* of items that are no files */
#define FW_CFG_FILES_MAX 64u
#define FW_CFG_NAME_MAX 55u                 /* bytes of a file's name */
#define FW_CFG_SIZE_MAX (64u * 1024 * 1024) /* bytes of an item */

/* Bits of the item FW_CFG_ID: what the device can do. */
#define FW_CFG_TRADITIONAL 1u
#define FW_CFG_DMA 2u

/* What a transfer's control word says. */
#define FW_CFG_DMA_ERROR 1u
#define FW_CFG_DMA_READ 2u
#define FW_CFG_DMA_SKIP 4u
#define FW_CFG_DMA_SELECT 8u
#define FW_CFG_DMA_WRITE 16u
/* Zeros behind an item's end that one transfer writes. A reader that wants more has lost its way, and would
 * keep its processor, and who waits for it, for seconds. */
#define FW_CFG_ZEROS_MAX (64u * 1024)

/* Registers among the ports (the data register is the byte behind the selector) and among the memory. */
enum { FW_CFG_PORT_DATA = 1, FW_CFG_PORT_DMA = 4, FW_CFG_PORTS = 12 };
enum { FW_CFG_MEMORY_SELECTOR = 8, FW_CFG_MEMORY_DMA = 16, FW_CFG_MEMORY_LENGTH = 24 };

struct fw_cfg_item {
    uint8_t *bytes; /* owned; NULL: there is none of the number */
    uint32_t length;
};

struct fw_cfg_file {
    char name[FW_CFG_NAME_MAX + 1];
    struct fw_cfg_item item;
};

/* What the guest can change. */
struct fw_cfg_state {
    uint32_t offset;   /* of the next byte to be read; it may be behind the item's end */
    uint32_t dma_high; /* the upper half of a transfer's address, until the lower half starts it */
    uint16_t key;      /* what is selected, whether there is such an item or not */
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

/* Its registers, at the port or, with `memory`, the guest-physical address. */
void fw_cfg_init(struct fw_cfg *fw_cfg, struct board *board, bool memory, uint64_t address);
void fw_cfg_destroy(struct fw_cfg *fw_cfg);

/* An item, in place of the one that is there. Bytes are copied. False: memory is short, or there are more
 * than FW_CFG_SIZE_MAX; nothing has changed. */
bool fw_cfg_set(struct fw_cfg *fw_cfg, uint16_t number, const void *bytes, size_t length,
                struct error *error);
/* The same of a number with its least byte first, of 2, 4 or 8 bytes. */
bool fw_cfg_set_number(struct fw_cfg *fw_cfg, uint16_t number, uint64_t value, size_t width,
                       struct error *error);
/* A new file. False: its name is taken, empty or longer than FW_CFG_NAME_MAX, there are FW_CFG_FILES_MAX, or
 * as above; nothing has changed. */
bool fw_cfg_add_file(struct fw_cfg *fw_cfg, const char *name, const void *bytes, size_t length,
                     struct error *error);
/* The same, or in place of the file that has the name, which keeps its number: for what each reset makes
 * anew. */
bool fw_cfg_set_file(struct fw_cfg *fw_cfg, const char *name, const void *bytes, size_t length,
                     struct error *error);

/* given_files.c: the files of -fw_cfg, read now. Main thread. */
bool fw_cfg_add_given(struct fw_cfg *fw_cfg, const struct config *config, struct error *error);

/* What of the selected item has not been read, if anything. Under the lock. */
const uint8_t *fw_cfg_left(const struct fw_cfg *fw_cfg, uint32_t *length);
/* Select an item, at its first byte. The same. */
void fw_cfg_select(struct fw_cfg *fw_cfg, uint16_t key);
/* fw_cfg_dma.c: the transfer that the 16 bytes at a guest-physical address describe. The same. */
void fw_cfg_transfer(struct fw_cfg *fw_cfg, uint64_t address);

#endif
