/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/tco.h"

#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/count_of.h"
#include "layout/x86.h"

#define NS_PER_MS 1000000u
/* SMI_EN as QEMU has it without system management mode: firmware finds APMC_EN set, and leaves SMIs alone. */
#define SMI_EN 0x00000020u
#define SMI_EN_LENGTH 4
#define GCS_LENGTH 4

/* ---- the timer. Under the lock ---- */

static bool counts(const struct tco *tco)
{
    return tco->state.started && !(tco->state.control1 & TCO1_CNT_HALT);
}

static void load(struct tco *tco)
{
    tco->state.started = 1;
    tco->state.left = tco->state.timer * TCO_TICK_NS;
}

static void at_zero(struct tco *tco)
{
    tco->state.status1 |= TCO1_STS_TIMEOUT;
    load(tco);
    if (!tco->state.once) {
        tco->state.once = 1;
        return;
    }
    tco->state.once = 0;
    tco->state.status2 |= TCO2_STS_SECOND | TCO2_STS_BOOT;
    if (tco->strapped || (tco->state.gcs & GCS_NO_REBOOT))
        return;
    tco->state.started = 0;
    tco->state.left = 0;
    tco->state.expired = 1;
}

/* All that has happened up to now. A full timer is never 0, so that each round takes time. */
static void advance(struct tco *tco)
{
    const uint64_t now = guest_clock_now(tco->board->clock);
    uint64_t passed = now - tco->since;

    tco->since = now;
    while (counts(tco) && passed >= tco->state.left) {
        passed -= tco->state.left;
        at_zero(tco);
    }
    if (counts(tco))
        tco->state.left -= passed;
}

/* After each change: the main thread looks at once if the board has something to hear, or if its timer is not
 * to come, or later than zero. A timer that comes too early sees that, so writing TCO_RLD again and again
 * wakes nobody. */
static void plan(struct tco *tco)
{
    if (tco->runs && (tco->state.expired || (counts(tco) && tco->since + tco->state.left < tco->due)))
        loop_post(tco->board->loop, &tco->look);
}

static void check_expiry(void *opaque)
{
    struct tco *tco = opaque;
    const struct board *board = tco->board;
    bool expired, set;
    uint64_t left;

    pthread_mutex_lock(&tco->lock);
    advance(tco);
    set = tco->runs && counts(tco);
    left = tco->state.left;
    tco->due = set ? tco->since + left : UINT64_MAX;
    expired = tco->runs && tco->state.expired;
    if (expired)
        tco->state.expired = 0;
    pthread_mutex_unlock(&tco->lock);
    if (set)
        timer_start(board->loop, &tco->timer, left / NS_PER_MS + 1, check_expiry, tco);
    else
        timer_cancel(&tco->timer);
    if (expired)
        board->watchdog(board->machine);
}

/* ---- the registers: `mask` has the bytes that are written ---- */

struct tco_register {
    uint16_t offset;
    uint16_t stored;                                               /* where it is in the state */
    uint16_t bits;                                                 /* that a write changes */
    void (*write)(struct tco *tco, uint16_t value, uint16_t mask); /* instead, if not NULL */
};

static void write_reload(struct tco *tco, uint16_t value, uint16_t mask)
{
    (void)value, (void)mask;
    tco->state.once = 0;
    load(tco);
}

static void write_data(struct tco *tco, uint16_t value, uint16_t mask)
{
    tco->state.data = (uint16_t)((tco->state.data & ~mask) | value);
    if (mask & 0x00ff)
        tco->state.status1 |= TCO1_STS_SW_SMI;
    if (mask & 0xff00)
        tco->state.status1 |= TCO1_STS_INT;
}

/* Ones clear. */
static void write_status1(struct tco *tco, uint16_t value, uint16_t mask)
{
    (void)mask;
    tco->state.status1 &= (uint16_t)~value;
}

static void write_status2(struct tco *tco, uint16_t value, uint16_t mask)
{
    (void)mask;
    tco->state.status2 &= (uint16_t)~value;
}

#define CONTROL1_BITS (TCO1_CNT_NMI2SMI | TCO1_CNT_HALT | TCO1_CNT_LOCK)

