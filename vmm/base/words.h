/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists of words in one string.
 */
#ifndef VMM_BASE_WORDS_H
#define VMM_BASE_WORDS_H

#include <stdbool.h>

/* `word` is one of `list`, whose words are separated by single spaces. A word that contains a space, or is
 * empty, is none of them: it may be anything that a user typed. */
bool words_contain(const char *list, const char *word);

#endif
