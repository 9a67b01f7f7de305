/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suggestions for an unknown word: the known names, and the nearest of them.
 */
#ifndef VMM_BASE_SUGGEST_H
#define VMM_BASE_SUGGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct suggestion {
    const char *word; /* as it was typed */
    const char *best; /* the nearest name so far, or NULL */
    size_t distance;  /* edit distance between the two */
    char names[640];  /* all names, "a, b, c", as far as they fit */
};

/* Start with the unknown word, then offer each known name; `best` is then the nearest name, or NULL if none
 * is near enough to have been meant. Word and names are borrowed. */
void suggestion_start(struct suggestion *suggestion, const char *word);
void suggestion_offer(struct suggestion *suggestion, const char *name);

/* "'pc-dim' is not a valid device model name; did you mean 'pc-dimm'? Available: ..." -- `subject` is the
 * text before the semicolon. Returns false. */
bool suggestion_fail(const struct suggestion *suggestion, const char *subject, struct error *error);

#endif
