/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A person at the monitor who presses any keys: what the terminal gets it can show, and the last line is
 * answered.
 *
 * The first three bytes of an input say how the rest is cut into pieces, how fast the terminal reads and how
 * wide it is.
 */
#include "session.h"

#include "monitor/hmp/hmp.h"

#include <histedit.h>

/* Enter ends whatever was begun; then a line that can be found again. */
#define LAST_KEYS "\r\x15info name\r"
#define LAST_ANSWER "\n" SESSION_NAME "\r\n" HMP_PROMPT

/* The line editor outlives a session (session.h), and must not remember it: an input that fails has to fail
 * alone, too. Its history is caught where it is made (--wrap), and what Ctrl-Y gives is put there anew. */
#define FIRST_KEYS "x\x15"
static History *editor_history;

History *__real_history_init(void);
History *__wrap_history_init(void);
History *__wrap_history_init(void)
{
    return editor_history = __real_history_init();
}

static void forget(void)
{
    HistEvent event;

    if (editor_history)
        history(editor_history, &event, H_CLEAR);
}

/* Lines end as a terminal wants them, and there is nothing that it would not show. */
static void check_output(const struct session *session)
{
    const char *bytes = session->output.bytes;
    size_t length = session->output.length;

    for (size_t i = 0; i < length; i++) {
        CHECK(bytes[i] != '\0');
        CHECK(bytes[i] != '\n' || (i > 0 && bytes[i - 1] == '\r'));
    }
    if (session->closed)
        return;
    CHECK(length >= sizeof LAST_ANSWER - 1);
    CHECK(memcmp(bytes + length - (sizeof LAST_ANSWER - 1), LAST_ANSWER, sizeof LAST_ANSWER - 1) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, size };
    uint8_t piece = input_u8(&input);
    uint8_t appetite = input_u8(&input);
    uint8_t columns = input_u8(&input);
    struct client client = {
        .piece = piece % 64 == 0 ? CHANNEL_INPUT_MAX : piece % 64,
        .appetite = appetite % 64 == 0 ? SIZE_MAX : (appetite % 64u) * 256,
        .columns = columns,
        .rows = columns / 4u,
        .mux = piece & 0x80,
    };
    struct session session;

    session_open(&session, &client, false, false);
    forget();
    session_send(&session, FIRST_KEYS, sizeof FIRST_KEYS - 1);
    session_send(&session, input.at, input.left);
    /* The prompt of the last line is whole only where there is room for it. */
    session.client.mux = false;
    session.client.columns = 80;
    session.client.rows = 24;
    session_send(&session, LAST_KEYS, sizeof LAST_KEYS - 1);
    session_read_all(&session);
    check_output(&session);
    session_close(&session);
    return 0;
}
