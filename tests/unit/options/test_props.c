/* SPDX-License-Identifier: BSD-2-Clause */
/* Sizes, ids, bags of properties and the structs they are read into. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/count_of.h"
#include "base/host_nodes.h"
#include "base/props.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)

static void texts_show_that_a_value_is_shortened(void **state)
{
    struct error error = { 0 };
    char value[2000], small[12];

    (void)state;
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    error_set(&error, "%.5s|%.5s|%.5s|%.*s|%s", "1234", "12345", "123456", 3, "123456", "all");
    assert_string_equal(error.text, "1234|12345|12345...|123|all");
    error_set(&error, "%.5s|%.4s|%.3s", "aé€z", "aé€z", "€€"); /* characters of 1, 2, 3, 1 bytes */
    assert_string_equal(error.text, "aé...|aé...|€...");
    error_set(&error, "'%s': the way out", value);
    assert_int_equal(strlen(error.text), 1 + WORDS_QUOTED_MAX + strlen("...': the way out"));
    assert_string_equal(error.text + 1 + WORDS_QUOTED_MAX, "...': the way out");
    error_set(&error, "%s and %s", value, value);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
    assert_string_equal(error.text + sizeof error.text - 4, "...");
    error_set(&error, "%d %u %x %04x %#x %c %% %zu %lld %llu %" PRIu64 " %" PRId64 " %lx %.3g %02hhx", -1, 2u,
              0xab, 0xc, 0xd, 'e', (size_t)3, -4LL, UINT64_C(18446744073709551615) + 0ULL, UINT64_C(5),
              INT64_C(-6), 0xfUL, 1.5, (unsigned char)7);
    assert_string_equal(error.text, "-1 2 ab 000c 0xd e % 3 -4 18446744073709551615 5 -6 f 1.5 07");
    error_set(&error, "end");
    error_prefix(&error, "-m %.3s: ", "1234");
    assert_string_equal(error.text, "-m 123...: end");
    words_format(small, sizeof small, "%s", "1234567890ab");
    assert_string_equal(small, "12345678...");
}

static void sizes_are_read(void **state)
{
    static const struct {
        const char *text;
        uint64_t unit, bytes;
    } cases[] = {
        { "6GB", 1, 6 * GIB },
        { "1G", 1, GIB },
        { "512MiB", 1, 512 * MIB },
        { "512mib", 1, 512 * MIB },
        { "1024k", 1, MIB },
        { "0x40000000", 1, GIB },
        { "0X10", 1, 16 },
        { "0x10M", 1, 16 * MIB },
        { "0x1B", 1, 27 },
        { "1.5G", 1, GIB + GIB / 2 },
        { " 1G", 1, GIB }, /* these as QEMU 7.2 */
        { "\t+1G", 1, GIB },
        { "5.M", 1, 5 * MIB },
        { "4096.0", 1, 4096 },
        { "4096.", 1, 4096 },
        { " +0x10", 1, 16 },
        { "0.5k", 1, 512 },
        { "1.0625GiB", 1, 1088 * MIB },
        { "8388608k", 1, 8 * GIB },
        { "512", MIB, 512 * MIB },
        { "512", 1, 512 },
        { "1.5", MIB, MIB + MIB / 2 },
        { "512B", MIB, 512 },
        { "512b", MIB, 512 },
        { "0", MIB, 0 },
        { "010", 1, 10 },
        { "2T", 1, 2048 * GIB },
        { "1P", 1, GIB * MIB },
        { "15E", 1, 15 * GIB * GIB },
        { "15.5EiB", 1, 15 * GIB * GIB + GIB * GIB / 2 },
        { "18446744073709551615", 1, UINT64_MAX },
        { "0xffffffffffffffff", 1, UINT64_MAX },
        { "18446744073709551615B", MIB, UINT64_MAX },
        { "1.000000000000000000000000000000G", 1, GIB },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error error = { 0 };
        uint64_t bytes = 1;

        if (!size_parse(cases[i].text, cases[i].unit, &bytes, &error))
            fail_msg("%s: %s", cases[i].text, error.text);
        if (bytes != cases[i].bytes)
            fail_msg("%s: %" PRIu64, cases[i].text, bytes);
    }
}

