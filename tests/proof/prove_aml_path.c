/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Paths: from every state of a writer, the name string (20.2.2) of each path of up to TEXT bytes, and that
 * every other text of that length is an error. All buffers. The other functions that take a path use the same
 * code, and are proven with shorter ones.
 *
 * proof: sources core/aml.c core/aml_term.c tests/proof/aml_expect.c tests/proof/aml_state.c
 * proof: options --unsigned-overflow-check -D TEXT=6u --unwind 9 --unwindset arbitrary_writer.0:17
 */
#include "aml_expect.h"

void prove_aml_path(void) /* slow */
{
    const char *path = arbitrary_text();
    bool valid;

    arbitrary_writer();
    valid = expect_path(path);
    hotram_aml_path(&writer, path);
    prove_appended(AML_TERMS, valid);
    REACHABLE_INVALID();
    REACHABLE(writer.status == HOTRAM_OK && valid && path[0] == '\\' && path[2] == '.' && path[4] == '.');
    REACHABLE(writer.status == HOTRAM_OK && valid && path[0] == '^' && path[4] == '.');
}
