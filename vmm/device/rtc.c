/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/rtc.h"

#include <stdlib.h>
#include <time.h>

#include "base/config.h"
#include "base/count_of.h"
#include "device/isa_aml.h"
#include "device/registers.h"
#include "device/rtc_base.h"
#include "device/rtc_firmware.h"
#include "device/rtc_time.h"
#include "layout/x86.h"

#define PORTS 2

#define A_ALL 0x7f
#define A_STANDARD 0x26 /* 32768 Hz, as firmware sets it; "update in progress" never shows */
#define B_UPDATE_INTERRUPT 0x10
#define B_ALARM_INTERRUPT 0x20
#define B_INTERRUPTS (B_UPDATE_INTERRUPT | B_ALARM_INTERRUPT)
#define C_INTERRUPT 0x80
#define D_VALID 0x80
#define ALARM_ANY 0xc0 /* an alarm byte with both top bits matches every value */

static void update_line(struct rtc *rtc)
{
    bool high = rtc->state.cmos[REGISTER_C] & rtc->state.cmos[REGISTER_B] & B_INTERRUPTS;

    if (high)
        rtc->state.cmos[REGISTER_C] |= C_INTERRUPT;
    if (high == rtc->line)
        return;
    rtc->line = high;
    vm_irq_line(rtc->vm, rtc->gsi, high);
}

/* ---- the registers ---- */

static uint32_t read_time(void *device)
{
    struct rtc *rtc = device;

    rtc_show_time(rtc);
    return rtc->state.cmos[rtc->state.index];
}

static void write_time(void *device, uint32_t value)
{
    struct rtc *rtc = device;

    rtc_show_time(rtc);
    rtc->state.cmos[rtc->state.index] = (uint8_t)value;
    if (!(rtc->state.cmos[REGISTER_B] & B_SET))
        rtc_take_time(rtc);
}

static void write_register_b(void *device, uint32_t value)
{
    struct rtc *rtc = device;
    bool was_setting = rtc->state.cmos[REGISTER_B] & B_SET;

    rtc_show_time(rtc); /* from here on the bytes may stand still */
    rtc->state.cmos[REGISTER_B] = (uint8_t)value;
    if (was_setting && !(value & B_SET))
        rtc_take_time(rtc);
    if (value & B_INTERRUPTS)
        loop_post(rtc->loop, &rtc->start);
    update_line(rtc);
}

/* Reading it takes the interrupt back. */
static uint32_t read_register_c(void *device)
{
    struct rtc *rtc = device;
    uint8_t value = rtc->state.cmos[REGISTER_C];

    rtc->state.cmos[REGISTER_C] = 0;
    update_line(rtc);
    return value;
}

#define CMOS(at) .stored = offsetof(struct rtc_state, cmos) + (at), .width = 1

/* By CMOS address. What is not listed is memory. */
static const struct device_register cmos_registers[] = {
    { .offset = SECONDS, .read = read_time, .write = write_time },
    { .offset = MINUTES, .read = read_time, .write = write_time },
    { .offset = HOURS, .read = read_time, .write = write_time },
    { .offset = WEEKDAY, .read = read_time, .write = write_time },
    { .offset = DAY, .read = read_time, .write = write_time },
    { .offset = MONTH, .read = read_time, .write = write_time },
    { .offset = YEAR, .read = read_time, .write = write_time },
    { .offset = REGISTER_A, CMOS(REGISTER_A), .bits = A_ALL },
    { .offset = REGISTER_B, CMOS(REGISTER_B), .write = write_register_b },
    { .offset = REGISTER_C, .read = read_register_c },
    { .offset = REGISTER_D, CMOS(REGISTER_D), .bits = 0 },
    { .offset = CENTURY, .read = read_time, .write = write_time },
};

static uint32_t read_data(void *device)
{
    struct rtc *rtc = device;
    const struct device_register *reg = register_at(cmos_registers, COUNT_OF(cmos_registers),
                                                    rtc->state.index);

    return reg ? register_read(reg, rtc, &rtc->state) : rtc->state.cmos[rtc->state.index];
}

static void write_data(void *device, uint32_t value)
{
    struct rtc *rtc = device;
    const struct device_register *reg = register_at(cmos_registers, COUNT_OF(cmos_registers),
                                                    rtc->state.index);

    if (reg)
        register_write(reg, rtc, &rtc->state, value);
    else
        rtc->state.cmos[rtc->state.index] = (uint8_t)value;
}

