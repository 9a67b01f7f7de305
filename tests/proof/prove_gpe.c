/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hotram/gpe.h, whole: every function from every state of the block, with every argument.
 *
 * proof: sources core/gpe.c
 * proof: options --unsigned-overflow-check
 */
#include <hotram/gpe.h>

#include "proof.h"

static struct hotram_gpe block, before;

static struct hotram_gpe *block_or_null(void)
{
    block = before = (struct hotram_gpe){ .status = nondet_uint16(),
                                          .enable = nondet_uint16(),
                                          .repeated = nondet_uint16() };
    return nondet_bool() ? &block : NULL;
}

static bool is_unchanged(void)
{
    return block.status == before.status && block.enable == before.enable &&
           block.repeated == before.repeated;
}

/* The byte at an offset, as the header lays the block out: status, then enable. */
static uint8_t byte_of(const struct hotram_gpe *gpe, uint32_t offset)
{
    switch (offset) {
    case 0:
        return gpe->status & 0xff;
    case 1:
        return gpe->status / 256;
    case 2:
        return gpe->enable & 0xff;
    case 3:
        return gpe->enable / 256;
    }
    return 0xff;
}

void prove_gpe_raise(void)
{
    struct hotram_gpe *gpe = block_or_null();
    unsigned event = nondet_uint32();
    enum hotram_status status = hotram_gpe_raise(gpe, event);

    PROVE(status == (gpe && event <= 15 ? HOTRAM_OK : HOTRAM_E_ARGUMENT));
    PROVE(IMPLIES(status != HOTRAM_OK, is_unchanged()));
    if (status == HOTRAM_OK)
        PROVE(block.status == (before.status | 1u << event) && block.enable == before.enable &&
              block.repeated == (before.repeated & ~(1u << event)));
    REACHABLE(status == HOTRAM_OK && !is_unchanged());
    REACHABLE(status != HOTRAM_OK && gpe);
}

void prove_gpe_read(void)
{
    struct hotram_gpe *gpe = block_or_null();
    uint32_t offset = nondet_uint32();
    uint8_t value = hotram_gpe_read(gpe, offset);

    PROVE(value == (gpe ? byte_of(gpe, offset) : 0xff));
    PROVE(is_unchanged());
    REACHABLE(offset == 3 && value == 0x5a);
    REACHABLE(offset > 3 && gpe);
}

void prove_gpe_write(void)
{
    struct hotram_gpe *gpe = block_or_null();
    uint32_t offset = nondet_uint32(), other = nondet_uint32();
    uint8_t value = nondet_uint8();
    uint16_t waiting = nondet_uint16();

    hotram_gpe_write(gpe, offset, value, waiting);
    if (gpe && offset < 2)
        PROVE(byte_of(&block, offset) == (byte_of(&before, offset) & ~value));
    if (gpe && (offset == 2 || offset == 3))
        PROVE(byte_of(&block, offset) == value);
    PROVE(IMPLIES(!gpe || offset > 3, is_unchanged()));
    /* Enabling may raise again; nothing else reaches beyond its byte. */
    PROVE(IMPLIES(other != offset && (offset < 2 || other >= 2),
                  byte_of(&block, other) == byte_of(&before, other)));
    REACHABLE(offset == 1 && !is_unchanged());
    REACHABLE(offset == 2 && !is_unchanged());
    REACHABLE(gpe && offset == 3 && block.status != before.status);
}

/* An event is raised again if and only if this write enables it, it waits, and it was not raised again yet.
 */
void prove_gpe_repeat(void)
{
    struct hotram_gpe *gpe = block_or_null();
    uint32_t offset = nondet_uint32(), event = nondet_uint32();
    uint16_t waiting = nondet_uint16(), bit;
    bool again;

    ASSUME(gpe && (offset == 2 || offset == 3) && event <= 15);
    bit = (uint16_t)(1u << event);
    hotram_gpe_write(gpe, offset, nondet_uint8(), waiting);
    again = !(before.enable & bit) && (block.enable & bit) && (waiting & bit) && !(before.repeated & bit);
    PROVE(((block.status & bit) != 0) == ((before.status & bit) != 0 || again));
    PROVE(((block.repeated & bit) != 0) == ((waiting & bit) != 0 && ((before.repeated & bit) != 0 || again)));
    REACHABLE(again && !(before.status & bit));
    REACHABLE(!again && (waiting & bit) && !(before.enable & bit) && (block.enable & bit));
}

void prove_gpe_level(void)
{
    struct hotram_gpe *gpe = block_or_null();
    bool level = hotram_gpe_level(gpe);
    unsigned event = nondet_uint32();

    ASSUME(event <= 15);
    PROVE(IMPLIES(gpe && block.status >> event & block.enable >> event & 1, level));
    PROVE(IMPLIES(level, gpe && (block.status & block.enable)));
    PROVE(is_unchanged());
    REACHABLE(level);
    REACHABLE(!level && gpe);
}

void prove_gpe_reset(void)
{
    struct hotram_gpe *gpe = block_or_null();

    hotram_gpe_reset(gpe);
    PROVE(IMPLIES(gpe, block.status == 0 && block.enable == 0 && block.repeated == 0));
    PROVE(IMPLIES(!gpe, is_unchanged()));
    REACHABLE(gpe && !is_unchanged());
    REACHABLE(!gpe && before.status != 0);
}