static void bad_sizes_are_named(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "12Q", "expects a size, such as 512M or 1G; got '12Q'" },
        { "", "expects a size, such as 512M or 1G; got ''" },
        { "G", "got 'G'" },
        { "0x", "got '0x'" },
        { "1G ", "got '1G '" },
        { "1 G", "got '1 G'" },
        { "1GiBB", "got '1GiBB'" },
        { "1BB", "got '1BB'" },
        { "1BiB", "got '1BiB'" },
        { "1Gi", "got '1Gi'" },
        { ".5G", "got '.5G'" },
        { "1..5G", "got '1..5G'" },
        { "1e3", "got '1e3'" },
        { "+ 1G", "got '+ 1G'" },
        { "++1G", "got '++1G'" },
        { "+-1G", "got '+-1G'" },
        { "0x1.M", "got '0x1.M'" },
        { " ", "got ' '" },
        { ".", "got '.'" },
        { "1. M", "got '1. M'" },
        { "-1", "expects a size of 0 or more; got '-1'" },
        { "-1G", "expects a size of 0 or more; got '-1G'" },
        { "1.5", "expects a whole number of bytes; got '1.5'" },
        { "1.5B", "expects a whole number of bytes; got '1.5B'" },
        { "0x1.8M", "got '0x1.8M'" },
        { "16E", "expects a size below 16 EiB (2^64 bytes); got '16E'" },
        { "18446744073709551616", "below 16 EiB" },
        { "99999999999999999999999G", "below 16 EiB (2^64 bytes); got '99999999999999999999999G'" },
        { "0x10000000000000000", "below 16 EiB" },
        { "nan", "got 'nan'" },
        { "inf", "got 'inf'" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error error = { 0 };
        uint64_t bytes = 42;

        if (size_parse(cases[i].text, 1, &bytes, &error))
            fail_msg("'%s' was read as %" PRIu64, cases[i].text, bytes);
        assert_int_equal(bytes, 42);
        if (!strstr(error.text, cases[i].message))
            fail_msg("'%s': %s", cases[i].text, error.text);
    }
}

static void sizes_are_written(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        { 0, "0 bytes" },
        { 1, "1 byte" },
        { 4097, "4097 bytes" },
        { 1023, "1023 bytes" },
        { KIB, "1 KiB" },
        { 512 * MIB, "512 MiB" },
        { GIB + GIB / 2, "1.5 GiB" },
        { 5 * GIB / 4, "1.25 GiB" },
        { 7 * GIB / 4, "1.75 GiB" },
        { 1088 * MIB, "1088 MiB" },
        { GIB + 1, "1073741825 bytes" },
        { UINT64_C(1) << 52, "4 PiB" },
        { UINT64_C(1) << 63, "8 EiB" },
        { UINT64_MAX, "18446744073709551615 bytes" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char buffer[SIZE_TEXT_MAX];

        assert_string_equal(size_text(cases[i].bytes, buffer), cases[i].text);
    }
}

static void ids_follow_the_rule(void **state)
{
    static const char *const good[] = { "a", "Z9", "mem-1.2_x" };
    static const char *const bad[] = { "", "1a", "-a", "_a", "a b", "a/b", "a,b", "\xc3\xa9", "a\n" };
    struct error error;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(id_well_formed(good[i]));
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(id_well_formed(bad[i]));
        assert_false(id_check(bad[i], &error));
        assert_non_null(strstr(error.text, bad[i]));
        assert_non_null(strstr(error.text, "starting with a letter"));
    }
}

