/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * State tables: that of every device leaves out no byte of its struct, a reset puts back every bit that can
 * be set, and what is saved is restored; and what the saved form is, held against bytes that are written
 * here.
 */
#include "../skip.h"
#include "../unit.h"

#include "device/device.h"
#include "device/ged.h"
#include "device/pl011.h"
#include "device/pl031.h"
#include "device/pm.h"
#include "device/rtc.h"
#include "device/serial.h"
#include "device/tco.h"
#include "device/vmgenid.h"
#include "firmware/flash_saved.h"
#include "firmware/fw_cfg.h"
#include "pci/bus.h"
#include "pci/function.h"
#include "pci/machine.h"
#include "pci/root_port_state.h"
#include "pci/saved.h"
#include "virtio/console_saved.h"
#include "virtio/net_saved.h"
#include "virtio/saved.h"

#define ROOM (STATE_SIZE_MAX * 2)

/* The compiler's word for which bytes of a struct are padding: it sets them to 0. */
#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
#define CLEAR_PADDING(object) __builtin_clear_padding(object)
#endif
#endif
#ifndef CLEAR_PADDING
#define CLEAR_PADDING(object) (can_find_padding = false)
#endif
static bool can_find_padding = true;

/* The devices whose state is a struct, by the name that their struct and their table have. */
#define CHIPS(X) X(fw_cfg) X(ged) X(pci_host) X(pl011) X(pl031) X(pm) X(rtc) X(serial) X(tco) X(vmgenid)
#define PCI_PARTS(X) X(flash) X(flash_buffer) X(msix) X(pci_function) X(pci_slot) X(virtio) X(virtio_queue)
#define VIRTIO_PARTS(X) X(virtio_console) X(virtio_net) X(virtio_port) X(virtio_port_bytes)
#define DEVICES(X) CHIPS(X) PCI_PARTS(X) VIRTIO_PARTS(X)

#define MEMBER(name) struct name##_state name;
static union {
    DEVICES(MEMBER)
    uint8_t bytes[STATE_SIZE_MAX];
} mask;

#define MARK(name) \
    static void mark_##name(void) \
    { \
        CLEAR_PADDING(&mask.name); \
    }
DEVICES(MARK)

/* Of PCI functions it is configuration space, all bytes of which are the table's. */
static void mark_none(void)
{
}

#define TESTED(name) { &name##_state_table, sizeof(struct name##_state), mark_##name },
static const struct tested {
    const struct state_table *table;
    size_t size;
    void (*mark)(void);
} devices[] = {
    DEVICES(TESTED) /* and */
    { &gpex_root_state_table, PCI_CONFIG_SIZE, mark_none },
    { &q35_isa_state_table, PCI_CONFIG_SIZE, mark_none },
    { &q35_mch_state_table, PCI_CONFIG_SIZE, mark_none },
};
#define EACH(device) \
    const struct tested *device = devices; \
    device < devices + COUNT_OF(devices); \
    device++

/* A state's bytes, aligned as any struct needs it. */
struct some {
    _Alignas(max_align_t) uint8_t bytes[STATE_SIZE_MAX];
};

static size_t size_of(const struct state_field *field)
{
    return field->block ? field->block->size : (size_t)field->width * field->count;
}

static uint64_t get(const struct state_field *field, const struct some *state, unsigned element)
{
    uint64_t value = 0;

    for (unsigned i = field->width; i-- > 0;)
        value = value << 8 | state->bytes[field->offset + element * field->width + i];
    return value;
}

static void put(const struct state_field *field, struct some *state, unsigned element, uint64_t value)
{
    for (unsigned i = 0; i < field->width; i++)
        state->bytes[field->offset + element * field->width + i] = (uint8_t)(value >> 8 * i);
}

/* ---- the tables of the devices ---- */

static bool is_here(const struct state_table *table)
{
    bool found = false;

    for (EACH(device))
        found |= device->table == table;
    return found;
}

