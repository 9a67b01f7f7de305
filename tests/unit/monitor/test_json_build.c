/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON for which memory is short: whichever allocation fails, the value is whole or is known not to be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* after these */
#include <cmocka.h>

#include "../skip.h"

#include "base/json_build.h"
#include "base/text.h"

/* Sanitizers bring an allocator of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CAN_FAIL 0
static unsigned fail_at, calls;
#else
#define CAN_FAIL 1
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
static unsigned fail_at; /* 0: none */
static unsigned calls;

static bool fails(void)
{
    return ++calls == fail_at;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return fails() ? NULL : __libc_realloc(memory, size);
}
#endif

/* Containers are filled before and after they are added, and are large enough to grow. */
static struct json_object *build(void)
{
    struct json_object *object = json_new_object();
    struct json_object *list = json_add_array(object, "list");
    struct json_object *inner = json_append_object(list);
    char name[16];

    for (unsigned i = 0; i < 100; i++) {
        name[0] = (char)('a' + i % 26), name[1] = (char)('a' + i / 26), name[2] = '\0';
        add_number(inner, name, i);
        json_append(list, json_new_string("a string that is too long to be kept in the object itself"));
    }
    add_bool(inner, "true", true);
    json_add(inner, "null", NULL);
    inner = json_new_object();
    add_string(inner, "a", "b");
    json_append(list, inner);
    json_append(list, json_new_text("0123456789", 10));
    return object;
}

/* The text, or NULL if the value is not whole. */
static char *text_of(struct json_object *value)
{
    struct text text = { 0 };

    text_json(&text, value, false);
    if (!text.failed)
        return text.bytes;
    text_free(&text);
    return NULL;
}

static void test_every_allocation_can_fail(void **state)
{
    struct json_object *value;
    unsigned count, marked = 0;
    char *whole;

    (void)state;
    if (!CAN_FAIL)
        SKIP_TEST("the allocator cannot be replaced in this build");
    value = build();
    assert_false(json_failed(value));
    whole = text_of(value);
    assert_non_null(whole);
    json_object_put(value);
    fail_at = 1;
    do {
        bool failed;
        char *text;

        calls = 0;
        value = build();
        count = calls;
        fail_at++;
        calls = UINT32_MAX / 2; /* far behind: the text has all the memory it wants */
        failed = json_failed(value);
        text = text_of(value);
        assert_int_equal(failed, text == NULL);
        if (text)
            assert_string_equal(text, whole);
        marked += failed;
        free(text);
        json_object_put(value);
    } while (fail_at - 1 <= count);
    fail_at = 0;
    assert_true(marked > 200);
    free(whole);
}

/* What stands for a value that could not be made is shared, and nothing gets into it. */
static void test_what_stands_for_others_stays_empty(void **state)
{
    struct json_object *failed[2], *bag, *again;
    struct error error = { 0 };

    (void)state;
    if (!CAN_FAIL)
        SKIP_TEST("the allocator cannot be replaced in this build");
    calls = 0, fail_at = 1;
    failed[0] = json_new_object();
    calls = 0;
    failed[1] = json_new_array();
    calls = 0;
    bag = json_new_string("a string");
    fail_at = 0;
    assert_true(json_is_marked(failed[0]) && json_is_marked(failed[1]) && json_is_marked(bag));
    add_number(failed[0], "n", 1);
    json_append(failed[1], json_new_number(1));
    json_fail(failed[0]);
    assert_int_equal(json_object_object_length(failed[0]), 0);
    assert_int_equal(json_object_array_length(failed[1]), 0);
    json_object_put(bag);
    bag = json_new_object();
    json_add(bag, "o", failed[0]);
    json_add(bag, "a", failed[1]);
    assert_false(json_is_marked(bag));
    assert_false(json_check(bag, &error));
    assert_string_equal(error.text, "out of memory");
    json_object_put(bag);
    again = json_new_object();
    assert_false(json_failed(again));
    json_object_put(again);
    add_number(NULL, "n", 1); /* a container that is not there for the same reason */
    json_append(NULL, NULL);
}

static void test_somebody_else_had_no_memory(void **state)
{
    struct json_object *value = json_new_object();

    (void)state;
    add_string(value, "text", NULL);
    assert_true(json_failed(value));
    json_object_put(value);
    value = json_new_array();
    json_fail(value);
    assert_true(json_failed(value));
    json_object_put(value);
}

static void test_texts_of_fixed_size(void **state)
{
    char bytes[8];
    struct text text = text_fixed(bytes, sizeof bytes);

    (void)state;
    text_string(&text, "1234567");
    assert_false(text.failed);
    assert_string_equal(bytes, "1234567");
    text_string(&text, "8");
    assert_true(text.failed);
    assert_string_equal(bytes, "1234567");
    text_free(&text);
    text = text_fixed(bytes, sizeof bytes);
    text_string(&text, "123456");
    text_printf(&text, "%d", 78);
    text_string(&text, "9"); /* there is room, but a gap before it */
    assert_true(text.failed);
    assert_string_equal(text.bytes, "123456");
    text_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation_can_fail),
        cmocka_unit_test(test_what_stands_for_others_stays_empty),
        cmocka_unit_test(test_somebody_else_had_no_memory),
        cmocka_unit_test(test_texts_of_fixed_size),
    };

    if (!json_prepare())
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