static void keyvals_become_objects(void **state)
{
    static const struct {
        const char *text, *implied, *json;
    } cases[] = {
        { "", "type", "{}" },
        { "a=1,b=2", NULL, "{\"a\":\"1\",\"b\":\"2\"}" },
        { "ram,id=m", "type", "{\"type\":\"ram\",\"id\":\"m\"}" },
        { "a=1,,2,b=,,", NULL, "{\"a\":\"1,2\",\"b\":\",\"}" },
        { "a,,b,c=d", "type", "{\"type\":\"a,b\",\"c\":\"d\"}" },
        { "a,,b=c", "type", "{\"type\":\"a,b=c\"}" },
        { "x=1,server,nowait", "type", "{\"x\":\"1\",\"server\":\"on\",\"nowait\":\"on\"}" },
        { "server", NULL, "{\"server\":\"on\"}" },
        { "a=1,a=2", NULL, "{\"a\":\"2\"}" },
        { "a=b=c", NULL, "{\"a\":\"b=c\"}" },
        { "a=", NULL, "{\"a\":\"\"}" },
        { "a=1,", NULL, "{\"a\":\"1\"}" },
        { ",a=1", "type", "{\"type\":\"\",\"a\":\"1\"}" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error error = { 0 };
        struct json_object *object = keyval_parse(cases[i].text, cases[i].implied, &error);

        if (!object)
            fail_msg("%s: %s", cases[i].text, error.text);
        assert_string_equal(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN), cases[i].json);
        json_object_put(object);
    }
}

static void nameless_words_are_refused(void **state)
{
    static const char *const bad[] = { "=1", "a=1,=2", "a,,b", ",", "a=1,b,,c=2" };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct error error = { 0 };

        assert_null(keyval_parse(bad[i], NULL, &error));
        assert_non_null(strstr(error.text, "parameter name is expected"));
    }
}

static void json_is_strict(void **state)
{
    static const char *const bad[] = {
        "{",
        "{\"a\":",
        "{\"a\":1}x",
        "{\"a\":1,}",
        "{\"a\":nan}",
        "{\"a\":1} {\"b\":2}",
        "{\"a\":\"\xff\"}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":1.}",
        "{\"a\":01}",
        "{\"a\":True}",
        "{\"a\":[1,]}",
        "{\"a\":1e999}",
        "{\"a\":1,\"a\":1}",
        "{\"a\":1,'a':1}",
        "{\"a\":{\"b\":1,\"b\":1}}",
        "{\"a\":\"\\uD800\"}",
        "{\"a\" 1}",
        "{a:1}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":1}}",
        "{\"a\":/**/1}",
        "{]",
        "{\"a\":1",
        "{\"a\":\"b",
    };
    char deep[200] = "{\"a\":";
    struct error error;
    bool keyval;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct json_object *object = props_parse(bad[i], "type", &keyval, &error);

        if (object)
            fail_msg("%s was read as %s", bad[i], json_object_to_json_string(object));
        assert_false(keyval);
        assert_non_null(strstr(error.text, "JSON parse error"));
    }
    memset(deep + strlen(deep), '[', 100);
    assert_null(props_parse(deep, "type", &keyval, &error));
    assert_string_equal(error.text, "JSON nesting depth limit exceeded, a value may have 32 levels");
}

static void json_in_single_quotes(void **state)
{
    struct error error;
    bool keyval;
    struct json_object *object = props_parse("{'a':'it\\'s \"b\"', \"c\": 'd'}", "type", &keyval, &error);

    (void)state;
    assert_non_null(object);
    assert_string_equal(json_object_get_string(json_object_object_get(object, "a")), "it's \"b\"");
    assert_string_equal(json_object_get_string(json_object_object_get(object, "c")), "d");
    json_object_put(object);
}

