/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target of the saved states of devices: bytes as those of all chips of a machine. The judge
 * (devices_judge.h) says beforehand whether the machine takes them. What is refused has changed nothing; what
 * is taken is saved as the same bytes, and a guest can go on with it: its accesses and a reset meet a state
 * that the devices are made for.
 */
#include "input.h"

#include "../unit/chips.h"

#include "base/loop.h"
#include "devices_judge.h"
#include "layout/arm64.h"
#include "layout/x86.h"

#define ROOM 2048

static struct {
    struct board board;
    struct bus bus;
    struct machine_lock lock;
    struct guest_clock clock;
    struct loop *loop;
} machine;

static void set_line(const struct vm *vm, unsigned gsi, bool high)
{
    (void)vm, (void)gsi, (void)high;
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

static void make(enum judged_machine which)
{
    static const struct vm_ops ops = { .irq_line = set_line };
    static const struct vm vm = { .ops = &ops };
    static const struct config config = { .cpus = 1 };
    struct error error;

    if (!machine.loop)
        machine.loop = loop_create();
    bus_init(&machine.bus);
    machine_lock_init(&machine.lock);
    machine.board = (struct board){
        .vm = &vm,
        .bus = &machine.bus,
        .lock = &machine.lock,
        .loop = machine.loop,
        .clock = &machine.clock,
        .config = &config,
        .power_off = nothing,
        .reset = nothing,
        .waiting_gpes = no_gpes,
        .pci_layout = which == JUDGED_ARM64 ? &chips_arm64_pci : &chips_x86_pci,
    };
    if (which == JUDGED_ARM64)
        CHECK(arm64_chips_build(&machine.board, &error));
    else
        CHECK(x86_chips_build(&machine.board, which == JUDGED_X86_GED, &error));
}

static void end(void)
{
    devices_destroy(&machine.board);
    bus_destroy(&machine.bus);
    machine_lock_destroy(&machine.lock);
}

static size_t save(uint8_t bytes[ROOM])
{
    struct hotram_buffer out;
    struct error error;

    hotram_buffer_init(&out, bytes, ROOM);
    CHECK(devices_save(&machine.board, &out, &error));
    return out.length;
}

static bool restore(struct hotram_saved *saved)
{
    struct error error = { 0 };
    bool restored;

    machine_lock_take(&machine.lock);
    restored = devices_restore(&machine.board, saved, &error);
    machine_lock_release(&machine.lock);
    CHECK(restored || error.text[0]);
    return restored;
}

static void try_bytes(enum judged_machine which, const uint8_t *bytes, size_t length)
{
    static uint8_t before[ROOM], after[ROOM];
    struct hotram_saved saved = { bytes, length };
    const size_t now = save(before);
    size_t whole;
    const bool taken = judge_takes_chips(which, bytes, length, &whole);

    CHECK(restore(&saved) == taken);
    if (!taken) {
        CHECK(saved.bytes == bytes && saved.length == length);
        CHECK(save(after) == now && memcmp(after, before, now) == 0);
        return;
    }
    CHECK(saved.length == length - whole);
    CHECK(save(after) == whole);
    /* Setting the clock's interrupt line sets register C's top bit where its cause is there. */
    if (which != JUDGED_ARM64) {
        size_t end = 0; /* of the clock's state, the last but for PCI's three and the watchdog's */

        for (unsigned i = 0; i < judge_chip_count(which) - 4; i++)
            end += judge_chip_length(which, i);
        CHECK((after[end - 121] | 0x80) == (bytes[end - 121] | 0x80));
        after[end - 121] = bytes[end - 121];
        memcpy(after + end - 4, bytes + end - 4, 4);
    }
    CHECK(memcmp(after, bytes, whole) == 0);
}

/* The guest goes on, and its time passes, up to 17 seconds at once. */
static void run(enum judged_machine which, struct input *input)
{
    static const uint64_t x86[] = { X86_PORT_COM1, X86_PORT_RTC, X86_PORT_PM1_EVENT, X86_PORT_GPE0,
                                    X86_PORT_TCO };
    static const uint64_t arm64[] = { ARM64_PL011, ARM64_PL011 + 0x18, ARM64_PL011 + 0x30, ARM64_PL011 + 0x48,
                                      ARM64_PL031 };
    uint8_t data[8] = { 0 };

    while (input->left > 0) {
        const bool is_ged = which != JUDGED_X86 && input_below(input, 4) == 0;
        const bool ports = which != JUDGED_ARM64 && !is_ged;
        const uint8_t how = input_u8(input);
        uint64_t first;

        if (is_ged)
            first = which == JUDGED_ARM64 ? ARM64_GED : X86_GED;
        else
            first = ports ? x86[input_below(input, COUNT_OF(x86))]
                          : arm64[input_below(input, COUNT_OF(arm64))];
        for (unsigned i = 0; i < 4; i++)
            data[i] = input_u8(input);
        machine.clock.stood += (uint64_t)data[3] << 26;
        bus_access(&machine.bus, ports ? BUS_PORTS : BUS_MEMORY, first + (how >> 1 & 0x1f) % 0x18, how & 1,
                   1u << (data[0] & 1), data);
    }
    machine_lock_take(&machine.lock);
    devices_reset(&machine.board);
    machine_lock_release(&machine.lock);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* They are its last bytes: the sanitizer sees each access behind it. */
    static uint8_t memory[ROOM];
    struct input input = { data, size };
    const enum judged_machine which = (enum judged_machine)input_below(&input, 3);
    const bool mend = input_below(&input, 4) > 0;
    size_t length = 0, used;
    uint8_t *bytes;

    for (unsigned i = 0; mend && judge_chip_length(which, i); i++)
        length += judge_chip_length(which, i);
    if (!mend)
        length = input.left;
    if (length > sizeof memory)
        return 0;
    bytes = memory + (sizeof memory - length);
    used = input.left < length ? input.left : length;
    memset(bytes, 0, length);
    memcpy(bytes, input.at, used);
    input.at += used;
    input.left -= used;
    if (mend)
        judge_mend_chips(which, bytes);
    make(which);
    try_bytes(which, bytes, length);
    run(which, &input);
    end();
    return 0;
}
