/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/words.h"

#include <string.h>

bool words_contain(const char *list, const char *word)
{
    const size_t wanted = strlen(word);

    for (size_t length; wanted > 0 && *list; list += length + (list[length] == ' ')) {
        length = strcspn(list, " ");
        if (length == wanted && memcmp(list, word, length) == 0)
            return true;
    }
    return false;
}
