/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration space, BARs and MSI-X of two functions, in the hands of a hostile guest: any access to
 * configuration space and to the BARs, by ports and in memory, while the devices send interrupts. A model
 * that shares no code with the program says of each register what is read; where each BAR is; and which
 * messages come.
 */
#include "input.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/loop.h"
#include "device/board.h"
#include "kvm/interrupts.h"
#include "pci/bus.h"
#include "pci/msix.h"
#include "pci/place.h"

#define ECAM UINT64_C(0xb0000000)
#define LOW UINT64_C(0xc0000000)
#define LOW_END UINT64_C(0xfebfffff)
#define HIGH UINT64_C(0x4000000000)
#define HIGH_END UINT64_C(0x7fffffffff)
#define NOWHERE UINT64_MAX
#define THINGS 2u
#define BARS 3u
#define VECTORS 3u /* the last has an eventfd */
#define FD_VECTOR 2u
#define MESSAGES_MAX 64u
#define STEPS_MAX 400u

/* BAR 0: 4 KiB; 2: 16 KiB, 64-bit; 4: MSI-X. */
static const unsigned bar_index[BARS] = { 0, 2, 4 };
static const uint64_t bar_size[BARS] = { 0x1000, 0x4000, 0x1000 };

struct model {
    uint8_t config[256], writable[256];
    uint64_t entry[VECTORS][2]; /* as two quad words */
    bool pending[VECTORS];
};

struct message {
    uint64_t address;
    uint32_t data;
};

struct messages {
    struct message message[MESSAGES_MAX];
    unsigned count;
};

struct thing {
    struct pci_function pci; /* first */
    struct model model;
    uint64_t told[2]; /* where its BARs 0 and 2 are */
    int fd;
};

struct world {
    struct vm vm;
    struct loop *loop;
    struct bus bus;
    struct board board;
    struct thing things[THINGS];
    struct messages heard, expected;
};

/* ---- the devices ---- */

static uint64_t read_thing(void *opaque, uint64_t offset, unsigned width)
{
    const struct thing *thing = opaque;

    (void)width;
    return UINT64_C(0xa0000000) | (uint64_t)thing->pci.devfn << 16 | (offset & 0xffff);
}

static void write_thing(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
    (void)opaque, (void)offset, (void)width, (void)value;
}

static void on_moved(struct pci_function *function, unsigned index, uint64_t address)
{
    ((struct thing *)function)->told[index / 2] = address;
}

static void on_message(void *opaque, const struct vm_msi *msi)
{
    struct messages *heard = opaque;

    CHECK(heard->count < MESSAGES_MAX);
    heard->message[heard->count++] = (struct message){ msi->address, msi->data };
}

static void on_line(void *opaque, unsigned gsi, bool high)
{
    (void)opaque, (void)gsi, (void)high;
}

/* ---- the model: PCI Local Bus Specification 3.0, chapter 6 ---- */

static void model_set(struct model *model, unsigned at, unsigned width, uint64_t value, uint64_t writable)
{
    for (unsigned i = 0; i < width; i++) {
        model->config[at + i] = (uint8_t)(value >> 8 * i);
        model->writable[at + i] = (uint8_t)(writable >> 8 * i);
    }
}

static uint64_t model_get(const struct model *model, unsigned at, unsigned width)
{
    uint64_t value = 0;

    for (unsigned i = width; i-- > 0;)
        value = value << 8 | model->config[at + i];
    return value;
}

static void model_init(struct model *model)
{
    memset(model, 0, sizeof *model);
    model_set(model, 0x00, 4, 0x12341af4, 0);
    model_set(model, 0x04, 2, 0, 0x0546);
    model_set(model, 0x06, 2, 0x0010, 0);
    model_set(model, 0x08, 4, 0xff010203, 0);
    model_set(model, 0x0c, 1, 0, 0xff);
    model_set(model, 0x10, 4, 0, 0xfffff000);
    model_set(model, 0x18, 8, 0xc, UINT64_C(0xffffffffffffc000));
    model_set(model, 0x20, 4, 0, 0xfffff000);
    model_set(model, 0x34, 1, 0x40, 0);
    model_set(model, 0x3c, 2, 0x0100, 0x00ff);
    model_set(model, 0x40, 4, 0x00020011, 0xc0000000);
    model_set(model, 0x44, 4, 4, 0);
    model_set(model, 0x48, 4, 0x804, 0);
    for (unsigned i = 0; i < VECTORS; i++)
        model->entry[i][1] = UINT64_C(1) << 32;
}

