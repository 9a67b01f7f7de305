/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transfers of the firmware configuration device: a guest gives the address of 16 bytes, numbers with the
 * greatest byte first, that say what is to be copied where. Addresses and lengths are a hostile guest's.
 */
#include <endian.h>

#include "firmware/fw_cfg.h"
#include "memory/guest_memory.h"

struct transfer {
    uint32_t control;
    uint32_t length;
    uint64_t address;
};
_Static_assert(sizeof(struct transfer) == 16, "as the specification has it");

/* On a vCPU's thread: a DIMM may go between two leases, and then part of it was copied. */
static bool copy(struct guest_memory *memory, uint64_t address, const void *bytes, uint64_t length)
{
    return guest_memory_access(memory, address, (void *)bytes, length, true) == GUEST_ACCESS_OK;
}

/* Bytes of the item, and zeros behind its end. */
static bool read_item(struct fw_cfg *fw_cfg, uint64_t address, uint32_t length)
{
    struct guest_memory *memory = fw_cfg->board->memory;
    uint32_t left;
    const uint8_t *item = fw_cfg_left(fw_cfg, &left);
    const uint32_t bytes = length < left ? length : left;
    const uint32_t zeros = length - bytes;

    if (address > UINT64_MAX - length || zeros > FW_CFG_ZEROS_MAX)
        return false;
    if (bytes > 0 && !copy(memory, address, item, bytes))
        return false;
    if (zeros > 0 && guest_memory_fill(memory, address + bytes, 0, zeros) != GUEST_ACCESS_OK)
        return false;
    fw_cfg->state.offset += bytes;
    return true;
}

static void skip(struct fw_cfg *fw_cfg, uint32_t length)
{
    uint32_t left;

    (void)fw_cfg_left(fw_cfg, &left);
    fw_cfg->state.offset += length < left ? length : left;
}

/* No item can be written. */
static bool carry_out(struct fw_cfg *fw_cfg, const struct transfer *transfer)
{
    const uint32_t control = be32toh(transfer->control);
    const uint32_t length = be32toh(transfer->length);

    if (control & FW_CFG_DMA_SELECT)
        fw_cfg_select(fw_cfg, (uint16_t)(control >> 16));
    if (control & FW_CFG_DMA_READ)
        return read_item(fw_cfg, be64toh(transfer->address), length);
    if (control & FW_CFG_DMA_WRITE)
        return length == 0;
    if (control & FW_CFG_DMA_SKIP)
        skip(fw_cfg, length);
    return true;
}

/* The control word says what came of it: 0, or the bit for an error. Where it is no memory, nobody hears. */
void fw_cfg_transfer(struct fw_cfg *fw_cfg, uint64_t address)
{
    struct guest_memory *memory = fw_cfg->board->memory;
    struct transfer transfer;
    uint32_t result = htobe32(FW_CFG_DMA_ERROR);

    if (!memory || address > UINT64_MAX - sizeof transfer)
        return;
    if (guest_memory_access(memory, address, &transfer, sizeof transfer, false) == GUEST_ACCESS_OK &&
        carry_out(fw_cfg, &transfer))
        result = 0;
    (void)copy(memory, address, &result, sizeof result);
}