/* What is too large for an integer is none. */
static void json_numbers(void **state)
{
    static const struct {
        const char *text;
        enum json_type type;
    } table[] = {
        { "{\"a\":18446744073709551615}", json_type_int },
        { "{\"a\":-9223372036854775808}", json_type_int },
        { "{\"a\":18446744073709551616}", json_type_double },
        { "{\"a\":-9223372036854775809}", json_type_double },
        { "{\"a\":-18446744073709551615}", json_type_double },
        { "{\"a\":1.0}", json_type_double },
        { "{\"a\":1e0}", json_type_double },
        { "{\"a\":-0}", json_type_int },
    };
    struct error error;
    bool keyval;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct json_object *object = props_parse(table[i].text, "type", &keyval, &error);

        assert_non_null(object);
        assert_int_equal(json_object_get_type(json_object_object_get(object, "a")), table[i].type);
        json_object_put(object);
    }
}

struct sample {
    char *string, *other;
    uint64_t size, u64;
    uint32_t u32;
    int32_t i32;
    bool yes, u32_given, string_given;
};

static const struct property table[] = {
    PROPERTY_ROW_GIVEN(sample, "string", PROPERTY_STRING, string, ""),
    PROPERTY_ROW(sample, "other", PROPERTY_STRING, other, ""),
    PROPERTY_ROW(sample, "size", PROPERTY_SIZE, size, ""),
    PROPERTY_ROW(sample, "u64", PROPERTY_UINT64, u64, ""),
    PROPERTY_ROW_GIVEN(sample, "u32", PROPERTY_UINT32, u32, ""),
    PROPERTY_ROW(sample, "i32", PROPERTY_INT32, i32, ""),
    PROPERTY_ROW(sample, "yes", PROPERTY_BOOL, yes, ""),
};
static const char *const skip[] = { "qom-type", "id", NULL };

static bool read_sample(const char *text, struct sample *sample, struct error *error)
{
    struct props props;
    bool good;

    props.object = props_parse(text, "qom-type", &props.keyval, error);
    if (!props.object)
        return false;
    good = props_read(props, table, COUNT_OF(table), skip, "memory-backend-test", sample, error);
    json_object_put(props.object);
    return good;
}

static void check_sample(const char *text)
{
    struct sample sample = { .i32 = 7 };
    struct error error = { 0 };

    if (!read_sample(text, &sample, &error))
        fail_msg("%s", error.text);
    assert_string_equal(sample.string, "a b");
    assert_true(sample.string_given);
    assert_null(sample.other);
    assert_int_equal(sample.size, GIB);
    assert_true(sample.u64 == UINT64_MAX);
    assert_int_equal(sample.u32, UINT32_MAX);
    assert_true(sample.u32_given);
    assert_int_equal(sample.i32, INT32_MIN);
    assert_true(sample.yes);
    props_free(table, COUNT_OF(table), &sample);
    assert_null(sample.string);
}

static void words_are_the_only_ones(void **state)
{
    static const char *const words[] = { "auto", "on", "off", NULL };
    static const struct property row[] = { PROPERTY_ROW_WORDS(sample, "word", string, "", words) };
    static const char *const good[] = { "x=1", "word=auto", "word=on", "word=off" };
    static const size_t numbers[] = { 0, 0, 1, 2 };
    static const char *const skipped[] = { "x", NULL };
    struct sample sample = { 0 };
    struct error error;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct props props;

        props.object = props_parse(good[i], NULL, &props.keyval, &error);
        assert_non_null(props.object);
        assert_true(props_read(props, row, COUNT_OF(row), skipped, "thing", &sample, &error));
        assert_int_equal(property_word(words, sample.string), numbers[i]);
        props_free(row, COUNT_OF(row), &sample);
        json_object_put(props.object);
    }
    for (unsigned keyval = 0; keyval < 2; keyval++) {
        struct props props;

        props.object = props_parse(keyval ? "word=of" : "{\"word\":\"of\"}", NULL, &props.keyval, &error);
        assert_non_null(props.object);
        assert_false(props_read(props, row, COUNT_OF(row), NULL, "thing", &sample, &error));
        assert_string_equal(error.text, "Parameter 'word' expects one of 'auto', 'on', 'off'; got 'of'");
        assert_null(sample.string);
        json_object_put(props.object);
    }
}

