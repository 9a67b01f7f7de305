/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/lent_memory.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <wchar.h>

#define ALIGN 16u

/* A piece: its size, then its bytes. Nothing goes back alone. */
static _Alignas(ALIGN) unsigned char reserve[LENT_MEMORY_MAX];
static size_t used;
static _Thread_local bool lends;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);
char *__wrap_strdup(const char *string);
wchar_t *__wrap_wcsdup(const wchar_t *string);
void __wrap_free(void *memory);

/* Where the kernel makes huge pages by itself, a write next to the reserve would make one of it, and
 * untouched bytes would cost 2 MiB. So this comes before main(). */
__attribute__((constructor)) static void refuse_huge_pages(void)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    unsigned char *first = reserve + (0 - (uintptr_t)reserve) % page;
    const size_t length = (size_t)(reserve + sizeof reserve - first) / page * page;

    RESULT_DOES_NOT_MATTER(madvise(first, length, MADV_NOHUGEPAGE) == 0, "a kernel without huge pages");
}

bool memory_lend(bool lend)
{
    bool before = lends;

    lends = lend;
    return before;
}

bool memory_is_lent(void)
{
    return used > 0;
}

void memory_take_back(void)
{
    used = 0;
}

static bool is_ours(const void *memory)
{
    return (uintptr_t)memory - (uintptr_t)reserve < sizeof reserve;
}

static void *borrow(size_t size)
{
    size_t whole = (size + 2 * ALIGN - 1) & ~(size_t)(ALIGN - 1);
    unsigned char *piece = reserve + used;

    if (!lends || size > sizeof reserve || whole > sizeof reserve - used)
        return NULL;
    used += whole;
    memcpy(piece, &size, sizeof size);
    return piece + ALIGN;
}

static size_t size_of(void *memory)
{
    size_t size;

    if (!is_ours(memory))
        return malloc_usable_size(memory);
    memcpy(&size, (unsigned char *)memory - ALIGN, sizeof size);
    return size;
}

void *__wrap_malloc(size_t size)
{
    void *memory = __real_malloc(size);

    return memory ? memory : borrow(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    void *memory = __real_calloc(count, size);

    if (memory || (size > 0 && count > SIZE_MAX / size))
        return memory;
    memory = borrow(count * size);
    return memory ? memset(memory, 0, count * size) : NULL;
}

void *__wrap_realloc(void *memory, size_t size)
{
    void *grown = is_ours(memory) ? NULL : __real_realloc(memory, size);

    if (grown || (size == 0 && !is_ours(memory)))
        return grown;
    grown = borrow(size);
    if (grown && memory) {
        memcpy(grown, memory, size_of(memory) < size ? size_of(memory) : size);
        __wrap_free(memory);
    }
    return grown;
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
    return size > 0 && count > SIZE_MAX / size ? NULL : __wrap_realloc(memory, count * size);
}

char *__wrap_strdup(const char *string)
{
    size_t size = strlen(string) + 1;
    void *copy = __wrap_malloc(size);

    return copy ? memcpy(copy, string, size) : NULL;
}

wchar_t *__wrap_wcsdup(const wchar_t *string)
{
    size_t size = (wcslen(string) + 1) * sizeof *string;
    void *copy = __wrap_malloc(size);

    return copy ? memcpy(copy, string, size) : NULL;
}

void __wrap_free(void *memory)
{
    if (!is_ours(memory))
        __real_free(memory);
}
