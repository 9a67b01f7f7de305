/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frame of a saved state, and the saved forms of the register blocks. Of banks there is
 * test_state_bank.c.
 */
#include "../fuzz/state_judge.h"
#include "unit.h"

#include <hotram/state.h>

#define ROOM 64

/* One saved state in its buffer. */
struct form {
    uint8_t bytes[ROOM];
    struct hotram_buffer out;
    struct hotram_saved saved;
};

static void make(struct form *form)
{
    memset(form, 0, sizeof *form);
    assert_int_equal(hotram_buffer_init(&form->out, form->bytes, sizeof form->bytes), HOTRAM_OK);
}

static void rewind_to_start(struct form *form)
{
    form->saved = (struct hotram_saved){ form->bytes, form->out.length };
}

/* The block of each kind, with every number in it that it can have. */
struct blocks {
    struct hotram_memhp memhp;
    struct hotram_gpe gpe;
    struct hotram_ged ged;
    struct hotram_pm1 pm1;
};

static const struct blocks full = {
    .memhp = { .selector = 0x01020304 },
    .gpe = { .status = 0x1112, .enable = 0x2122, .repeated = 0x3132 },
    .ged = { .selector = HOTRAM_GED_MEMORY | HOTRAM_GED_POWER_BUTTON },
    .pm1 = { .status = 0x8100, .enable = 0x0721, .control = 0xdffe },
};

static enum hotram_status save(unsigned kind, const struct blocks *blocks, struct hotram_buffer *out)
{
    switch (kind) {
    case HOTRAM_STATE_MEMHP:
        return hotram_memhp_save(blocks ? &blocks->memhp : NULL, out);
    case HOTRAM_STATE_GPE:
        return hotram_gpe_save(blocks ? &blocks->gpe : NULL, out);
    case HOTRAM_STATE_GED:
        return hotram_ged_save(blocks ? &blocks->ged : NULL, out);
    default:
        return hotram_pm1_save(blocks ? &blocks->pm1 : NULL, out);
    }
}

static enum hotram_status restore(unsigned kind, struct blocks *blocks, struct hotram_saved *saved,
                                  struct hotram_restore_result *result)
{
    switch (kind) {
    case HOTRAM_STATE_MEMHP:
        return hotram_memhp_restore(blocks ? &blocks->memhp : NULL, saved, result);
    case HOTRAM_STATE_GPE:
        return hotram_gpe_restore(blocks ? &blocks->gpe : NULL, saved, result);
    case HOTRAM_STATE_GED:
        return hotram_ged_restore(blocks ? &blocks->ged : NULL, saved, result);
    default:
        return hotram_pm1_restore(blocks ? &blocks->pm1 : NULL, saved, result);
    }
}

#define EACH_KIND(kind) \
    unsigned kind = HOTRAM_STATE_MEMHP; \
    kind <= HOTRAM_STATE_PM1; \
    kind++

/* Whether a block of that kind is the same, and the others are as after a reset. */
static bool is_alone(const struct blocks *blocks, unsigned kind)
{
    struct blocks expected = { 0 };

    if (kind == HOTRAM_STATE_MEMHP)
        expected.memhp.selector = full.memhp.selector;
    if (kind == HOTRAM_STATE_GPE)
        expected.gpe = full.gpe;
    if (kind == HOTRAM_STATE_GED)
        expected.ged = full.ged;
    if (kind == HOTRAM_STATE_PM1)
        expected.pm1 = full.pm1;
    return memcmp(blocks, &expected, sizeof expected) == 0;
}

static bool is_untouched(const struct blocks *blocks)
{
    return is_alone(blocks, HOTRAM_STATE_BANK);
}

