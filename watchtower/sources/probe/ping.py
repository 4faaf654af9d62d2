"""Datagram sockets for pings, which need no privilege but that of a group.

https://man7.org/linux/man-pages/man7/icmp.7.html (ping_group_range)
"""

from __future__ import annotations

import errno
import secrets
import socket


def ping_socket(address: str) -> socket.socket:
    """A socket that pings this address; raises OSError.

    Its identifier is chosen at random: the kernel would count them up from start to start, and a firewall that knows
    the number from before drops the answer.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    protocol = socket.IPPROTO_ICMPV6 if family is socket.AF_INET6 else socket.IPPROTO_ICMP
    sock = socket.socket(family, socket.SOCK_DGRAM, protocol)
    try:
        sock.setblocking(False)
        _bind(sock)
        sock.connect((address, 0))
    except BaseException:
        sock.close()
        raise
    return sock


def _bind(sock: socket.socket) -> None:
    for _ in range(8):
        try:
            return sock.bind(("", 1 + secrets.randbelow(65_535)))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    return None  # the kernel finds a free one when it sends
