/* SPDX-License-Identifier: BSD-2-Clause */
/* Telnet's option bytes, in one piece and cut anywhere. */
#include "../unit.h"

#include <string.h>

#include "chardev/telnet.h"

#define IAC "\377"

static const struct {
    const char *in;
    size_t in_length;
    const char *out;
    size_t out_length;
} cases[] = {
#define CASE(in, out) \
    { \
        in, sizeof in - 1, out, sizeof out - 1 \
    }
    CASE("plain", "plain"),
    CASE("", ""),
    CASE("a" IAC "\373\001b", "ab"),                            /* WILL ECHO */
    CASE(IAC "\374\001" IAC "\375\003" IAC "\376\000x", "x"),   /* WONT, DO, DONT */
    CASE("a" IAC IAC "b", "a" IAC "b"),                         /* a byte of data */
    CASE("a" IAC "\361b", "ab"),                                /* NOP */
    CASE("a" IAC "\364b", "ab"),                                /* interrupt */
    CASE("a" IAC "\372\037\000\120\000\030" IAC "\360b", "ab"), /* SB NAWS 80 24 SE */
    CASE("a" IAC "\372\037\000" IAC IAC "\000" IAC "\360b", "ab"),
    CASE("a" IAC "\372x" IAC "\373yz" IAC "\360b", "ab"), /* no end before SE */
    CASE("a" IAC "\373" IAC "b", "ab"),                   /* an option that is 255 */
    CASE("a" IAC, "a"),
    CASE("\000\r\n\376", "\000\r\n\376"),
#undef CASE
};

static void commands_are_taken_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t cut = 0; cut <= cases[i].in_length; cut++) {
            struct telnet telnet = { 0 };
            uint8_t first[64], second[64];
            size_t length;

            memcpy(first, cases[i].in, cut);
            memcpy(second, cases[i].in + cut, cases[i].in_length - cut);
            length = telnet_input(&telnet, first, cut);
            memcpy(first + length, second, telnet_input(&telnet, second, cases[i].in_length - cut));
            if (memcmp(first, cases[i].out, cases[i].out_length) != 0)
                fail_msg("case %zu, cut at %zu", i, cut);
        }
}

static void as_many_bytes_are_left(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct telnet telnet = { 0 };
        uint8_t bytes[64];

        memcpy(bytes, cases[i].in, cases[i].in_length);
        assert_int_equal(telnet_input(&telnet, bytes, cases[i].in_length), cases[i].out_length);
    }
}

static void what_is_sent_comes_back(void **state)
{
    uint8_t all[256], sent[512];
    struct telnet telnet = { 0 };
    size_t length;

    (void)state;
    for (unsigned i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    length = telnet_output(all, sizeof all, sent);
    assert_int_equal(length, sizeof all + 1);
    assert_int_equal(telnet_input(&telnet, sent, length), sizeof all);
    assert_memory_equal(sent, all, sizeof all);
}

static void the_greeting_is_options_alone(void **state)
{
    uint8_t bytes[sizeof telnet_greeting];
    struct telnet telnet = { 0 };

    (void)state;
    memcpy(bytes, telnet_greeting, sizeof bytes);
    assert_int_equal(telnet_input(&telnet, bytes, sizeof bytes), 0);
    assert_int_equal(telnet.at, TELNET_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_taken_out),
        cmocka_unit_test(as_many_bytes_are_left),
        cmocka_unit_test(what_is_sent_comes_back),
        cmocka_unit_test(the_greeting_is_options_alone),
    };

    return cmocka_run_group_tests_name("telnet", tests, NULL, NULL);
}
