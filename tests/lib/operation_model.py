# SPDX-License-Identifier: BSD-2-Clause
"""What plugs and unplugs come to, by docs/operations.md and docs/register-interface.md, in a form that shares nothing
with the program: a DIMM is a list of what the guest did with it since it came, or since the last reset, and what
follows is read from the list.

The model is told what clients ask for and what the guest does, and keeps `expected`: the events that have to come for
it, each once, by slot and in this order."""

DONE, REFUSED, UNANSWERED, CANCELLED, UNDER_WAY = "done", "refused", "unanswered", "cancelled", "in-progress"
KEPT = 64               # operations that are remembered after their end
PLUG, UNPLUG = "plug", "unplug"
EJECTION, INSERTION = (3, 0x103), (0, 1, 0x200)
BUSY, WITHOUT_REASON = 0x84, 1


class Operation:
    """One, as query-memory-operations has it."""

    def __init__(self, number, kind, dimm, seconds):
        self.number, self.kind, self.dimm = number, kind, dimm
        self.slot, self.device, self.size = dimm.slot, dimm.device, dimm.size
        self.seconds = seconds
        self.result, self.late, self.ost = UNDER_WAY, False, None

    @property
    def under_way(self):
        return self.result == UNDER_WAY

    def seen(self):
        """Those members that are the same in each run."""
        members = {"id": self.number, "device": self.device, "slot": self.slot, "size": self.size,
                   "operation": self.kind, "result": self.result, "deadline": 1000 * self.seconds}
        return {**members, **({"late": True} if self.late else {}), **({"ost": self.ost} if self.ost else {}),
                **({"verified": "unknown"} if (self.kind, self.result) == ("plug", "done") else {})}   # no balloon


class Dimm:
    """One, and what the guest did with it: "clear" (took the insert event), "flags", "range", (event, status)."""

    def __init__(self, device, slot, size, memory):
        self.device, self.slot, self.size, self.memory = device, slot, size, memory
        self.insert, self.remove = True, False      # events pending
        self.asked = False                          # for its removal
        self.history = []

    def ejections(self):
        return [what for what in self.history if isinstance(what, tuple) and what[0] in EJECTION]

    def taken_at(self):
        """Where the guest read the range after the flags, for the first time: it has found the DIMM. Or None."""
        for place, what in enumerate(self.history):
            if what == "range" and "flags" in self.history[:place]:
                return place
        return None

    def looked_again(self):
        """How often it has read the flags since it read the range last."""
        count = 0
        for what in reversed(self.history):
            if what == "range":
                break
            count += what == "flags"
        return count

    def has_failed_early(self):
        """It said that it could not take the DIMM, before it found it."""
        found = self.taken_at()
        return "early" in (self.history if found is None else self.history[:found])

    def has_failed_to_remove(self):
        """Its last word on a removal is a failure without a reason, without having begun, and since it said so it has
        not read the range."""
        since = self.history
        for place in range(len(since) - 1, -1, -1):
            what = since[place]
            if what == "range" and "flags" in since[:place]:
                return False
            if isinstance(what, tuple) and what[0] in EJECTION:
                before = [other for other in since[:place] if isinstance(other, tuple) and other[0] in EJECTION]
                return what[1] == WITHOUT_REASON and not (before and before[-1][1] == BUSY)
        return False


