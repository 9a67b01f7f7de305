/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI functions on a bus, and a bridge: configuration space, BARs that come, move and collide, pins, places.
 */
#include "pci_world.h"

#include "pci/place.h"

static int set_up(void **state)
{
    (void)state;
    return world_create();
}

static int tear_down(void **state)
{
    (void)state;
    return world_destroy();
}

/* ---- a device ---- */

struct thing {
    struct pci_function pci; /* first */
    uint64_t moved[2];       /* what its BARs 0 and 2 were told */
    unsigned moves;
    uint64_t written;
    uint8_t registers[8];
};

static uint64_t read_thing(void *opaque, uint64_t offset, unsigned width)
{
    (void)width;
    return ((const struct thing *)opaque)->pci.devfn * UINT64_C(0x10000) + offset;
}

static void write_thing(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
    ((struct thing *)opaque)->written = offset << 40 | (uint64_t)width << 32 | value;
}

static void moved(struct pci_function *function, unsigned index, uint64_t address)
{
    struct thing *thing = (struct thing *)function;

    thing->moved[index / 2] = address;
    thing->moves++;
}

/* BAR 0: 4 KiB below 4 GiB; BAR 2: 16 KiB anywhere. */
static void make(struct thing *thing)
{
    static const struct pci_ids ids = { 0x1af4, 0x1234, 3, 0xff, 1, 2, 0x1af4, 0x1100, true };
    struct pci_bar bar = { .size = 0x1000,
                           .width_max = 4,
                           .read = read_thing,
                           .write = write_thing,
                           .device = thing,
                           .moved = moved };

    *thing = (struct thing){ .moved = { PCI_UNMAPPED, PCI_UNMAPPED } };
    pci_function_init(&thing->pci, "thing", &ids);
    pci_bar_add(&thing->pci, 0, &bar);
    bar.size = 0x4000;
    bar.bits64 = bar.prefetchable = true;
    pci_bar_add(&thing->pci, 2, &bar);
}

static void plug(struct thing *thing, const char *bus_name, const char *addr)
{
    const struct pci_place place = { .bus = (char *)bus_name, .addr = (char *)addr };
    struct error error;

    make(thing);
    if (!pci_function_plug(&thing->pci, &board, &place, false, &error))
        fail_msg("%s", error.text);
}

static void a_function_is_found_and_its_bars_have_sizes(void **state)
{
    const unsigned devfn = PCI_DEVFN(1, 0);
    struct thing thing;

    (void)state;
    plug(&thing, NULL, NULL);
    assert_int_equal(thing.pci.devfn, devfn);
    assert_int_equal(get(0, devfn, 0, 4), 0x12341af4);
    assert_int_equal(get(0, devfn, 8, 4), 0xff010203);
    assert_int_equal(get(0, devfn, 0x2c, 4), 0x11001af4);
    assert_int_equal(get(0, devfn, PCI_INTERRUPT_PIN, 1), 1);
    put(0, devfn, 0, 4, 0); /* ids stay */
    assert_int_equal(get(0, devfn, 0, 4), 0x12341af4);
    for (unsigned i = 0; i < 6; i++)
        put(0, devfn, PCI_BAR + 4 * i, 4, UINT32_MAX);
    assert_int_equal(get(0, devfn, PCI_BAR, 4), 0xfffff000);
    assert_int_equal(get(0, devfn, PCI_BAR + 4, 4), 0);
    assert_int_equal(get(0, devfn, PCI_BAR + 8, 4), 0xffffc00c);
    assert_int_equal(get(0, devfn, PCI_BAR + 12, 4), 0xffffffff);
    assert_int_equal(get(0, devfn, PCI_BAR + 16, 4), 0);
    assert_int_equal(thing.moves, 0);
    pci_function_remove(&thing.pci);
    assert_int_equal(get(0, devfn, 0, 4), 0xffffffff);
}

