/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/pl031.h"

#include <stdlib.h>
#include <time.h>

#include "base/count_of.h"
#include "device/registers.h"
#include "device/rtc_base.h"

/* Registers by offset (3.2) */
#define DR 0x000u
#define MR 0x004u
#define LR 0x008u
#define CR 0x00cu
#define IMSC 0x010u
#define RIS 0x014u
#define MIS 0x018u
#define ICR 0x01cu
#define ID 0xfe0u /* eight registers of a byte each */
#define LENGTH 0x1000u

#define INTERRUPT 1u /* the only one, in IMSC, RIS, MIS and ICR */
#define STARTED 1u

/* A timer for a match that is far away looks at the host's clock again after this time: it may have been set
 * meanwhile. */
#define LOOK_MS 60000u

/* ---- time ---- */

/* The host's clock, in seconds since 1970. A local time counts as if it were UTC, as the guest takes it. */
static int64_t host_seconds(const struct pl031 *pl031)
{
    struct timespec now;
    struct tm tm;

    clock_gettime(CLOCK_REALTIME, &now); /* time() may be some milliseconds behind it */
    return pl031->local && localtime_r(&now.tv_sec, &tm) ? timegm(&tm) : now.tv_sec;
}

static uint32_t count(const struct pl031 *pl031)
{
    return (uint32_t)(host_seconds(pl031) + pl031->state.offset);
}

/* The count is another value, and has passed all those in between. One that went back has passed nothing. */
static uint32_t advance(struct pl031 *pl031)
{
    const uint32_t now = count(pl031), passed = now - pl031->state.seen;

    if (passed <= INT32_MAX && pl031->state.match - pl031->state.seen - 1 < passed)
        pl031->state.raw = INTERRUPT;
    pl031->state.seen = now;
    return now;
}

static void update_line(struct pl031 *pl031)
{
    const bool high = pl031->state.raw & pl031->state.mask;

    if (high == pl031->line)
        return;
    pl031->line = high;
    vm_irq_line(pl031->vm, pl031->gsi, high);
}

/* ---- the alarm: a timer for as long as a match is to interrupt ---- */

/* Until just after the second in which the count matches begins. */
static void check_alarm(void *opaque)
{
    struct pl031 *pl031 = opaque;
    struct timespec now;
    uint32_t seconds;
    uint64_t wait;
    bool waits;

    clock_gettime(CLOCK_REALTIME, &now); /* a second that ends after this makes the timer come early */
    pthread_mutex_lock(&pl031->lock);
    seconds = pl031->state.match - advance(pl031);
    update_line(pl031);
    waits = pl031->state.mask && !pl031->state.raw;
    pthread_mutex_unlock(&pl031->lock);
    /* 0: this is the second, and its interrupt has been cleared. */
    wait = seconds == 0 ? LOOK_MS : seconds * UINT64_C(1000) + 1 - (uint64_t)now.tv_nsec / 1000000;
    if (waits)
        timer_start(pl031->loop, &pl031->timer, wait < LOOK_MS ? wait : LOOK_MS, check_alarm, pl031);
    else
        timer_cancel(&pl031->timer);
}

/* ---- the registers ---- */

static uint32_t read_count(void *device)
{
    return count(device);
}

static uint32_t masked(void *device)
{
    const struct pl031 *pl031 = device;

    return pl031->state.raw & pl031->state.mask;
}

static uint32_t raw(void *device)
{
    return ((const struct pl031 *)device)->state.raw;
}

/* A value that the count already has matches at once. */
static void set_match(void *device, uint32_t value)
{
    struct pl031 *pl031 = device;

    pl031->state.match = value;
    if (value == pl031->state.seen)
        pl031->state.raw = INTERRUPT;
}

/* The count is this value from now on; what lies between it and the previous one has not been passed. */
static void load(void *device, uint32_t value)
{
    struct pl031 *pl031 = device;

    pl031->state.loaded = pl031->state.seen = value;
    pl031->state.offset = value - host_seconds(pl031);
    set_match(pl031, pl031->state.match);
}

static void clear(void *device, uint32_t value)
{
    ((struct pl031 *)device)->state.raw &= (uint8_t)~value;
}

#define STORED(member) REGISTER_STORED(struct pl031_state, member)

/* A write to CR has no effect once the clock has started (3.3.4). */
static const struct device_register registers[] = {
    { .offset = DR, .read = read_count },
    { .offset = MR, STORED(match), .write = set_match },
    { .offset = LR, STORED(loaded), .write = load },
    { .offset = CR, .fixed = STARTED },
    { .offset = IMSC, STORED(mask), .bits = INTERRUPT },
    { .offset = RIS, .read = raw },
    { .offset = MIS, .read = masked },
    { .offset = ICR, .write = clear },
    { .offset = ID + 0x00, .fixed = 0x31 },
    { .offset = ID + 0x04, .fixed = 0x10 },
    { .offset = ID + 0x08, .fixed = 0x14 },
    { .offset = ID + 0x0c, .fixed = 0x00 },
    { .offset = ID + 0x10, .fixed = 0x0d },
    { .offset = ID + 0x14, .fixed = 0xf0 },
    { .offset = ID + 0x18, .fixed = 0x05 },
    { .offset = ID + 0x1c, .fixed = 0xb1 },
};

