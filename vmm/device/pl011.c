/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/pl011.h"

#include <stdlib.h>

#include <hotram/acpi_arm.h>

#include "base/count_of.h"
#include "device/registers.h"

/* Registers by offset (3.2) */
#define DR 0x000u
#define RSR 0x004u
#define FR 0x018u
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

#define RSR_OVERRUN 0x8u

#define FR_RECEIVE_EMPTY 0x10u
#define FR_TRANSMIT_FULL 0x20u
#define FR_RECEIVE_FULL 0x40u
#define FR_TRANSMIT_EMPTY 0x80u

#define CR_LOOP 0x80u
/* Bits that are kept of what is written */
#define FBRD_ALL 0x3fu
#define LCR_ALL 0xffu
#define IFLS_ALL 0x3fu
#define DMA_ALL 0x7u

#define CR_RESET 0x300u /* transmitter and receiver are on, once the port is */

/* What is received interrupts as long as it is not read, whatever the trigger level: the timeout that would
 * come for less than the level comes at once. */
static uint16_t interrupts(const struct pl011 *pl011)
{
    uint16_t now = pl011->state.latched;

    if (pl011->state.line.fifo_count > 0)
        now |= INT_RECEIVE | INT_TIMEOUT;
    return now;
}

static void update_line(struct pl011 *pl011)
{
    bool high = (interrupts(pl011) & pl011->state.mask) != 0;

    if (high == pl011->level)
        return;
    pl011->level = high;
    vm_irq_line(pl011->vm, pl011->gsi, high);
}

static uint32_t flags(void *device)
{
    const struct pl011 *pl011 = device;
    uint32_t value = 0;

    if (pl011->state.line.fifo_count == 0)
        value |= FR_RECEIVE_EMPTY;
    if (pl011->state.line.fifo_count == LINE_FIFO)
        value |= FR_RECEIVE_FULL;
    value |= line_has_room(&pl011->line) ? FR_TRANSMIT_EMPTY : FR_TRANSMIT_FULL;
    return value;
}

static uint32_t receive(void *device)
{
    return line_take(&((struct pl011 *)device)->line);
}

/* Sending takes no time: there is room again at once, which is what the interrupt tells. */
static void transmit(void *device, uint32_t value)
{
    struct pl011 *pl011 = device;
    const uint8_t byte = (uint8_t)value;

    if (pl011->state.control & CR_LOOP)
        line_receive(&pl011->line, byte);
    else
        line_send(&pl011->line, byte);
    if (line_has_room(&pl011->line))
        pl011->state.latched |= INT_TRANSMIT;
}

static uint32_t receive_status(void *device)
{
    return ((const struct pl011 *)device)->state.line.overrun ? RSR_OVERRUN : 0;
}

static void clear_receive_status(void *device, uint32_t value)
{
    (void)value; /* whatever it is */
    ((struct pl011 *)device)->state.line.overrun = false;
}

static uint32_t raw_interrupts(void *device)
{
    return interrupts(device);
}

static uint32_t masked_interrupts(void *device)
{
    return interrupts(device) & ((const struct pl011 *)device)->state.mask;
}

static void clear_interrupts(void *device, uint32_t value)
{
    ((struct pl011 *)device)->state.latched &= (uint16_t)~value;
}

/* ---- the registers ---- */

#define STORED(member) REGISTER_STORED(struct pl011_state, member)

static const struct device_register registers[] = {
    { .offset = DR, .read = receive, .write = transmit },
    { .offset = RSR, .read = receive_status, .write = clear_receive_status },
    { .offset = FR, .read = flags },
    { .offset = IBRD, STORED(ibrd), .bits = UINT16_MAX },
    { .offset = FBRD, STORED(fbrd), .bits = FBRD_ALL },
    { .offset = LCR_H, STORED(lcr_h), .bits = LCR_ALL },
    { .offset = CR, STORED(control), .bits = UINT16_MAX },
    { .offset = IFLS, STORED(ifls), .bits = IFLS_ALL },
    { .offset = IMSC, STORED(mask), .bits = INT_ALL },
    { .offset = RIS, .read = raw_interrupts },
    { .offset = MIS, .read = masked_interrupts },
    { .offset = ICR, .write = clear_interrupts },
    { .offset = DMACR, STORED(dma), .bits = DMA_ALL },
    { .offset = ID + 0x00, .fixed = 0x11 },
    { .offset = ID + 0x04, .fixed = 0x10 },
    { .offset = ID + 0x08, .fixed = 0x14 },
    { .offset = ID + 0x0c, .fixed = 0x00 },
    { .offset = ID + 0x10, .fixed = 0x0d },
    { .offset = ID + 0x14, .fixed = 0xf0 },
    { .offset = ID + 0x18, .fixed = 0x05 },
    { .offset = ID + 0x1c, .fixed = 0xb1 },
};

