/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state of all chips of a machine: whatever a guest makes of it can be saved, and a machine that takes it
 * is the same from there on; what a hostile stream says instead changes nothing.
 */
#include "../chips.h"
#include "../unit.h"

#include "base/loop.h"
#include "device/ged.h"
#include "device/line.h"
#include "device/pl011.h"
#include "device/pl031.h"
#include "device/pm.h"
#include "device/rtc.h"
#include "device/serial.h"
#include "device/sleep.h"
#include "firmware/fw_cfg.h"
#include "layout/arm64.h"
#include "layout/x86.h"
#include "pci/machine.h"

#define ROOM 4096
#define LINES 64
#define STEPS 3000

/* A machine that is nothing but its chips, and the interrupt lines that they set. A kind of machine, and
 * where a guest finds its registers. */
struct machine {
    struct board board;
    struct bus bus;
    struct machine_lock lock;
    struct guest_clock clock;
    struct vm vm;
    bool lines[LINES];
};

static struct loop *loop;
static struct machine machines[2];

static void set_line(const struct vm *vm, unsigned gsi, bool high)
{
    for (unsigned i = 0; i < COUNT_OF(machines); i++)
        if (vm == &machines[i].vm) {
            assert_true(gsi < LINES);
            assert_int_not_equal(machines[i].lines[gsi], high); /* called for changes only */
            machines[i].lines[gsi] = high;
        }
}

static void nothing(void *opaque)
{
    (void)opaque;
}

static uint16_t no_gpes(void *opaque)
{
    (void)opaque;
    return 0;
}

static const struct kind {
    const char *name;
    bool (*build)(struct board *board, struct error *error);
    const struct pci_layout *pci;
    enum bus_space space[10];
    uint64_t first[10];
    uint64_t count[10];
    unsigned ranges;
} kinds[3];

static void make(struct machine *machine, const struct kind *kind)
{
    static const struct vm_ops ops = { .irq_line = set_line };
    static const struct config config = { .cpus = 2, .fw_cfg = true };
    struct error error;

    *machine = (struct machine){ .vm = { .ops = &ops } };
    bus_init(&machine->bus);
    machine_lock_init(&machine->lock);
    machine->board = (struct board){
        .vm = &machine->vm,
        .bus = &machine->bus,
        .lock = &machine->lock,
        .loop = loop,
        .clock = &machine->clock,
        .config = &config,
        .low_ram_end = 1 * GIB,
        .power_off = nothing,
        .reset = nothing,
        .waiting_gpes = no_gpes,
        .pci_layout = kind->pci,
    };
    if (!kind->build(&machine->board, &error))
        fail_msg("%s", error.text);
}

static void end(struct machine *machine)
{
    devices_destroy(&machine->board);
    bus_destroy(&machine->bus);
    machine_lock_destroy(&machine->lock);
}

static bool build_x86(struct board *board, struct error *error)
{
    return x86_chips_build(board, false, error);
}

static bool build_x86_ged(struct board *board, struct error *error)
{
    return x86_chips_build(board, true, error);
}

#define ECAM_OF(slot) X86_PCI_ECAM + ((uint64_t)(slot) << 15)

static const struct kind kinds[3] = {
    { "x86",
      build_x86,
      &chips_x86_pci,
      { BUS_PORTS, BUS_PORTS, BUS_PORTS, BUS_PORTS, BUS_PORTS, BUS_MEMORY, BUS_MEMORY, BUS_PORTS, BUS_MEMORY,
        BUS_PORTS },
      { X86_PORT_COM1, X86_PORT_RTC, X86_PORT_PM1_EVENT, X86_PORT_GPE0, 0xcf8, ECAM_OF(0), ECAM_OF(0x1f),
        X86_PORT_TCO, X86_GCS, X86_PORT_FW_CFG },
      { 8, 2, 8, 4, 8, 256, 256, 32, 4, 12 },
      10 },
    { "x86 with a GED",
      build_x86_ged,
      &chips_x86_pci,
      { BUS_PORTS, BUS_PORTS, BUS_MEMORY, BUS_PORTS, BUS_MEMORY, BUS_MEMORY, BUS_PORTS, BUS_MEMORY },
      { X86_PORT_COM1, X86_PORT_RTC, X86_GED, 0xcf8, ECAM_OF(0), ECAM_OF(0x1f), X86_PORT_TCO, X86_GCS },
      { 8, 2, 4, 8, 256, 256, 32, 4 },
      8 },
    { "arm64",
      arm64_chips_build,
      &chips_arm64_pci,
      { BUS_MEMORY, BUS_MEMORY, BUS_MEMORY, BUS_MEMORY, BUS_MEMORY },
      { ARM64_PL011, ARM64_GED, UINT64_C(8) << 30, ARM64_FW_CFG, ARM64_PL031 },
      { 0x50, 4, 256, 24, 0x20 },
      5 },
};