static void write_control1(struct tco *tco, uint16_t value, uint16_t mask)
{
    const uint16_t lock = tco->state.control1 & TCO1_CNT_LOCK;

    tco->state.control1 = (uint16_t)((tco->state.control1 & ~mask) | (value & CONTROL1_BITS) | lock);
    if (!(tco->state.control1 & TCO1_CNT_HALT) && !tco->state.started)
        load(tco);
}

static void write_timer(struct tco *tco, uint16_t value, uint16_t mask)
{
    const uint16_t timer = (uint16_t)(((tco->state.timer & ~mask) | value) & TCO_TMR_MAX);

    if (timer >= TCO_TMR_MIN)
        tco->state.timer = timer;
}

#define STORED(member) offsetof(struct tco_state, member)

static const struct tco_register registers[] = {
    { .offset = TCO_DAT, STORED(data), .write = write_data },
    { .offset = TCO1_STS, STORED(status1), .write = write_status1 },
    { .offset = TCO2_STS, STORED(status2), .write = write_status2 },
    { .offset = TCO1_CNT, STORED(control1), .write = write_control1 },
    { .offset = TCO2_CNT, STORED(control2), .bits = 0x3e },
    { .offset = TCO_MESSAGE, STORED(message), .bits = 0xffff },
    { .offset = TCO_WDCNT, STORED(progress), .bits = 0xff },
    { .offset = SW_IRQ_GEN, STORED(software_irq), .bits = 0x03 },
    { .offset = TCO_TMR, STORED(timer), .write = write_timer },
};

static const struct tco_register *find(uint64_t offset)
{
    for (size_t i = 0; i < COUNT_OF(registers); i++)
        if (registers[i].offset == offset)
            return &registers[i];
    return NULL;
}

static uint16_t *stored(struct tco *tco, const struct tco_register *reg)
{
    return (uint16_t *)(void *)((uint8_t *)&tco->state + reg->stored);
}

/* Ticks that have begun: all of TCO_TMR at first, none at zero. */
static uint16_t ticks(const struct tco *tco)
{
    return (uint16_t)((tco->state.left + TCO_TICK_NS - 1) / TCO_TICK_NS);
}

static uint64_t tco_read(void *device, uint64_t offset, unsigned width)
{
    struct tco *tco = device;
    const uint64_t word = offset - offset % 2;
    const struct tco_register *reg = find(word);

    (void)width;
    advance(tco);
    plan(tco);
    return (word == TCO_RLD ? ticks(tco) : reg ? *stored(tco, reg) : 0u) >> offset % 2 * 8;
}

static void tco_write(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    struct tco *tco = device;
    const uint64_t word = offset - offset % 2;
    const struct tco_register *reg = find(word);
    const uint16_t mask = (uint16_t)((width == 1 ? 0xffu : 0xffffu) << offset % 2 * 8);
    const uint16_t shifted = (uint16_t)(value << offset % 2 * 8) & mask;
    uint16_t *at;

    advance(tco);
    if (word == TCO_RLD) {
        write_reload(tco, shifted, mask);
    } else if (reg && reg->write) {
        reg->write(tco, shifted, mask);
    } else if (reg) {
        at = stored(tco, reg);
        *at = (uint16_t)((*at & ~(reg->bits & mask)) | (shifted & reg->bits));
    }
    plan(tco);
}

static uint64_t gcs_read(void *device, uint64_t offset, unsigned width)
{
    (void)width;
    return ((const struct tco *)device)->state.gcs >> offset * 8;
}

/* A pin that says "no reboot" cannot be overruled: the driver sees that, and reports it. */
static void gcs_write(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    struct tco *tco = device;

    (void)width;
    advance(tco);
    if (offset == 0)
        tco->state.gcs = (value & GCS_NO_REBOOT) || tco->strapped ? GCS_NO_REBOOT : 0;
}

static uint64_t smi_read(void *device, uint64_t offset, unsigned width)
{
    (void)device, (void)width;
    return SMI_EN >> offset * 8;
}

static void smi_write(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    (void)device, (void)offset, (void)width, (void)value;
}

/* ---- state ---- */

#define FIELD(member, bits, ...) STATE_FIELD(struct tco_state, member, 1, bits, ##__VA_ARGS__)
#define LEFT_MAX (TCO_TMR_MAX * TCO_TICK_NS)

