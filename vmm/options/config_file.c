/* SPDX-License-Identifier: BSD-2-Clause */
#include "options/config_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "options/parser.h"

static const char blanks[] = " \t";
static const char word_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

/* The sections, and the text of the last one while it grows. */
struct reading {
    struct config_sections *sections;
    struct text text;
};

/* One line into `line`, which has room for CONFIG_LINE_MAX and a NUL. */
static bool copy_line(const char *bytes, size_t length, char *line, struct error *error)
{
    if (length > CONFIG_LINE_MAX)
        return error_set(error, "the line has %zu bytes; the limit, which is QEMU's, is %d", length,
                         CONFIG_LINE_MAX);
    for (size_t i = 0; i < length; i++) {
        const unsigned char c = (unsigned char)bytes[i];

        if ((c < ' ' && c != '\t') || c == 0x7f)
            return error_set(error,
                             "byte %zu is 0x%02x, a control character%s; a configuration file is text whose "
                             "lines end with a line feed",
                             i + 1, c, c == '\r' ? " (carriage return)" : "");
    }
    memcpy(line, bytes, length);
    line[length] = '\0';
    return true;
}

/* Whether nothing but blanks and a comment is left. */
static bool is_rest(const char *at)
{
    at += strspn(at, blanks);
    return *at == '\0' || *at == '#';
}

/* "key=value", in which a comma is doubled. */
static void append(struct text *text, const char *key, size_t key_length, const char *value, size_t length)
{
    if (text->length > 0)
        text_string(text, ",");
    text_append(text, key, key_length);
    text_string(text, "=");
    for (size_t i = 0; i < length; i++)
        text_append(text, value[i] == ',' ? ",," : &value[i], value[i] == ',' ? 2 : 1);
}

/* The section that is being read, if any, is whole. */
static bool end_section(struct reading *reading, struct error *error)
{
    struct config_sections *sections = reading->sections;

    if (sections->count == 0)
        return true;
    if (reading->text.failed)
        return error_set(error, "out of memory");
    sections->list[sections->count - 1].text = string_copy(reading->text.length ? reading->text.bytes : "");
    text_free(&reading->text);
    return true;
}

/* "[group]" or "[group "id"]"; *end is behind it. */
static bool split_header(const char *line, size_t *group, const char **id, size_t *id_length,
                         const char **end)
{
    const char *at = line + 1;

    *group = strspn(at, word_characters);
    *id = NULL;
    *id_length = 0;
    at += *group;
    if (*group > 0 && strspn(at, blanks) > 0) {
        at += strspn(at, blanks);
        if (*at++ != '"')
            return false;
        *id = at;
        *id_length = strcspn(at, "\"");
        at += *id_length;
        if (*at++ != '"' || *id_length == 0)
            return false;
    }
    *end = at + 1;
    return *group > 0 && *at == ']' && is_rest(at + 1);
}

static bool read_header(struct reading *reading, const char *line, unsigned number, struct error *error)
{
    struct config_sections *sections = reading->sections;
    struct config_section *section;
    const char *id, *end;
    size_t length, id_length;

    if (!split_header(line, &length, &id, &id_length, &end))
        return error_set(error, "parse error: [GROUP] or [GROUP \"ID\"] is expected; got '%s'", line);
    if (length > CONFIG_WORD_MAX || id_length > CONFIG_WORD_MAX)
        return error_set(error, "the %s has %zu characters; the limit, which is QEMU's, is %d",
                         length > CONFIG_WORD_MAX ? "group" : "ID",
                         length > CONFIG_WORD_MAX ? length : id_length, CONFIG_WORD_MAX);
    if (!end_section(reading, error))
        return false;
    section = array_grow(&sections->list, sections->count++, sizeof *section);
    memcpy(section->group, line + 1, length);
    section->line = number;
    if (id)
        append(&reading->text, "id", 2, id, id_length);
    return true;
}

/* KEY = "VALUE" */
static bool read_entry(struct reading *reading, const char *line, struct error *error)
{
    const char *key = line + strspn(line, blanks), *at = key + strspn(key, word_characters), *value;
    const int length = (int)(at - key);
    const size_t space = strspn(at, blanks);
    size_t value_length;

    if (length == 0 || at[space] != '=')
        return error_set(error, "%s: KEY = \"VALUE\" is expected; got '%s'",
                         reading->sections->count ? "parse error" : "no group defined", key);
    if (length > CONFIG_WORD_MAX)
        return error_set(error, "the key has %d characters; the limit, which is QEMU's, is %d", length,
                         CONFIG_WORD_MAX);
    if (reading->sections->count == 0)
        return error_set(error, "no group defined: '%.*s' stands before the first [GROUP]", length, key);
    if (space == 0)
        return error_set(error, "parse error: a blank is missing between '%.*s' and '='", length, key);
    value = at + space + 1;
    value += strspn(value, blanks);
    if (*value++ != '"')
        return error_set(error, "parse error: the value of '%.*s' must be in quotes: %.*s = \"VALUE\"",
                         length, key, length, key);
    value_length = strcspn(value, "\"");
    if (value[value_length] == '\0')
        return error_set(error, "parse error: the value of '%.*s' lacks its closing quote", length, key);
    if (!is_rest(value + value_length + 1))
        return error_set(error,
                         "parse error: only a comment may follow the value of '%.*s', which ends at the "
                         "second quote; got '%s'",
                         length, key, value + value_length + 1);
    append(&reading->text, key, (size_t)length, value, value_length);
    return true;
}

static bool read_line(struct reading *reading, const char *bytes, size_t length, unsigned number,
                      struct error *error)
{
    char line[CONFIG_LINE_MAX + 1];

    if (!copy_line(bytes, length, line, error))
        return false;
    if (is_rest(line))
        return true;
    return *line == '[' ? read_header(reading, line, number, error) : read_entry(reading, line, error);
}

bool config_file_parse(const char *bytes, size_t length, struct config_sections *sections,
                       struct error *error)
{
    struct reading reading = { .sections = sections };
    unsigned number = 0;
    bool good = true;

    for (size_t at = 0; good && at < length;) {
        const char *end = memchr(bytes + at, '\n', length - at);
        const size_t size = end ? (size_t)(end - bytes) - at : length - at;

        good = read_line(&reading, bytes + at, size, ++number, error);
        at += size + 1;
    }
    if (!good)
        error_prefix(error, "line %u: ", number);
    good = good && end_section(&reading, error);
    text_free(&reading.text);
    return good;
}

void config_sections_free(struct config_sections *sections)
{
    for (size_t i = 0; i < sections->count; i++)
        free(sections->list[i].text);
    free(sections->list);
    *sections = (struct config_sections){ 0 };
}
