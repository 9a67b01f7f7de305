/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/vmgenid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <hotram/aml.h>
#include <hotram/aml_device.h>

#include "base/config.h"
#include "base/count_of.h"
#include "base/mapping.h"
#if defined(__x86_64__)
#include "layout/x86.h"
#define ADDRESS X86_GENERATION
#define GSI X86_GSI_GENERATION
#else
#include "layout/arm64.h"
#define ADDRESS ARM64_GENERATION
#define GSI ARM64_GSI_GENERATION
#endif

/* Value of the notification: "the status has changed" */
#define NOTIFY_CHANGED 0x80

struct vmgenid_values {
    char *guid;
};

struct vmgenid {
    struct device device; /* first */
    struct vmgenid_state state;
    uint8_t own[UUID_SIZE];    /* that this machine has, whatever is restored */
    char text[UUID_TEXT_SIZE]; /* the same */
    uint8_t *page;
    size_t size; /* of the page, which is one of the host's */
    bool mapped; /* it has its KVM slot */
    bool on_bus; /* accesses that KVM does not serve come here */
};

static const struct property properties[] = {
    PROPERTY_ROW(vmgenid_values, "guid", PROPERTY_STRING, guid,
                 "the id, as 8-4-4-4-12 hexadecimal digits; auto (default): a random one at each start; with "
                 "-restore the id is always a random one"),
};

/* ---- what the guest reads ---- */

/* In memory the first three parts are little endian, as in Microsoft's GUIDs. */
static void write_id(const struct vmgenid *vmgenid)
{
    static const uint8_t order[UUID_SIZE] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

    for (unsigned i = 0; i < UUID_SIZE; i++)
        vmgenid->page[i] = vmgenid->state.id[order[i]];
}

/* An interrupt that is triggered by its edge: no register ends it. */
static void notify(const struct vmgenid *vmgenid)
{
    vm_irq_line(vmgenid->device.board->vm, GSI, true);
    vm_irq_line(vmgenid->device.board->vm, GSI, false);
}

/* Without KVM. */
static uint64_t read_page(void *device, uint64_t offset, unsigned width)
{
    uint64_t value = 0;

    memcpy(&value, ((const struct vmgenid *)device)->page + offset, width);
    return value;
}

static void write_page(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    (void)device, (void)offset, (void)width, (void)value; /* it can only be read */
}

/* ---- saved state ---- */

static const struct state_field fields[] = {
    STATE_ARRAY(struct vmgenid_state, id, 1, UINT8_MAX, .kept = UINT8_MAX),
};

const struct state_table vmgenid_state_table = STATE_TABLE("vmgenid", 1, struct vmgenid_state, fields);

static void restored(struct device *device)
{
    struct vmgenid *vmgenid = (struct vmgenid *)device;

    if (memcmp(vmgenid->state.id, vmgenid->own, UUID_SIZE) == 0)
        return;
    memcpy(vmgenid->state.id, vmgenid->own, UUID_SIZE);
    notify(vmgenid);
}

/* ---- creation ---- */

static bool read_values(struct props props, struct vmgenid_values *values, struct error *error)
{
    static const char *const names[] = { "driver", "id", NULL };
    uint8_t id[UUID_SIZE];

    *values = (struct vmgenid_values){ 0 };
    if (!props_read(props, properties, COUNT_OF(properties), names, vmgenid_type.name, values, error))
        return false;
    if (!values->guid || strcmp(values->guid, "auto") == 0 || uuid_parse(values->guid, id))
        return true;
    error_set(error, "Parameter 'guid' expects auto or " UUID_FORM "; got '%.80s'", values->guid);
    props_free(properties, COUNT_OF(properties), values);
    return false;
}

static bool check(struct props props, struct error *error)
{
    struct vmgenid_values values;

    if (!read_values(props, &values, error))
        return false;
    props_free(properties, COUNT_OF(properties), &values);
    return true;
}

/* Copies of a machine that come from one file have different ids, whatever that says. */
static bool choose_id(struct vmgenid *vmgenid, const struct board *board, const char *guid,
                      struct error *error)
{
    if (!guid || board->config->restore || !uuid_parse(guid, vmgenid->own)) {
        if (getrandom(vmgenid->own, UUID_SIZE, 0) != UUID_SIZE)
            return error_set(error, "no random id: %s", strerror(errno));
        uuid_make_random(vmgenid->own);
    }
    memcpy(vmgenid->state.id, vmgenid->own, UUID_SIZE);
    uuid_print(vmgenid->own, vmgenid->text);
    return true;
}

