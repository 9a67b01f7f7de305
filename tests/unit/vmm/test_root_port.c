/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcie-root-port: what is passed on to the bus behind it, and devices that come and go. The test is the
 * guest, as Linux's driver of such slots, and as one that has none.
 */
#include "pci_world.h"

#include <json-c/json.h>

#include "device/device.h"
#include "pci/place.h"
#include "pci/root_port.h"

#define PORT PCI_DEVFN(1, 0)
#define BUS 5u
#define EXPRESS 0x48u /* behind the subsystem's capability */
#define SLOT_CONTROL (EXPRESS + 0x18)
#define SLOT_STATUS (EXPRESS + 0x1a)
#define LINK_STATUS (EXPRESS + 0x12)
#define LINK_ACTIVE 0x2000u
/* Slot Control */
#define LISTENS 0x1021u /* attention button, hot-plug interrupt, link */
#define INDICATOR_ON 0x0100u
#define INDICATOR_BLINKS 0x0200u
#define INDICATOR_OFF 0x0300u
#define POWER_OFF 0x0400u
/* Slot Status */
#define PRESSED 0x0001u
#define PRESENCE_CHANGED 0x0008u
#define PRESENT 0x0040u
#define LINK_CHANGED 0x0100u

static char events[512];

static void note_event(void *machine, const struct event *event)
{
    const size_t length = strlen(events);

    (void)machine;
    snprintf(events + length, sizeof events - length, "%s %s ",
             event->kind == EVENT_DEVICE_DELETED ? "deleted" : "refused", event->device.id);
}

/* What has come by now. */
static void expect_events(const char *expected)
{
    loop_once(loop, 0);
    assert_string_equal(events, expected);
    events[0] = '\0';
}

/* ---- a device that can come and go ---- */

struct thing {
    struct pci_function pci; /* first */
};

static unsigned alive;

static uint64_t read_thing(void *opaque, uint64_t offset, unsigned width)
{
    (void)opaque, (void)width;
    return 0x1000 + offset;
}

static void write_thing(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
    (void)opaque, (void)offset, (void)width, (void)value;
}

static void destroy_thing(struct device *device)
{
    struct thing *thing = (struct thing *)device;

    pci_function_remove(&thing->pci);
    alive--;
    free(thing);
}

static void reset_thing(struct device *device)
{
    pci_function_reset((struct pci_function *)device);
}

static const struct device_type thing_type = { .name = "thing",
                                               .destroy = destroy_thing,
                                               .reset = reset_thing };

static struct thing *add_thing(const char *id, const char *bus_name, const char *addr, bool hot, char *why)
{
    static const struct pci_ids ids = { .vendor = 0x1af4, .device = 0x1234, .interrupt = true };
    const struct pci_place place = { .bus = (char *)bus_name, .addr = (char *)addr, .multifunction = addr };
    struct thing *thing = calloc(1, sizeof *thing);
    const struct pci_bar bar = { .size = 0x1000, .width_max = 4, .read = read_thing, .write = write_thing };
    struct error error = { 0 };

    pci_function_init(&thing->pci, "thing", &ids);
    pci_bar_add(&thing->pci, 0, &bar);
    assert_true(device_enlist(&thing->pci.device, &board, &thing_type, id, hot, &error));
    alive++;
    if (pci_function_plug(&thing->pci, &board, &place, hot, &error))
        return thing;
    strcpy(why, error.text);
    device_delist(&thing->pci.device);
    destroy_thing(&thing->pci.device);
    return NULL;
}

static struct thing *hot_plug(const char *id)
{
    char why[sizeof(struct error)];
    struct thing *thing = add_thing(id, "p1", NULL, true, why);

    if (!thing)
        fail_msg("%s", why);
    return thing;
}

static void unplug(struct thing *thing)
{
    struct error error;

    if (!pci_function_unplug(&thing->pci, &error))
        fail_msg("%s", error.text);
}

static void expect_unplug_refused(struct thing *thing, const char *words)
{
    struct error error = { 0 };

    if (pci_function_unplug(&thing->pci, &error) || !strstr(error.text, words))
        fail_msg("'%s' is not '%s'", error.text, words);
}

/* ---- the port ---- */