/* ---- what a guest and its world do ---- */

static uint64_t access_at(struct machine *machine, enum bus_space space, uint64_t address, bool write,
                          unsigned width, uint64_t value)
{
    uint8_t data[8];

    memcpy(data, &value, sizeof data);
    bus_access(&machine->bus, space, address, write, width, data);
    value = 0;
    memcpy(&value, data, width);
    return value;
}

static void step(struct machine *machine, const struct kind *kind, struct unit_random *random)
{
    const unsigned range = unit_random_below(random, kind->ranges);
    const uint64_t address = kind->first[range] + unit_random_below(random, (uint32_t)kind->count[range]);
    const unsigned width = 1u << unit_random_below(random, 3);
    const bool write = unit_random_below(random, 3) > 0;
    struct line *line = machine->board.serial_line;

    switch (unit_random_below(random, 16)) {
    case 0: /* a byte comes in */
        pthread_mutex_lock(&line->lock);
        line_receive(line, (uint8_t)unit_random_next(random));
        line->changed(line->device, false);
        pthread_mutex_unlock(&line->lock);
        break;
    case 1:
        machine_lock_take(&machine->lock);
        board_raise(&machine->board, unit_random_below(random, 2) ? BOARD_MEMORY : BOARD_POWER_BUTTON);
        machine_lock_release(&machine->lock);
        break;
    default:
        access_at(machine, kind->space[range], address, write, width, unit_random_next(random) >> 20);
        break;
    }
}

static size_t save(const struct machine *machine, uint8_t bytes[ROOM])
{
    struct hotram_buffer out;
    struct error error;

    hotram_buffer_init(&out, bytes, ROOM);
    if (!devices_save(&machine->board, &out, &error))
        fail_msg("%s", error.text);
    return out.length;
}

static bool restore(struct machine *machine, const uint8_t *bytes, size_t length, struct error *error)
{
    struct hotram_saved saved = { bytes, length };
    bool restored;

    machine_lock_take(&machine->lock);
    restored = devices_restore(&machine->board, &saved, error);
    machine_lock_release(&machine->lock);
    assert_int_equal(saved.length, restored ? 0 : length);
    return restored;
}

/* ---- tests ---- */

/* Whatever the guest did, the state is one that its table has; and then both do the same. */
static void what_a_guest_made_is_saved_and_restored(const struct kind *kind)
{
    uint8_t bytes[ROOM], again[ROOM];
    struct unit_random random, twin;
    struct error error;
    size_t length;

    random = unit_random_start("chip states");
    make(&machines[0], kind);
    make(&machines[1], kind);
    for (unsigned i = 0; i < STEPS; i++) {
        step(&machines[0], kind, &random);
        step(&machines[1], kind, &random); /* somewhere else */
        if (i % 10 > 0)
            continue;
        length = save(&machines[0], bytes);
        if (!restore(&machines[1], bytes, length, &error))
            fail_msg("%s: step %u: %s", kind->name, i, error.text);
        assert_memory_equal(machines[0].lines, machines[1].lines, sizeof machines[0].lines);
        assert_int_equal(save(&machines[1], again), length);
        assert_memory_equal(again, bytes, length);
        twin = random;
        for (unsigned more = 0; more < 5; more++) {
            step(&machines[0], kind, &random);
            step(&machines[1], kind, &twin);
        }
        assert_memory_equal(machines[0].lines, machines[1].lines, sizeof machines[0].lines);
    }
    end(&machines[1]);
    end(&machines[0]);
}

