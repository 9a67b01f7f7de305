# SPDX-License-Identifier: BSD-2-Clause
"""What each firmware's guest does with its memory."""


def plug_reboot_unplug(guest, limit):
    """DIMMs come and go; one, "right", stays across a reboot through the firmware. `limit` is that of a boot."""
    total = guest.meminfo()
    guest.plug("left", "256M")
    guest.wait_total(total + 256 * 1024)
    guest.unplug("left")
    guest.wait_total(total)
    guest.plug("right", "512M")
    guest.wait_total(total + 512 * 1024)
    guest.console.send("x reboot -f")
    guest.qmp.wait_event("RESET", timeout=limit)
    guest.wait_ready(limit)
    # Not as before to the KiB: the kernel has another image in other places.
    guest.wait_until(lambda: guest.meminfo() > total + 500 * 1024, what="the DIMM's memory after the reboot")
    guest.unplug("right")
    assert guest.meminfo() < total + 1024