static bool model_heard(const struct model *model, unsigned vector)
{
    const uint64_t control = model_get(model, 0x42, 2);

    return control & 0x8000 && !(control & 0x4000) && !(model->entry[vector][1] >> 32 & 1);
}

static void expect_message(struct world *world, const struct model *model, unsigned vector)
{
    CHECK(world->expected.count < MESSAGES_MAX);
    world->expected.message[world->expected.count++] = (struct message){ model->entry[vector][0],
                                                                         (uint32_t)model->entry[vector][1] };
}

/* What was pending and is heard now comes. */
static void model_deliver(struct world *world, struct model *model)
{
    for (unsigned i = 0; i < VECTORS; i++)
        if (model->pending[i] && model_heard(model, i)) {
            model->pending[i] = false;
            expect_message(world, model, i);
        }
}

static void model_write(struct world *world, struct model *model, unsigned at, unsigned width, uint64_t value)
{
    for (unsigned i = 0; i < width; i++) {
        const uint8_t bits = model->writable[at + i];

        model->config[at + i] = (uint8_t)((model->config[at + i] & ~bits) | (value >> 8 * i & bits));
    }
    model_deliver(world, model);
}

static uint64_t model_wanted(const struct model *model, unsigned bar)
{
    static const struct {
        unsigned at, width;
    } registers[BARS] = { { 0x10, 4 }, { 0x18, 8 }, { 0x20, 4 } };
    const uint64_t address = model_get(model, registers[bar].at, registers[bar].width) & ~UINT64_C(0xf);
    const uint64_t last = address + bar_size[bar] - 1;

    if (!(model_get(model, 4, 2) & 2))
        return NOWHERE;
    return (address >= LOW && last <= LOW_END) || (address >= HIGH && last <= HIGH_END) ? address : NOWHERE;
}

/* ---- what holds after each step ---- */

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a != NOWHERE && b != NOWHERE && a < b + b_size && b < a + a_size;
}

/* Whether another BAR is to be in the same place. */
static bool is_contested(const struct world *world, unsigned thing, unsigned bar)
{
    const uint64_t wanted = model_wanted(&world->things[thing].model, bar);

    for (unsigned i = 0; i < THINGS * BARS; i++)
        if (i != thing * BARS + bar &&
            overlap(wanted, bar_size[bar], model_wanted(&world->things[i / BARS].model, i % BARS),
                    bar_size[i % BARS]))
            return true;
    return false;
}

static void check_bar(struct world *world, unsigned number, unsigned bar)
{
    struct thing *thing = &world->things[number];
    const uint64_t wanted = model_wanted(&thing->model, bar),
                   at = pci_bar_address(&thing->pci, bar_index[bar]);
    uint32_t value = 0;

    CHECK(at == wanted || (at == NOWHERE && is_contested(world, number, bar)));
    CHECK(bar == 2 || thing->told[bar] == at);
    if (at == NOWHERE || bar == 2)
        return;
    CHECK(bus_access(&world->bus, BUS_MEMORY, at + 8, false, 4, (uint8_t *)&value));
    CHECK(value == (UINT32_C(0xa0000008) | (uint32_t)thing->pci.devfn << 16));
}

static void check_messages(struct world *world)
{
    struct messages *heard = &world->heard, *expected = &world->expected;

    loop_once(world->loop, 0);
    CHECK(heard->count == expected->count);
    for (unsigned i = 0; i < expected->count; i++) { /* of different vectors in any order */
        unsigned j = 0;

        while (j < heard->count &&
               memcmp(&heard->message[j], &expected->message[i], sizeof heard->message[j]))
            j++;
        CHECK(j < heard->count);
        heard->message[j] = heard->message[--heard->count];
    }
    heard->count = expected->count = 0;
}

static void check_all(struct world *world)
{
    for (unsigned i = 0; i < THINGS; i++)
        for (unsigned bar = 0; bar < BARS; bar++)
            check_bar(world, i, bar);
    check_messages(world);
}

