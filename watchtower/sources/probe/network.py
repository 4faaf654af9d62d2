"""What a network error means: the target is down, or the prober itself is short of something."""

from __future__ import annotations

import errno
import socket
import ssl

from watchtower.model import TroubleReason
from watchtower.sources.probe.result import Down, Phase, Unknown

#: errors of the machine that probes, whatever the target: files, memory, ports, a local firewall, no interface
_OWN = {
    errno.EMFILE: "too many open files",
    errno.ENFILE: "too many open files on this machine",
    errno.ENOBUFS: "no buffer space",
    errno.ENOMEM: "no memory",
    errno.EADDRNOTAVAIL: "no free local port or address",
    errno.EPERM: "this machine does not permit it",
    errno.EACCES: "this machine does not permit it",
    errno.ENETDOWN: "the network of this machine is down",
    errno.EAFNOSUPPORT: "this machine does not speak this address family",
}
_THEIRS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.ECONNABORTED: "connection aborted",
    errno.ETIMEDOUT: "connection timed out",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network unreachable",
}


def explain(error: OSError, phase: Phase, address: str, port: int) -> Down | Unknown:
    """The error in words, blamed on whom it belongs to."""
    if isinstance(error, ssl.SSLError):
        return Down(_handshake(error))
    number = error.errno or 0
    if number in _OWN:
        return Unknown(TroubleReason.UNREACHABLE, f"cannot probe: {_OWN[number]}")
    if number == errno.ENETUNREACH and not has_route(address):
        return Unknown(TroubleReason.UNREACHABLE, f"cannot probe: this machine has no route to {address}")
    words = _THEIRS.get(number, (error.strerror or str(error)).lower())
    shown = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    return Down(f"{words} ({shown})" if phase is Phase.CONNECT else f"{words} in phase {phase} ({shown})")


def has_route(address: str) -> bool:
    """Whether this machine itself knows a way to the address; sends nothing.

    A router on the way and our own routing table answer with the same error, but only one of them is our fault.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
    except OSError:
        return False
    return True


def _handshake(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLEOFError):
        return "closed the connection during the TLS handshake"
    words = getattr(error, "reason", None) or error.strerror or "unknown reason"
    if "CERTIFICATE_REQUIRED" in words:
        return "the server demands a client certificate, and probes have none"
    return f"TLS failed: {words.lower().replace('_', ' ')}"
