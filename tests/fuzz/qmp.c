/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A QMP client that sends any bytes: whatever it is sent is a line of JSON that QMP has, and what it sends
 * last is answered.
 *
 * The first two bytes of an input say how the rest is cut into pieces and how fast the client reads. Most
 * clients have negotiated already; one whose second byte is 0x80 or above has not.
 */
#include "session.h"

#include <json-c/json.h>
#include <json-c/json_visit.h>

#include "monitor/qmp_input.h"

#define NEGOTIATION "{\"execute\": \"qmp_capabilities\"}"
/* A line that cannot be inside of anything, then one that can be found again. */
#define LAST_LINES "\n\x01\n{\"execute\": \"query-name\", \"id\": \"" SESSION_NAME "\"}\n"

static struct json_object *parse(const char *line, size_t length)
{
    struct json_tokener *tokener = json_tokener_new_ex(QMP_DEPTH_MAX + 8);
    struct json_object *object;

    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    object = json_tokener_parse_ex(tokener, line, (int)length);
    CHECK(json_tokener_get_error(tokener) == json_tokener_success);
    CHECK(json_tokener_get_parse_end(tokener) == length);
    json_tokener_free(tokener);
    return object;
}

/* C code behind QMP would see such a string cut short. */
static int check_string(struct json_object *value, int flags, struct json_object *parent, const char *key,
                        size_t *index, void *opaque)
{
    (void)flags, (void)parent, (void)key, (void)index, (void)opaque;
    if (json_object_is_type(value, json_type_string))
        CHECK(strlen(json_object_get_string(value)) == (size_t)json_object_get_string_len(value));
    return JSON_C_VISIT_RETURN_CONTINUE;
}

/* Exactly one of the four kinds of lines, with what belongs to it. */
static void check_line(struct json_object *object)
{
    struct json_object *error = json_object_object_get(object, "error");
    bool has_return = json_object_object_get_ex(object, "return", NULL);
    bool has_event = json_object_object_get_ex(object, "event", NULL);
    bool has_greeting = json_object_object_get_ex(object, "QMP", NULL);

    CHECK(json_object_is_type(object, json_type_object));
    CHECK((error != NULL) + has_return + has_event + has_greeting == 1);
    if (error) {
        CHECK(json_object_is_type(json_object_object_get(error, "class"), json_type_string));
        CHECK(json_object_get_string_len(json_object_object_get(error, "desc")) > 0);
    }
    if (has_event)
        CHECK(json_object_is_type(json_object_object_get(object, "timestamp"), json_type_object));
}

/* Whether the answer is that to the last line. */
static bool is_last(struct json_object *object)
{
    struct json_object *id = json_object_object_get(object, "id");

    return json_object_is_type(id, json_type_string) && strcmp(json_object_get_string(id), SESSION_NAME) == 0;
}

static void check_output(const struct session *session)
{
    const char *at = session->output.bytes;
    const char *end = at + session->output.length;
    bool last = false;

    while (at < end) {
        const char *stop = memmem(at, (size_t)(end - at), "\r\n", 2);
        struct json_object *object;

        CHECK(stop);
        object = parse(at, (size_t)(stop - at));
        check_line(object);
        json_c_visit(object, 0, check_string, NULL);
        last = is_last(object);
        json_object_put(object);
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
