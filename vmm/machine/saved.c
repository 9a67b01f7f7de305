/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine as a stream of saved states. What the guest sees of its configuration is described, and compared
 * before anything is restored; everything else is state, in the saved forms that its owners have.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/device.h"
#include "kvm/saved.h"
#include "machine/moved.h"
#include "machine/snapshot.h"
#include "machine/state.h"

/* ---- what the guest sees of the configuration ---- */

static void describe_nodes(const struct numa_config *numa, uint32_t cpus, struct stream_writer *writer)
{
    char name[STREAM_NAME_MAX + 1];

    stream_number(writer, "nodes", numa->nodes);
    for (uint32_t node = 0; node < numa->nodes; node++) {
        snprintf(name, sizeof name, "node %u RAM", node);
        stream_number(writer, name, numa->ram[node]);
    }
    if (numa->nodes == 0)
        return;
    stream_bytes(writer, "nodes of CPUs", numa->cpu_node, cpus);
    stream_number(writer, "distances given", numa->distances_given);
    for (uint32_t node = 0; numa->distances_given && node < numa->nodes; node++) {
        snprintf(name, sizeof name, "distances of node %u", node);
        stream_bytes(writer, name, numa->distance[node], numa->nodes);
    }
}

/* With -accel qtest devices and memory are all. */
static bool has_vcpus(const struct machine *machine)
{
    return machine->config->accel == ACCEL_KVM;
}

static void describe(const struct machine *machine, struct stream_writer *writer)
{
    static const char *const firmware[] = {
        [FIRMWARE_NONE] = "none", [FIRMWARE_ROM] = "image", [FIRMWARE_FLASH] = "flash"
    };
    const struct config *config = machine->config;

    stream_open(writer, "machine");
    if (!has_vcpus(machine))
        stream_text(writer, "vCPUs", "none");
#if defined(__x86_64__)
    stream_text(writer, "architecture", "x86-64");
#else
    stream_text(writer, "architecture", "arm64");
#endif
    stream_text(writer, "type", "hotram-1");
    stream_text(writer, "acpi-events", config->ged ? "ged" : "fixed");
    stream_text(writer, "firmware", firmware[config->firmware]);
    stream_number(writer, "cpus", config->maxcpus);
    if (cpus_enabled(machine->cpus))
        stream_number(writer, "CPU hotplug", 1);
    stream_number(writer, "sockets", config->sockets);
    stream_number(writer, "cores", config->cores);
    stream_number(writer, "threads", config->threads);
    stream_number(writer, "RAM size", config->ram_size);
    stream_number(writer, "maxmem", config->maxmem);
    stream_number(writer, "RAM below 4 GiB", machine->low_ram_end);
    stream_number(writer, "RAM above 4 GiB", machine->high_ram_size);
    describe_nodes(&config->numa, config->maxcpus, writer);
    stream_number(writer, "memslots", config->memslot_count);
}

/* ---- saving ---- */

bool machine_check_kind(const struct machine *machine, struct error *error)
{
    return machine->memory || error_set(error, "-machine none has no state");
}

static bool check_state(const struct machine *machine, struct error *error)
{
    if (machine->ending)
        return error_set(error, "the program ends");
    if (machine_is_resetting(machine))
        return error_set(error, "a reset is in progress; try again when it has ended (event RESET)");
    switch (machine->state) {
    case RUN_RUNNING:
    case RUN_PAUSED:
    case RUN_PRELAUNCH:
        return true;
    default:
        return error_set(error,
                         "the machine's state is %s, and can be saved in the states running, paused "
                         "and prelaunch",
                         run_state_name(machine->state));
    }
}

bool machine_has_saved_form(struct machine *machine, struct error *error)
{
    return machine_check_kind(machine, error) && devices_can_save(&machine->board, error) &&
           (!has_vcpus(machine) || vcpus_arch_can_save(&machine->vcpus, error));
}

bool machine_can_save(struct machine *machine, struct error *error)
{
    return machine_check_kind(machine, error) && check_state(machine, error) &&
           machine_has_saved_form(machine, error) && hotplug_can_save(machine->hotplug, error) &&
           cpus_can_save(machine->cpus, error);
}

static bool save_devices(struct machine *machine, struct stream_writer *writer, struct error *error)
{
    bool saved;

    devices_describe_fields(&machine->board, writer);
    if (!stream_close(writer, error))
        return false;
    machine_lock_take(&machine->lock);
    saved = devices_save(&machine->board, writer->out, error);
    machine_lock_release(&machine->lock);
    return saved;
}

/* Append a whole stream to `out`. */
typedef bool append_function(struct machine *machine, const struct saved_memory *memory, bool running,
                             struct stream_writer *writer, struct hotram_buffer *out, struct error *error);