struct placement {
    struct host_nodes nodes;
    enum host_policy policy;
};

static const struct property placement[] = {
    PROPERTY_ROW(placement, "host-nodes", PROPERTY_NODES, nodes, ""),
    PROPERTY_ROW(placement, "policy", PROPERTY_POLICY, policy, ""),
};

static bool read_placement(const char *text, struct placement *values, struct error *error)
{
    struct props props;
    bool good;

    *values = (struct placement){ 0 };
    props.object = props_parse(text, "qom-type", &props.keyval, error);
    assert_non_null(props.object);
    good = props_read(props, placement, COUNT_OF(placement), skip, "ram", values, error);
    json_object_put(props.object);
    return good;
}

static void host_nodes_in_all_their_spellings(void **state)
{
    static const struct {
        const char *text, *nodes;
    } good[] = {
        { "ram,host-nodes=0", "0" },
        { "ram,host-nodes=0-3", "0-3" },
        { "ram,host-nodes=2,host-nodes=0", "0,2" },
        { "ram,host-nodes=0-1,,4,,6-127", "0-1,4,6-127" },
        { "ram,host-nodes.0=64,host-nodes.1=63", "63-64" },
        { "ram,host-nodes=0x10", "16" },
        { "ram,host-nodes=127", "127" },
        { "{\"host-nodes\":[0,1,5]}", "0-1,5" },
        { "{\"host-nodes\":[]}", "" },
        { "ram", "" },
    };
    struct placement values;
    struct error error;
    char text[HOST_NODES_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        if (!read_placement(good[i].text, &values, &error))
            fail_msg("%s: %s", good[i].text, error.text);
        assert_string_equal(host_nodes_text(&values.nodes, text), good[i].nodes);
        assert_int_equal(host_nodes_empty(&values.nodes), good[i].nodes[0] == '\0');
    }
    assert_true(read_placement("ram,policy=interleave", &values, &error));
    assert_int_equal(values.policy, HOST_POLICY_INTERLEAVE);
    assert_true(read_placement("{\"policy\":\"bind\"}", &values, &error));
    assert_int_equal(values.policy, HOST_POLICY_BIND);
}

static void host_nodes_that_are_none(void **state)
{
    static const struct {
        const char *text, *words;
    } bad[] = {
        { "ram,host-nodes=", "expects nodes, such as 0 or 0-1; got ''" },
        { "ram,host-nodes=1-0", "got '1-0'" },
        { "ram,host-nodes=-1", "got '-1'" },
        { "ram,host-nodes=0-", "got '0-'" },
        { "ram,host-nodes=0,host-nodes=x", "got '0,x'" },
        { "ram,host-nodes=128", "invalid host-nodes value: 128; the highest is 127" },
        { "ram,host-nodes=0-18446744073709551615", "invalid host-nodes value: 18446744073709551615" },
        { "ram,host-nodes.x=0", "no property 'host-nodes.x'" },
        { "ram,host-nodes.=0", "no property 'host-nodes.'" },
        { "ram,host-nodesx=0", "no property 'host-nodesx'" },
        { "{\"host-nodes\":0}", "Invalid parameter type for 'host-nodes', expected: array" },
        { "{\"host-nodes\":[-1]}", "got '-1'" },
        { "{\"host-nodes\":[\"0\"]}", "list of node numbers" },
        { "{\"host-nodes\":[0,200]}", "invalid host-nodes value: 200" },
        { "{\"host-nodes\":[0,null]}", "got null" },
        { "ram,policy=frob", "Parameter 'policy' does not accept value 'frob'" },
        { "ram,policy=", "does not accept value ''" },
        { "{\"policy\":1}", "Invalid parameter type for 'policy', expected: string" },
    };
    struct placement values;
    struct error error;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(read_placement(bad[i].text, &values, &error));
        if (!strstr(error.text, bad[i].words))
            fail_msg("%s: no '%s' in: %s", bad[i].text, bad[i].words, error.text);
    }
}

