# SPDX-License-Identifier: BSD-2-Clause
"""Where hotram differs from QEMU on purpose: the whole list for registers, events
and scan. docs/compatibility.md has the same list; the test holds the two
together by the names.

Everything that is not in this table is compared and has to be equal."""

from peer import BLOCK, PENDING

# Of each slot, before events of its reports are limited (vmm/hotplug/ost_events.c).
OST_BURST = 8

# name: (QEMU, hotram, reason)
TABLE = {
    "results of operations": (
        "only ACPI_DEVICE_OST tells of a refusal, and nothing of a guest that does "
        "not answer",
        "events MEMORY_OPERATION_STARTED, _DONE and _LATE, and "
        "DEVICE_UNPLUG_GUEST_ERROR when the guest refuses",
        "one result for every plug and unplug"),
    "reports without end": (
        "each _OST is an event",
        "OST_BURST of them at once from each slot, then one a second; the last one "
        "is always told, before DEVICE_DELETED at the latest",
        "a guest that reports without end floods no monitor"),
    "eject: memory": (
        "DEVICE_DELETED comes before the memory has gone back",
        "and after it: a moment after the guest's eject",
        "who waits for the event finds the memory, the slot and the object free"),
    "pending register": (
        "ports 0xa18 to 0xa1b read all ones",
        "they give the first slot with a pending event",
        "the guest finds it without asking every slot; only our AML reads it"),
    "event enabled while a slot waits": (
        "GPE 3 is not raised",
        "it is raised again, once after each event",
        "a guest that starts clears what was raised before, and enables it later"),
    "removal: failure before it began": (
        "nothing",
        "(3, 1) without (3, 0x84) before it, from a guest that has read the pending "
        "register, leaves the request, and the guest is asked again when it takes "
        "the DIMM",
        "a guest that makes its device objects forgets an event so"),
    "eject: pending events": (
        "the empty slot keeps its insert and remove events: the next DIMM in it "
        "meets them",
        "they go with the DIMM",
        "a guest would be asked to give back a DIMM that nobody wants back"),
    # Not in the registers but in the AML that reads them: tests/aml/test_qemu.py.
    "insert and remove pending together": (
        "the guest's scan delivers only the insert; the removal waits for the "
        "next event",
        "both are delivered",
        "the two are independent"),
    "reset: Generic Event Device": (
        "its events stay until they are read",
        "they are dropped",
        "as those of the slots, which it tells of"),
    "reset: selector": (
        "the slot selector keeps its value",
        "slot 0 is selected",
        "a reset device has its registers' first values"),
    "reset: insert event": (
        "stays pending",
        "is dropped",
        "a booting guest finds the DIMMs by itself"),
    "reset: remove event": (
        "stays pending, the DIMM stays",
        "the DIMM is removed, DEVICE_DELETED is sent",
        "the guest that used the memory is gone"),
}


def mask_of_block(port, width):
    """The bits of an access that do not touch the pending register."""
    mask = 0
    for byte in range(width):
        if not PENDING <= port + byte < PENDING + 4:
            mask |= 0xff << 8 * byte
    return mask


def pending_slot(peer, slots):
    """What the pending register has to give, by asking every slot. The last
    slot is selected afterwards."""
    first = 0xffffffff
    for slot in range(slots):
        peer.qtest.port_out(BLOCK, 4, slot)
        if peer.qtest.port_in(BLOCK + 0x14, 1) & 6 and first == 0xffffffff:
            first = slot
    return first