static bool map_page(struct vmgenid *vmgenid, struct board *board, struct error *error)
{
    struct bus_range range = {
        .space = BUS_MEMORY,
        .first = ADDRESS,
        .count = UUID_SIZE,
        .width_max = 8,
        .read = read_page,
        .write = write_page,
        .device = vmgenid,
        .name = "generation id",
    };
    const size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return error_set(error, "memory for the id: %s", strerror(errno));
    vmgenid->page = page;
    vmgenid->size = size;
    write_id(vmgenid);
    vmgenid->mapped = vm_set_kvm_slot(board->vm, board->generation_kvm_slot, ADDRESS, size, page,
                                      VM_KVM_SLOT_READ_ONLY, error);
    vmgenid->on_bus = vmgenid->mapped && bus_add(board->bus, &range, error);
    return vmgenid->on_bus;
}

static void free_all(struct vmgenid *vmgenid, const struct board *board)
{
    struct error ignored;

    if (vmgenid->mapped)
        RESULT_DOES_NOT_MATTER(
            vm_set_kvm_slot(board->vm, board->generation_kvm_slot, ADDRESS, 0, NULL, 0, &ignored),
            "no vCPU runs, and the machine ends");
    if (vmgenid->page)
        mapping_give_back(vmgenid->page, vmgenid->size, "the page of the generation id");
    free(vmgenid);
}

static enum outcome create(struct board *board, const char *id, struct props props, bool hot,
                           const struct completion *completion, struct error *error)
{
    struct vmgenid *vmgenid = calloc(1, sizeof *vmgenid);
    struct vmgenid_values values = { 0 };
    bool created;

    (void)completion;
    if (!vmgenid) {
        error_set(error, "out of memory");
        return OUTCOME_FAILED;
    }
    created = read_values(props, &values, error) && choose_id(vmgenid, board, values.guid, error) &&
              map_page(vmgenid, board, error) &&
              device_enlist(&vmgenid->device, board, &vmgenid_type, id, hot, error);
    props_free(properties, COUNT_OF(properties), &values);
    if (!created) {
        free_all(vmgenid, board);
        return OUTCOME_FAILED;
    }
    vmgenid->device.present = true;
    return OUTCOME_DONE;
}

static void destroy(struct device *device)
{
    free_all((struct vmgenid *)device, device->board);
}

static void describe(const struct device *device, void *values)
{
    ((struct vmgenid_values *)values)->guid = (char *)((const struct vmgenid *)device)->text;
}

bool vmgenid_text(const struct board *board, char text[UUID_TEXT_SIZE])
{
    for (const struct device *device = board->devices; device; device = device->next)
        if (device->type == &vmgenid_type) {
            memcpy(text, ((const struct vmgenid *)device)->text, UUID_TEXT_SIZE);
            return true;
        }
    return false;
}

/* ---- ACPI ---- */

/* The names are QEMU's, and ADDR is that of the specification. */
static void aml_id(struct hotram_aml *out)
{
    hotram_aml_device(out, "VGEN");
    hotram_aml_name(out, "_HID");
    hotram_aml_string(out, "QEMUVGID");
    hotram_aml_name(out, "_CID");
    hotram_aml_string(out, "VM_Gen_Counter");
    hotram_aml_name(out, "_DDN");
    hotram_aml_string(out, "VM_Gen_Counter");
    hotram_aml_name(out, "ADDR");
    hotram_aml_package(out, 2);
    hotram_aml_integer(out, ADDRESS & UINT32_MAX);
    hotram_aml_integer(out, ADDRESS >> 32);
    hotram_aml_end(out);
    hotram_aml_end(out);
}

/* ACPI 6.5, 5.6.9: a Generic Event Device. The machine's own has the _UID 0. */
static void aml_events(struct hotram_aml *out)
{
    hotram_aml_device(out, "VGED");
    hotram_aml_name(out, "_HID");
    hotram_aml_string(out, "ACPI0013");
    hotram_aml_name(out, "_UID");
    hotram_aml_integer(out, 1);
    hotram_aml_name(out, "_CRS");
    hotram_aml_resource_template(out);
    hotram_aml_interrupt(out, GSI, HOTRAM_AML_INTERRUPT_EDGE | HOTRAM_AML_INTERRUPT_ACTIVE_HIGH);
    hotram_aml_end(out);
    hotram_aml_method(out, "_EVT", 1, true);
    hotram_aml_op(out, HOTRAM_AML_NOTIFY);
    hotram_aml_path(out, "\\_SB.VGEN");
    hotram_aml_integer(out, NOTIFY_CHANGED);
    hotram_aml_end(out);
    hotram_aml_end(out);
}

static void aml(const struct device *device, struct hotram_aml *out)
{
    (void)device;
    aml_id(out);
    aml_events(out);
}

const struct device_type vmgenid_type = {
    .name = "vmgenid",
    .parent = "device",
    .properties = properties,
    .property_count = COUNT_OF(properties),
    .values_size = sizeof(struct vmgenid_values),
    .single = true,
    .check = check,
    .create = create,
    .describe = describe,
    .state = &vmgenid_state_table,
    .state_offset = offsetof(struct vmgenid, state),
    .restored = restored,
    .destroy = destroy,
    .aml = aml,
};
