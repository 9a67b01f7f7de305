/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QMP, the protocol of programs: a greeting, negotiation of capabilities, then commands and their answers,
 * and events in between. Every client has a session of its own.
 *
 * Threads: main thread only.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json_reader.h"
#include "base/message.h"
#include "base/result.h"
#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/hmp/hmp.h"
#include "monitor/intake.h"
#include "monitor/pending.h"
#include "monitor/session.h"

static const struct json_limits limits = { .depth = QMP_DEPTH_MAX,
                                           .bytes = QMP_BYTES_MAX,
                                           .tokens = QMP_TOKENS_MAX };

/* A reply for which there is no memory is written into so many bytes: an error's text and the client's id. */
#define PREPARED_MAX 8192u

/* Bytes of a client's id as JSON. It is part of each reply, where each of its bytes may take six ("\\u0001").
 */
#define ID_MAX 65536u

struct qmp_session {
    struct monitor *monitor;
    struct channel *channel;
    struct qmp_session *next;
    bool negotiated;
    bool over;               /* something could not be told, so nothing more is, and the connection ends */
    struct pending *pending; /* the command that is not answered yet, or NULL; and its id */
    struct json_object *pending_id;
    bool pending_has_id;
    struct intake intake;
    struct json_reader reader;
};

/* One line, which ends here. False: memory is short. The text is free. */
static bool send_line(struct qmp_session *session, struct text *text)
{
    bool good;

    text_string(text, "\r\n"); /* libvirt waits for both */
    good = !text->failed;
    if (good && !session->over)
        channel_write(session->channel, text->bytes, text->length, false);
    text_free(text);
    return good;
}

/* The object is released. */
static bool send_object(struct qmp_session *session, struct json_object *object)
{
    struct text text = { 0 };

    text_json(&text, object, session->monitor->pretty);
    json_object_put(object);
    return send_line(session, &text);
}

/* A client that waits for what it is not sent would wait for ever: better gone, so that it can come again.
 * Others of the same mux stay, and so does this one then. */
static void disconnect(struct qmp_session *session, const char *what)
{
    if (session->over)
        return;
    session->over = channel_close(session->channel);
    warning("out of memory: a QMP client lost %s%s", what, session->over ? " and is disconnected" : "");
}

void qmp_sessions_event(struct monitors *monitors, struct json_object *event)
{
    for (struct qmp_session *session = monitors->qmp_sessions; session; session = session->next)
        if (session->negotiated && !send_object(session, json_object_get(event)))
            disconnect(session, "an event");
}

static struct json_object *error_object(const struct error *error)
{
    struct json_object *object = json_new_object();

    add_string(object, "class", error_class_name(error->class));
    add_string(object, "desc", error->text);
    return object;
}

/* The parts of {"execute": NAME, "arguments": {...}, "id": ANY}, borrowed. */
struct request {
    const char *name;
    struct json_object *args; /* NULL: none given */
    struct json_object *id;
    bool has_id;
};

static bool read_member(struct request *request, const char *name, struct json_object *value,
                        struct error *error)
{
    if (strcmp(name, "execute") == 0) {
        if (!json_object_is_type(value, json_type_string))
            return error_set(error, "QMP input member 'execute' must be a string");
        request->name = json_object_get_string(value);
    } else if (strcmp(name, "arguments") == 0) {
        if (!json_object_is_type(value, json_type_object))
            return error_set(error, "QMP input member 'arguments' must be an object");
        request->args = value;
    } else if (strcmp(name, "id") != 0) {
        return error_set(error, "QMP input member '%s' is unexpected", name);
    }
    return true;
}

/* An id that is too long is not part of the reply. */
static bool read_id(struct request *request, struct json_object *value, struct error *error)
{
    char bytes[ID_MAX + 1];
    struct text text = text_fixed(bytes, sizeof bytes);
    struct json_object *id;

    if (!json_object_object_get_ex(value, "id", &id))
        return true;
    text_json(&text, id, false);
    if (text.failed)
        return error_set(error, "QMP input member 'id' is too long: the limit is %u bytes of JSON", ID_MAX);
    request->id = id;
    request->has_id = true;
    return true;
}

static bool read_request(struct request *request, struct json_object *value, struct error *error)
{
    if (!json_object_is_type(value, json_type_object))
        return error_set(error, "QMP input must be a JSON object");
    if (!read_id(request, value, error))
        return false;
    json_object_object_foreach(value, name, member)
    {
        if (!read_member(request, name, member, error))
            return false;
    }
    if (!request->name)
        return error_set(error, "QMP input lacks member 'execute'");
    return true;
}

static const struct command *find_command(const struct qmp_session *session, const char *name,
                                          struct error *error)
{
    bool negotiates = strcmp(name, "qmp_capabilities") == 0;
    const struct command *command = command_by_qmp_name(name);
    const char *absent = command_absent(name);

    if (!session->negotiated && !negotiates)
        error_set_class(error, ERROR_COMMAND_NOT_FOUND,
                        "Expecting capabilities negotiation with 'qmp_capabilities'");
    else if (session->negotiated && negotiates)
        error_set_class(error, ERROR_COMMAND_NOT_FOUND,
                        "Capabilities negotiation is already complete, command ignored");
    else if (!command)
        error_set_class(error, ERROR_COMMAND_NOT_FOUND, "The command %.80s has not been found%s%s", name,
                        absent ? ": QEMU command not supported by hotram: " : "", absent ? absent : "");
    else
        return command;
    return NULL;
}

