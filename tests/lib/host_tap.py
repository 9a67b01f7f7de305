# SPDX-License-Identifier: BSD-2-Clause
"""A tap device in a network namespace of its own, which a child makes and passes."""

import ctypes
import fcntl
import os
import socket
import struct

from . import tap

NEWUSER, NEWNET = 0x10000000, 0x40000000
SIOCSIFADDR, SIOCSIFNETMASK = 0x8916, 0x891c
TUNSETIFF, SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFMTU = 0x400454ca, 0x8913, 0x8914, 0x8922
IFF_UP, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 1, 2, 0x1000, 0x4000
# A type of local experiments: nobody else answers.
ETHERTYPE = 0x88b5
PORT = 5000


def make(name, vnet_hdr=True, address=None):
    """(descriptor of the tap device, socket on the interface); a test that may not is skipped. With an IPv4 address of
    the interface the socket is a TCP server's there, whose port is PORT."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if child == 0:
        try:
            _make_in_child(theirs, name, vnet_hdr, address)
        except OSError as error:
            theirs.send(str(error).encode())
        finally:
            os._exit(0)
    theirs.close()
    said, fds, _, _ = socket.recv_fds(ours, 200, 2)
    os.waitpid(child, 0)
    ours.close()
    if not fds:
        raise tap.Skip(f"no tap device here: {said.decode()}")
    return fds[0], socket.socket(fileno=fds[1])


def _make_in_child(answer, name, vnet_hdr, address):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NEWUSER | NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    fd = os.open("/dev/net/tun", os.O_RDWR)
    flags = IFF_TAP | IFF_NO_PI | (IFF_VNET_HDR if vnet_hdr else 0)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE))
    # Too small for IPv6, whose frames nobody here expects.
    fcntl.ioctl(wire, SIOCSIFMTU, struct.pack("16si20x", name.encode(), 1000))
    request = fcntl.ioctl(wire, SIOCGIFFLAGS, struct.pack("16sH22x", name.encode(), 0))
    flags = struct.unpack_from("H", request, 16)[0] | IFF_UP
    fcntl.ioctl(wire, SIOCSIFFLAGS, struct.pack("16sH22x", name.encode(), flags))
    if address:
        end = _serve(wire, name, address)
    else:
        wire.bind((name, ETHERTYPE))
        end = wire
    socket.send_fds(answer, [b"made"], [fd, end.fileno()])


def _serve(wire, name, address):
    for request, value in ((SIOCSIFADDR, address), (SIOCSIFNETMASK, "255.255.255.0")):
        fcntl.ioctl(wire, request, struct.pack("16sHH4s8x", name.encode(), socket.AF_INET, 0, socket.inet_aton(value)))
    server = socket.socket()
    server.bind((address, PORT))
    server.listen()
    return server