/* ---- what a guest does ---- */

static void config_access(struct world *world, struct input *input, struct thing *thing)
{
    const unsigned width = 1u << input_below(input, 3), at = input_u8(input) & ~(width - 1);
    const uint64_t place = ECAM + ((uint64_t)thing->pci.devfn << 12) + at;
    uint32_t value = 0, command;

    if (input_bool(input)) {
        value = (uint32_t)input_number(input);
        model_write(world, &thing->model, at, width, value);
        if (input_bool(input)) {
            CHECK(bus_access(&world->bus, BUS_MEMORY, place, true, width, (uint8_t *)&value));
            return;
        }
        command = 0x80000000u | (uint32_t)thing->pci.devfn << 8 | (at & 0xfc);
        CHECK(bus_access(&world->bus, BUS_PORTS, 0xcf8, true, 4, (uint8_t *)&command));
        CHECK(bus_access(&world->bus, BUS_PORTS, 0xcfc + at % 4, true, width, (uint8_t *)&value));
        return;
    }
    CHECK(bus_access(&world->bus, BUS_MEMORY, place, false, width, (uint8_t *)&value));
    CHECK(value == model_get(&thing->model, at, width));
}

static void config_write(struct world *world, struct thing *thing, unsigned at, unsigned width,
                         uint32_t value)
{
    model_write(world, &thing->model, at, width, value);
    CHECK(bus_access(&world->bus, BUS_MEMORY, ECAM + ((uint64_t)thing->pci.devfn << 12) + at, true, width,
                     (uint8_t *)&value));
}

/* As firmware leaves it: memory is on, and MSI-X's BAR has a place of its own. */
static void prepare(struct world *world, struct thing *thing)
{
    config_write(world, thing, 0x20, 4, (uint32_t)(LOW + 0x100000 + thing->pci.devfn * 0x1000u));
    config_write(world, thing, 0x04, 2, 6);
}

static void msix_control(struct world *world, struct input *input, struct thing *thing)
{
    static const uint16_t controls[] = { 0x8000, 0x8000, 0xc000, 0x4000, 0 };

    config_write(world, thing, 0x42, 2, controls[input_below(input, COUNT_OF(controls))]);
}

/* Somewhere in a window, mostly where another BAR is or nearly so. */
static void place_bar(struct world *world, struct input *input, struct thing *thing)
{
    const unsigned bar = input_below(input, BARS);
    const uint64_t address = (bar == 1 && input_bool(input) ? HIGH : LOW) + input_below(input, 6) * 0x1000u;
    const unsigned at = 0x10 + 4 * bar_index[bar];

    for (unsigned i = 0; i < (bar == 1 ? 2u : 1u); i++)
        config_write(world, thing, at + 4 * i, 4, (uint32_t)(address >> 32 * i));
}

static uint64_t model_pending(const struct model *model)
{
    uint64_t bits = 0;

    for (unsigned i = 0; i < VECTORS; i++)
        bits |= (uint64_t)model->pending[i] << i;
    return bits;
}

static void msix_access(struct world *world, struct input *input, struct thing *thing)
{
    const uint64_t at = pci_bar_address(&thing->pci, 4);
    const unsigned width = 1u << input_below(input, 4),
                   offset = input_below(input, 16 * VECTORS + 16) & ~(width - 1);
    const bool table = offset < 16 * VECTORS;
    uint8_t *entry = (uint8_t *)thing->model.entry + offset;
    uint64_t value = 0, wanted = 0;

    if (at == NOWHERE)
        return;
    if (input_bool(input)) { /* pending bits */
        CHECK(bus_access(&world->bus, BUS_MEMORY, at + 0x800, false, 8, (uint8_t *)&value));
        CHECK(value == model_pending(&thing->model));
        return;
    }
    if (!input_bool(input)) {
        CHECK(bus_access(&world->bus, BUS_MEMORY, at + offset, false, width, (uint8_t *)&value));
        if (table)
            memcpy(&wanted, entry, width);
        CHECK(value == wanted);
        return;
    }
    value = input_number(input);
    if (table) {
        memcpy(entry, &value, width);
        thing->model.entry[offset / 16][0] &= ~UINT64_C(3);
        thing->model.entry[offset / 16][1] &= UINT64_C(0x1ffffffff);
        model_deliver(world, &thing->model);
    }
    CHECK(bus_access(&world->bus, BUS_MEMORY, at + offset, true, width, (uint8_t *)&value));
}

