/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QMP's input: a stream of JSON values, with or without anything between them.
 *
 * json-c's tokener does the parsing, incrementally: text is never buffered here. In front of it a scanner
 * looks at each byte, for what the tokener does not guard against: the size and depth of a value, the number
 * of its parts, control characters and bad UTF-8 in strings (which may come in pieces), and \u0000, which
 * would cut C strings short. It also finds the end of a value, so that each byte is looked at only once.
 *
 * The tokener is not strict, since QEMU takes strings in single quotes too; what else it would let pass is
 * refused here (comments) or does no harm.
 *
 * After an error the rest of the line is dropped, and the next line is a new start. A value may well stretch
 * over several lines.
 */
#include "monitor/qmp_input.h"

#include <string.h>

/* A tokener that has held a string longer than this is not kept: it would keep the memory. */
#define TOKENER_KEEP 65536u

static void reset(struct qmp_input *input)
{
    if (input->tokener && input->bytes > TOKENER_KEEP) {
        json_tokener_free(input->tokener);
        input->tokener = NULL;
    } else if (input->tokener) {
        json_tokener_reset(input->tokener);
    }
    *input = (struct qmp_input){ .tokener = input->tokener, .discarding = input->discarding };
}

void qmp_input_free(struct qmp_input *input)
{
    if (input->tokener)
        json_tokener_free(input->tokener);
    input->tokener = NULL;
}

/* First byte of a UTF-8 character: how many follow, and what the first of them may be (Unicode, table 3-7).
 */
static bool start_character(struct qmp_input *input, uint8_t byte)
{
    if (byte < 0xc2 || byte > 0xf4)
        return false;
    input->continuation = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    input->least = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    input->most = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
    return true;
}

/* A byte of an escape. A bad one is the tokener's to find. */
static const char *scan_escape(struct qmp_input *input, uint8_t byte)
{
    if (input->escape == 1) {
        input->escape = byte == 'u' ? 2 : 0;
        input->escape_zero = true;
        return NULL;
    }
    input->escape_zero = input->escape_zero && byte == '0';
    if (input->escape++ < 5)
        return NULL;
    input->escape = 0;
    return input->escape_zero ? "JSON parse error, \\u0000 in a string" : NULL;
}

/* A byte within a string. Returns what is wrong with it, or NULL. */
static const char *scan_string(struct qmp_input *input, uint8_t byte)
{
    if (input->continuation > 0) {
        if (byte < input->least || byte > input->most)
            return "JSON parse error, invalid UTF-8 in a string";
        input->continuation--;
        input->least = 0x80;
        input->most = 0xbf;
    } else if (byte < 0x20) {
        return "JSON parse error, control character in a string";
    } else if (input->escape > 0) {
        return scan_escape(input, byte);
    } else if (byte == '\\') {
        input->escape = 1;
    } else if (byte == (uint8_t)input->quote) {
        input->quote = 0;
    } else if (byte >= 0x80 && !start_character(input, byte)) {
        return "JSON parse error, invalid UTF-8 in a string";
    }
    return NULL;
}

/* A byte between strings. *end: it may end the value. */
static const char *scan_structure(struct qmp_input *input, uint8_t byte, bool *end)
{
    switch (byte) {
    case '"':
    case '\'':
        input->quote = (char)byte;
        break;
    case '{':
    case '[':
        input->tokens++;
        if (++input->depth > QMP_DEPTH_MAX)
            return "JSON nesting depth limit exceeded, a command may have 1024 levels";
        break;
    case '}':
    case ']':
        *end = input->depth <= 1;
        input->depth -= input->depth > 0;
        break;
    case ',':
    case ':':
        input->tokens++;
        break;
    case '\n':
        *end = input->depth == 0; /* a number of its own ends with the line */
        break;
    case '/':
        return "JSON parse error, stray '/'";
    default:
        if ((byte < 0x20 && byte != '\t' && byte != '\r') || byte >= 0x7f)
            return "JSON parse error, stray character";
    }
    return NULL;
}

/* Look at bytes until the value may be over or something is wrong; returns how many are good. */
static size_t scan(struct qmp_input *input, const uint8_t *bytes, size_t length, const char **problem)
{
    bool end = false;
    size_t i;

    *problem = NULL;
    for (i = 0; i < length && !end; i++) {
        *problem = input->quote ? scan_string(input, bytes[i]) : scan_structure(input, bytes[i], &end);
        if (*problem)
            break;
        if (++input->bytes > QMP_BYTES_MAX)
            *problem = "JSON size limit exceeded, a command may have 16 MiB";
        else if (input->tokens > QMP_TOKENS_MAX)
            *problem = "JSON token count limit exceeded, a command may have 131072 values";
        if (*problem)
            break;
    }
    return i;
}

static enum qmp_input_result fail(struct qmp_input *input)
{
    input->discarding = true;
    reset(input);
    return QMP_INPUT_BAD;
}

static enum qmp_input_result parse(struct qmp_input *input, const uint8_t *bytes, size_t length,
                                   size_t *taken, struct json_object **value, struct error *error)
{
    const char *problem;
    size_t good = scan(input, bytes, length, &problem);
    enum json_tokener_error why = json_tokener_continue;

    if (good > 0) {
        *value = json_tokener_parse_ex(input->tokener, (const char *)bytes, (int)good);
        why = json_tokener_get_error(input->tokener);
    }
    *taken = good;
    if (why == json_tokener_success) {
        *taken = json_tokener_get_parse_end(input->tokener);
        reset(input);
        return QMP_INPUT_VALUE;
    }
    if (why != json_tokener_continue) {
        *taken = json_tokener_get_parse_end(input->tokener);
        error_set(error, "JSON parse error, %s", json_tokener_error_desc(why));
        return fail(input);
    }
    if (problem) {
        error_set(error, "%s", problem);
        return fail(input);
    }
    return QMP_INPUT_MORE;
}

/* Bytes that are skipped: the rest of a bad line, or the space before a value. */
static size_t skip(struct qmp_input *input, const uint8_t *bytes, size_t length)
{
    size_t count = 0;

    if (input->discarding) {
        const uint8_t *newline = memchr(bytes, '\n', length);

        if (!newline)
            return length;
        input->discarding = false;
        count = (size_t)(newline - bytes) + 1;
    }
    while (count < length && !input->started && memchr(" \t\r\n", bytes[count], 4))
        count++;
    return count;
}

enum qmp_input_result qmp_input_take(struct qmp_input *input, const uint8_t *bytes, size_t length,
                                     size_t *taken, struct json_object **value, struct error *error)
{
    size_t skipped = skip(input, bytes, length);
    enum qmp_input_result result = QMP_INPUT_MORE;

    *taken = length;
    if (skipped == length)
        return QMP_INPUT_MORE;
    if (!input->tokener)
        input->tokener = json_tokener_new_ex(QMP_DEPTH_MAX + 2);
    if (!input->tokener) {
        error_set(error, "out of memory");
        return fail(input);
    }
    input->started = true;
    while (skipped < length && result == QMP_INPUT_MORE) {
        result = parse(input, bytes + skipped, length - skipped, taken, value, error);
        skipped += *taken;
    }
    *taken = skipped;
    return result;
}