static void both_forms_are_read(void **state)
{
    struct sample sample = { .i32 = 7, .yes = true };
    struct error error;

    (void)state;
    check_sample("ram,id=m,string=a b,size=1G,u64=0xffffffffffffffff,u32=4294967295,i32=-2147483648,yes=on");
    check_sample("{\"qom-type\":\"ram\",\"id\":\"m\",\"string\":\"a b\",\"size\":1073741824,"
                 "\"u64\":18446744073709551615,\"u32\":4294967295,\"i32\":-2147483648,\"yes\":true}");
    assert_true(read_sample("ram,string=a,string=b", &sample, &error));
    assert_string_equal(sample.string, "b");
    assert_int_equal(sample.i32, 7);
    assert_true(sample.yes);
    assert_false(sample.u32_given);
    props_free(table, COUNT_OF(table), &sample);
}

static void bools_have_many_words(void **state)
{
    static const char *const on[] = { "on", "yes", "true", "y" }, *const off[] = { "off", "no", "false",
                                                                                   "n" };
    char text[32];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(on); i++) {
        struct sample sample = { 0 };
        struct error error;

        strcat(strcpy(text, "x,yes="), on[i]);
        assert_true(read_sample(text, &sample, &error));
        assert_true(sample.yes);
        strcat(strcpy(text, "x,yes="), off[i]);
        assert_true(read_sample(text, &sample, &error));
        assert_false(sample.yes);
    }
}

static void bad_values_are_named(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "x,size=12Q", "Parameter 'size' expects a size, such as 512M or 1G; got '12Q'" },
        { "x,size=", "Parameter 'size' expects a size, such as 512M or 1G; got ''" },
        { "x,size=-1", "Parameter 'size' expects a size of 0 or more; got '-1'" },
        { "x,size=16E", "Parameter 'size' expects a size below 16 EiB (2^64 bytes); got '16E'" },
        { "x,u32=4294967296", "Parameter 'u32' expects a number from 0 to 4294967295; got '4294967296'" },
        { "x,u32=-1", "Parameter 'u32' expects a number from 0 to 4294967295; got '-1'" },
        { "x,u32=1.5", "got '1.5'" },
        { "x,u32=", "got ''" },
        { "x,u32= 1", "got ' 1'" },
        { "x,i32=2147483648",
          "Parameter 'i32' expects a number from -2147483648 to 2147483647; got '2147483648'" },
        { "x,i32=-2147483649", "got '-2147483649'" },
        { "x,i32=--1", "got '--1'" },
        { "x,u64=18446744073709551616", "Parameter 'u64' expects a number from 0 to 18446744073709551615" },
        { "x,yes=maybe", "Parameter 'yes' expects 'on' or 'off'; got 'maybe'" },
        { "x,yes=", "got ''" },
        { "x,sise=1G",
          "memory-backend-test has no property 'sise'; did you mean 'size'? Available: qom-type, id, string, "
          "other, size, u64, u32, i32, yes" },
        { "x,quite-another=1",
          "memory-backend-test has no property 'quite-another'; available: qom-type, id" },
        { "{\"size\":\"1G\"}", "Invalid parameter type for 'size', expected: integer" },
        { "{\"size\":1.0}", "Invalid parameter type for 'size', expected: integer" },
        { "{\"size\":true}", "Invalid parameter type for 'size', expected: integer" },
        { "{\"size\":null}", "Invalid parameter type for 'size', expected: integer" },
        { "{\"size\":-1}", "Parameter 'size' expects a number from 0 to 18446744073709551615; got '-1'" },
        { "{\"u32\":4294967296}", "Parameter 'u32' expects a number from 0 to 4294967295; got '4294967296'" },
        { "{\"i32\":-2147483649}", "got '-2147483649'" },
        { "{\"i32\":18446744073709551615}", "got '18446744073709551615'" },
        { "{\"yes\":\"on\"}", "Invalid parameter type for 'yes', expected: boolean" },
        { "{\"yes\":1}", "Invalid parameter type for 'yes', expected: boolean" },
        { "{\"string\":1}", "Invalid parameter type for 'string', expected: string" },
        { "{\"string\":[]}", "Invalid parameter type for 'string', expected: string" },
        { "{\"string\":{}}", "Invalid parameter type for 'string', expected: string" },
        { "{\"string\":\"a\\u0000b\"}",
          "Parameter 'string' expects text without a NUL character; got one after 'a'" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sample sample = { 0 };
        struct error error = { 0 };

        if (read_sample(cases[i].text, &sample, &error))
            fail_msg("%s was taken", cases[i].text);
        if (!strstr(error.text, cases[i].message))
            fail_msg("%s: %s", cases[i].text, error.text);
        assert_null(sample.string);
    }
}

