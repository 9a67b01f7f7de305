/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The nearest known name is the one with the fewest edits. Names are few and short, so all are compared.
 */
#include "base/suggest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Longer words than this are not compared: no known name is near them. */
#define WORD_MAX 48

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

static bool same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Edits that change a into b: insert, delete, replace, or swap two neighbours (optimal string alignment). */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b_length; j++)
        last[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *spare = before;

        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + !same(a[i - 1], b[j - 1]));
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]) &&
                row[j] > before[j - 2] + 1)
                row[j] = before[j - 2] + 1;
        }
        before = last;
        last = row;
        row = spare;
    }
    return last[b_length];
}

void suggestion_start(struct suggestion *suggestion, const char *word)
{
    suggestion->word = word;
    suggestion->best = NULL;
    suggestion->names[0] = '\0';
    /* One edit in each three letters, rounded up, may be a slip; more is another word. */
    suggestion->distance = (strlen(word) + 2) / 3 + 1;
}

static void append_name(char *names, size_t size, const char *name)
{
    size_t used = strlen(names);

    if (used + strlen(name) + sizeof ", " <= size)
        snprintf(names + used, size - used, "%s%s", used ? ", " : "", name);
}

void suggestion_offer(struct suggestion *suggestion, const char *name)
{
    size_t word_length = strlen(suggestion->word), name_length = strlen(name), distance;

    append_name(suggestion->names, sizeof suggestion->names, name);
    if (word_length > WORD_MAX || name_length > WORD_MAX || word_length == 0)
        return;
    distance = edit_distance(suggestion->word, word_length, name, name_length);
    if (distance >= suggestion->distance || distance >= name_length)
        return;
    suggestion->distance = distance;
    suggestion->best = name;
}

bool suggestion_fail(const struct suggestion *suggestion, const char *subject, struct error *error)
{
    const char *names = suggestion->names[0] ? suggestion->names : "none";

    if (suggestion->best)
        return error_set(error, "%s; did you mean '%s'? Available: %s", subject, suggestion->best, names);
    return error_set(error, "%s; available: %s", subject, names);
}