/* The checksums are those of Python's zlib.crc32(). */
static void the_bytes_are_those_of_the_header(void **state)
{
    static const struct {
        uint8_t length;
        uint8_t bytes[22];
    } known[] = {
        [HOTRAM_STATE_MEMHP] = { 20, { 'H', 'R', 'S', 'T', 2, 0, 1,    0,    0x14, 0,
                                       0,   0,   4,   3,   2, 1, 0x88, 0x75, 0x8d, 0x36 } },
        [HOTRAM_STATE_GPE] = { 22, { 'H', 'R',  'S',  'T',  3,    0,    1,    0,    0x16, 0,    0,
                                     0,   0x12, 0x11, 0x22, 0x21, 0x32, 0x31, 0x38, 0x1a, 0x68, 0xe0 } },
        [HOTRAM_STATE_GED] = { 20, { 'H', 'R', 'S', 'T', 4, 0, 1,    0, 0x14, 0,
                                     0,   0,   3,   0,   0, 0, 0x9c, 4, 0x10, 3 } },
        [HOTRAM_STATE_PM1] = { 22, { 'H', 'R', 'S',  'T',  5, 0,    1,    0,    0x16, 0,    0,
                                     0,   0,   0x81, 0x21, 7, 0xfe, 0xdf, 0x8f, 0x17, 0x3a, 0x89 } },
    };

    (void)state;
    for (EACH_KIND(kind)) {
        struct form form;

        make(&form);
        assert_int_equal(save(kind, &full, &form.out), HOTRAM_OK);
        assert_int_equal(form.out.length, known[kind].length);
        assert_memory_equal(form.bytes, known[kind].bytes, known[kind].length);
    }
}

static void each_block_comes_back(void **state)
{
    (void)state;
    for (EACH_KIND(kind)) {
        struct blocks blocks = { 0 };
        struct hotram_restore_result result;
        struct form form;

        make(&form);
        assert_int_equal(save(kind, &full, &form.out), HOTRAM_OK);
        rewind_to_start(&form);
        assert_int_equal(restore(kind, &blocks, &form.saved, &result), HOTRAM_OK);
        assert_true(is_alone(&blocks, kind));
        assert_int_equal(form.saved.length, 0);
        assert_ptr_equal(form.saved.bytes, form.bytes + form.out.length);
        assert_int_equal(result.field, HOTRAM_FIELD_NONE);
        assert_int_equal(result.slot, HOTRAM_SLOT_ANY);
    }
}

static void several_stand_behind_one_another(void **state)
{
    struct blocks blocks = { 0 };
    struct hotram_state_frame frame;
    uint8_t bytes[128];
    struct hotram_buffer out;
    struct hotram_saved saved;

    (void)state;
    hotram_buffer_init(&out, bytes, sizeof bytes);
    for (EACH_KIND(kind))
        assert_int_equal(save(kind, &full, &out), HOTRAM_OK);
    saved = (struct hotram_saved){ bytes, out.length };
    for (EACH_KIND(kind)) {
        assert_int_equal(hotram_state_look(&saved, &frame, NULL), HOTRAM_OK);
        assert_int_equal(frame.kind, kind);
        assert_int_equal(frame.version, 1);
        assert_int_equal(restore(kind, &blocks, &saved, NULL), HOTRAM_OK);
    }
    assert_int_equal(saved.length, 0);
    assert_memory_equal(&blocks, &full, sizeof full);
    assert_int_equal(hotram_state_look(&saved, &frame, NULL), HOTRAM_E_FORMAT);
}

static void a_buffer_that_is_too_small_is_measured(void **state)
{
    (void)state;
    for (EACH_KIND(kind)) {
        struct form whole;

        make(&whole);
        assert_int_equal(save(kind, &full, &whole.out), HOTRAM_OK);
        for (size_t capacity = 0; capacity < whole.out.length; capacity++) {
            uint8_t bytes[ROOM];
            struct hotram_buffer out;

            memset(bytes, 0xa5, sizeof bytes);
            assert_int_equal(hotram_buffer_init(&out, capacity ? bytes : NULL, capacity), HOTRAM_OK);
            assert_int_equal(save(kind, &full, &out), HOTRAM_E_BUFFER);
            assert_int_equal(out.length, whole.out.length);
            assert_memory_equal(bytes, whole.bytes, capacity);
            assert_int_equal(bytes[capacity], 0xa5);
        }
    }
}