static void every_device_with_state_is_here(void **state)
{
    const struct device_type *type;

    (void)state;
    for (size_t i = 0; (type = device_type_at(i)) != NULL; i++) {
        const struct device some = { .type = type };
        const struct state_table *part;

        if (type->state && !is_here(type->state))
            fail_msg("%s is not among the DEVICES of this test", type->name);
        for (unsigned number = 0; type->part && (part = type->part(&some, number)) != NULL; number++)
            if (!is_here(part))
                fail_msg("%s of %s is not among the DEVICES of this test", part->name, type->name);
    }
}

static void every_byte_is_in_one_row(void **state)
{
    (void)state;
    for (EACH(device)) {
        uint8_t rows[STATE_SIZE_MAX] = { 0 };

        assert_int_equal(device->table->size, device->size);
        memset(&mask, 0xff, sizeof mask);
        device->mark();
        if (!can_find_padding)
            SKIP_TEST("GCC from 11 and Clang from 20 on can find padding, this compiler cannot");
        for (unsigned i = 0; i < device->table->count; i++) {
            const struct state_field *field = &device->table->fields[i];

            assert_true(field->since >= 1 && field->since <= device->table->version);
            assert_true(field->offset + size_of(field) <= device->size);
            for (size_t byte = 0; byte < size_of(field); byte++)
                rows[field->offset + byte]++;
        }
        for (size_t byte = 0; byte < device->size; byte++)
            if (rows[byte] != (mask.bytes[byte] ? 1 : 0))
                fail_msg("%s: byte %zu is in %u rows", device->table->name, byte, rows[byte]);
    }
}

/* Set what is not set and clear what is, in every bit that a guest or the device can change. */
static void make_dirty(const struct state_table *table, struct some *state)
{
    for (unsigned i = 0; i < table->count; i++) {
        const struct state_field *field = &table->fields[i];

        for (unsigned element = 0; element < field->count; element++)
            put(field, state, element, ~field->power_on & field->bits);
        if (field->block)
            memset(state->bytes + field->offset, 0xff, field->block->size);
    }
}

static void a_reset_puts_back_every_bit(void **state)
{
    (void)state;
    for (EACH(device)) {
        const struct state_table *table = device->table;
        struct some fresh, now;

        state_power_on(table, &fresh);
        memset(&now, 0x5a, sizeof now);
        make_dirty(table, &now);
        state_reset(table, &now);
        for (unsigned i = 0; i < table->count; i++) {
            const struct state_field *field = &table->fields[i];

            assert_int_equal(field->power_on & ~field->bits, 0);
            assert_int_equal(field->kept & ~field->bits, 0);
            for (unsigned element = 0; element < field->count; element++)
                assert_int_equal(get(field, &now, element),
                                 (~field->power_on & field->kept) | (field->power_on & ~field->kept));
            if (field->block)
                assert_memory_equal(now.bytes + field->offset, fresh.bytes + field->offset,
                                    field->block->size);
        }
        for (size_t byte = table->size; byte < sizeof now; byte++)
            assert_int_equal(now.bytes[byte], 0x5a);
    }
}

/* What a reset keeps is said here once more: it is nothing but what clocks show, that the watchdog caused
 * it, and which copy of the machine it is. */
static void only_clocks_and_watchdog_keep_something_over_a_reset(void **state)
{
    (void)state;
    for (EACH(device))
        for (unsigned i = 0; i < device->table->count; i++)
            assert_true(device->table->fields[i].kept == 0 || device->table == &rtc_state_table ||
                        (device->table == &pl031_state_table && i == 0) ||
                        (device->table == &tco_state_table &&
                         strcmp(device->table->fields[i].name, "status2") == 0) ||
                        device->table == &vmgenid_state_table);
}

static void check_fields_equal(const struct state_table *table, const struct some *a, const struct some *b)
{
    for (unsigned i = 0; i < table->count; i++)
        assert_memory_equal(a->bytes + table->fields[i].offset, b->bytes + table->fields[i].offset,
                            size_of(&table->fields[i]));
}

