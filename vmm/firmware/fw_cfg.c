/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/fw_cfg.h"

#include <endian.h>
#include <stdlib.h>

#include <hotram/aml.h>
#include <hotram/aml_device.h>

#include "base/config.h"

/* ---- registers ---- */

/* What a transfer's register reads as, the greatest byte first: the device can transfer. */
#define DMA_SIGNATURE UINT64_C(0x51454d5520434647) /* "QEMU CFG" */

static uint8_t next_byte(struct fw_cfg *fw_cfg)
{
    uint32_t length;
    const uint8_t *left = fw_cfg_left(fw_cfg, &length);

    fw_cfg->state.offset += length > 0;
    return length > 0 ? *left : 0;
}

/* Of a register of 8 bytes, the greatest first: those from `offset` on, as the access has them. */
static uint64_t part_of(uint64_t big_endian, uint64_t offset, unsigned width)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < width && offset + i < 8; i++)
        value |= (big_endian >> 8 * (7 - offset - i) & 0xff) << 8 * i;
    return value;
}

/* The address in two halves, of which the lower one starts the transfer, or whole. Less than a half is lost.
 */
static void write_dma(struct fw_cfg *fw_cfg, uint64_t offset, unsigned width, uint64_t value)
{
    uint64_t address = (uint64_t)fw_cfg->state.dma_high << 32;

    if (width == 4 && offset == 0) {
        fw_cfg->state.dma_high = htobe32((uint32_t)value);
        return;
    }
    if (width == 8)
        address = htobe64(value);
    else if (width == 4 && offset == 4)
        address |= htobe32((uint32_t)value);
    else
        return;
    fw_cfg->state.dma_high = 0;
    fw_cfg_transfer(fw_cfg, address);
}

static uint64_t read_port(void *device, uint64_t offset, unsigned width)
{
    if (offset >= FW_CFG_PORT_DMA)
        return part_of(DMA_SIGNATURE, offset - FW_CFG_PORT_DMA, width);
    return width == 1 && offset == FW_CFG_PORT_DATA ? next_byte(device) : UINT64_MAX;
}

static void write_port(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    if (offset >= FW_CFG_PORT_DMA)
        write_dma(device, offset - FW_CFG_PORT_DMA, width, value);
    else if (width == 2 && offset == 0)
        fw_cfg_select(device, (uint16_t)value);
}

/* The data register gives as many bytes as the access has, in the order of the item. */
static uint64_t read_memory(void *device, uint64_t offset, unsigned width)
{
    uint64_t value = 0;

    if (offset >= FW_CFG_MEMORY_DMA)
        return part_of(DMA_SIGNATURE, offset - FW_CFG_MEMORY_DMA, width);
    if (offset >= FW_CFG_MEMORY_SELECTOR)
        return 0;
    for (unsigned i = 0; i < width; i++)
        value |= (uint64_t)next_byte(device) << 8 * i;
    return value;
}

static void write_memory(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    if (offset >= FW_CFG_MEMORY_DMA)
        write_dma(device, offset - FW_CFG_MEMORY_DMA, width, value);
    else if (width == 2 && offset == FW_CFG_MEMORY_SELECTOR)
        fw_cfg_select(device, htobe16((uint16_t)value));
}

/* ---- state ---- */

/* What the items are is not part of it: they follow from the machine, and each reset makes them anew. */
static const struct state_field fields[] = {
    STATE_FIELD(struct fw_cfg_state, offset, 1, UINT32_MAX),
    STATE_FIELD(struct fw_cfg_state, dma_high, 1, UINT32_MAX),
    STATE_FIELD(struct fw_cfg_state, key, 1, UINT16_MAX),
};

const struct state_table fw_cfg_state_table = STATE_TABLE("fw_cfg", 1, struct fw_cfg_state, fields);

