# SPDX-License-Identifier: BSD-2-Clause
"""Bad commands for test_ways_out.py: to the monitor of people, to that of programs, and to hotramctl. The guest has
64 MiB, three slots, maxmem 2 GiB, a memslot `s`, an object `free` and a DIMM `d0` of an object `used`."""

# What is typed, what the error names, where the way out is, and what is typed instead.
PEOPLE = (
    ("object_add id=a,size=1M", ("'qom-type'",), r"such as (\S+)", ("object_add {0},id=a,size=1M",)),
    ("object_add memory-backend-ram id=a size=1M", ("'memory-backend-ram id'",), r"blanks: (\S+)",
     ("object_add {0},size=1M",)),
    ("object_add memory-backend-ram,size=1M", ("'id'",), r"such as (id=\S+)", ("object_add memory-backend-ram,{0},size=1M",)),
    ("object_add memory-backend-ram,id=a", ("'size'",), r"such as (\S+)", ("object_add memory-backend-ram,id=a,reserve=off,{0}",)),
    ("object_add memory-backend-ram,id=a,size=5", ("5 bytes", "memory size must be"), r"the next is (\S+)",
     ("object_add memory-backend-ram,id=a,{0}",)),
    ("object_add memory-backend-ram,id=free,size=1M", ("free",), r"remove it with (.*)",
     ("{0}", "object_add memory-backend-ram,id=free,size=1M")),
    ("object_del used", ("'d0'",), r"unplug that first: (.*)", ("{0}",)),
    ("device_add memdev=free", ("'driver'",), r"such as (\S+)", ("device_add {0},memdev=free",)),
    ("device_add pc-dimm", ("memdev",), r"with (object_add \S+)size=1G and use (memdev=\S+)", ("{0}size=128M", "device_add pc-dimm,{1}")),
    ("device_add pc-dimm,memdev=free,slot=9", ("9",), r"-(\d+)\]", ("device_add pc-dimm,memdev=free,slot={0}",)),
    ("device_add pc-dimm,memdev=free,addr=0x118200000", ("0x118200000",), r"the next is (\w+)",
     ("device_add pc-dimm,memdev=free,addr={0}",)),
    ("device_add pc-dimm,memdev=free,addr=0xf8000001", ("0xf8000001",), r"omit (addr)", ("device_add pc-dimm,memdev=free",)),
    ("memory plug 128M,addr=0xfffffffffffff000", ("0xfffffffffffff000",), r"omit (addr)", ("memory plug 128M,wait=off",)),
    ("device_del d00", ("'d00'",), r"available: (\w+)", ("device_del {0}",)),
    ("memory plug 0", ("0 bytes", "not 0"), r"the next is (\w+)", ("memory plug {0},wait=off",)),
    ("memory plug 129M,wait=off", ("129 MiB",), r"the next is (\w+)", ("memory plug {0},wait=off",)),
    ("memory plug 128M,node=5,wait=off", ("5",), r"the last is (node=\d+)", ("memory plug 128M,{0},wait=off",)),
    ("memory plug 128M slot=2", ("'128M slot'",), r"blanks: (\S+)", ("memory plug {0},wait=off",)),
    ("memory plug 128M,wait=perhaps", ("'perhaps'",), r"or '(\w+)'", ("memory plug 128M,wait={0}",)),
    ("memory plug 128M,timeout=0", ("0",), r"expects (\d+)", ("memory plug 128M,wait=off,timeout={0}",)),
    ("memory plug 128M,solt=2", ("'solt'",), r"did you mean '(\w+)'", ("memory plug 128M,wait=off,{0}=2",)),
    ("memory set 200M,dry-run=on", ("200 MiB",), r"reached are (\d+) MiB", ("memory set {0}M,dry-run=on",)),
    ("memory unplug no", ("'no'",), r"available: (\w+)", ("memory unplug {0},wait=off",)),
    ("memslot s frob", ("'frob'",), r"expects (\w+)", ("memslot s {0}",)),
    ("info nmae", ("info nmae",), r"did you mean '([^']+)'", ("{0}",)),
)

# Command and arguments, what the error names, where the way out is, and what is asked instead (as JSON).
PROGRAMS = (
    ("object-add", {"id": "a", "size": 1 << 20}, ("'qom-type'",), r"qom-type=(\S+)",
     '["object-add", {{"qom-type": "{0}", "id": "a", "size": 1048576}}]'),
    ("object-add", {"qom-type": "memory-backend-ram", "id": "a", "size": 4098}, ("4098 bytes",), r"size=(\d+)",
     '["object-add", {{"qom-type": "memory-backend-ram", "id": "a", "size": {0}}}]'),
    ("device_add", {"driver": "pc-dimm", "memdev": "free", "addr": 5 << 20 << 1}, ("0xa00000", "can't add memory"),
     r"omit (addr)", '["device_add", {{"driver": "pc-dimm", "memdev": "free"}}]'),
    ("device_add", {"driver": "pc-dimm", "memdev": "free", "slot": 1}, ("'d0'",), r"omit (slot)",
     '["device_add", {{"driver": "pc-dimm", "memdev": "free"}}]'),
    ("device_del", {"id": "/machine/peripheral/d"}, ("peripheral/d'",), r"available: (\w+)", '["device_del", {{"id": "{0}"}}]'),
    ("object-del", {"id": "used"}, ("'d0'",), r"device_del (\S+)", '["device_del", {{"id": "{0}"}}]'),
    ("memory-set", {"size": (300 << 20), "dry-run": True}, ("300 MiB",), r"reached are (\d+)",
     '["memory-set", {{"size": "{0} << 20", "dry-run": true}}]'),
    ("memory-plug", {"size": 1 << 27, "slot": 7}, ("7",), r"-(\d+)\]", '["memory-plug", {{"size": 134217728, "slot": {0}}}]'),
    ("memslot", {"id": "s", "action": "fill"}, ("'fill'",), r"expects (\w+)", '["memslot", {{"id": "s", "action": "{0}"}}]'),
)

# hotramctl's words, what the error names, where the way out is, and the words instead.
CTL = (
    (("plg", "128M", "--no-wait"), ("'plg'",), r"did you mean (\w+)", ("{0}", "128M", "--no-wait")),
    (("plug", "12Q", "--no-wait"), ("'12Q'",), r"such as (\S+) or", ("plug", "{0}", "--no-wait")),
    (("plug", "128M", "--solt", "2", "--no-wait"), ("--solt",), r"did you mean (--\w+)", ("plug", "128M", "{0}", "2", "--no-wait")),
    (("plug", "129M", "--no-wait"), ("129 MiB",), r"the next is (\w+)", ("plug", "{0}", "--no-wait")),
    (("plug", "128M", "--node", "4", "--no-wait"), ("4",), r"the last is node=(\d+)", ("plug", "128M", "--node", "{0}", "--no-wait")),
    (("unplug", "dd", "--no-wait"), ("'dd'",), r"available: (\w+)", ("unplug", "{0}", "--no-wait")),
    (("set", "201M", "--dry-run"), ("201 MiB",), r"reached are (\d+)", ("set", "{0}M", "--dry-run")),
    (("plug", "128M", "-t", "0", "--no-wait"), ("got 0",), r"to (\d+)", ("plug", "128M", "-t", "{0}", "--no-wait")),
)
# An event that hotram has not would never come: refused at once, with the one that was meant.
EVENT = (("events", "SHUTDWON"), ("'SHUTDWON'",), r"did you mean '(\w+)'")
