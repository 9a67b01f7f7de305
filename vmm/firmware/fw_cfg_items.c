/* SPDX-License-Identifier: BSD-2-Clause */
/* Items, files and their directory. */
#include "firmware/fw_cfg.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* An entry of the directory, which is FW_CFG_FILE_DIR; numbers have the greatest byte first. */
struct entry {
    uint32_t size;
    uint16_t number;
    uint16_t reserved;
    char name[FW_CFG_NAME_MAX + 1];
};
_Static_assert(sizeof(struct entry) == 64, "as the specification has it");

/* NULL: there is none of the number that is selected. */
static const struct fw_cfg_item *selected(const struct fw_cfg *fw_cfg)
{
    const uint16_t key = fw_cfg->state.key;

    if (key < FW_CFG_NUMBERS)
        return fw_cfg->items[key].bytes ? &fw_cfg->items[key] : NULL;
    if (key - FW_CFG_FILE_FIRST < (int)fw_cfg->file_count)
        return &fw_cfg->files[key - FW_CFG_FILE_FIRST].item;
    return NULL;
}

const uint8_t *fw_cfg_left(const struct fw_cfg *fw_cfg, uint32_t *length)
{
    const struct fw_cfg_item *item = selected(fw_cfg);
    const uint32_t offset = fw_cfg->state.offset;

    *length = item && offset < item->length ? item->length - offset : 0;
    return *length > 0 ? item->bytes + offset : NULL;
}

void fw_cfg_select(struct fw_cfg *fw_cfg, uint16_t key)
{
    fw_cfg->state.key = key;
    fw_cfg->state.offset = 0;
}

/* A copy for an item; an item without bytes has one, too. */
static uint8_t *copy_of(const void *bytes, size_t length, struct error *error)
{
    uint8_t *copy;

    if (length > FW_CFG_SIZE_MAX) {
        error_set(error, "%zu bytes exceed the limit of %u MiB for one item", length,
                  FW_CFG_SIZE_MAX / (1024 * 1024));
        return NULL;
    }
    copy = malloc(length > 0 ? length : 1);
    if (copy && length > 0)
        memcpy(copy, bytes, length);
    if (!copy)
        error_set(error, "out of memory");
    return copy;
}

/* A guest that is reading it continues in the new one. */
static void replace(struct fw_cfg *fw_cfg, struct fw_cfg_item *item, uint8_t *bytes, size_t length)
{
    uint8_t *old = item->bytes;

    pthread_mutex_lock(&fw_cfg->lock);
    *item = (struct fw_cfg_item){ bytes, (uint32_t)length };
    pthread_mutex_unlock(&fw_cfg->lock);
    free(old);
}

bool fw_cfg_set(struct fw_cfg *fw_cfg, uint16_t number, const void *bytes, size_t length, struct error *error)
{
    uint8_t *copy = copy_of(bytes, length, error);

    if (!copy)
        return false;
    replace(fw_cfg, &fw_cfg->items[number], copy, length);
    return true;
}

void fw_cfg_give(struct fw_cfg *fw_cfg, uint16_t number, uint8_t *bytes, uint32_t length)
{
    replace(fw_cfg, &fw_cfg->items[number], bytes, length);
}

bool fw_cfg_set_number(struct fw_cfg *fw_cfg, uint16_t number, uint64_t value, size_t width,
                       struct error *error)
{
    const uint64_t bytes = htole64(value);

    return fw_cfg_set(fw_cfg, number, &bytes, width, error);
}

static const struct fw_cfg_file *find(const struct fw_cfg *fw_cfg, const char *name)
{
    for (unsigned i = 0; i < fw_cfg->file_count; i++)
        if (strcmp(fw_cfg->files[i].name, name) == 0)
            return &fw_cfg->files[i];
    return NULL;
}