/* As it is: the checksum finds it. Sealed anew: the judge says whether it is taken, and what is taken is
 * saved as the same bytes. */
static void every_changed_byte_is_refused_or_taken_whole(void **state)
{
    unsigned taken = 0, refused = 0;

    (void)state;
    for (EACH_KIND(kind)) {
        struct form form, again;

        make(&form);
        assert_int_equal(save(kind, &full, &form.out), HOTRAM_OK);
        for (unsigned change = 1; change < 256; change++) {
            for (size_t i = 0; i < form.out.length; i++) {
                struct form broken = form;
                struct blocks blocks = { 0 };
                bool takes;

                broken.bytes[i] ^= (uint8_t)change;
                rewind_to_start(&broken);
                assert_int_not_equal(restore(kind, &blocks, &broken.saved, NULL), HOTRAM_OK);
                assert_ptr_equal(broken.saved.bytes, broken.bytes);
                judge_seal(broken.bytes, broken.out.length);
                takes = judge_takes_block(broken.bytes, broken.out.length, kind);
                assert_int_equal(restore(kind, &blocks, &broken.saved, NULL) == HOTRAM_OK, takes);
                if (!takes) {
                    refused++;
                    assert_true(is_untouched(&blocks));
                    continue;
                }
                taken++;
                make(&again);
                assert_int_equal(save(kind, &blocks, &again.out), HOTRAM_OK);
                assert_memory_equal(again.bytes, broken.bytes, form.out.length);
            }
        }
    }
    assert_true(taken > 1000 && refused > 1000);
}

static void what_is_cut_short_is_refused(void **state)
{
    (void)state;
    for (EACH_KIND(kind)) {
        struct blocks blocks = { 0 };
        struct hotram_restore_result result;
        struct form form;

        make(&form);
        assert_int_equal(save(kind, &full, &form.out), HOTRAM_OK);
        for (size_t length = 0; length < form.out.length; length++) {
            uint8_t *exact = malloc(length + 1);
            struct hotram_saved saved = { exact + 1, length };

            assert_non_null(exact);
            memcpy(exact + 1, form.bytes, length);
            assert_int_equal(restore(kind, &blocks, &saved, &result), HOTRAM_E_FORMAT);
            assert_int_equal(result.field, HOTRAM_FIELD_LENGTH);
            assert_int_equal(saved.length, length);
            free(exact);
        }
        assert_true(is_untouched(&blocks));
    }
}

/* Change bytes of a saved GED, and restore it. */
static enum hotram_status restore_changed(size_t at, uint8_t value, bool seal,
                                          struct hotram_restore_result *result)
{
    struct hotram_ged ged = { 0 };
    struct form form;
    enum hotram_status status;

    make(&form);
    assert_int_equal(hotram_ged_save(&full.ged, &form.out), HOTRAM_OK);
    form.bytes[at] = value;
    if (seal)
        judge_seal(form.bytes, form.out.length);
    rewind_to_start(&form);
    status = hotram_ged_restore(&ged, &form.saved, result);
    assert_int_equal(ged.selector, 0);
    return status;
}