static void failure_leaves_nothing_allocated(void **state)
{
    struct sample sample = { 0 };
    struct error error;

    (void)state;
    assert_false(read_sample("x,string=a,other=b,size=12Q", &sample, &error));
    assert_null(sample.string);
    assert_null(sample.other);
    assert_false(read_sample("x,string=a,size=12Q", &sample, NULL));
}

static void long_values_are_cut(void **state)
{
    char text[5000] = "x,u32=";
    struct sample sample = { 0 };
    struct error error;

    (void)state;
    memset(text + strlen(text), 'z', 4000);
    assert_false(read_sample(text, &sample, &error));
    assert_true(strlen(error.text) < 200);
    text[2] = 'z';
    text[4005] = '=';
    assert_false(read_sample(text, &sample, &error));
    assert_true(strlen(error.text) < 400);
}

static void strings_are_found(void **state)
{
    bool keyval;
    struct error error;
    struct json_object *object = props_parse("{\"id\":\"m\",\"n\":1,\"z\":\"a\\u0000\",\"v\":null}", NULL,
                                             &keyval, &error);
    struct props props = { object, keyval };

    (void)state;
    assert_string_equal(props_string(props, "id", &error), "m");
    assert_null(props_string(props, "absent", &error));
    assert_string_equal(error.text, "");
    assert_null(props_string(props, "n", &error));
    assert_string_equal(error.text, "Invalid parameter type for 'n', expected: string");
    assert_null(props_string(props, "z", &error));
    assert_null(props_string(props, "v", &error));
    assert_null(props_string(props, "v", NULL));
    json_object_put(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_show_that_a_value_is_shortened),
        cmocka_unit_test(sizes_are_read),
        cmocka_unit_test(bad_sizes_are_named),
        cmocka_unit_test(sizes_are_written),
        cmocka_unit_test(ids_follow_the_rule),
        cmocka_unit_test(keyvals_become_objects),
        cmocka_unit_test(nameless_words_are_refused),
        cmocka_unit_test(json_is_strict),
        cmocka_unit_test(json_in_single_quotes),
        cmocka_unit_test(json_numbers),
        cmocka_unit_test(host_nodes_in_all_their_spellings),
        cmocka_unit_test(host_nodes_that_are_none),
        cmocka_unit_test(both_forms_are_read),
        cmocka_unit_test(bools_have_many_words),
        cmocka_unit_test(words_are_the_only_ones),
        cmocka_unit_test(bad_values_are_named),
        cmocka_unit_test(failure_leaves_nothing_allocated),
        cmocka_unit_test(long_values_are_cut),
        cmocka_unit_test(strings_are_found),
    };

    return cmocka_run_group_tests_name("props", tests, NULL, NULL);
}
