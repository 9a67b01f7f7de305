/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/pl011.h"

/* Registers by offset (3.2) */
#define DR 0x000u
#define RSR 0x004u
#define FR 0x018u
#define ILPR 0x020u
#define IBRD 0x024u
#define FBRD 0x028u
#define LCR_H 0x02cu
#define CR 0x030u
#define IFLS 0x034u
#define IMSC 0x038u
#define RIS 0x03cu
#define MIS 0x040u
#define ICR 0x044u
#define DMACR 0x048u
#define ID 0xfe0u /* eight registers of a byte each */
#define LENGTH 0x1000u

/* Interrupts (3.3.10): received, room to send, received and not read for a while, overrun */
#define INT_RECEIVE 0x010u
#define INT_TRANSMIT 0x020u
#define INT_TIMEOUT 0x040u
#define INT_OVERRUN 0x400u
#define INT_ALL 0x7ffu

#define FR_RECEIVE_EMPTY 0x10u
#define FR_TRANSMIT_FULL 0x20u
#define FR_RECEIVE_FULL 0x40u
#define FR_TRANSMIT_EMPTY 0x80u

#define CR_LOOP 0x80u
#define CR_RESET 0x300u /* transmitter and receiver are on, once the port is */

static const uint8_t identity[8] = { 0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

/* What is received interrupts as long as it is not read, whatever the trigger level: the timeout that would
 * come for less than the level comes at once. */
static uint16_t interrupts(const struct pl011 *pl011)
{
    uint16_t now = pl011->latched;

    if (pl011->line.fifo_count > 0)
        now |= INT_RECEIVE | INT_TIMEOUT;
    return now;
}

static void update_line(struct pl011 *pl011)
{
    bool high = (interrupts(pl011) & pl011->mask) != 0;

    if (high == pl011->level)
        return;
    pl011->level = high;
    vm_irq_line(pl011->vm, pl011->gsi, high);
}

static uint16_t flags(const struct pl011 *pl011)
{
    uint16_t value = 0;

    if (pl011->line.fifo_count == 0)
        value |= FR_RECEIVE_EMPTY;
    if (pl011->line.fifo_count == LINE_FIFO)
        value |= FR_RECEIVE_FULL;
    value |= line_has_room(&pl011->line) ? FR_TRANSMIT_EMPTY : FR_TRANSMIT_FULL;
    return value;
}

static uint64_t pl011_read(void *device, uint64_t offset, unsigned width)
{
    struct pl011 *pl011 = device;
    uint32_t value = 0;

    (void)width;
    switch (offset & ~3u) {
    case DR:
        value = line_take(&pl011->line);
        break;
    case RSR:
        value = pl011->line.overrun ? 0x8 : 0;
        break;
    case FR:
        value = flags(pl011);
        break;
    case IBRD:
        value = pl011->ibrd;
        break;
    case FBRD:
        value = pl011->fbrd;
        break;
    case LCR_H:
        value = pl011->lcr_h;
        break;
    case CR:
        value = pl011->control;
        break;
    case IFLS:
        value = pl011->ifls;
        break;
    case IMSC:
        value = pl011->mask;
        break;
    case RIS:
        value = interrupts(pl011);
        break;
    case MIS:
        value = interrupts(pl011) & pl011->mask;
        break;
    case DMACR:
        value = pl011->dma;
        break;
    default:
        if (offset >= ID && offset < LENGTH)
            value = identity[(offset - ID) / 4];
        break;
    }
    update_line(pl011);
    return value >> (offset & 3) * 8;
}

/* Sending takes no time: there is room again at once, which is what the interrupt tells. */
static void transmit(struct pl011 *pl011, uint8_t byte)
{
    if (pl011->control & CR_LOOP)
        line_receive(&pl011->line, byte);
    else
        line_send(&pl011->line, byte);
    if (line_has_room(&pl011->line))
        pl011->latched |= INT_TRANSMIT;
}

static void pl011_write(void *device, uint64_t offset, unsigned width, uint64_t word)
{
    struct pl011 *pl011 = device;
    uint16_t value = (uint16_t)word;

    (void)width;
    switch (offset) {
    case DR:
        transmit(pl011, (uint8_t)value);
        break;
    case RSR:
        pl011->line.overrun = false;
        break;
    case IBRD:
        pl011->ibrd = value;
        break;
    case FBRD:
        pl011->fbrd = value & 0x3f;
        break;
    case LCR_H:
        pl011->lcr_h = value & 0xff;
        break;
    case CR:
        pl011->control = value;
        break;
    case IFLS:
        pl011->ifls = value & 0x3f;
        break;
    case IMSC:
        pl011->mask = value & INT_ALL;
        break;
    case ICR:
        pl011->latched &= (uint16_t)~value;
        break;
    case DMACR:
        pl011->dma = value & 0x7;
        break;
    default: /* read-only, or nothing */
        break;
    }
    update_line(pl011);
}

static void line_changed(void *device, bool emptied)
{
    struct pl011 *pl011 = device;

    if (emptied)
        pl011->latched |= INT_TRANSMIT;
    if (pl011->line.overrun)
        pl011->latched |= INT_OVERRUN;
    update_line(pl011);
}

void pl011_init(struct pl011 *pl011, const struct board *board, uint64_t address, unsigned gsi)
{
    const struct bus_range range = {
        .first = address,
        .count = LENGTH,
        .width_max = 4,
        .read = pl011_read,
        .write = pl011_write,
        .device = pl011,
        .lock = &pl011->line.lock,
        .name = "serial port",
        .space = BUS_MEMORY,
    };

    *pl011 = (struct pl011){ .vm = board->vm, .gsi = gsi };
    line_init(&pl011->line, board, line_changed, pl011);
    bus_add_at_start(board->bus, &range);
    pl011_reset(pl011);
}

void pl011_reset(struct pl011 *pl011)
{
    pthread_mutex_lock(&pl011->line.lock);
    pl011->lcr_h = pl011->ibrd = pl011->fbrd = pl011->dma = 0;
    pl011->ifls = 0x12;
    pl011->control = CR_RESET;
    pl011->mask = pl011->latched = 0;
    pl011->line.overrun = false;
    line_clear(&pl011->line);
    update_line(pl011);
    pthread_mutex_unlock(&pl011->line.lock);
}