static void x86_is_saved_and_restored(void **state)
{
    (void)state;
    what_a_guest_made_is_saved_and_restored(&kinds[0]);
}

static void x86_with_a_ged_is_saved_and_restored(void **state)
{
    (void)state;
    what_a_guest_made_is_saved_and_restored(&kinds[1]);
}

static void arm64_is_saved_and_restored(void **state)
{
    (void)state;
    what_a_guest_made_is_saved_and_restored(&kinds[2]);
}

/* The last of several is refused: the first ones have not changed either. */
static void a_stream_is_taken_as_a_whole_or_not_at_all(void **state)
{
    uint8_t bytes[ROOM], before[ROOM], after[ROOM];
    struct unit_random random;
    struct error error;
    size_t length, now;

    (void)state;
    random = unit_random_start("chip states");
    for (unsigned k = 0; k < COUNT_OF(kinds); k++) {
        make(&machines[0], &kinds[k]);
        make(&machines[1], &kinds[k]);
        for (unsigned i = 0; i < 200; i++)
            step(&machines[0], &kinds[k], &random);
        length = save(&machines[0], bytes);
        now = save(&machines[1], before);
        for (size_t shorter = 0; shorter < length; shorter++) {
            assert_false(restore(&machines[1], bytes, shorter, &error));
            assert_int_equal(save(&machines[1], after), now);
            assert_memory_equal(after, before, now);
        }
        for (size_t i = 0; i < length; i++) {
            bytes[i] ^= 0x10;
            assert_false(restore(&machines[1], bytes, length, &error));
            assert_int_equal(save(&machines[1], after), now);
            assert_memory_equal(after, before, now);
            bytes[i] ^= 0x10;
        }
        assert_true(restore(&machines[1], bytes, length, &error));
        end(&machines[1]);
        end(&machines[0]);
    }
}

static void another_machine_is_refused_with_its_device(void **state)
{
    uint8_t bytes[ROOM];
    struct error error;
    size_t length;

    (void)state;
    make(&machines[0], &kinds[0]);
    make(&machines[1], &kinds[1]);
    length = save(&machines[0], bytes);
    assert_false(restore(&machines[1], bytes, length, &error));
    assert_non_null(strstr(error.text, "saved state of 'ged': it is another device's"));
    end(&machines[1]);
    end(&machines[0]);
}

static struct pl031 *clock_of(struct machine *machine)
{
    for (struct device *device = machine->board.devices; device; device = device->next)
        if (device->type == &pl031_type)
            return (struct pl031 *)device;
    fail_msg("there is no PL031");
    return NULL;
}

/* A reset of all: as after power-on, but for the time, which has a battery. */
static void a_reset_is_as_power_on(void **state)
{
    uint8_t fresh[ROOM], now[ROOM];
    struct unit_random random;
    const struct kind *kind = &kinds[2];
    int64_t offset;
    size_t length;

    (void)state;
    random = unit_random_start("chip states");
    make(&machines[0], kind);
    length = save(&machines[0], fresh);
    for (unsigned i = 0; i < STEPS; i++)
        step(&machines[0], kind, &random);
    offset = clock_of(&machines[0])->state.offset;
    assert_int_not_equal(offset, 0);
    machine_lock_take(&machines[0].lock);
    devices_reset(&machines[0].board);
    machine_lock_release(&machines[0].lock);
    assert_int_equal(clock_of(&machines[0])->state.offset, offset);
    clock_of(&machines[0])->state.offset = 0;
    assert_int_equal(save(&machines[0], now), length);
    assert_memory_equal(now, fresh, length);
    for (unsigned i = 0; i < LINES; i++)
        assert_false(machines[0].lines[i]);
    end(&machines[0]);
}

static bool never(const struct device *device)
{
    (void)device;
    return false;
}