static void interrupt(struct world *world, struct input *input, struct thing *thing)
{
    const unsigned vector = input_below(input, VECTORS);

    if (!(model_get(&thing->model, 0x42, 2) & 0x8000)) /* a device does not send messages then */
        return;
    thing->model.pending[vector] = true;
    model_deliver(world, &thing->model);
    if (vector == FD_VECTOR)
        CHECK(eventfd_write(thing->fd, 1) == 0);
    else
        msix_notify(&thing->pci, vector);
}

static void reset(struct thing *thing)
{
    model_init(&thing->model);
    pci_function_reset(&thing->pci);
}

static void step(struct world *world, struct input *input)
{
    struct thing *thing = &world->things[input_below(input, THINGS)];

    switch (input_below(input, 12)) {
    case 0:
        reset(thing);
        prepare(world, thing);
        break;
    case 1:
        place_bar(world, input, thing);
        break;
    case 2:
    case 3:
        interrupt(world, input, thing);
        break;
    case 4:
    case 5:
    case 6:
        msix_access(world, input, thing);
        break;
    case 7:
        msix_control(world, input, thing);
        break;
    default:
        config_access(world, input, thing);
    }
    check_all(world);
}

/* ---- the world ---- */

static void make(struct world *world, struct thing *thing, const char *addr)
{
    static const struct pci_ids ids = { 0x1af4, 0x1234, 3, 0xff, 1, 2, 0, 0, true };
    const struct pci_place place = { .addr = (char *)addr };
    struct pci_bar bar = { .size = 0x1000,
                           .width_max = 4,
                           .read = read_thing,
                           .write = write_thing,
                           .device = thing,
                           .moved = on_moved };
    struct error error;

    model_init(&thing->model);
    thing->told[0] = thing->told[1] = NOWHERE;
    thing->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pci_function_init(&thing->pci, "thing", &ids);
    thing->pci.device.board = &world->board;
    pci_bar_add(&thing->pci, 0, &bar);
    bar.size = 0x4000;
    bar.bits64 = bar.prefetchable = true;
    pci_bar_add(&thing->pci, 2, &bar);
    CHECK(thing->fd >= 0 && msix_init(&thing->pci, 4, VECTORS, &error));
    CHECK(msix_fd(&thing->pci, FD_VECTOR, thing->fd));
    CHECK(pci_function_plug(&thing->pci, &world->board, &place, false, &error));
    prepare(world, thing);
}

static void create(struct world *world)
{
    const struct pci_layout layout = { .ecam = ECAM,
                                       .buses = 1,
                                       .ports = true,
                                       .low = { LOW, LOW_END },
                                       .high = { HIGH, HIGH_END },
                                       .gsi = 16 };
    struct error error;

    memset(world, 0, sizeof *world);
    world->loop = loop_create();
    CHECK(world->loop && vm_create_without_kvm(&world->vm, world->loop, &error) &&
          vm_complete_devices(&world->vm, &error));
    world->vm.watcher = (struct vm_watcher){ on_line, on_message, &world->heard };
    bus_init(&world->bus);
    world->board = (struct board){ .vm = &world->vm, .bus = &world->bus, .loop = world->loop };
    world->board.pci = pci_host_create(&world->board, &layout, &error);
    CHECK(world->board.pci);
    make(world, &world->things[0], "2");
    make(world, &world->things[1], "1f.7");
}

static void destroy(struct world *world)
{
    for (unsigned i = 0; i < THINGS; i++) {
        pci_function_remove(&world->things[i].pci);
        msix_end(&world->things[i].pci);
        close(world->things[i].fd);
    }
    pci_host_destroy(world->board.pci);
    bus_destroy(&world->bus);
    vm_destroy(&world->vm);
    loop_destroy(world->loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    struct input input = { data, size };

    create(&world);
    for (unsigned i = 0; i < STEPS_MAX && input.left > 0; i++)
        step(&world, &input);
    destroy(&world);
    return 0;
}