static void what_is_refused_is_named(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
        bool seal;
        enum hotram_status status;
        enum hotram_state_field field;
        uint64_t saved, wanted;
    } cases[] = {
        { 0, 'X', true, HOTRAM_E_FORMAT, HOTRAM_FIELD_MAGIC, 0x54535258, 0x54535248 },
        { 4, 9, true, HOTRAM_E_FORMAT, HOTRAM_FIELD_KIND, 9, HOTRAM_STATE_GED },
        { 6, 2, true, HOTRAM_E_VERSION, HOTRAM_FIELD_VERSION, 2, 1 },
        { 7, 1, true, HOTRAM_E_VERSION, HOTRAM_FIELD_VERSION, 0x101, 1 },
        { 6, 0, true, HOTRAM_E_FORMAT, HOTRAM_FIELD_VERSION, 0, 1 },
        { 8, 15, true, HOTRAM_E_FORMAT, HOTRAM_FIELD_LENGTH, 15, 16 },
        { 8, 21, true, HOTRAM_E_FORMAT, HOTRAM_FIELD_LENGTH, 21, 20 },
        { 12, 1, false, HOTRAM_E_CHECKSUM, HOTRAM_FIELD_CHECKSUM, 0, 0 },
        { 12, 4, true, HOTRAM_E_VALUE, HOTRAM_FIELD_EVENTS, 4, 0xb },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct hotram_restore_result result;

        assert_int_equal(restore_changed(cases[i].at, cases[i].value, cases[i].seal, &result),
                         cases[i].status);
        assert_int_equal(result.field, cases[i].field);
        if (cases[i].field == HOTRAM_FIELD_CHECKSUM)
            continue;
        assert_int_equal(result.saved, cases[i].saved);
        assert_int_equal(result.wanted, cases[i].wanted);
    }
}

/* A saved state of the right kind with more contents than version 1 has. */
static void contents_of_another_length_are_refused(void **state)
{
    struct hotram_ged ged = { 0 };
    struct hotram_restore_result result;
    struct form form;

    (void)state;
    make(&form);
    assert_int_equal(hotram_ged_save(&full.ged, &form.out), HOTRAM_OK);
    form.bytes[8] = 24;
    form.out.length = 24;
    judge_seal(form.bytes, form.out.length);
    rewind_to_start(&form);
    assert_int_equal(hotram_ged_restore(&ged, &form.saved, &result), HOTRAM_E_FORMAT);
    assert_int_equal(result.field, HOTRAM_FIELD_LENGTH);
    assert_int_equal(result.saved, 24);
    assert_int_equal(result.wanted, 20);
}

