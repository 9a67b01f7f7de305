/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sizes and numbers in text, both ways.
 *
 * Sizes are reckoned in integers: a double would silently change the last bytes of a large size.
 */
#include "base/props.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

__extension__ typedef unsigned __int128 wide;

/* The suffixes by rising unit: letter n stands for 1024^n. */
static const char unit_letters[] = "BKMGTPE";

/* More digits of a fraction than these are below one byte even in EiB. */
#define FRACTION_DIGITS_MAX 18

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 16;
}

/* Read digits; *text is moved behind them. False when there is none or the number exceeds 2^64-1, with
 * *overflow telling the two apart. */
static bool read_digits(const char **text, int base, uint64_t *value, bool *overflow)
{
    const char *p = *text;
    uint64_t sum = 0;

    *overflow = false;
    for (; digit_value(*p) < base; p++) {
        uint64_t digit = (uint64_t)digit_value(*p);

        if (sum > (UINT64_MAX - digit) / (uint64_t)base)
            *overflow = true;
        sum = sum * (uint64_t)base + digit;
    }
    if (p == *text)
        return false;
    *text = p;
    *value = sum;
    return !*overflow;
}

static bool is_hex(const char *text)
{
    return text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

bool number_parse(const char *text, uint64_t *value)
{
    bool overflow;
    int base = 10;

    if (is_hex(text)) {
        base = 16;
        text += 2;
    }
    return read_digits(&text, base, value, &overflow) && *text == '\0';
}

/* ".5", or "." alone, as QEMU takes it: the numerator over 10^digits. */
static void read_fraction(const char **text, uint64_t *numerator, uint64_t *denominator)
{
    const char *p = *text;

    *numerator = 0;
    *denominator = 1;
    if (*p != '.')
        return;
    p++;
    for (int digits = 0; isdigit((unsigned char)*p); p++, digits++) {
        if (digits < FRACTION_DIGITS_MAX) {
            *numerator = *numerator * 10 + (uint64_t)(*p - '0');
            *denominator *= 10;
        }
    }
    *text = p;
}

/* "", "B", "K", "KB", "KiB" ...: the unit; `bare` is that of no suffix. */
static bool read_unit(const char *text, uint64_t bare, uint64_t *unit)
{
    const char *letter;

    if (*text == '\0') {
        *unit = bare;
        return true;
    }
    letter = strchr(unit_letters, toupper((unsigned char)*text));
    if (!letter)
        return false;
    *unit = UINT64_C(1) << (10 * (letter - unit_letters));
    text++;
    return *text == '\0' || (*unit > 1 && (strcasecmp(text, "B") == 0 || strcasecmp(text, "iB") == 0));
}

static bool size_unclear(const char *text, struct error *error)
{
    if (*text == '-')
        return error_set(error, "expects a size of 0 or more; got '%.80s'", text);
    return error_set(error, "expects a size, such as 512M or 1G; got '%.80s'", text);
}

static bool size_too_large(const char *text, struct error *error)
{
    return error_set(error, "expects a size below 16 EiB (2^64 bytes); got '%.80s'", text);
}

bool size_parse(const char *text, uint64_t unit, uint64_t *bytes, struct error *error)
{
    const char *p = text + strspn(text, " \t\n\v\f\r"); /* in front alone, and a sign, as strtoull() has it */
    uint64_t whole = 0, numerator, denominator, factor;
    bool hex, overflow, number;
    wide sum;

    p += *p == '+';
    hex = is_hex(p);
    p += hex ? 2 : 0;
    number = read_digits(&p, hex ? 16 : 10, &whole, &overflow);
    if ((!number && !overflow) || (hex && *p == '.'))
        return size_unclear(text, error);
    read_fraction(&p, &numerator, &denominator);
    if (!read_unit(p, unit, &factor))
        return size_unclear(text, error);
    if (numerator > 0 && factor == 1)
        return error_set(error, "expects a whole number of bytes; got '%.80s'", text);
    sum = (wide)whole * factor + ((wide)numerator * factor + denominator / 2) / denominator;
    if (overflow || sum > UINT64_MAX)
        return size_too_large(text, error);
    *bytes = (uint64_t)sum;
    return true;
}

char *size_word(uint64_t bytes, char buffer[SIZE_TEXT_MAX])
{
    size_t power = bytes ? sizeof unit_letters - 2 : 0;

    while (power > 0 && bytes % (UINT64_C(1) << (10 * power)))
        power--;
    snprintf(buffer, SIZE_TEXT_MAX, "%" PRIu64 "%c", bytes >> (10 * power), unit_letters[power]);
    return buffer;
}

char *size_text(uint64_t bytes, char buffer[SIZE_TEXT_MAX])
{
    static const char *const quarters[] = { "", ".25", ".5", ".75" };

    for (unsigned power = sizeof unit_letters - 2; power > 0; power--) {
        uint64_t unit = UINT64_C(1) << (10 * power), rest = bytes % unit;

        if (bytes < unit || rest % (unit / 4))
            continue;
        snprintf(buffer, SIZE_TEXT_MAX, "%" PRIu64 "%s %ciB", bytes / unit, quarters[rest / (unit / 4)],
                 unit_letters[power]);
        return buffer;
    }
    snprintf(buffer, SIZE_TEXT_MAX, "%" PRIu64 " %s", bytes, bytes == 1 ? "byte" : "bytes");
    return buffer;
}