/* Whether it was restored; if so, all of it was, and is saved as the same bytes. */
static bool goes_round(const struct state_table *table, const struct some *state)
{
    uint8_t bytes[ROOM], again[ROOM];
    struct hotram_buffer out, second;
    struct hotram_saved saved;
    struct error error;
    struct some other;

    hotram_buffer_init(&out, bytes, sizeof bytes);
    if (state_save(table, "it", state, &out) != HOTRAM_OK)
        fail_msg("%s cannot be saved", table->name);
    assert_int_equal(out.length, state_length(table, "it"));
    saved = (struct hotram_saved){ bytes, out.length };
    memset(&other, 0xa5, sizeof other);
    if (!state_restore(table, "it", &other, &saved, &error)) {
        assert_non_null(strstr(error.text, "'it'"));
        for (size_t i = 0; i < sizeof other; i++)
            assert_int_equal(other.bytes[i], 0xa5);
        assert_ptr_equal(saved.bytes, bytes);
        return false;
    }
    assert_int_equal(saved.length, 0);
    check_fields_equal(table, state, &other);
    for (size_t i = table->size; i < sizeof other; i++)
        assert_int_equal(other.bytes[i], 0xa5);
    hotram_buffer_init(&second, again, sizeof again);
    assert_int_equal(state_save(table, "it", &other, &second), HOTRAM_OK);
    assert_int_equal(second.length, out.length);
    assert_memory_equal(again, bytes, out.length);
    return true;
}

/* Each bit alone, against what it is after power-on. What is refused must be so by the table's valid(). */
static unsigned try_bits(const struct state_table *table, const struct state_field *field, unsigned element)
{
    unsigned taken = 0;

    for (unsigned bit = 0; bit < 8u * field->width; bit++) {
        const bool possible = (field->bits & ~field->always) >> bit & 1;
        struct some state = { { 0 } };
        bool went;

        state_power_on(table, &state);
        put(field, &state, element, field->power_on ^ UINT64_C(1) << bit);
        went = goes_round(table, &state);
        assert_int_equal(went, possible && (!table->valid || table->valid(&state)));
        taken += went;
    }
    return taken;
}

/* Of a block the library is the judge: some bits of each can be set, and these come back. */
static unsigned try_block(const struct state_table *table, const struct state_field *field)
{
    unsigned taken = 0;

    for (size_t bit = 0; bit < 8 * field->block->size; bit++) {
        struct some state = { { 0 } };

        state_power_on(table, &state);
        state.bytes[field->offset + bit / 8] ^= 1 << bit % 8;
        taken += goes_round(table, &state);
    }
    return taken;
}

static void every_field_is_saved_and_restored(void **state)
{
    (void)state;
    for (EACH(device))
        for (unsigned i = 0; i < device->table->count; i++) {
            const struct state_field *field = &device->table->fields[i];

            if (field->block)
                assert_true(try_block(device->table, field) > 0);
            for (unsigned element = 0; element < field->count; element++)
                if (try_bits(device->table, field, element) == 0 && field->bits != field->power_on)
                    fail_msg("%s: '%s' cannot change", device->table->name, field->name);
        }
}

/* ---- a device without a reset() of its own ---- */

static void a_device_without_reset_is_reset_by_its_table(void **state)
{
    static struct {
        struct device device; /* first */
        uint32_t configured;
        struct pci_host_state state;
    } own;
    static const struct device_type type = {
        .name = "own",
        .state = &pci_host_state_table,
        .state_offset = offsetof(__typeof__(own), state),
    };
    struct board board = { .devices = NULL };

    (void)state;
    device_enlist_chip(&own.device, &board, &type);
    own.configured = 1;
    own.state.address = 2;
    devices_reset(&board);
    assert_int_equal(own.state.address, 0);
    assert_int_equal(own.configured, 1);
}

/* ---- the saved form ---- */