static void write_index(void *device, uint32_t value)
{
    /* The top bit is another thing: it masks the NMI. */
    ((struct rtc *)device)->state.index = value % RTC_CMOS_SIZE;
}

/* By port. */
static const struct device_register registers[] = {
    { .offset = 0, .fixed = 0xff, .write = write_index },
    { .offset = 1, .read = read_data, .write = write_data },
};

static uint64_t rtc_read(void *device, uint64_t offset, unsigned width)
{
    struct rtc *rtc = device;

    (void)width;
    return register_read(register_at(registers, COUNT_OF(registers), offset), rtc, &rtc->state);
}

static void rtc_write(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    struct rtc *rtc = device;

    (void)width;
    register_write(register_at(registers, COUNT_OF(registers), offset), rtc, &rtc->state, (uint8_t)value);
}

/* ---- once a second ---- */

static bool alarm_matches(const struct rtc *rtc, unsigned alarm, unsigned now)
{
    return rtc->state.cmos[alarm] >= ALARM_ANY || rtc->state.cmos[alarm] == rtc->state.cmos[now];
}

static void schedule(struct rtc *rtc);

/* Once a second, for as long as an interrupt is enabled. */
static void tick(void *opaque)
{
    struct rtc *rtc = opaque;
    bool enabled;

    pthread_mutex_lock(&rtc->lock);
    rtc_show_time(rtc);
    rtc->state.cmos[REGISTER_C] |= B_UPDATE_INTERRUPT;
    if (alarm_matches(rtc, SECONDS_ALARM, SECONDS) && alarm_matches(rtc, MINUTES_ALARM, MINUTES) &&
        alarm_matches(rtc, HOURS_ALARM, HOURS))
        rtc->state.cmos[REGISTER_C] |= B_ALARM_INTERRUPT;
    update_line(rtc);
    enabled = rtc->state.cmos[REGISTER_B] & B_INTERRUPTS;
    pthread_mutex_unlock(&rtc->lock);
    if (enabled)
        schedule(rtc);
}

/* Main thread: the next tick comes just after the host's second changes. */
static void schedule(struct rtc *rtc)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    timer_start(rtc->loop, &rtc->timer, 1001 - (uint64_t)now.tv_nsec / 1000000, tick, rtc);
}

static void start(void *opaque)
{
    struct rtc *rtc = opaque;

    if (!timer_runs(&rtc->timer))
        schedule(rtc);
}

/* ---- state ---- */

