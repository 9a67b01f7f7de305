/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/flash_saved.h"

#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/message.h"
#include "firmware/rom.h"

/* Where KVM refuses, reads of the array come here, too: the guest is slow, not wrong. What it may not be is
 * mapped while reads give something else; KVM has no reason to keep a KVM slot. */
void flash_settle_mapping(struct flash *flash)
{
    const bool array = flash_chip_is_array(&flash->chip);
    struct error error;

    if (array == flash->mapped)
        return;
    if (vm_set_kvm_slot(flash->vm, flash->kvm_slot, flash->address, array ? flash->image.size : 0,
                        flash->image.bytes, VM_KVM_SLOT_READ_ONLY, &error)) {
        flash->mapped = array;
        return;
    }
    if (!flash->told)
        warning("%s: the guest's view of it cannot change: %s", flash->image.name, error.text);
    flash->told = true;
}

static uint64_t read_flash(void *device, uint64_t offset, unsigned width)
{
    return flash_chip_read(&((struct flash *)device)->chip, offset, width);
}

static void write_flash(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    struct flash *flash = device;
    const struct flash_change change = flash_chip_write(&flash->chip, offset, width, (uint32_t)value);

    flash_image_changed(&flash->image, &change);
    flash_settle_mapping(flash);
}

static void not_stored(void *opaque)
{
    flash_chip_failed(&((struct flash *)opaque)->chip);
}

static void reset(struct device *device)
{
    struct flash *flash = (struct flash *)device;

    flash_image_settle(&flash->image);
    pthread_mutex_lock(&flash->lock);
    flash_chip_reset(&flash->chip);
    flash_settle_mapping(flash);
    pthread_mutex_unlock(&flash->lock);
}

static void destroy(struct device *device)
{
    struct flash *flash = (struct flash *)device;

    /* The memory goes; whoever would still run a vCPU finds nothing. */
    if (flash->mapped)
        RESULT_DOES_NOT_MATTER(
            vm_set_kvm_slot(flash->vm, flash->kvm_slot, flash->address, 0, NULL, 0, &(struct error){ 0 }),
            "no vCPU runs any more");
    flash_image_close(&flash->image);
    pthread_mutex_destroy(&flash->lock);
    free(flash);
}

/* Documentation/devicetree/bindings/mtd/mtd-physmap.yaml */
static bool fdt(const struct device *device, struct tree_node *node)
{
    static const char compatible[] = "cfi-flash";
    const struct flash *flash = (const struct flash *)device;

    *node = (struct tree_node){
        .name = "flash",
        .compatible = compatible,
        .compatible_size = sizeof compatible,
        .address = flash->address,
        .size = flash->chip.bank,
        .bank_width = flash->chip.shape->width,
    };
    return true;
}

/* ---- the banks ---- */

/* Bytes that the chips are made of: of a block node, or of nothing. */
static bool open_image(struct flash *flash, struct board *board, unsigned number,
                       const struct flash_shape *shape, struct error *error)
{
    const char *name = board->config->pflash[number];
    struct block_node *node;

    if (!name)
        return flash_image_open_volatile(&flash->image, number, shape, error);
    node = block_node_require(board->blocks, name, error);
    return node && flash_image_open(&flash->image, board, node, number, shape, error);
}

static struct flash *create(struct board *board, unsigned number, const struct flash_shape *shape,
                            struct error *error)
{
    struct flash *flash = calloc(1, sizeof *flash);