struct sample {
    uint64_t all;
    uint32_t word[2];
    uint16_t half;
    uint8_t byte;
    bool late; /* of version 2 */
};

static const struct state_field sample_fields[] = {
    STATE_FIELD(struct sample, byte, 1, 0x7f, .power_on = 3),
    STATE_FIELD(struct sample, half, 1, UINT16_MAX),
    STATE_ARRAY(struct sample, word, 1, UINT32_MAX),
    STATE_FIELD(struct sample, all, 1, UINT64_MAX, .kept = 0xff),
    STATE_FIELD(struct sample, late, 2, 1, .power_on = 1),
};

static bool is_sample_valid(const void *state)
{
    return ((const struct sample *)state)->half != 0xdead;
}

static const struct state_table sample_table = STATE_TABLE("sample", 2, struct sample, sample_fields,
                                                           .valid = is_sample_valid);

/* Length of the name, the name, then the fields in order. */
static const uint8_t sample_contents[] = {
    2,    'i',  't',  0x11,                           /* byte */
    0x22, 0x21,                                       /* half */
    0x34, 0x33, 0x32, 0x31, 0x44, 0x43, 0x42, 0x41,   /* word */
    0x58, 0x57, 0x56, 0x55, 0x54, 0x53, 0x52, 0x51, 0 /* all, late */
};

static const struct sample sample = {
    .byte = 0x11, .half = 0x2122, .word = { 0x31323334, 0x41424344 }, .all = 0x5152535455565758, .late = false
};

static void check_sample(const struct sample *got, bool late)
{
    assert_int_equal(got->byte, sample.byte);
    assert_int_equal(got->half, sample.half);
    assert_int_equal(got->word[0], sample.word[0]);
    assert_int_equal(got->word[1], sample.word[1]);
    assert_int_equal(got->all, sample.all);
    assert_int_equal(got->late, late);
}

static void the_saved_form_is_as_written(void **state)
{
    uint8_t bytes[ROOM], wanted[ROOM];
    struct hotram_buffer out, expected;

    (void)state;
    hotram_buffer_init(&out, bytes, sizeof bytes);
    hotram_buffer_init(&expected, wanted, sizeof wanted);
    assert_int_equal(state_save(&sample_table, "it", &sample, &out), HOTRAM_OK);
    assert_int_equal(hotram_state_wrap(0x8001, 2, sample_contents, sizeof sample_contents, &expected),
                     HOTRAM_OK);
    assert_int_equal(out.length, expected.length);
    assert_memory_equal(bytes, wanted, out.length);
}

static void a_buffer_that_is_too_small_is_told(void **state)
{
    uint8_t bytes[ROOM];
    struct hotram_buffer out;
    const size_t length = state_length(&sample_table, "it");

    (void)state;
    for (size_t room = 0; room < length; room++) {
        hotram_buffer_init(&out, bytes, room);
        assert_int_equal(state_save(&sample_table, "it", &sample, &out), HOTRAM_E_BUFFER);
        assert_int_equal(out.length, length);
    }
}

/* Contents as a saved state of a kind and version, restored into a sample. */
static bool restore_contents(unsigned kind, unsigned version, const uint8_t *contents, size_t length,
                             struct sample *to, struct error *error)
{
    uint8_t bytes[ROOM];
    struct hotram_buffer out;
    struct hotram_saved saved;
    bool restored;

    hotram_buffer_init(&out, bytes, sizeof bytes);
    assert_int_equal(hotram_state_wrap((uint16_t)kind, (uint16_t)version, contents, length, &out), HOTRAM_OK);
    saved = (struct hotram_saved){ bytes, out.length };
    error->text[0] = '\0';
    restored = state_restore(&sample_table, "it", to, &saved, error);
    assert_int_equal(saved.length, restored ? 0 : out.length);
    return restored;
}