static void a_bar_is_where_the_guest_puts_it_and_moves_while_it_runs(void **state)
{
    const unsigned devfn = PCI_DEVFN(3, 0);
    struct thing thing;

    (void)state;
    plug(&thing, NULL, "3");
    put(0, devfn, PCI_BAR, 4, LOW + 0x1000);
    assert_int_equal(in_memory(LOW + 0x1008, 4), 0xffffffff); /* not yet enabled */
    put(0, devfn, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    assert_int_equal(in_memory(LOW + 0x1008, 4), devfn * 0x10000 + 8);
    assert_int_equal(thing.moved[0], LOW + 0x1000);
    assert_int_equal(thing.moved[1], PCI_UNMAPPED); /* address 0: no window */
    put(0, devfn, PCI_BAR, 4, LOW + 0x5000);
    assert_int_equal(in_memory(LOW + 0x1008, 4), 0xffffffff);
    to_memory(LOW + 0x5004, 4, 0x12345678);
    assert_int_equal(thing.written, UINT64_C(4) << 40 | UINT64_C(4) << 32 | 0x12345678);
    /* The upper half alone moves it, too. */
    put(0, devfn, PCI_BAR + 8, 4, 0x8000);
    put(0, devfn, PCI_BAR + 12, 4, 0x40);
    assert_int_equal(thing.moved[1], HIGH + 0x8000);
    put(0, devfn, PCI_BAR + 12, 4, 0x41);
    assert_int_equal(thing.moved[1], HIGH + 0x100008000);
    assert_int_equal(in_memory(HIGH + 0x10000c000 - 4, 4), devfn * 0x10000 + 0x3ffc);
    put(0, devfn, PCI_BAR + 12, 4, 0x80); /* beyond the window */
    assert_int_equal(thing.moved[1], PCI_UNMAPPED);
    put(0, devfn, PCI_BAR, 4, 0xfec00000); /* I/O APIC */
    assert_int_equal(thing.moved[0], PCI_UNMAPPED);
    put(0, devfn, PCI_BAR, 4, LOW);
    put(0, devfn, PCI_COMMAND, 2, 0);
    assert_int_equal(in_memory(LOW, 4), 0xffffffff);
    put(0, devfn, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    pci_function_reset(&thing.pci);
    assert_int_equal(thing.moved[0], PCI_UNMAPPED);
    assert_int_equal(get(0, devfn, PCI_BAR, 4), 0);
    pci_function_remove(&thing.pci);
}

static void bars_that_collide_answer_when_there_is_room(void **state)
{
    struct thing first, second;

    (void)state;
    plug(&first, NULL, "1");
    plug(&second, NULL, "2");
    for (unsigned slot = 1; slot <= 2; slot++) {
        put(0, PCI_DEVFN(slot, 0), PCI_BAR, 4, LOW);
        put(0, PCI_DEVFN(slot, 0), PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    }
    assert_int_equal(in_memory(LOW, 4), PCI_DEVFN(1, 0) * 0x10000);
    assert_int_equal(second.moved[0], PCI_UNMAPPED);
    put(0, PCI_DEVFN(1, 0), PCI_BAR, 4, LOW + 0x2000);
    assert_int_equal(in_memory(LOW, 4), PCI_DEVFN(2, 0) * 0x10000);
    assert_int_equal(in_memory(LOW + 0x2000, 4), PCI_DEVFN(1, 0) * 0x10000);
    put(0, PCI_DEVFN(2, 0), PCI_BAR, 4, LOW + 0x2000); /* onto the first: nowhere */
    assert_int_equal(in_memory(LOW, 4), 0xffffffff);
    assert_int_equal(second.moved[0], PCI_UNMAPPED);
    pci_function_remove(&first.pci);
    assert_int_equal(in_memory(LOW + 0x2000, 4), PCI_DEVFN(2, 0) * 0x10000);
    pci_function_remove(&second.pci);
}

/* ---- capabilities ---- */

static unsigned reads, writes, last_offset;

static void capability_read(struct pci_function *function, unsigned offset, unsigned width)
{
    (void)width;
    last_offset = offset;
    pci_config_set(function, PCI_HEADER_END + 4, 1, ++reads);
}

static void capability_written(struct pci_function *function, unsigned offset, unsigned width)
{
    (void)function, (void)width;
    last_offset = offset;
    writes++;
}

static void capabilities_are_a_list_with_bits_that_change(void **state)
{
    static const uint8_t bytes[] = { 0, 0, 0x11, 0x22, 0, 0xf0 };
    static const uint8_t writable[] = { 0, 0, 0x0f, 0, 0, 0x01 };
    const struct pci_capability first = { PCI_CAPABILITY_VENDOR, sizeof bytes,      bytes, writable,
                                          capability_read,       capability_written };
    const struct pci_capability second = { .id = PCI_CAPABILITY_MSIX, .length = 12 };
    const struct pci_place place = { .addr = "4" };
    const unsigned devfn = PCI_DEVFN(4, 0);
    struct thing thing;
    struct error error;

    (void)state;
    reads = writes = 0;
    make(&thing);
    assert_int_equal(pci_capability_add(&thing.pci, &first), 0x40);
    assert_int_equal(pci_capability_add(&thing.pci, &second), 0x48);
    pci_config_clearing(&thing.pci, 0x45, 1, 0x80);
    assert_true(pci_function_plug(&thing.pci, &board, &place, false, &error));
    assert_int_equal(get(0, devfn, PCI_STATUS, 2) & PCI_STATUS_CAPABILITIES, PCI_STATUS_CAPABILITIES);
    assert_int_equal(get(0, devfn, PCI_CAPABILITY_POINTER, 1), 0x40);
    assert_int_equal(get(0, devfn, 0x40, 4), 0x22114809);
    assert_int_equal(get(0, devfn, 0x44, 1), 2); /* counted by the reads */
    assert_int_equal(get(0, devfn, 0x48, 2), 0x0011);
    assert_int_equal(reads, 2);
    put(0, devfn, 0x40, 4, UINT32_MAX);
    assert_int_equal(last_offset, 0);
    assert_int_equal(get(0, devfn, 0x40, 4), 0x221f4809);
    put(0, devfn, 0x45, 1, 0x70); /* its highest bit is cleared by a 1 */
    assert_int_equal(last_offset, 5);
    assert_int_equal(get(0, devfn, 0x45, 1), 0xf0);
    put(0, devfn, 0x45, 1, 0x81);
    assert_int_equal(get(0, devfn, 0x45, 1), 0x71);
    put(0, devfn, 0x48, 2, UINT16_MAX);
    assert_int_equal(writes, 3);
    pci_function_reset(&thing.pci);
    assert_int_equal(get(0, devfn, 0x45, 1), 0xf0);
    pci_function_remove(&thing.pci);
}

/* ---- pins and mastery ---- */

static void pins_are_shared_and_can_be_turned_off(void **state)
{
    struct thing first, second;

    (void)state;
    plug(&first, NULL, "1");
    plug(&second, NULL, "5"); /* the same line, four slots further */
    pci_intx(&first.pci, true);
    assert_int_equal(lines, 1u << 1);
    assert_int_equal(get(0, PCI_DEVFN(1, 0), PCI_STATUS, 2) & PCI_STATUS_INTERRUPT, PCI_STATUS_INTERRUPT);
    assert_int_equal(get(0, PCI_DEVFN(5, 0), PCI_COMMAND, 4) >> 16 & PCI_STATUS_INTERRUPT, 0);
    pci_intx(&second.pci, true);
    pci_intx(&second.pci, true);
    pci_intx(&first.pci, false);
    assert_int_equal(lines, 1u << 1);
    put(0, PCI_DEVFN(5, 0), PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE);
    assert_int_equal(lines, 0);
    assert_int_equal(get(0, PCI_DEVFN(5, 0), PCI_COMMAND, 4) >> 16 & PCI_STATUS_INTERRUPT,
                     PCI_STATUS_INTERRUPT);
    put(0, PCI_DEVFN(5, 0), PCI_COMMAND, 2, 0);
    assert_int_equal(lines, 1u << 1);
    pci_function_reset(&second.pci);
    assert_int_equal(lines, 0);
    pci_intx(&first.pci, true);
    pci_function_remove(&first.pci); /* with its pin high */
    assert_int_equal(lines, 0);
    pci_function_remove(&second.pci);
}

static void who_may_master_is_the_guest_s_word(void **state)
{
    struct thing thing;

    (void)state;
    plug(&thing, NULL, "1");
    assert_false(pci_may_master(&thing.pci));
    put(0, PCI_DEVFN(1, 0), PCI_COMMAND, 2, PCI_COMMAND_MASTER);
    assert_true(pci_may_master(&thing.pci));
    pci_function_reset(&thing.pci);
    assert_false(pci_may_master(&thing.pci));
    pci_function_remove(&thing.pci);
}

/* ---- places ---- */

static void expect_refused(const struct pci_place *place, bool hot, const char *words)
{
    struct thing thing;
    struct error error = { 0 };

    make(&thing);
    if (pci_function_plug(&thing.pci, &board, place, hot, &error) || !strstr(error.text, words))
        fail_msg("%s: '%s' is not '%s'", place->addr, error.text, words);
    assert_null(thing.pci.bus);
    assert_false(thing.pci.multifunction);
}

static void places_that_cannot_be_are_refused(void **state)
{
    static const struct {
        struct pci_place place;
        const char *words;
    } cases[] = {
        { { .addr = "20" }, "0 to 1f, and .0 to .7, such as addr=0x3 or addr=3.1; got '20'" },
        { { .addr = "0x3.8" }, "got '0x3.8'" },
        { { .addr = "3." }, "got '3.'" },
        { { .addr = "" }, "got ''" },
        { { .addr = "-1" }, "got '-1'" },
        { { .addr = "3 " }, "got '3 '" },
        { { .addr = "3.1.1" }, "got '3.1.1'" },
        { { .addr = "100000003" }, "got '100000003'" },
        { { .bus = "pci.0" }, "Bus 'pci.0' not found; there are: pcie.0" },
        { { .addr = "0x1f" },
          "PCI: slot 31 function 0 not available for thing, in use by ICH9-LPC; addr=0x1" },
        { { .addr = "0" }, "in use by mch" },
        { { .addr = "0", .multifunction = true }, "in use by mch" },
        { { .addr = "3" },
          "PCI: slot 3 function 0 not available for thing, in use by thing,id=a; addr=0x1 is" },
        { { .addr = "3.1" },
          "PCI: single function device can't be populated in function 3.1: thing,id=a is in" },
        { { .addr = "6" }, "PCI: 6.0 indicates single function, but 6.2 is already populated; give multi" },
    };
    struct thing thing, second;

    (void)state;
    plug(&thing, NULL, "3");
    thing.pci.device.id = "a";
    plug(&second, NULL, "6.2");
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        expect_refused(&cases[i].place, false, cases[i].words);
    expect_refused(
        &(struct pci_place){ .addr = "7" }, true,
        "Bus 'pcie.0' does not support hotplugging: start hotram with another -device pcie-root-port");
    pci_function_remove(&thing.pci);
    pci_function_remove(&second.pci);
    board.pci = NULL;
    expect_refused(&(struct pci_place){ .addr = NULL }, false, "No 'PCI' bus found for device 'thing'");
}

static void slots_and_functions_are_given(void **state)
{
    static struct thing things[PCI_SLOTS];
    const struct pci_place shared = { .addr = "0x1e.0", .multifunction = true };
    struct pci_place shown;
    struct error error;
    unsigned count = 0;

    (void)state;
    make(&things[0]);
    assert_true(pci_function_plug(&things[count++].pci, &board, &shared, false, &error));
    plug(&things[count++], "pcie.0", "1E.7");
    assert_int_equal(get(0, PCI_DEVFN(30, 0), PCI_HEADER_TYPE, 1), PCI_HEADER_MULTIFUNCTION);
    assert_int_equal(get(0, PCI_DEVFN(30, 7), PCI_HEADER_TYPE, 1), 0);
    pci_place_describe(&things[1].pci, &shown);
    assert_string_equal(shown.addr, "1e.7");
    assert_string_equal(shown.bus, "pcie.0");
    for (unsigned slot = 1; slot < 30; slot++) {
        plug(&things[count], NULL, NULL);
        assert_int_equal(things[count++].pci.devfn, PCI_DEVFN(slot, 0));
    }
    expect_refused(&(struct pci_place){ .addr = NULL }, false,
                   "PCI: no slot/function available for thing, all in use: bus 'pcie.0' has 32 slots");
    while (count > 0)
        pci_function_remove(&things[--count].pci);
}

#define WITH_SET_UP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SET_UP(a_function_is_found_and_its_bars_have_sizes),
        WITH_SET_UP(a_bar_is_where_the_guest_puts_it_and_moves_while_it_runs),
        WITH_SET_UP(bars_that_collide_answer_when_there_is_room),
        WITH_SET_UP(capabilities_are_a_list_with_bits_that_change),
        WITH_SET_UP(pins_are_shared_and_can_be_turned_off),
        WITH_SET_UP(who_may_master_is_the_guest_s_word),
        WITH_SET_UP(places_that_cannot_be_are_refused),
        WITH_SET_UP(slots_and_functions_are_given),
    };

    return cmocka_run_group_tests_name("pci", tests, NULL, NULL);
}