static void arguments_are_checked(void **state)
{
    struct hotram_state_frame frame;
    struct hotram_saved nowhere = { NULL, 20 }, nothing = { NULL, 0 };
    struct blocks blocks = { 0 };
    struct form form;

    (void)state;
    make(&form);
    for (EACH_KIND(kind)) {
        assert_int_equal(save(kind, NULL, &form.out), HOTRAM_E_ARGUMENT);
        assert_int_equal(save(kind, &blocks, NULL), HOTRAM_E_ARGUMENT);
        assert_int_equal(restore(kind, NULL, &form.saved, NULL), HOTRAM_E_ARGUMENT);
        assert_int_equal(restore(kind, &blocks, NULL, NULL), HOTRAM_E_ARGUMENT);
        assert_int_equal(restore(kind, &blocks, &nowhere, NULL), HOTRAM_E_ARGUMENT);
        assert_int_equal(restore(kind, &blocks, &nothing, NULL), HOTRAM_E_FORMAT);
    }
    assert_int_equal(form.out.length, 0);
    assert_int_equal(hotram_state_look(NULL, &frame, NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_state_look(&nothing, NULL, NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_state_look(&nowhere, &frame, NULL), HOTRAM_E_ARGUMENT);
}

/* What the embedder's is, the library passes on and never takes for its own. */
static void an_embedders_state_has_the_same_frame(void **state)
{
    static const uint8_t contents[] = { 1, 2, 3, 0xff, 0 };
    uint8_t bytes[2 * HOTRAM_STATE_FRAME + sizeof contents];
    struct hotram_state_frame frame;
    struct hotram_buffer out;
    struct hotram_saved saved;
    struct hotram_gpe gpe = { 1, 2, 3 };

    (void)state;
    hotram_buffer_init(&out, bytes, sizeof bytes);
    assert_int_equal(hotram_state_wrap(HOTRAM_STATE_OWN, 1, NULL, 0, &out), HOTRAM_OK);
    assert_int_equal(out.length, HOTRAM_STATE_FRAME);
    assert_int_equal(hotram_state_wrap(0xffff, 0xfffe, contents, sizeof contents, &out), HOTRAM_OK);
    assert_int_equal(out.length, sizeof bytes);
    saved = (struct hotram_saved){ bytes, out.length };
    assert_int_equal(hotram_state_look(&saved, &frame, NULL), HOTRAM_OK);
    assert_int_equal(frame.kind, HOTRAM_STATE_OWN);
    assert_int_equal(frame.length, HOTRAM_STATE_FRAME);
    assert_int_equal(hotram_gpe_restore(&gpe, &saved, NULL), HOTRAM_E_FORMAT);
    saved = (struct hotram_saved){ bytes + frame.length, out.length - frame.length };
    assert_int_equal(hotram_state_look(&saved, &frame, NULL), HOTRAM_OK);
    assert_int_equal(frame.kind, 0xffff);
    assert_int_equal(frame.version, 0xfffe);
    assert_int_equal(frame.length, saved.length);
    assert_memory_equal(saved.bytes + 12, contents, sizeof contents);
    bytes[out.length - 6] ^= 1; /* the last of the contents but one */
    assert_int_equal(hotram_state_look(&saved, &frame, NULL), HOTRAM_E_CHECKSUM);
    assert_int_equal(hotram_state_wrap(HOTRAM_STATE_OWN, 1, NULL, 0, &out), HOTRAM_E_BUFFER);
    assert_int_equal(out.length, sizeof bytes + HOTRAM_STATE_FRAME);
}

static void an_embedders_state_has_its_ranges(void **state)
{
    static uint8_t large[65537];
    static uint8_t bytes[sizeof large + HOTRAM_STATE_FRAME];
    struct hotram_buffer out;

    (void)state;
    hotram_buffer_init(&out, bytes, sizeof bytes);
    assert_int_equal(hotram_state_wrap(HOTRAM_STATE_OWN - 1, 1, large, 1, &out), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_state_wrap(HOTRAM_STATE_OWN, 0, large, 1, &out), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_state_wrap(HOTRAM_STATE_OWN, 1, NULL, 1, &out), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_state_wrap(HOTRAM_STATE_OWN, 1, large, 65537, &out), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_state_wrap(HOTRAM_STATE_OWN, 1, large, 1, NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(out.length, 0);
    assert_int_equal(hotram_state_wrap(HOTRAM_STATE_OWN, 1, large, 65536, &out), HOTRAM_OK);
    assert_int_equal(out.length, 65536 + HOTRAM_STATE_FRAME);
}

static void every_value_has_a_name(void **state)
{
    (void)state;
    for (unsigned field = 0; field <= HOTRAM_FIELD_COMMAND; field++) {
        for (unsigned other = 0; other <= HOTRAM_FIELD_COMMAND + 1; other++) {
            const char *a = hotram_state_field_text((enum hotram_state_field)field);
            const char *b = hotram_state_field_text((enum hotram_state_field)other);

            assert_int_equal(strcmp(a, b) == 0, field == other);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_are_those_of_the_header),
        cmocka_unit_test(each_block_comes_back),
        cmocka_unit_test(several_stand_behind_one_another),
        cmocka_unit_test(a_buffer_that_is_too_small_is_measured),
        cmocka_unit_test(every_changed_byte_is_refused_or_taken_whole),
        cmocka_unit_test(what_is_cut_short_is_refused),
        cmocka_unit_test(what_is_refused_is_named),
        cmocka_unit_test(contents_of_another_length_are_refused),
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(an_embedders_state_has_the_same_frame),
        cmocka_unit_test(an_embedders_state_has_its_ranges),
        cmocka_unit_test(every_value_has_a_name),
    };

    return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
