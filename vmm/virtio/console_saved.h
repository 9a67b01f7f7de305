/* SPDX-License-Identifier: BSD-2-Clause */
/* What a snapshot has of a console device, besides what it has of all virtio devices, and of its ports. */
#ifndef VMM_VIRTIO_CONSOLE_SAVED_H
#define VMM_VIRTIO_CONSOLE_SAVED_H

#include "virtio/console.h"

/* A controller: what its driver has been told of each number. */
struct virtio_console_state {
    uint64_t sent[CONSOLE_PORTS_MAX];
    uint8_t slots[CONSOLE_PORTS_MAX]; /* bits, by member of struct console_slot */
    uint8_t ready;
};

/* A port; the bytes of both pipes follow, in parts. */
struct virtio_port_state {
    uint32_t to_guest, from_guest; /* their numbers */
    uint8_t guest_open;
};

#define VIRTIO_PORT_BYTES 1024u
struct virtio_port_bytes_state {
    uint8_t bytes[VIRTIO_PORT_BYTES]; /* behind the last of them: zeros */
};

extern const struct state_table virtio_console_state_table, virtio_port_state_table,
    virtio_port_bytes_state_table;

/* Callbacks of the controller's struct virtio_device_type. */
void console_save(struct virtio_device *device, void *state);
bool console_check_state(const struct virtio_device *device, uint64_t accepted, const void *state,
                         struct error *error);
void console_continued(struct virtio_device *device, const void *state);
/* Callbacks of the ports' struct device_type. */
bool console_port_save(struct device *device, struct hotram_buffer *out, struct error *error);
bool console_port_restore(struct device *device, bool check, struct hotram_saved *saved, struct error *error);
void console_port_restored(struct device *device);
const struct state_table *console_port_part(const struct device *device, unsigned index);
void console_port_summary(const struct device *device, struct text *text);

#endif
