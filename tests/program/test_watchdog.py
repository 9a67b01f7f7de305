#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""The watchdog of a guest that does not feed it: the event, and what each action does,
given by each option and command that there is. A test is the guest."""

import contextlib
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, tap                                    # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.machine import Machine                              # noqa: E402
from lib.micro import MICRO, hear, tell               # noqa: E402

TCO = 0x660
RELOAD, STATUS1, STATUS2, CONTROL, TIMER = TCO, TCO + 4, TCO + 6, TCO + 8, TCO + 0x12
GCS, NO_REBOOT = 0xfed1f410, 0x20
LIMIT = 60
SECONDS = 2 * 2 * 0.6                                        # the shortest, twice
GUEST_RESET = {"guest": True, "reason": "guest-reset"}


def only_x86():
    if arch.chosen() is not arch.X86:
        raise tap.Skip("the watchdog is the ICH9's, which x86 alone has")


class Guest(Host):
    """Its machine is made, and it sets its watchdog when it is told to."""

    def __init__(self, *options):
        super().__init__(list(options))

    def start(self):
        self.qmp.execute("cont")
        self.qmp.wait_event("RESUME")
        port = self.qtest.port_out
        port(CONTROL, 2, 0x800)
        self.qtest.command(f"writel {GCS:#x} 0")
        port(TIMER, 2, 2)
        port(RELOAD, 2, 1)
        port(CONTROL, 2, 0)

    def bitten(self, action):
        """The event comes before what it says."""
        event = self.qmp.wait_event_of("WATCHDOG", "RESET", "SHUTDOWN", "POWERDOWN", "STOP")
        assert (event["event"], event["data"]) == ("WATCHDOG", {"action": action}), event

    def gcs(self):
        return int(self.qtest.command(f"readl {GCS:#x}")[0], 0)

    def status(self):
        return self.qmp.execute("query-status")["status"]

    def ends(self, reason):
        assert self.qmp.wait_event("SHUTDOWN")["data"] == {"guest": True, "reason": reason}
        assert self.wait_exit() == 0

    def goes_on(self):
        assert self.status() == "running"
        assert self.qtest.port_in(STATUS2, 2) == 6
        assert self.quit() == 0


def check_reset(guest):
    assert guest.qmp.wait_event("RESET")["data"] == GUEST_RESET
    assert guest.gcs() == NO_REBOOT           # the next kernel has to ask for it
    guest.goes_on()                                          # and finds why it was started


def check_shutdown(guest):
    guest.qmp.wait_event("POWERDOWN")
    assert guest.qtest.port_in(0x600, 2) & 0x100             # the power button
    guest.goes_on()


def check_pause(guest):
    guest.qmp.wait_event("STOP")
    assert guest.status() == "watchdog"
    guest.qmp.execute("cont")
    guest.goes_on()


def check_pause_and_reset(guest):
    guest.qmp.wait_event("STOP")
    guest.qmp.execute("system_reset")
    assert guest.status() == "prelaunch"
    assert guest.quit() == 0


def check_debug(guest):
    guest.goes_on()
    assert "watchdog: timer fired" in guest.errors.read_text(), guest.errors.read_text()


def qmp(action):
    return lambda guest: guest.qmp.execute("watchdog-set-action", {"action": action})


def set_action(action):
    return lambda guest: guest.qmp.execute("set-action", {"watchdog": action})


def hmp(action):
    return lambda guest: guest.qmp.execute("human-monitor-command", {"command-line": f"watchdog_action {action}"})


# Of each: how it is asked for at the start, while it runs, and what follows.
ACTIONS = [
    ("reset", [], None, check_reset),
    ("reset", ["-watchdog-action", "none"], qmp("reset"), check_reset),
    ("reset", ["-action", "reboot=shutdown"], None, lambda guest: guest.ends("guest-reset")),
    ("shutdown", ["-watchdog-action", "shutdown"], None, check_shutdown),
    ("poweroff", ["-action", "watchdog=poweroff", "-no-shutdown"], None, lambda guest: guest.ends("guest-shutdown")),
    ("pause", ["-action", "panic=none,watchdog=pause"], None, check_pause),
    ("pause", [], hmp("pause"), check_pause_and_reset),
    ("debug", [], set_action("debug"), check_debug),
    ("none", ["-watchdog-action", "none", "-global", "ICH9-LPC.noreboot=off"], None, Guest.goes_on),
    ("inject-nmi", ["-machine", "acpi-events=ged"], hmp("inject-nmi"), Guest.goes_on),
]


def test_each_action():
    only_x86()
    with contextlib.ExitStack() as stack:
        guests = [stack.enter_context(Guest(*options)) for _, options, _, _ in ACTIONS]
        for guest, (_, _, change, _) in zip(guests, ACTIONS):
            if change:
                change(guest)
            guest.start()
        for guest, (action, options, _, check) in zip(guests, ACTIONS):
            tap.comment(f"{action} {' '.join(options)}")
            guest.bitten(action)
            check(guest)


def test_those_that_are_not_bitten():
    """One whose pin says that the machine does not reboot, one that halts the timer, and one that
    is stopped meanwhile: it has the rest of its time when it runs again."""
    only_x86()
    with Guest("-global", "ICH9-LPC.noreboot=on") as strapped, Guest() as halted, Guest() as stopped:
        for guest in (strapped, halted, stopped):
            guest.start()
        assert strapped.gcs() == NO_REBOOT    # where Linux' driver gives up
        halted.qtest.port_out(CONTROL, 2, 0x800)
        stopped.qmp.execute("stop")
        stopped.qmp.wait_event("STOP")
        left = stopped.qtest.port_in(RELOAD, 2), stopped.qtest.port_in(STATUS1, 2)
        strapped.wait_until(lambda: strapped.qtest.port_in(STATUS2, 2) == 6, what="two timeouts")
        time.sleep(SECONDS)                                  # for all that would be wrong
        for guest in (strapped, halted, stopped):
            assert "WATCHDOG" not in [event["event"] for event in guest.qmp.take_events()]
        assert left == (stopped.qtest.port_in(RELOAD, 2), stopped.qtest.port_in(STATUS1, 2))
        assert halted.qtest.port_in(STATUS2, 2) == 0
        stopped.qmp.execute("cont")
        stopped.qmp.wait_event("RESUME")
        stopped.bitten("reset")
        check_reset(stopped)


def micro(*options):
    machine = Machine(["-m", "64M", "-kernel", MICRO, *options], kernel=None, reboot=True)
    hear(machine, "micro")
    return machine


def test_an_interrupt_that_cannot_be_masked():
    """By KVM, into a guest that has it open, and into one that has not: that one sees nothing."""
    only_x86()
    with micro("-watchdog-action", "inject-nmi") as machine:
        tell(machine, "w")
        machine.qmp.wait_event("WATCHDOG", {"action": "inject-nmi"}, LIMIT)
        tell(machine, "e", "e")
        tell(machine, "l")
        tell(machine, "w")
        machine.qmp.wait_event("WATCHDOG", {"action": "inject-nmi"}, LIMIT)
        machine.console.wait_for("!", LIMIT, machine.said)
        tell(machine, "e", "!e")
        machine.qmp.execute("watchdog-set-action", {"action": "reset"})
        tell(machine, "w")
        machine.qmp.wait_event("RESET", GUEST_RESET, LIMIT)
        hear(machine, "micro")
        tell(machine, "e", "e")
        assert machine.quit() == 0


if __name__ == "__main__":
    tap.main()