class Model:
    def __init__(self, slots, ram):
        self.slots, self.ram = slots, ram
        self.dimms = {}             # by slot
        self.current = {}           # by slot: the operation that the guest may still answer
        self.operations = []        # that are remembered
        self.last = 0
        self.running = True
        self.scanned, self.scanning = False, None   # the pending register was read, and named this slot
        self.expected = []          # (slot or None, event, what identifies it)
        self.resize = None          # memory set under way: its operations

    # ---- what there is ----

    def size(self):
        return self.ram + sum(dimm.size for dimm in self.dimms.values())

    def free_slot(self):
        return next((slot for slot in range(self.slots) if slot not in self.dimms), None)

    def find(self, device):
        return next((dimm for dimm in self.dimms.values() if dimm.device == device), None)

    def operation(self, number):
        return next((one for one in self.operations if one.number == number), None)

    def under_way(self):
        return [one for one in self.operations if one.under_way]

    def short(self):
        """Those whose time passes within a test."""
        return [one for one in self.under_way() if one.seconds < 10]

    def flags(self, slot):
        dimm = self.dimms.get(slot)
        return 0 if not dimm else 1 | dimm.insert << 1 | dimm.remove << 2

    def pending(self):
        return next((slot for slot in range(self.slots) if self.flags(slot) > 1), None)

    # ---- how operations begin and end ----

    def expect(self, slot, event, *what):
        self.expected.append((slot, event, *what))

    def begin(self, kind, dimm, seconds):
        before = self.current.get(dimm.slot)
        if before and before.under_way:
            self.end(before, CANCELLED)
        self.last += 1
        operation = Operation(self.last, kind, dimm, seconds)
        self.operations.append(operation)
        self.current[dimm.slot] = operation
        self.expect(dimm.slot, "MEMORY_OPERATION_STARTED", operation.number, UNDER_WAY)
        return operation

    def end(self, operation, result):
        operation.result = result
        stays = result == UNANSWERED or (result == CANCELLED and operation.kind == UNPLUG)
        if not stays and self.current.get(operation.slot) is operation:
            del self.current[operation.slot]
        if result == REFUSED and operation.kind == UNPLUG:
            self.expect(operation.slot, "DEVICE_UNPLUG_GUEST_ERROR", operation.device)
        self.expect(operation.slot, "MEMORY_OPERATION_DONE", operation.number, result)

    def late(self, operation, result):
        operation.late = True
        del self.current[operation.slot]
        if result == REFUSED and operation.kind == UNPLUG:
            self.expect(operation.slot, "DEVICE_UNPLUG_GUEST_ERROR", operation.device)
        self.expect(operation.slot, "MEMORY_OPERATION_LATE", operation.number, result)

    def answered(self, operation, result):
        """The guest's answer, in time or not."""
        if operation.under_way:
            self.end(operation, result)
        elif operation.result == UNANSWERED:
            self.late(operation, result)

    def forget(self):
        """What is remembered: those under way, those that can still be answered, and the last 64."""
        ended = [one for one in self.operations if not one.under_way]
        for one in list(ended):
            if len(ended) > KEPT and self.current.get(one.slot) is not one:
                ended.remove(one)
                self.operations.remove(one)

    # ---- what clients ask for ----

    def plug(self, device, slot, size, memory, seconds):
        dimm = self.dimms[slot] = Dimm(device, slot, size, memory)
        return self.begin(PLUG, dimm, seconds)

    def ask(self, dimm, seconds=None):
        """An unplug, of any kind. One that is under way is joined, and the guest is reminded."""
        dimm.asked = dimm.remove = True
        operation = self.current.get(dimm.slot)
        if not operation or operation.kind != UNPLUG or not operation.under_way:
            operation = self.begin(UNPLUG, dimm, seconds or 600)
        operation.seconds = seconds or operation.seconds
        return operation

    def withdraw(self, dimm):
        dimm.asked = dimm.remove = False

    def cancel(self, operation):
        self.withdraw(operation.dimm)
        self.end(operation, CANCELLED)

    def time_passes(self):
        for operation in self.short():
            self.end(operation, UNANSWERED)

    def stop(self):
        if self.running:
            self.expect(None, "STOP")
        self.running = False

    def cont(self):
        if not self.running:
            self.expect(None, "RESUME")
        self.running = True

    def reset(self):
        self.expect(None, "RESET")
        for operation in self.under_way():
            if operation.kind == PLUG:
                self.end(operation, CANCELLED)
        for dimm in list(self.dimms.values()):
            dimm.insert, dimm.history = False, []
            if dimm.asked:
                self.gone(dimm)
        self.scanned, self.scanning = False, None

    # ---- what the guest does at the registers ----

    def reads_pending(self):
        self.scanned, self.scanning = True, self.pending()

    def reads_flags(self, slot):
        if self.scanning is not None and self.scanning == slot:
            if slot in self.dimms:      # its scan, not _STA
                self.scanning = None
        elif slot in self.dimms:
            self.dimms[slot].history.append("flags")

    def reads_range(self, slot):
        dimm = self.dimms.get(slot)
        if not dimm:
            return
        first = dimm.taken_at() is None
        unheard = dimm.has_failed_to_remove()
        dimm.history.append("range")
        if dimm.taken_at() is None:
            return                      # without having read the flags
        if first and ("clear" not in dimm.history or dimm.has_failed_early()):
            self.found(dimm)
        if unheard and dimm.asked:
            dimm.remove = True

    def found(self, dimm):
        operation = self.current.get(dimm.slot)
        if operation and operation.kind == PLUG:
            self.answered(operation, DONE)

    def clears(self, slot, insert):
        dimm = self.dimms.get(slot)
        if dimm and insert:
            if dimm.insert:
                dimm.history.append("clear")
            dimm.insert = False
        elif dimm:
            dimm.remove = False

    def ejects(self, slot):
        if slot in self.dimms:
            self.gone(self.dimms[slot])

    def gone(self, dimm):
        operation = self.current.get(dimm.slot)
        del self.dimms[dimm.slot]
        self.expect(dimm.slot, "DEVICE_DELETED", dimm.device)
        if not operation:
            return
        if operation.kind == PLUG:
            if operation.under_way:
                self.end(operation, REFUSED)
            self.current.pop(dimm.slot, None)
        elif operation.under_way:
            self.end(operation, DONE)
        else:
            self.late(operation, DONE)

    def reports(self, slot, event, status):
        dimm, operation = self.dimms.get(slot), self.current.get(slot)
        kind = UNPLUG if event in EJECTION else PLUG if event in INSERTION else None
        answer = not dimm or self.is_answer(dimm, kind, event, status)
        if dimm and self.scanned:
            dimm.history.append((event, status))
        progress = (kind == UNPLUG and status == BUSY) or (event == 0x200 and status == 0x80)
        if operation and kind == operation.kind and answer:
            operation.ost = {"source": event, "status": status}
        if not answer or status == 0 and kind == UNPLUG or progress or not dimm:
            return
        if kind == PLUG and operation and operation.kind == PLUG:
            self.answered(operation, REFUSED if status else DONE)
        if kind == UNPLUG and not dimm.remove:
            self.withdraw(dimm)
            if operation and operation.kind == UNPLUG:
                self.answered(operation, REFUSED)

    def is_answer(self, dimm, kind, event, status):
        """A guest that runs our AML says "failure without a reason" of an event that came while it started."""
        if not self.scanned or status != WITHOUT_REASON or kind is None:
            return True
        if kind == UNPLUG:
            return bool(dimm.ejections()) and dimm.ejections()[-1][1] == BUSY
        if dimm.taken_at() is None:
            dimm.history.append("early")
            return False
        if dimm.looked_again() < 2:
            return True
        self.found(dimm)
        return False