/* What says that the guest was reset by its watchdog is in another power well, and outlasts the reset. */
static const struct state_field fields[] = {
    FIELD(left, UINT64_MAX),
    FIELD(gcs, GCS_NO_REBOOT, .power_on = GCS_NO_REBOOT),
    FIELD(data, UINT16_MAX),
    FIELD(status1, TCO1_STS_SW_SMI | TCO1_STS_INT | TCO1_STS_TIMEOUT),
    FIELD(status2, TCO2_STS_SECOND | TCO2_STS_BOOT, .kept = TCO2_STS_SECOND | TCO2_STS_BOOT),
    FIELD(control1, CONTROL1_BITS),
    FIELD(control2, 0x3e, .power_on = 0x08),
    FIELD(message, UINT16_MAX),
    FIELD(progress, UINT8_MAX),
    FIELD(software_irq, 0x03, .power_on = 0x03),
    FIELD(timer, TCO_TMR_MAX, .power_on = 4),
    FIELD(started, 1),
    FIELD(once, 1),
    FIELD(expired, 1),
};

static bool valid(const void *opaque)
{
    const struct tco_state *state = opaque;

    return state->timer >= TCO_TMR_MIN && state->left <= LEFT_MAX;
}

const struct state_table tco_state_table = STATE_TABLE("tco", 1, struct tco_state, fields, .valid = valid);

void tco_init(struct tco *tco, const struct board *board, bool strapped)
{
    pthread_mutex_t *const lock = &tco->lock;
    const struct bus_range ranges[] = {
        { BUS_PORTS, X86_PORT_TCO, TCO_LENGTH, 2, tco_read, tco_write, tco, lock, "TCO registers" },
        { BUS_PORTS, X86_PORT_SMI_EN, SMI_EN_LENGTH, 4, smi_read, smi_write, tco, NULL, "SMI_EN register" },
        { BUS_MEMORY, X86_GCS, GCS_LENGTH, 4, gcs_read, gcs_write, tco, lock, "GCS register" },
    };

    *tco = (struct tco){ .board = board, .strapped = strapped, .due = UINT64_MAX };
    state_power_on(&tco_state_table, &tco->state);
    pthread_mutex_init(&tco->lock, NULL);
    tco->look = (struct work){ .run = check_expiry, .opaque = tco };
    for (size_t i = 0; i < COUNT_OF(ranges); i++)
        bus_add_at_start(board->bus, &ranges[i]);
}

void tco_reset(struct tco *tco)
{
    pthread_mutex_lock(&tco->lock);
    state_reset(&tco_state_table, &tco->state);
    pthread_mutex_unlock(&tco->lock);
}

void tco_restored(struct tco *tco)
{
    pthread_mutex_lock(&tco->lock);
    if (tco->strapped)
        tco->state.gcs = GCS_NO_REBOOT;
    tco->since = guest_clock_now(tco->board->clock);
    plan(tco);
    pthread_mutex_unlock(&tco->lock);
}

void tco_run(struct tco *tco, bool run)
{
    pthread_mutex_lock(&tco->lock);
    advance(tco); /* what is left is saved as it is now */
    tco->runs = run;
    plan(tco);
    pthread_mutex_unlock(&tco->lock);
}

void tco_destroy(struct tco *tco)
{
    timer_cancel(&tco->timer);
    loop_cancel(tco->board->loop, &tco->look);
    pthread_mutex_destroy(&tco->lock);
}

/* ---- the type ---- */

static bool build(struct board *board, const struct chip_place *place, struct error *error)
{
    struct tco *tco = calloc(1, sizeof *tco);

    (void)place;
    if (!tco)
        return error_set(error, "out of memory");
    tco_init(tco, board, board->config->watchdog_strapped);
    device_enlist_chip(&tco->device, board, &tco_type);
    return true;
}

static void reset_device(struct device *device)
{
    tco_reset((struct tco *)device);
}

static void restored_device(struct device *device)
{
    tco_restored((struct tco *)device);
}

static void run_device(struct device *device, bool run)
{
    tco_run((struct tco *)device, run);
}

static void destroy(struct device *device)
{
    tco_destroy((struct tco *)device);
    free(device);
}

/* QEMU has it in its ISA bridge, whose registers lead to it (pci/machine.c); ACPI does not name it. */
const struct device_type tco_type = {
    .name = "ich9-tco",
    .build = build,
    .state = &tco_state_table,
    .state_offset = offsetof(struct tco, state),
    .reset = reset_device,
    .run = run_device,
    .restored = restored_device,
    .destroy = destroy,
};
