# SPDX-License-Identifier: BSD-2-Clause
"""Two network cards of one guest, joined by a cable, the second one in a network namespace of its own: so TCP between
them takes the way through both cards and the host.

    with Machine([..., *cards.options(folder)], append="net.ifnames=0") as machine:
        machine.shell("devices")
        cards.join(machine)
        machine.shell(cards.SEND)
"""

MACS = ("52:54:00:aa:00:01", "52:54:00:aa:00:02")
# What the other end has received is what was sent, or the command fails. Its server answers with the checksum.
SEND = "nc 10.9.0.2 5000 < /tmp/sent > /tmp/got && cmp /tmp/sum /tmp/got"


def options(folder):
    cable = f"addr.type=unix,addr.path={folder}/cable"
    return ["-netdev", f"stream,id=a,server=on,{cable}", "-netdev", f"stream,id=b,{cable}",
            "-device", f"virtio-net-pci,id=card0,netdev=a,mac={MACS[0]}",
            "-device", f"virtio-net-pci,id=card1,netdev=b,mac={MACS[1]}"]


def join(machine, mib=1):
    """Addresses, a server behind the second card, and `mib` MiB to send."""
    machine.shell("unshare -n sleep 100000 & P=$!; echo $P > /tmp/ns; "
                  "while [ $(readlink /proc/$P/ns/net) = $(readlink /proc/self/ns/net) ]; do usleep 50000; done; "
                  "ip link set eth1 netns $P && ip addr add 10.9.0.1/24 dev eth0 && ip link set eth0 up && "
                  "nsenter -t $P -n sh -c 'ip addr add 10.9.0.2/24 dev eth1 && ip link set eth1 up'")
    machine.shell("nsenter -t $(cat /tmp/ns) -n nc -ll -p 5000 -e md5sum > /dev/null 2>&1 & true")
    machine.shell(f"dd if=/dev/urandom of=/tmp/sent bs=64k count={16 * mib} 2>/dev/null; "
                  "md5sum < /tmp/sent > /tmp/sum; "
                  "until nc 10.9.0.2 5000 < /tmp/sent > /tmp/got 2>/dev/null; do usleep 100000; done")