/* The answer without the host's memory: the error, or that the result cannot be told. */
static void reply_prepared(struct qmp_session *session, const struct error *error, bool has_id,
                           struct json_object *id)
{
    static const struct error no_result = {
        .text =
            "out of memory for the reply; the command was executed, and query commands show its effect once memory is available again"
    };
    char bytes[PREPARED_MAX];
    struct text text = text_fixed(bytes, sizeof bytes);

    if (!error)
        error = &no_result;
    text_printf(&text, "{\"error\": {\"class\": \"%s\", \"desc\": ", error_class_name(error->class));
    text_json_string(&text, error->text, strlen(error->text));
    text_string(&text, "}");
    if (has_id) {
        text_string(&text, ", \"id\": ");
        text_json(&text, id, false);
    }
    text_string(&text, "}");
    if (!send_line(session, &text))
        disconnect(session, "an answer");
}

/* The answer to a request; `result` and `id` are borrowed, `error` is NULL for good. */
static void reply(struct qmp_session *session, struct json_object *result, const struct error *error,
                  bool has_id, struct json_object *id)
{
    struct json_object *object = json_new_object();

    if (error)
        json_add(object, "error", error_object(error));
    else
        json_add(object, "return", json_object_get(result));
    if (has_id)
        json_add(object, "id", json_object_get(id));
    if (!send_object(session, object))
        reply_prepared(session, error, has_id, id);
}

/* What was answered later. */
static void answer(void *asker, const struct command *command, struct json_object *result,
                   const struct error *error)
{
    struct qmp_session *session = asker;
    struct json_object *id = session->pending_id;

    (void)command;
    session->pending = NULL;
    session->pending_id = NULL;
    reply(session, result, error, session->pending_has_id, id);
    json_object_put(id);
    intake_resume(&session->intake);
}

static void wait_for(struct qmp_session *session, struct pending *pending, const struct request *request)
{
    pending->answer = answer;
    pending->asker = session;
    session->pending = pending;
    session->pending_id = json_object_get(request->id);
    session->pending_has_id = request->has_id;
    session->intake.waiting = true;
}

static bool execute(struct qmp_session *session, const struct request *request, struct json_object **result,
                    struct error *error)
{
    struct monitors *monitors = session->monitor->monitors;
    struct monitor_context context = { .monitors = monitors,
                                       .machine = monitors->machine,
                                       .channel = session->channel };
    const struct command *command = find_command(session, request->name, error);
    struct json_object *args;
    bool done;

    if (!command)
        return false;
    args = request->args ? json_object_get(request->args) : json_new_object();
    done = command_run(command, &context, args, result, error);
    json_object_put(args);
    if (context.pending)
        wait_for(session, context.pending, request);
    if (done)
        session->negotiated = true; /* the first command that succeeds is qmp_capabilities */
    return done;
}

static void handle(struct qmp_session *session, struct json_object *value)
{
    struct json_object *result = NULL;
    struct request request = { 0 };
    struct error error = { 0 };
    bool done = read_request(&request, value, &error) && execute(session, &request, &result, &error);

    if (!session->pending)
        reply(session, result, done ? NULL : &error, request.has_id, request.id);
    json_object_put(result);
}

static size_t qmp_consume(void *opaque, const uint8_t *bytes, size_t length)
{
    struct qmp_session *session = opaque;
    struct json_object *value = NULL;
    struct error error = { 0 };
    size_t taken;

    if (session->over)
        return length;
    switch (json_reader_take(&session->reader, bytes, length, &taken, &value, &error)) {
    case JSON_READ_VALUE:
        handle(session, value);
        json_object_put(value);
        break;
    case JSON_READ_BAD:
        reply(session, NULL, &error, false, NULL);
        break;
    case JSON_READ_MORE:
        break;
    }
    return taken;
}

static void *qmp_opened(void *user, struct channel *channel)
{
    struct monitor *monitor = user;
    struct qmp_session *session = calloc(1, sizeof *session);
    struct json_object *greeting;
    struct json_object *body;

    if (!session)
        return NULL;
    session->monitor = monitor;
    session->channel = channel;
    session->reader.limits = &limits;
    session->intake = (struct intake){ .channel = channel, .take = qmp_consume, .session = session };
    intake_init(&session->intake, machine_loop(monitor->monitors->machine));
    session->next = monitor->monitors->qmp_sessions;
    monitor->monitors->qmp_sessions = session;
    greeting = json_new_object();
    body = json_new_object();
    json_add(body, "version", monitor_version());
    json_add(body, "capabilities", json_new_array());
    json_add(greeting, "QMP", body);
    if (!send_object(session, greeting))
        disconnect(session, "its greeting");
    return session;
}

static void qmp_input(void *opaque, const uint8_t *bytes, size_t length)
{
    struct qmp_session *session = opaque;

    intake_input(&session->intake, bytes, length);
}

static void qmp_drained(void *opaque)
{
    struct qmp_session *session = opaque;

    intake_drained(&session->intake);
}

static void qmp_closed(void *opaque)
{
    struct qmp_session *session = opaque;
    struct qmp_session **link = &session->monitor->monitors->qmp_sessions;

    while (*link != session)
        link = &(*link)->next;
    *link = session->next;
    pending_forget(session->pending); /* the command goes on; nobody is answered */
    json_object_put(session->pending_id);
    json_reader_free(&session->reader);
    intake_free(&session->intake);
    free(session);
}

const struct chardev_user_ops qmp_ops = {
    .takes_descriptors = true,
    .opened = qmp_opened,
    .input = qmp_input,
    .closed = qmp_closed,
    .drained = qmp_drained,
};
