/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text of -readconfig's file. What is read must be what QEMU reads: a model of QEMU's reader, which takes
 * lines apart by sscanf(), judges it. Of a text that is refused at a line, what is before the line is good.
 */
#include "input.h"

#include "options/config_file.h"

/* The model: QEMU's words of a line, and the sections as the options that they are. */
struct model {
    char group[64];
    char *text; /* of all sections, each ended by a line feed */
    size_t length;
    size_t sections;
    bool begun; /* the last section has an entry */
};

static void put(struct model *model, const char *bytes, size_t length)
{
    memcpy(model->text + model->length, bytes, length);
    model->length += length;
}

static void put_entry(struct model *model, const char *key, const char *value)
{
    if (model->begun)
        put(model, ",", 1);
    model->begun = true;
    put(model, key, strlen(key));
    put(model, "=", 1);
    for (; *value; value++)
        put(model, *value == ',' ? ",," : value, *value == ',' ? 2 : 1);
}

static void model_line(struct model *model, const char *line)
{
    char group[64], word[64], value[1024] = "", rest;
    int header = sscanf(line, "[%63s \"%63[^\"]\"]", group, value);

    /* QEMU takes a quote in a comment right behind "[group]" for an ID's, of a group that there cannot be. */
    if (header == 2 && strchr(group, ']'))
        header = 1;
    if (line[0] == '#' || sscanf(line, " %c", &rest) < 1 || rest == '#')
        return;
    if (line[0] == '[') {
        CHECK(header == 2 || sscanf(line, "[%63[^]]]", group) == 1);
        if (model->sections++ > 0)
            put(model, "\n", 1);
        put(model, group, strlen(group));
        put(model, ":", 1);
        model->begun = false;
        if (header == 2)
            put_entry(model, "id", value);
        return;
    }
    value[0] = '\0';
    CHECK(model->sections > 0 && sscanf(line, " %63s = \"%1023[^\"]\"", word, value) >= 1);
    put_entry(model, word, value);
}

/* Lines as fgets() gives them. */
static void model_text(struct model *model, const uint8_t *data, size_t size)
{
    char line[CONFIG_LINE_MAX + 2];

    for (size_t at = 0; at < size;) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        const size_t length = end ? (size_t)(end - data) - at : size - at;

        CHECK(length <= CONFIG_LINE_MAX && !memchr(data + at, '\0', length));
        memcpy(line, data + at, length);
        line[length] = '\0';
        model_line(model, line);
        at += length + 1;
    }
    if (model->sections > 0)
        put(model, "\n", 1);
}

static void compare(const struct model *model, const struct config_sections *sections)
{
    const char *at = model->text, *end = model->text + model->length;

    CHECK(model->sections == sections->count);
    for (size_t i = 0; i < sections->count; i++) {
        const struct config_section *section = &sections->list[i];
        const size_t group = strlen(section->group), text = strlen(section->text);

        CHECK((size_t)(end - at) >= group + text + 2);
        CHECK(memcmp(at, section->group, group) == 0 && at[group] == ':');
        CHECK(memcmp(at + group + 1, section->text, text) == 0 && at[group + 1 + text] == '\n');
        CHECK(section->line > (i > 0 ? sections->list[i - 1].line : 0));
        at += group + text + 2;
    }
    CHECK(at == end);
}

/* The place of the n-th line. */
static size_t line_at(const uint8_t *data, size_t size, unsigned number)
{
    size_t at = 0;

    while (--number > 0) {
        const uint8_t *end = memchr(data + at, '\n', size - at);

        CHECK(end);
        at = (size_t)(end - data) + 1;
    }
    CHECK(at < size);
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_sections sections = { 0 };
    struct error error = { 0 };
    unsigned number = 0;
    bool good = config_file_parse((const char *)data, size, &sections, &error);

    if (!good) {
        CHECK(sscanf(error.text, "line %u: ", &number) == 1 && number > 0);
        size = line_at(data, size, number);
        config_sections_free(&sections);
        CHECK(config_file_parse((const char *)data, size, &sections, &error));
    }
    {
        /* Each byte is doubled at most; an entry has up to 5 more, a section 2. */
        struct model model = { .text = malloc(8 * size + 16) };

        model_text(&model, data, size);
        compare(&model, &sections);
        free(model.text);
    }
    config_sections_free(&sections);
    return 0;
}