/* A device whose state has no saved form: no part is saved, or taken. */
static void a_device_without_a_saved_form_is_named(void **state)
{
    static const struct device_type type = { .name = "thing-pci", .has_saved_form = never };
    uint8_t bytes[ROOM], before[ROOM], after[ROOM];
    struct device thing = { 0 };
    struct hotram_buffer out;
    struct error error;
    size_t length, now;

    (void)state;
    make(&machines[0], &kinds[0]);
    make(&machines[1], &kinds[0]);
    access_at(&machines[0], BUS_PORTS, 0xcf8, true, 4, 0x80001234);
    length = save(&machines[0], bytes);
    now = save(&machines[1], before);
    assert_true(device_enlist(&thing, &machines[1].board, &type, "t1", false, &error));
    hotram_buffer_init(&out, after, sizeof after);
    assert_false(devices_save(&machines[1].board, &out, &error));
    assert_int_equal(out.length, 0);
    assert_non_null(strstr(error.text, "'t1'"));
    assert_non_null(strstr(error.text, "thing-pci"));
    assert_false(restore(&machines[1], bytes, length, &error));
    assert_non_null(strstr(error.text, "'t1'"));
    device_delist(&thing);
    assert_int_equal(save(&machines[1], after), now);
    assert_memory_equal(after, before, now);
    assert_true(restore(&machines[1], bytes, length, &error));
    assert_int_equal(access_at(&machines[1], BUS_PORTS, 0xcf8, false, 4, 0), 0x80001234);
    end(&machines[1]);
    end(&machines[0]);
}

/* What a machine's bridges are follows from one table: nothing else is taken. */
static void no_bridge_becomes_another(void **state)
{
    static const struct {
        unsigned at;
        const char *words;
    } bytes_of_mch[] = { { 0x02, "'device'" }, { 0x0e, "'header type'" }, { 0x40, "'reserved'" } };
    uint8_t bytes[STATE_SIZE_MAX], config[PCI_CONFIG_SIZE];
    struct hotram_buffer out;
    struct hotram_saved saved;
    struct error error;

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(bytes_of_mch); i++) {
        state_power_on(&q35_mch_state_table, config);
        config[bytes_of_mch[i].at] ^= 0x40;
        hotram_buffer_init(&out, bytes, sizeof bytes);
        assert_int_equal(state_save(&q35_mch_state_table, "mch", config, &out), HOTRAM_OK);
        saved = (struct hotram_saved){ bytes, out.length };
        assert_false(state_restore(&q35_mch_state_table, "mch", config, &saved, &error));
        assert_non_null(strstr(error.text, bytes_of_mch[i].words));
    }
}

/* A chip that has something to lose says so: all but the sleep registers, whose writes act at once, and the
 * host bridge that has no ports. Of fw_cfg's state nothing follows. */
static void every_chip_has_state(void **state)
{
    (void)state;
    for (unsigned k = 0; k < COUNT_OF(kinds); k++) {
        make(&machines[0], &kinds[k]);
        for (const struct device *device = machines[0].board.devices; device; device = device->next) {
            assert_true(device->type == &sleep_type || device->type == &gpex_host_type ||
                        (device->type->state && (device->type->restored || device->type == &fw_cfg_type)));
            assert_null(device->type->has_saved_form);
            assert_int_equal(device->type->state != NULL, device->type->reset != NULL);
            assert_non_null(device->type->build);
            assert_null(device->type->create);
            assert_false(device->present);
        }
        end(&machines[0]);
    }
}

static int set_up(void **state)
{
    (void)state;
    loop = loop_create();
    return loop ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    loop_destroy(loop);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(x86_is_saved_and_restored),
        TEST(x86_with_a_ged_is_saved_and_restored),
        TEST(arm64_is_saved_and_restored),
        TEST(a_stream_is_taken_as_a_whole_or_not_at_all),
        TEST(another_machine_is_refused_with_its_device),
        TEST(a_reset_is_as_power_on),
        TEST(a_device_without_a_saved_form_is_named),
        TEST(no_bridge_becomes_another),
        TEST(every_chip_has_state),
    };

    return cmocka_run_group_tests_name("chip_state", tests, NULL, NULL);
}
