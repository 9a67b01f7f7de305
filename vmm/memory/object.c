/* SPDX-License-Identifier: BSD-2-Clause */
#include "memory/object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/in_use.h"
#include "base/qom_path.h"

bool object_enlist(struct backends *backends, struct object *object, const struct object_type *type,
                   struct props props, struct error *error)
{
    struct object **link = backends_objects(backends);
    const char *id;

    error->text[0] = '\0';
    id = props_string(props, "id", error);
    if (!id)
        return error->text[0] == '\0' &&
               error_set(error, "Parameter 'id' is missing: a name for the object, such as id=%s",
                         type->example_id);
    if (!id_check(id, error) || !backends_id_is_free(backends, id, error))
        return false;
    object->id = strdup(id);
    if (!object->id)
        return error_set(error, "out of memory");
    object->type = type;
    object->next = NULL;
    while (*link)
        link = &(*link)->next;
    *link = object;
    return true;
}

struct object *object_next(const struct backends *backends, const struct object *object)
{
    return object ? object->next : *backends_objects((struct backends *)backends);
}

struct object *object_find(const struct backends *backends, const char *id)
{
    struct object *object = NULL;

    do
        object = object_next(backends, object);
    while (object && strcmp(object->id, id) != 0);
    return object;
}

struct object *object_resolve(const struct backends *backends, const char *reference)
{
    struct object *found = object_find(backends, reference);
    char path[512]; /* a longer id is cut: it is found by the id alone */

    for (struct object *object = NULL; !found && (object = object_next(backends, object)) != NULL;) {
        snprintf(path, sizeof path, "/objects/%s", object->id);
        if (qom_path_names(reference, path))
            found = object;
    }
    return found;
}

static void destroy(struct object *object)
{
    free(object->id);
    object->destroy(object);
}

bool object_delete(struct backends *backends, struct object *object, struct error *error)
{
    struct object **link = backends_objects(backends);

    if (object->used_by)
        return error_set(error, "object '%s' is in use, can not be deleted: '%s' uses it; %s", object->id,
                         object->used_by, in_use_way_out(object->user_stays));
    while (*link != object)
        link = &(*link)->next;
    *link = object->next;
    destroy(object);
    return true;
}

void objects_destroy(struct backends *backends)
{
    struct object **first = backends_objects(backends);

    while (*first) {
        struct object *object = *first;

        *first = object->next;
        destroy(object);
    }
}