static void what_an_old_version_lacks_is_as_after_power_on(void **state)
{
    struct sample to = { 0 };
    struct error error;

    (void)state;
    assert_true(restore_contents(0x8001, 1, sample_contents, sizeof sample_contents - 1, &to, &error));
    check_sample(&to, true);
    assert_true(restore_contents(0x8001, 2, sample_contents, sizeof sample_contents, &to, &error));
    check_sample(&to, false);
}

static void refuses(unsigned kind, unsigned version, const uint8_t *contents, size_t length,
                    const char *words)
{
    struct sample to = sample;
    struct error error;

    assert_false(restore_contents(kind, version, contents, length, &to, &error));
    check_sample(&to, false);
    if (!strstr(error.text, words))
        fail_msg("'%s' does not say '%s'", error.text, words);
}

static void what_is_not_possible_changes_nothing(void **state)
{
    const size_t all = sizeof sample_contents;
    uint8_t changed[sizeof sample_contents + 1] = { 0 };

    (void)state;
    memcpy(changed, sample_contents, all);
    refuses(0x8002, 2, sample_contents, all, "kind 32770");
    refuses(0x8001, 3, sample_contents, all, "version 3, and this program has 1 to 2");
    refuses(0x8001, 1, sample_contents, all, "20 bytes of fields, and version 1 has 19");
    for (size_t length = 0; length < all; length++)
        refuses(0x8001, 2, sample_contents, length, "saved state of 'it'");
    refuses(0x8001, 2, changed, all + 1, "21 bytes of fields");
    changed[0] = 1; /* of its name */
    refuses(0x8001, 2, changed, all, "another device's");
    changed[0] = 255;
    refuses(0x8001, 2, changed, all, "another device's");
    changed[0] = 2;
    changed[2] = 'o';
    refuses(0x8001, 2, changed, all, "another device's");
    changed[2] = 't';
    changed[3] = 0x80;
    refuses(0x8001, 2, changed, all, "'byte' is 0x80, in which only bits of 0x7f can be set");
    changed[3] = 0;
    changed[all - 1] = 2;
    refuses(0x8001, 2, changed, all, "'late' is 0x2");
    changed[all - 1] = 1;
    changed[4] = 0xad;
    changed[5] = 0xde;
    refuses(0x8001, 2, changed, all, "do not belong together");
}

static void damaged_and_shortened_states_change_nothing(void **state)
{
    uint8_t bytes[ROOM];
    struct hotram_buffer out;
    struct error error;

    (void)state;
    hotram_buffer_init(&out, bytes, sizeof bytes);
    assert_int_equal(state_save(&sample_table, "it", &sample, &out), HOTRAM_OK);
    for (size_t length = 0; length < out.length; length++) {
        struct hotram_saved saved = { bytes, length };
        struct sample to = sample;

        assert_false(state_restore(&sample_table, "it", &to, &saved, &error));
        check_sample(&to, false);
    }
    for (size_t bit = 0; bit < 8 * out.length; bit++) {
        struct hotram_saved saved = { bytes, out.length };
        struct sample to = sample;

        bytes[bit / 8] ^= 1 << bit % 8;
        assert_false(state_restore(&sample_table, "it", &to, &saved, &error));
        check_sample(&to, false);
        bytes[bit / 8] ^= 1 << bit % 8;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_device_with_state_is_here),
        cmocka_unit_test(every_byte_is_in_one_row),
        cmocka_unit_test(a_reset_puts_back_every_bit),
        cmocka_unit_test(only_clocks_and_watchdog_keep_something_over_a_reset),
        cmocka_unit_test(every_field_is_saved_and_restored),
        cmocka_unit_test(a_device_without_reset_is_reset_by_its_table),
        cmocka_unit_test(the_saved_form_is_as_written),
        cmocka_unit_test(a_buffer_that_is_too_small_is_told),
        cmocka_unit_test(what_an_old_version_lacks_is_as_after_power_on),
        cmocka_unit_test(what_is_not_possible_changes_nothing),
        cmocka_unit_test(damaged_and_shortened_states_change_nothing),
    };

    return cmocka_run_group_tests_name("fields", tests, NULL, NULL);
}