static uint64_t pl031_read(void *device, uint64_t offset, unsigned width)
{
    struct pl031 *pl031 = device;

    (void)width;
    advance(pl031);
    update_line(pl031);
    return register_read_part(registers, COUNT_OF(registers), offset, pl031, &pl031->state);
}

static void pl031_write(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    struct pl031 *pl031 = device;

    (void)width;
    advance(pl031);
    register_write(register_at(registers, COUNT_OF(registers), offset), pl031, &pl031->state,
                   (uint32_t)value);
    update_line(pl031);
    if (pl031->state.mask && !pl031->state.raw)
        loop_post(pl031->loop, &pl031->look);
}

/* ---- state ---- */

#define FIELD(member, bits, ...) STATE_FIELD(struct pl031_state, member, 1, bits, ##__VA_ARGS__)

/* The count has a battery: a reset only takes alarm and interrupt away. */
static const struct state_field fields[] = {
    FIELD(offset, UINT64_MAX, .kept = UINT64_MAX),
    FIELD(seen, UINT32_MAX),
    FIELD(match, UINT32_MAX),
    FIELD(loaded, UINT32_MAX),
    FIELD(mask, INTERRUPT),
    FIELD(raw, INTERRUPT),
};

static bool valid(const void *opaque)
{
    return rtc_offset_valid(((const struct pl031_state *)opaque)->offset);
}

const struct state_table pl031_state_table = STATE_TABLE("pl031", 1, struct pl031_state, fields,
                                                         .valid = valid);

void pl031_init(struct pl031 *pl031, const struct board *board, const struct chip_place *place, bool local,
                int64_t offset)
{
    const struct bus_range range = {
        .space = BUS_MEMORY,
        .first = place->address,
        .count = LENGTH,
        .width_max = 4,
        .read = pl031_read,
        .write = pl031_write,
        .device = pl031,
        .lock = &pl031->lock,
        .name = "real-time clock",
    };

    *pl031 = (struct pl031){
        .vm = board->vm, .loop = board->loop, .address = place->address, .gsi = place->gsi, .local = local
    };
    state_power_on(&pl031_state_table, &pl031->state);
    pl031->state.offset = offset;
    pthread_mutex_init(&pl031->lock, NULL);
    pl031->look = (struct work){ .run = check_alarm, .opaque = pl031 };
    bus_add_at_start(board->bus, &range);
}

void pl031_reset(struct pl031 *pl031)
{
    pthread_mutex_lock(&pl031->lock);
    state_reset(&pl031_state_table, &pl031->state);
    update_line(pl031);
    pthread_mutex_unlock(&pl031->lock);
}

void pl031_restored(struct pl031 *pl031)
{
    pthread_mutex_lock(&pl031->lock);
    update_line(pl031);
    loop_post(pl031->loop, &pl031->look);
    pthread_mutex_unlock(&pl031->lock);
}

void pl031_destroy(struct pl031 *pl031)
{
    timer_cancel(&pl031->timer);
    if (pl031->loop) /* not where only its tables are wanted */
        loop_cancel(pl031->loop, &pl031->look);
    pthread_mutex_destroy(&pl031->lock);
}

/* ---- the type ---- */

static bool build(struct board *board, const struct chip_place *place, struct error *error)
{
    const struct config *config = board->config;
    struct pl031 *pl031 = calloc(1, sizeof *pl031);

    if (!pl031)
        return error_set(error, "out of memory");
    pl031_init(pl031, board, place, rtc_base_is_local(config), rtc_base_offset(config));
    device_enlist_chip(&pl031->device, board, &pl031_type);
    return true;
}

static void reset_device(struct device *device)
{
    pl031_reset((struct pl031 *)device);
}

static void restored_device(struct device *device)
{
    pl031_restored((struct pl031 *)device);
}

static void destroy(struct device *device)
{
    pl031_destroy((struct pl031 *)device);
    free(device);
}

/* Documentation/devicetree/bindings/rtc/arm,pl031.yaml */
static bool fdt(const struct device *device, struct tree_node *node)
{
    static const char compatible[] = "arm,pl031\0arm,primecell";
    static const char clock_names[] = "apb_pclk";
    const struct pl031 *pl031 = (const struct pl031 *)device;

    *node = (struct tree_node){
        .name = "rtc",
        .compatible = compatible,
        .compatible_size = sizeof compatible,
        .address = pl031->address,
        .size = LENGTH,
        .gsi = pl031->gsi,
        .clock_names = clock_names,
        .clock_names_size = sizeof clock_names,
        .clocks = 1,
    };
    return true;
}

/* ACPI has no name for it: firmware offers the time to the guest, as a runtime service. */
const struct device_type pl031_type = {
    .name = "pl031",
    .parent = "device",
    .build = build,
    .state = &pl031_state_table,
    .state_offset = offsetof(struct pl031, state),
    .reset = reset_device,
    .restored = restored_device,
    .destroy = destroy,
    .fdt = fdt,
};