static bool append_all(struct machine *machine, const struct saved_memory *memory, bool running,
                       struct stream_writer *writer, struct hotram_buffer *out, struct error *error)
{
    stream_begin(writer, out, "hotram " HOTRAM_VERSION);
    describe(machine, writer);
    if (!stream_close(writer, error))
        return false;
    saved_options_describe(machine, writer);
    if (!stream_close(writer, error))
        return false;
    devices_describe(&machine->board, writer);
    if (!stream_close(writer, error))
        return false;
    stream_open(writer, "time");
    stream_number(writer, "guest nanoseconds", guest_clock_now(&machine->clock));
    stream_number(writer, "running", running);
    if (!stream_close(writer, error) || !hotplug_save(machine->hotplug, writer, error) ||
        !cpus_save(machine->cpus, writer, error) ||
        !device_operations_save(&machine->device_operations, writer, error) ||
        !save_devices(machine, writer, error) ||
        (has_vcpus(machine) && !vcpus_arch_save(&machine->vcpus, writer, error)) ||
        !saved_memory_describe(memory, writer, error))
        return false;
    return stream_end(writer, error);
}

/* So much is enough: a vCPU has some 20 KiB. */
static size_t room_for(struct machine *machine)
{
    size_t devices;

    machine_lock_take(&machine->lock);
    devices = devices_length(&machine->board);
    machine_lock_release(&machine->lock);
    return (UINT32_C(512) << 10) + (size_t)machine->config->maxcpus * (64u << 10) + devices +
           hotplug_blocks_length(machine->hotplug);
}

/* A stream that `append` makes. */
static uint8_t *make_stream(struct machine *machine, struct saved_memory *memory, bool running,
                            append_function *append, size_t *length, struct error *error)
{
    const size_t room = room_for(machine);
    struct stream_writer *writer = malloc(sizeof *writer);
    uint8_t *bytes = malloc(room);
    struct hotram_buffer out;
    bool saved = writer && bytes;

    if (!saved)
        error_set(error, "out of memory");
    if (saved) {
        saved_memory_place(memory, room);
        RESULT_DOES_NOT_MATTER(hotram_buffer_init(&out, bytes, room), "the buffer is sound");
        saved = append(machine, memory, running, writer, &out, error);
    }
    if (saved && hotram_buffer_status(&out) != HOTRAM_OK)
        saved = error_set(error, "the saved state has %zu bytes; there is room for %zu", out.length, room);
    free(writer);
    if (saved) {
        *length = out.length;
        return bytes;
    }
    free(bytes);
    return NULL;
}

uint8_t *machine_save(struct machine *machine, struct saved_memory *memory, bool running, size_t *length,
                      struct error *error)
{
    hotplug_settle(machine->hotplug);
    cpus_settle(machine->cpus);
    return make_stream(machine, memory, running, append_all, length, error);
}

/* ---- restoring ---- */

static bool restore_devices(struct machine *machine, const struct hotram_saved *stream, struct error *error)
{
    struct hotram_saved saved;
    struct stream_part next;
    bool restored;

    if (!stream_find_kind(stream, STATE_KIND, &saved, error))
        return false;
    machine_lock_take(&machine->lock);
    restored = devices_restore(&machine->board, &saved, error);
    machine_lock_release(&machine->lock);
    if (!restored)
        return false;
    return !stream_next(&saved, &next) || next.kind != STATE_KIND ||
           error_set(error, "the saved state is of a machine with more devices than this one");
}

static bool restore_time(struct machine *machine, const struct hotram_saved *stream, bool *running,
                         struct error *error)
{
    struct stream_part part;
    uint64_t number;

    if (!stream_find(stream, "time", &part, error) ||
        !stream_get(&part, "guest nanoseconds", INT64_MAX, &machine->clock.stood, error) ||
        !stream_get(&part, "running", 1, &number, error))
        return false;
    *running = number;
    return true;
}

/* A stream that is older than the section is of a machine without such devices. */
static bool same_devices(const struct machine *machine, const struct hotram_saved *stream,
                         struct stream_writer *scratch, struct error *error)
{
    struct stream_part section;
    const bool has_some = devices_describe(&machine->board, scratch);

    return (!has_some && !stream_find(stream, "devices", &section, NULL)) ||
           stream_matches(scratch, stream, error);
}