/* Copy a file's name and bytes to where the file is to be, in an array like that of the device. */
static bool stage(const struct fw_cfg *fw_cfg, struct fw_cfg_file *staged, unsigned *file_count,
                  const struct fw_cfg_content *content, struct error *error)
{
    const char *name = content->name;
    const struct fw_cfg_file *old = find(fw_cfg, name);
    struct fw_cfg_file *file = &staged[old ? old - fw_cfg->files : *file_count];

    if (!*name || strlen(name) > FW_CFG_NAME_MAX)
        return error_set(error, "a name has 1 to %u bytes, and '%s' has %zu", FW_CFG_NAME_MAX, name,
                         strlen(name));
    if (!old && *file_count == FW_CFG_FILES_MAX)
        return error_set(error, "there are %u files, which is the limit", FW_CFG_FILES_MAX);
    file->item.bytes = copy_of(content->bytes, content->length, error);
    if (!file->item.bytes)
        return false;
    file->item.length = (uint32_t)content->length;
    strcpy(file->name, name);
    *file_count += !old;
    return true;
}

/* The directory of all files, some of which are yet to be set. */
static bool make_directory(const struct fw_cfg *fw_cfg, const struct fw_cfg_file *staged, unsigned file_count,
                           struct fw_cfg_item *item, struct error *error)
{
    struct {
        uint32_t count;
        struct entry entries[FW_CFG_FILES_MAX];
    } directory = { .count = htobe32(file_count) };

    for (unsigned i = 0; i < file_count; i++) {
        const struct fw_cfg_file *file = staged[i].item.bytes ? &staged[i] : &fw_cfg->files[i];
        struct entry *entry = &directory.entries[i];

        entry->size = htobe32(file->item.length);
        entry->number = htobe16((uint16_t)(FW_CFG_FILE_FIRST + i));
        strcpy(entry->name, file->name);
    }
    item->length = (uint32_t)(sizeof directory.count + file_count * sizeof(struct entry));
    item->bytes = copy_of(&directory, item->length, error);
    return item->bytes != NULL;
}

static void exchange_item(struct fw_cfg_item *one, struct fw_cfg_item *other)
{
    const struct fw_cfg_item old = *one;

    *one = *other;
    *other = old;
}

/* What is replaced is in `staged` afterwards. */
static void exchange(struct fw_cfg *fw_cfg, struct fw_cfg_file *staged, unsigned file_count)
{
    for (unsigned i = 0; i < file_count; i++) {
        const struct fw_cfg_file old = fw_cfg->files[i];

        if (!staged[i].item.bytes)
            continue;
        fw_cfg->files[i] = staged[i];
        staged[i] = old;
    }
    fw_cfg->file_count = file_count;
}

/* Whatever needs memory comes first, so that nothing has to be undone. */
bool fw_cfg_set_files(struct fw_cfg *fw_cfg, const struct fw_cfg_content *contents, unsigned count,
                      struct error *error)
{
    struct fw_cfg_file staged[FW_CFG_FILES_MAX] = { 0 };
    unsigned file_count = fw_cfg->file_count;
    struct fw_cfg_item directory;
    bool done = true;

    for (unsigned i = 0; done && i < count; i++)
        done = stage(fw_cfg, staged, &file_count, &contents[i], error);
    done = done && make_directory(fw_cfg, staged, file_count, &directory, error);
    if (done) {
        pthread_mutex_lock(
            &fw_cfg->lock); /* once: no guest finds files that the directory does not list so */
        exchange(fw_cfg, staged, file_count);
        exchange_item(&fw_cfg->items[FW_CFG_FILE_DIR], &directory);
        pthread_mutex_unlock(&fw_cfg->lock);
        free(directory.bytes);
    }
    for (unsigned i = 0; i < FW_CFG_FILES_MAX; i++)
        free(staged[i].item.bytes);
    return done;
}

bool fw_cfg_set_file(struct fw_cfg *fw_cfg, const char *name, const void *bytes, size_t length,
                     struct error *error)
{
    return fw_cfg_set_files(fw_cfg, &(struct fw_cfg_content){ name, bytes, length }, 1, error);
}

bool fw_cfg_add_file(struct fw_cfg *fw_cfg, const char *name, const void *bytes, size_t length,
                     struct error *error)
{
    if (find(fw_cfg, name))
        return error_set(error, "duplicate fw_cfg file name: %s; choose another name", name);
    return fw_cfg_set_file(fw_cfg, name, bytes, length, error);
}
