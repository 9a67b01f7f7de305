/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A QMP client that sends any bytes: whatever it is sent is a line of JSON that QMP has, and what it sends
 * last is answered.
 *
 * The first two bytes of an input say how the rest is cut into pieces and how fast the client reads. Most
 * clients have negotiated already; one whose second byte is 0x80 or above has not.
 */
#include "session.h"

#include "json_check.h"
#include "monitor/intake.h"
#include "monitor/session.h"

#define NEGOTIATION "{\"execute\": \"qmp_capabilities\"}"
/* A byte that is in nothing, which ends whatever has begun; then a line that can be found again. */
#define LAST_LINES "\n\x01\n{\"execute\": \"query-name\", \"id\": \"" SESSION_NAME "\"}\n"

/* Exactly one of the four kinds of lines, with what belongs to it. */
static void check_line(struct span line)
{
    struct span error = json_check_member(line, "error");
    struct span event = json_check_member(line, "event");
    unsigned kinds = (error.at != NULL) + (event.at != NULL) +
                     (json_check_member(line, "return").at != NULL) +
                     (json_check_member(line, "QMP").at != NULL);

    CHECK(kinds == 1);
    if (error.at) {
        struct span desc;

        CHECK(json_check_is(error, '{'));
        desc = json_check_member(error, "desc");
        CHECK(json_check_is(json_check_member(error, "class"), '"'));
        CHECK(json_check_is(desc, '"') && desc.end - desc.at > 2);
    }
    if (event.at)
        CHECK(json_check_is(json_check_member(line, "timestamp"), '{'));
}

/* Whether the answer is that to the last line. */
static bool is_last(struct span line)
{
    static const char id[] = "\"" SESSION_NAME "\"";
    struct span found = json_check_member(line, "id");

    return found.at && (size_t)(found.end - found.at) == strlen(id) && memcmp(found.at, id, strlen(id)) == 0;
}

static void check_output(const struct session *session)
{
    const char *at = session->output.bytes;
    const char *end = at + session->output.length;
    bool last = false;

    while (at < end) {
        const char *stop = memmem(at, (size_t)(end - at), "\r\n", 2);
        struct span line = { at, stop };

        CHECK(stop && *at == '{' && json_check_value(at, stop, QMP_DEPTH_MAX + 8) == stop);
        check_line(line);
        last = is_last(line);
        at = stop + 2;
    }
    CHECK(last || session->closed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, size };
    uint8_t piece = input_u8(&input);
    uint8_t appetite = input_u8(&input);
    const struct client client = {
        .piece = piece % 64 == 0 ? CHANNEL_INPUT_MAX : piece % 64,
        .appetite = appetite % 64 == 0 ? SIZE_MAX : (appetite % 64u) * 256,
    };
    struct session session;

    session_open(&session, &client, true, piece & 0x80);
    if (!(appetite & 0x80))
        session_send(&session, NEGOTIATION, sizeof NEGOTIATION - 1);
    session_send(&session, input.at, input.left);
    session_send(&session, LAST_LINES, sizeof LAST_LINES - 1);
    session_read_all(&session);
    check_output(&session);
    session_close(&session);
    return 0;
}