/* Any byte of a register can be read, its first can be written. */
static uint64_t pl011_read(void *device, uint64_t offset, unsigned width)
{
    struct pl011 *pl011 = device;
    const uint32_t value = register_read_part(registers, COUNT_OF(registers), offset, pl011, &pl011->state);

    (void)width;
    update_line(pl011);
    return value;
}

static void pl011_write(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    struct pl011 *pl011 = device;

    (void)width;
    register_write(register_at(registers, COUNT_OF(registers), offset), pl011, &pl011->state,
                   (uint16_t)value);
    update_line(pl011);
}

static void line_changed(void *device, bool emptied)
{
    struct pl011 *pl011 = device;

    if (emptied)
        pl011->state.latched |= INT_TRANSMIT;
    if (pl011->state.line.overrun)
        pl011->state.latched |= INT_OVERRUN;
    update_line(pl011);
}

/* ---- state ---- */

#define FIELD(member, bits, ...) STATE_FIELD(struct pl011_state, member, 1, bits, ##__VA_ARGS__)

static const struct state_field fields[] = {
    LINE_FIELDS(struct pl011_state, line),
    FIELD(lcr_h, LCR_ALL),
    FIELD(ibrd, UINT16_MAX),
    FIELD(fbrd, FBRD_ALL),
    FIELD(ifls, IFLS_ALL, .power_on = 0x12),
    FIELD(control, UINT16_MAX, .power_on = CR_RESET),
    FIELD(mask, INT_ALL),
    FIELD(latched, INT_TRANSMIT | INT_OVERRUN),
    FIELD(dma, DMA_ALL),
};

static bool valid(const void *state)
{
    return line_state_valid(&((const struct pl011_state *)state)->line);
}

const struct state_table pl011_state_table = STATE_TABLE("pl011", 1, struct pl011_state, fields,
                                                         .valid = valid);

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

    *pl011 = (struct pl011){ .vm = board->vm, .address = address, .gsi = gsi };
    state_power_on(&pl011_state_table, &pl011->state);
    line_init(&pl011->line, board, &pl011->state.line, line_changed, pl011);
    bus_add_at_start(board->bus, &range);
}

void pl011_reset(struct pl011 *pl011)
{
    pthread_mutex_lock(&pl011->line.lock);
    state_reset(&pl011_state_table, &pl011->state);
    line_restored(&pl011->line);
    update_line(pl011);
    pthread_mutex_unlock(&pl011->line.lock);
}

void pl011_restored(struct pl011 *pl011)
{
    pthread_mutex_lock(&pl011->line.lock);
    line_restored(&pl011->line);
    update_line(pl011);
    pthread_mutex_unlock(&pl011->line.lock);
}

/* ---- the type ---- */

static bool build(struct board *board, const struct chip_place *place, struct error *error)
{
    struct pl011 *pl011 = calloc(1, sizeof *pl011);

    if (!pl011)
        return error_set(error, "out of memory");
    pl011_init(pl011, board, place->address, place->gsi);
    device_enlist_chip(&pl011->device, board, &pl011_type);
    board->serial_line = &pl011->line;
    return true;
}

static void reset_device(struct device *device)
{
    pl011_reset((struct pl011 *)device);
}

static void restored_device(struct device *device)
{
    pl011_restored((struct pl011 *)device);
}

static void destroy(struct device *device)
{
    struct pl011 *pl011 = (struct pl011 *)device;

    line_stop(&pl011->line);
    line_destroy(&pl011->line);
    free(pl011);
}

static void aml(const struct device *device, struct hotram_aml *out)
{
    const struct pl011 *pl011 = (const struct pl011 *)device;
    const struct hotram_acpi_pl011 config = { .path = PL011_ACPI_PATH,
                                              .base = (uint32_t)pl011->address,
                                              .gsi = pl011->gsi };

    RESULT_DOES_NOT_MATTER(hotram_acpi_pl011(out, &config), "only a place that no chip has is refused");
}

/* Documentation/devicetree/bindings/serial/pl011.yaml */
static bool fdt(const struct device *device, struct tree_node *node)
{
    static const char compatible[] = "arm,pl011\0arm,primecell";
    static const char clock_names[] = "uartclk\0apb_pclk";
    const struct pl011 *pl011 = (const struct pl011 *)device;

    *node = (struct tree_node){
        .name = "serial",
        .compatible = compatible,
        .compatible_size = sizeof compatible,
        .address = pl011->address,
        .size = LENGTH,
        .gsi = pl011->gsi,
        .clock_names = clock_names,
        .clock_names_size = sizeof clock_names,
        .clocks = 2,
        .console = true,
    };
    return true;
}

const struct device_type pl011_type = {
    .name = "pl011",
    .parent = "device",
    .build = build,
    .state = &pl011_state_table,
    .state_offset = offsetof(struct pl011, state),
    .reset = reset_device,
    .restored = restored_device,
    .destroy = destroy,
    .aml = aml,
    .fdt = fdt,
};