    if (!flash) {
        error_set(error, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&flash->lock, NULL);
    flash->vm = board->vm;
    flash->kvm_slot = board->flash_kvm_slot + number;
    flash->image.lock = &flash->lock;
    flash->image.failed = not_stored;
    flash->image.opaque = flash;
    if (!open_image(flash, board, number, shape, error)) {
        pthread_mutex_destroy(&flash->lock);
        free(flash);
        return NULL;
    }
    flash->chip.shape = shape;
    flash->chip.bytes = flash->image.bytes;
    flash->chip.bank = flash->chip.image = flash->image.size;
    flash->chip.read_only = flash->image.queue && !flash->image.user.write;
    flash_chip_reset(&flash->chip);
    return flash;
}

/* Where it is now is known. The guest has it from the start. */
static void place(struct flash *flash, struct board *board, const struct device_type *type, uint64_t address,
                  uint64_t bank)
{
    const struct bus_range range = {
        .space = BUS_MEMORY,
        .first = address,
        .count = bank,
        .width_max = flash->chip.shape->width,
        .read = read_flash,
        .write = write_flash,
        .device = flash,
        .lock = &flash->lock,
        .name = flash->image.name,
    };

    flash->address = address;
    flash->chip.bank = bank;
    device_enlist_chip(&flash->device, board, type);
    bus_add_at_start(board->bus, &range);
    flash_settle_mapping(flash);
}

static bool add(struct board *board, unsigned number, const struct device_type *type,
                const struct flash_shape *shape, uint64_t *end, struct error *error)
{
    const bool below = shape == &flash_shape_x86;
    struct flash *flash;
    uint64_t bank;

    if (!flash_has_bank(board->config, number))
        return true;
    flash = create(board, number, shape, error);
    if (!flash)
        return error_prefix(error, "pflash%u: ", number);
    bank = below ? flash->image.size : shape->bank_max;
    place(flash, board, type, below ? *end - bank : *end + number * bank, bank);
    if (number == 0)
        board->flash = flash;
    if (below)
        *end -= bank;
    return true;
}

/* Bytes that are to start the machine. Those of a kernel's machine may be anything. */
static bool check_code(const struct board *board, struct error *error)
{
    const struct flash *flash = board->flash;

    return board->config->firmware != FIRMWARE_FLASH ||
           rom_can_start(flash->image.bytes, flash->image.size) ||
           error_set(error,
                     "pflash0: Block node '%s' is not firmware for " ROM_MACHINE ": " ROM_LACK
                     "; pflash0 is the image of the code, and pflash1 that of its variables",
                     block_node_name(flash->image.user.node));
}

/* OVMF's images for secure boot stand still without a word where there is no system management mode. The
 * names are Debian's and Fedora's. */
static void warn_of_secure_boot(const struct board *board)
{
    struct block_node_info info;

    if (board->config->firmware != FIRMWARE_FLASH)
        return;
    block_node_inspect(board->flash->image.user.node, &info);
    if (info.filename && (strstr(info.filename, "secboot") || strstr(info.filename, ".ms.fd")))
        warning(
            "pflash0: '%s' is by its name an image for secure boot, which requires system management mode and does "
            "not start without it; OVMF_CODE_4M.fd, of the same package, does",
            info.filename);
}

bool flash_has_bank(const struct config *config, unsigned number)
{
#if defined(__aarch64__)
    /* Firmware keeps its variables in the second bank, and does not start without one. */
    if (number == 1 && config->firmware != FIRMWARE_NONE)
        return true;
#endif
    return config->pflash[number] != NULL;
}

static bool build_arm64(struct board *board, const struct chip_place *place, struct error *error)
{
    uint64_t first = place->address;

    return add(board, 0, &flash_arm64_type, &flash_shape_arm64, &first, error) && check_code(board, error) &&
           add(board, 1, &flash_arm64_type, &flash_shape_arm64, &first, error);
}

/* The processor starts below 4 GiB, where the first bank ends; the second ends where the first begins. */
static bool build_x86(struct board *board, const struct chip_place *place, struct error *error)
{
    uint64_t end = place->address;

    if (!add(board, 0, &flash_x86_type, &flash_shape_x86, &end, error) || !check_code(board, error))
        return false;
    warn_of_secure_boot(board);
    return add(board, 1, &flash_x86_type, &flash_shape_x86, &end, error);
}

bool flash_copy_low(const struct flash *flash, struct guest_memory *memory, struct error *error)
{
    return rom_copy_low(flash->image.bytes, flash->image.size, memory, error);
}

#define TYPE(build_) \
    { \
        .name = "cfi.pflash01", .parent = "device", .build = (build_), \
        .has_saved_form = flash_has_saved_form, .save = flash_save, .restore = flash_restore, \
        .restored = flash_restored, .part = flash_part, .reset = reset, .destroy = destroy, .fdt = fdt \
    }
const struct device_type flash_arm64_type = TYPE(build_arm64);
const struct device_type flash_x86_type = TYPE(build_x86);