/* Before memory. */
static bool restore_first(struct machine *machine, const struct hotram_saved *stream,
                          struct stream_writer *scratch, bool *running, struct error *error)
{
    describe(machine, scratch);
    if (!stream_matches(scratch, stream, error) || !devices_can_save(&machine->board, error) ||
        !same_devices(machine, stream, scratch, error))
        return false;
    devices_run(&machine->board, false); /* until the guest runs */
    /* Time before operations, whose deadlines it is of. */
    return restore_time(machine, stream, running, error) &&
           hotplug_restore(machine->hotplug, stream, scratch, error) &&
           cpus_restore(machine->cpus, stream, scratch, error) &&
           device_operations_restore(&machine->device_operations, stream, error);
}

/* After memory, since KVM writes the guest's wall clock there; vCPUs and interrupt controllers before the
 * devices that set their lines. */
static bool restore_last(struct machine *machine, const struct hotram_saved *stream, struct error *error)
{
    return (!has_vcpus(machine) || vcpus_arch_restore(&machine->vcpus, stream, error)) &&
           restore_devices(machine, stream, error);
}

bool machine_restore_parts(struct machine *machine, const struct hotram_saved *stream, int fd, uint64_t size,
                           struct stream_writer *scratch, struct saved_memory *memory, struct error *error)
{
    bool running;

    if (!restore_first(machine, stream, scratch, &running, error) ||
        !saved_memory_list(memory, machine->memory, machine->backends, error) ||
        !saved_memory_read(memory, stream, fd, size, error) || !restore_last(machine, stream, error))
        return false;
    if (!running && machine->state == RUN_PRELAUNCH) /* machine_autostart() leaves it so */
        machine->state = RUN_PAUSED;
    return true;
}

/* ---- migration ---- */

/* What a target compares before the source stops. */
static bool append_config(struct machine *machine, const struct saved_memory *memory, bool running,
                          struct stream_writer *writer, struct hotram_buffer *out, struct error *error)
{
    (void)running;
    stream_begin(writer, out, "hotram " HOTRAM_VERSION);
    describe(machine, writer);
    if (!stream_close(writer, error) || !hotplug_save_config(machine->hotplug, writer, error) ||
        !cpus_save_config(machine->cpus, writer, error))
        return false;
    devices_describe(&machine->board, writer);
    if (!stream_close(writer, error) ||
        (has_vcpus(machine) && !vcpus_arch_save_config(&machine->vcpus, writer, error)) ||
        !saved_memory_describe(memory, writer, error))
        return false;
    return stream_end(writer, error);
}

uint8_t *machine_save_config(struct machine *machine, struct saved_memory *memory, size_t *length,
                             struct error *error)
{
    uint8_t *bytes;

    vcpus_pause(&machine->vcpus); /* KVM describes those that do not run */
    guest_clock_stop(&machine->clock);
    bytes = make_stream(machine, memory, false, append_config, length, error);
    machine_let_run(machine);
    return bytes;
}

/* Blocks are plugged when all that is compared is the same: then memory can be. */
static bool check_config(struct machine *machine, struct moved *moved, const struct hotram_saved *stream,
                         struct stream_writer *scratch, struct error *error)
{
    describe(machine, scratch);
    if (!stream_matches(scratch, stream, error) ||
        !hotplug_check_config(machine->hotplug, stream, scratch, error) ||
        !cpus_check_config(machine->cpus, stream, scratch, error))
        return false;
    return same_devices(machine, stream, scratch, error) && devices_can_save(&machine->board, error) &&
           (!has_vcpus(machine) || vcpus_arch_check_config(&machine->vcpus, stream, error)) &&
           hotplug_restore_blocks(machine->hotplug, stream, error) && moved_again(moved, error) &&
           saved_memory_same(&moved->memory, stream, error);
}

/* Check a stream, and allocate what its use needs; the caller frees *scratch. */
static bool with_stream(const uint8_t *bytes, size_t length, struct hotram_saved *stream,
                        struct stream_writer **scratch, struct error *error)
{
    *scratch = malloc(sizeof **scratch);
    return *scratch ? stream_accept(bytes, length, stream, error) : error_set(error, "out of memory");
}

bool machine_check_config(struct machine *machine, struct moved *moved, const uint8_t *bytes, size_t length,
                          struct error *error)
{
    struct stream_writer *scratch;
    struct hotram_saved stream;
    const bool same = with_stream(bytes, length, &stream, &scratch, error) &&
                      check_config(machine, moved, &stream, scratch, error);

    free(scratch);
    return same;
}

bool machine_restore_state(struct machine *machine, const uint8_t *bytes, size_t length, bool *running,
                           struct error *error)
{
    struct stream_writer *scratch;
    struct hotram_saved stream;
    const bool restored = with_stream(bytes, length, &stream, &scratch, error) &&
                          restore_first(machine, &stream, scratch, running, error) &&
                          restore_last(machine, &stream, error);

    free(scratch);
    machine->arrived = restored;
    return restored;
}