static bool add_port(const char *text, char *why)
{
    struct error error = { 0 };
    struct json_object *object = keyval_parse(text, "driver", &error);
    const struct props props = { object, true };
    bool good;

    assert_non_null(object);
    good = device_add(&board, props, false, NULL, &error) == OUTCOME_DONE;
    json_object_put(object);
    if (why)
        strcpy(why, error.text);
    else if (!good)
        fail_msg("%s", error.text);
    return good;
}

static int set_up(void **state)
{
    (void)state;
    events[0] = '\0';
    alive = 0;
    if (world_create() != 0)
        return -1;
    board.event = note_event;
    add_port("pcie-root-port,id=p1,chassis=1,slot=7,port=3", NULL);
    put(0, PORT, PCI_BRIDGE_PRIMARY, 4, BUS << 16 | BUS << 8);
    put(0, PORT, PCI_BRIDGE_MEMORY_BASE, 4, 0xc010c010); /* 1 MiB */
    put(0, PORT, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    devices_destroy(&board);
    assert_int_equal(alive, 0);
    return world_destroy();
}

static uint32_t status(void)
{
    return get(0, PORT, SLOT_STATUS, 2);
}

static void control(uint32_t value)
{
    put(0, PORT, SLOT_CONTROL, 2, value);
}

/* As Linux's driver begins: what happened before is forgotten, then it listens. */
static void listen_as_linux(void)
{
    put(0, PORT, SLOT_STATUS, 2, 0x11f);
    control(LISTENS | INDICATOR_ON);
}

static void the_port_is_a_bridge_with_a_slot(void **state)
{
    (void)state;
    assert_int_equal(get(0, PORT, 0, 4), 0x000c1b36);
    assert_int_equal(get(0, PORT, PCI_CLASS, 4) & 0xffffff, 0x060400);
    assert_int_equal(get(0, PORT, PCI_HEADER_TYPE, 1), 1);
    assert_int_equal(get(0, PORT, PCI_CAPABILITY_POINTER, 1), 0x40);
    assert_int_equal(get(0, PORT, EXPRESS, 1), PCI_CAPABILITY_EXPRESS);
    assert_int_equal(get(0, PORT, EXPRESS + 2, 2), 0x0142); /* version 2, root port, slot */
    assert_int_equal(get(0, PORT, EXPRESS + 0x0c, 4) >> 24, 3);
    assert_int_equal(get(0, PORT, EXPRESS + 0x14, 4), 7u << 19 | 0x4005b);
    assert_int_equal(status(), 0);
    assert_int_equal(get(0, PORT, SLOT_CONTROL, 2), 0x07c0); /* all off */
    put(0, PORT, 0x1c, 2, 0xffff);                           /* no I/O ports */
    assert_int_equal(get(0, PORT, 0x1c, 2), 0);
    put(0, PORT, PCI_BRIDGE_PREFETCH_BASE, 4, UINT32_MAX);
    assert_int_equal(get(0, PORT, PCI_BRIDGE_PREFETCH_BASE, 4), 0xfff1fff1);
    put(0, PORT, SLOT_CONTROL, 2, UINT16_MAX);
    assert_int_equal(get(0, PORT, SLOT_CONTROL, 2), 0x17ff);
}

static void what_is_behind_answers_inside_the_bridge_s_windows(void **state)
{
    char why[sizeof(struct error)];
    struct thing *thing = add_thing("a", "p1", NULL, false, why);

    (void)state;
    assert_int_equal(get(BUS, 0, 0, 4), 0x12341af4);
    assert_int_equal(get(BUS, PCI_DEVFN(1, 0), 0, 4), 0xffffffff);
    assert_int_equal(get(BUS + 1, 0, 0, 4), 0xffffffff);
    put(0, PORT, PCI_BRIDGE_SECONDARY, 1, BUS + 1); /* another number */
    assert_int_equal(get(BUS + 1, 0, 0, 4), 0x12341af4);
    assert_int_equal(get(BUS, 0, 0, 4), 0xffffffff);
    put(0, PORT, PCI_BRIDGE_SECONDARY, 1, BUS);
    put(BUS, 0, PCI_BAR, 4, 0xc0100000);
    put(BUS, 0, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    assert_int_equal(in_memory(0xc0100004, 4), 0x1004);
    assert_true(pci_may_master(&thing->pci));
    put(BUS, 0, PCI_BAR, 4, 0xc0200000); /* outside */
    assert_int_equal(in_memory(0xc0200004, 4), 0xffffffff);
    put(0, PORT, PCI_BRIDGE_MEMORY_LIMIT, 2, 0xc020);
    assert_int_equal(in_memory(0xc0200004, 4), 0x1004);
    put(0, PORT, PCI_COMMAND, 2, 0);
    assert_int_equal(in_memory(0xc0200004, 4), 0xffffffff);
    assert_true(pci_may_master(&thing->pci));              /* its own bit decides */
    put(0, PORT, PCI_BRIDGE_PREFETCH_BASE, 4, 0x00100010); /* 0x4000100000, 1 MiB */
    put(0, PORT, PCI_BRIDGE_PREFETCH_BASE_HIGH, 4, 0x40);
    put(0, PORT, PCI_BRIDGE_PREFETCH_LIMIT_HIGH, 4, 0x40);
    put(0, PORT, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    assert_int_equal(in_memory(0xc0200004, 4), 0x1004);
    pci_intx(&thing->pci, true); /* slot 0 behind slot 1 */
    assert_int_equal(lines, 1u << 1);
    pci_intx(&thing->pci, false);
}

static void a_device_comes_while_the_guest_runs(void **state)
{
    (void)state;
    control(LISTENS | INDICATOR_OFF | POWER_OFF);
    hot_plug("a");
    assert_int_equal(status(), PRESENT | PRESSED | PRESENCE_CHANGED | LINK_CHANGED);
    assert_int_equal(get(0, PORT, LINK_STATUS, 2) & LINK_ACTIVE, LINK_ACTIVE);
    assert_int_equal(lines, 1u << 1); /* the port's own pin */
    put(0, PORT, SLOT_STATUS, 2, 0x109);
    assert_int_equal(status(), PRESENT);
    assert_int_equal(lines, 0);
    assert_int_equal(get(BUS, 0, 0, 4), 0x12341af4);
    /* Power comes on in steps, none of which takes the device away. */
    control(LISTENS | INDICATOR_OFF | POWER_OFF);
    control(LISTENS | INDICATOR_OFF);
    control(LISTENS | INDICATOR_BLINKS);
    control(LISTENS | INDICATOR_ON);
    expect_events("");
    assert_int_equal(get(BUS, 0, 0, 4), 0x12341af4);
}

static void a_device_goes_when_its_power_is_off(void **state)
{
    struct thing *thing;

    (void)state;
    control(LISTENS | INDICATOR_OFF | POWER_OFF);
    thing = hot_plug("a");
    control(LISTENS | INDICATOR_ON);
    put(0, PORT, SLOT_STATUS, 2, 0x11f);
    unplug(thing);
    assert_int_equal(status(), PRESENT | PRESSED);
    assert_int_equal(lines, 1u << 1);
    put(0, PORT, SLOT_STATUS, 2, PRESSED);
    control(LISTENS | INDICATOR_BLINKS);
    expect_unplug_refused(thing, "Hot-unplug failed: guest is busy (power indicator of 'p1' blinking)");
    control(LISTENS | INDICATOR_BLINKS | POWER_OFF);
    expect_events("");
    control(LISTENS | INDICATOR_OFF | POWER_OFF);
    expect_events("deleted a ");
    assert_int_equal(alive, 0);
    assert_int_equal(get(BUS, 0, 0, 4), 0xffffffff);
    assert_int_equal(status(), PRESENCE_CHANGED | LINK_CHANGED);
    assert_null(device_find(&board, "a"));
    /* And another comes to the slot that has no power yet. */
    hot_plug("a");
    control(LISTENS | INDICATOR_OFF | POWER_OFF);
    expect_events("");
    assert_int_equal(alive, 1);
}

static void a_guest_may_refuse_and_be_asked_again(void **state)
{
    struct thing *thing;

    (void)state;
    control(LISTENS | INDICATOR_OFF | POWER_OFF);
    thing = hot_plug("a");
    control(LISTENS | INDICATOR_ON);
    for (unsigned i = 0; i < 2; i++) {
        put(0, PORT, SLOT_STATUS, 2, 0x11f);
        unplug(thing);
        unplug(thing); /* still the same request */
        put(0, PORT, SLOT_STATUS, 2, PRESSED);
        control(LISTENS | INDICATOR_BLINKS);
        control(LISTENS | INDICATOR_ON);
        expect_events("refused a ");
        control(LISTENS | INDICATOR_BLINKS); /* its own doing */
        control(LISTENS | INDICATOR_ON);
        expect_events("");
    }
    assert_int_equal(alive, 1);
}

static void a_guest_lets_go_of_itself(void **state)
{
    char why[sizeof(struct error)];

    (void)state;
    assert_non_null(add_thing("a", "p1", NULL, false, why)); /* there from the start */
    control(LISTENS | INDICATOR_ON);
    control(LISTENS | INDICATOR_OFF | POWER_OFF);
    expect_events("deleted a ");
    assert_int_equal(alive, 0);
}

/* Power is on again before the main thread has looked. */
static void a_guest_that_thinks_better_keeps_the_device(void **state)
{
    (void)state;
    control(LISTENS | INDICATOR_OFF | POWER_OFF);
    hot_plug("a");
    control(LISTENS | INDICATOR_ON);
    control(LISTENS | INDICATOR_OFF | POWER_OFF);
    control(LISTENS | INDICATOR_ON);
    expect_events("");
    assert_int_equal(alive, 1);
}

static void a_guest_that_does_not_listen_is_asked_when_it_does(void **state)
{
    char why[sizeof(struct error)];
    struct thing *thing = add_thing("a", "p1", NULL, false, why);

    (void)state;
    unplug(thing);
    expect_events("");
    listen_as_linux(); /* which forgets what was before */
    assert_int_equal(status(), PRESENT | PRESSED);
    assert_int_equal(lines, 1u << 1);
    put(0, PORT, SLOT_STATUS, 2, PRESSED);
    control(LISTENS | INDICATOR_BLINKS);
    control(LISTENS | INDICATOR_OFF | POWER_OFF);
    expect_events("deleted a ");
}

static void a_reset_carries_out_what_was_asked(void **state)
{
    char why[sizeof(struct error)];
    struct thing *thing = add_thing("a", "p1", NULL, false, why);

    (void)state;
    unplug(thing);
    root_ports_before_reset(host);
    expect_events("deleted a ");
    devices_reset(&board);
    assert_int_equal(status(), 0);
    assert_int_equal(get(0, PORT, SLOT_CONTROL, 2), 0x07c0);
    hot_plug("b");
    devices_reset(&board); /* with a device in it: as from the start */
    assert_int_equal(status(), PRESENT);
    assert_int_equal(get(0, PORT, SLOT_CONTROL, 2), 0x01c0);
    root_ports_before_reset(host);
    expect_events("");
    assert_int_equal(alive, 1);
}

/* Slots without power have no guest that uses them. */
static void what_has_no_power_goes_at_once(void **state)
{
    struct thing *thing;

    (void)state;
    thing = hot_plug("a");
    unplug(thing);
    expect_events("deleted a ");
    assert_int_equal(alive, 0);
}

static void functions_come_with_the_first_last(void **state)
{
    char why[sizeof(struct error)];
    struct thing *thing;

    (void)state;
    control(LISTENS | INDICATOR_OFF | POWER_OFF);
    thing = add_thing("b", "p1", "0.1", true, why);
    assert_int_equal(status(), 0);
    unplug(thing); /* thought better of */
    expect_events("deleted b ");
    assert_non_null(add_thing("b", "p1", "0.1", true, why));
    assert_non_null(add_thing("a", "p1", "0.0", true, why));
    assert_int_equal(status() & PRESENT, PRESENT);
    assert_null(add_thing("c", "p1", "0.2", true, why));
    assert_non_null(
        strstr(why, "PCI: slot 0 function 0 already occupied by thing,id=a, new func thing cannot"));
    control(LISTENS | INDICATOR_ON);
    control(LISTENS | INDICATOR_OFF | POWER_OFF);
    expect_events("deleted b deleted a ");
}

static void messages_replace_the_pin(void **state)
{
    const unsigned msix = EXPRESS + 0x3c;

    (void)state;
    assert_int_equal(get(0, PORT, msix, 1), PCI_CAPABILITY_MSIX);
    put(0, PORT, PCI_BAR, 4, (uint32_t)LOW);
    to_memory(LOW, 8, 0xfee00000);
    to_memory(LOW + 8, 4, 0x33);
    to_memory(LOW + 12, 4, 0);
    put(0, PORT, msix + 2, 2, 0x8000);
    control(LISTENS | INDICATOR_OFF | POWER_OFF);
    hot_plug("a");
    assert_int_equal(lines, 0);
    hears("fee00000:33:8 ");
    put(0, PORT, SLOT_STATUS, 2, 0x108); /* the button is still down */
    hears("");
    put(0, PORT, SLOT_STATUS, 2, PRESSED);
    control(LISTENS | INDICATOR_ON);
    control(LISTENS | INDICATOR_OFF | POWER_OFF);
    expect_events("deleted a ");
    hears("fee00000:33:8 ");
}

static void what_cannot_be_is_refused(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        { "pcie-root-port,id=x,chassis=1,slot=7", "chassis 1 with slot 7 is 'p1'; chassis=0 is free" },
        { "pcie-root-port,id=x,chassis=256",
          "Parameter 'chassis' expects a number from 0 to 255; got '256'" },
        { "pcie-root-port,id=x,slot=8192", "Parameter 'slot' expects a number from 0 to 8191; got '8192'" },
        { "pcie-root-port,id=x,port=256", "Parameter 'port' expects a number from 0 to 255; got '256'" },
        { "pcie-root-port,id=x,bus=p1,chassis=2", "can be on pcie.0 only, not on 'p1'" },
        { "pcie-root-port,id=x,bus=p9,chassis=2", "Bus 'p9' not found; there are: pcie.0, p1" },
        { "pcie-root-port,id=p1,chassis=2", "Duplicate device ID 'p1': a pcie-root-port uses it" },
        { "pcie-root-port,id=x,chassis=2,addr=1", "in use by pcie-root-port,id=p1; addr=0x2 is free" },
        { "pcie-root-port,id=x,chassis=2,size=1", "size" },
    };
    char why[sizeof(struct error)];
    struct thing *thing;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (add_port(cases[i].text, why) || !strstr(why, cases[i].words))
            fail_msg("%s: '%s'", cases[i].text, why);
    add_port("pcie-root-port,id=p2,chassis=2,hotplug=off", NULL);
    assert_null(add_thing("a", "p2", NULL, true, why));
    assert_non_null(strstr(why, "Hot-plug failed: unsupported by the port device 'p2'"));
    thing = add_thing("a", "p2", NULL, false, why);
    expect_unplug_refused(thing, "Hot-unplug failed: unsupported by the port device 'p2'");
    assert_null(add_thing("b", "p2", NULL, false, why));
    assert_non_null(strstr(why, "bus 'p2' has one slot, and thing,id=a is there"));
    assert_null(add_thing("b", "p1", "1.0", false, why));
    assert_non_null(strstr(why, "PCI: slot 1 is not valid for thing, parent device only allows"));
    control(LISTENS | INDICATOR_BLINKS);
    assert_null(add_thing("b", "p1", NULL, true, why));
    assert_non_null(strstr(why, "guest is busy (power indicator of 'p1' blinking)"));
    assert_null(add_thing("b", NULL, NULL, true, why));
    assert_non_null(strstr(why, "Bus 'pcie.0' does not support hotplugging: bus=p1 is free"));
}

#define WITH_SET_UP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SET_UP(the_port_is_a_bridge_with_a_slot),
        WITH_SET_UP(what_is_behind_answers_inside_the_bridge_s_windows),
        WITH_SET_UP(a_device_comes_while_the_guest_runs),
        WITH_SET_UP(a_device_goes_when_its_power_is_off),
        WITH_SET_UP(a_guest_may_refuse_and_be_asked_again),
        WITH_SET_UP(a_guest_lets_go_of_itself),
        WITH_SET_UP(a_guest_that_thinks_better_keeps_the_device),
        WITH_SET_UP(a_guest_that_does_not_listen_is_asked_when_it_does),
        WITH_SET_UP(a_reset_carries_out_what_was_asked),
        WITH_SET_UP(what_has_no_power_goes_at_once),
        WITH_SET_UP(functions_come_with_the_first_last),
        WITH_SET_UP(messages_replace_the_pin),
        WITH_SET_UP(what_cannot_be_is_refused),
    };

    return cmocka_run_group_tests_name("root_port", tests, NULL, NULL);
}