#define CMOS_PART(first, count, name, bits, ...) \
    STATE_PART(struct rtc_state, cmos, first, count, name, 1, bits, ##__VA_ARGS__)

/* The clock and the memory have a battery: a reset only stops interrupts. */
static const struct state_field fields[] = {
    STATE_FIELD(struct rtc_state, offset, 1, UINT64_MAX, .kept = UINT64_MAX),
    CMOS_PART(SECONDS, REGISTER_A - SECONDS, "time and alarm", UINT8_MAX, .kept = UINT8_MAX),
    CMOS_PART(REGISTER_A, 1, "register A", A_ALL, .kept = A_ALL, .power_on = A_STANDARD),
    CMOS_PART(REGISTER_B, 1, "register B", UINT8_MAX, .kept = UINT8_MAX & ~(B_INTERRUPTS | B_SET),
              .power_on = B_24_HOURS),
    CMOS_PART(REGISTER_C, 1, "register C", B_INTERRUPTS | C_INTERRUPT),
    CMOS_PART(REGISTER_D, 1, "register D", D_VALID, .power_on = D_VALID, .always = D_VALID),
    CMOS_PART(REGISTER_D + 1, RTC_CMOS_SIZE - REGISTER_D - 1, "memory", UINT8_MAX, .kept = UINT8_MAX),
    STATE_FIELD(struct rtc_state, index, 1, RTC_CMOS_SIZE - 1),
};

static bool valid(const void *opaque)
{
    return rtc_offset_valid(((const struct rtc_state *)opaque)->offset);
}

const struct state_table rtc_state_table = STATE_TABLE("rtc", 1, struct rtc_state, fields, .valid = valid);

void rtc_init(struct rtc *rtc, const struct board *board, unsigned gsi, bool local, int64_t offset)
{
    const struct bus_range range = {
        .first = X86_PORT_RTC,
        .count = PORTS,
        .width_max = 1,
        .read = rtc_read,
        .write = rtc_write,
        .device = rtc,
        .lock = &rtc->lock,
        .name = "real-time clock",
    };

    *rtc = (struct rtc){ .vm = board->vm, .gsi = gsi, .loop = board->loop, .local = local };
    state_power_on(&rtc_state_table, &rtc->state);
    rtc->state.offset = offset;
    pthread_mutex_init(&rtc->lock, NULL);
    rtc->start = (struct work){ .run = start, .opaque = rtc };
    bus_add_at_start(board->bus, &range);
}

/* What firmware reads is again what the machine is, whatever the guest wrote there. */
void rtc_reset(struct rtc *rtc)
{
    pthread_mutex_lock(&rtc->lock);
    state_reset(&rtc_state_table, &rtc->state);
    rtc_write_firmware_bytes(rtc->state.cmos, &rtc->machine);
    rtc->machine.boot_once = NULL;
    update_line(rtc);
    pthread_mutex_unlock(&rtc->lock);
}

void rtc_restored(struct rtc *rtc)
{
    pthread_mutex_lock(&rtc->lock);
    if (rtc->state.cmos[REGISTER_B] & B_INTERRUPTS)
        loop_post(rtc->loop, &rtc->start);
    update_line(rtc);
    pthread_mutex_unlock(&rtc->lock);
}

void rtc_describe(struct rtc *rtc, const struct rtc_machine *machine)
{
    pthread_mutex_lock(&rtc->lock);
    rtc->machine = *machine;
    rtc_write_firmware_bytes(rtc->state.cmos, machine);
    pthread_mutex_unlock(&rtc->lock);
}

void rtc_stop(struct rtc *rtc)
{
    timer_cancel(&rtc->timer);
    if (rtc->loop) /* it was made */
        loop_cancel(rtc->loop, &rtc->start);
}

void rtc_destroy(struct rtc *rtc)
{
    if (rtc->loop)
        pthread_mutex_destroy(&rtc->lock);
}

/* ---- the type ---- */

static void set_cpus(struct device *device, uint32_t count)
{
    struct rtc *rtc = (struct rtc *)device;

    /* The boot order stays as the last reset has left it. */
    pthread_mutex_lock(&rtc->lock);
    rtc->machine.cpus = count;
    rtc_write_firmware_cpus(rtc->state.cmos, count);
    pthread_mutex_unlock(&rtc->lock);
}

static bool build(struct board *board, const struct chip_place *place, struct error *error)
{
    const struct config *config = board->config;
    struct rtc *rtc = calloc(1, sizeof *rtc);

    if (!rtc)
        return error_set(error, "out of memory");
    rtc_init(rtc, board, place->gsi, rtc_base_is_local(config), rtc_base_offset(config));
    rtc_describe(rtc, &(struct rtc_machine){ .cpus = config->cpus,
                                             .low_ram_end = board->low_ram_end,
                                             .high_ram_size = board->high_ram_size,
                                             .boot_order = config->boot.order,
                                             .boot_once = config->boot.once });
    device_enlist_chip(&rtc->device, board, &rtc_type);
    board->set_cpus = set_cpus;
    board->clock_chip = &rtc->device;
    return true;
}

static void reset_device(struct device *device)
{
    rtc_reset((struct rtc *)device);
}

static void restored_device(struct device *device)
{
    rtc_restored((struct rtc *)device);
}

static void destroy(struct device *device)
{
    struct rtc *rtc = (struct rtc *)device;

    rtc_stop(rtc);
    rtc_destroy(rtc);
    free(rtc);
}

static void aml(const struct device *device, struct hotram_aml *out)
{
    isa_device_aml(out, "RTC", "PNP0B00", 0, X86_PORT_RTC, PORTS, ((const struct rtc *)device)->gsi);
}

const struct device_type rtc_type = {
    .name = "mc146818rtc",
    .parent = "device",
    .build = build,
    .state = &rtc_state_table,
    .state_offset = offsetof(struct rtc, state),
    .reset = reset_device,
    .restored = restored_device,
    .destroy = destroy,
    .aml = aml,
};