void fw_cfg_init(struct fw_cfg *fw_cfg, struct board *board, bool memory, uint64_t address)
{
    const struct bus_range range = {
        .space = memory ? BUS_MEMORY : BUS_PORTS,
        .first = address,
        .count = memory ? FW_CFG_MEMORY_LENGTH : FW_CFG_PORTS,
        .width_max = memory ? 8 : 4,
        .read = memory ? read_memory : read_port,
        .write = memory ? write_memory : write_port,
        .device = fw_cfg,
        .lock = &fw_cfg->lock,
        .name = "fw_cfg registers",
    };

    *fw_cfg = (struct fw_cfg){ .board = board, .memory = memory, .address = address };
    pthread_mutex_init(&fw_cfg->lock, NULL);
    state_power_on(&fw_cfg_state_table, &fw_cfg->state);
    bus_add_at_start(board->bus, &range);
}

void fw_cfg_destroy(struct fw_cfg *fw_cfg)
{
    for (unsigned i = 0; i < FW_CFG_NUMBERS; i++)
        free(fw_cfg->items[i].bytes);
    for (unsigned i = 0; i < fw_cfg->file_count; i++)
        free(fw_cfg->files[i].item.bytes);
    pthread_mutex_destroy(&fw_cfg->lock);
}

/* ---- the type ---- */

static bool build(struct board *board, const struct chip_place *place, struct error *error)
{
    struct fw_cfg *fw_cfg;

    if (!board->config->fw_cfg) /* a machine that boots a kernel directly is as it was without firmware */
        return true;
    fw_cfg = calloc(1, sizeof *fw_cfg);
    if (!fw_cfg)
        return error_set(error, "out of memory");
    fw_cfg_init(fw_cfg, board, place->address > UINT16_MAX, place->address);
    device_enlist_chip(&fw_cfg->device, board, &fw_cfg_type);
    board->fw_cfg = fw_cfg;
    return fw_cfg_set(fw_cfg, FW_CFG_SIGNATURE, "QEMU", 4, error) &&
           fw_cfg_set_number(fw_cfg, FW_CFG_ID, FW_CFG_TRADITIONAL | FW_CFG_DMA, 4, error) &&
           fw_cfg_set_files(fw_cfg, NULL, 0, error);
}

static void reset(struct device *device)
{
    struct fw_cfg *fw_cfg = (struct fw_cfg *)device;

    pthread_mutex_lock(&fw_cfg->lock);
    state_reset(&fw_cfg_state_table, &fw_cfg->state);
    pthread_mutex_unlock(&fw_cfg->lock);
}

static void destroy(struct device *device)
{
    device->board->fw_cfg = NULL;
    fw_cfg_destroy((struct fw_cfg *)device);
    free(device);
}

/* As QEMU describes it; Linux' driver is qemu_fw_cfg. */
static void aml(const struct device *device, struct hotram_aml *out)
{
    const struct fw_cfg *fw_cfg = (const struct fw_cfg *)device;

    hotram_aml_device(out, fw_cfg->memory ? "\\_SB.FWCF" : "FWCF");
    hotram_aml_name(out, "_HID");
    hotram_aml_string(out, "QEMU0002");
    hotram_aml_name(out, "_STA");
    hotram_aml_integer(out, 0xb); /* present, working, not shown */
    hotram_aml_name(out, "_CRS");
    hotram_aml_resource_template(out);
    if (fw_cfg->memory)
        hotram_aml_memory32_fixed(out, (uint32_t)fw_cfg->address, FW_CFG_MEMORY_LENGTH);
    else
        hotram_aml_io(out, (uint16_t)fw_cfg->address, (uint16_t)fw_cfg->address, 1, FW_CFG_PORTS);
    hotram_aml_end(out);
    hotram_aml_end(out);
}

static bool fdt(const struct device *device, struct tree_node *node)
{
    static const char compatible[] = "qemu,fw-cfg-mmio";
    const struct fw_cfg *fw_cfg = (const struct fw_cfg *)device;

    *node = (struct tree_node){ .name = "fw-cfg",
                                .compatible = compatible,
                                .compatible_size = sizeof compatible,
                                .address = fw_cfg->address,
                                .size = FW_CFG_MEMORY_LENGTH };
    return fw_cfg->memory;
}

const struct device_type fw_cfg_type = {
    .name = "fw_cfg",
    .build = build,
    .state = &fw_cfg_state_table,
    .state_offset = offsetof(struct fw_cfg, state),
    .reset = reset,
    .destroy = destroy,
    .aml = aml,
    .fdt = fdt,
};
