"""Pings: against an echo that a test plays on the loopback, and against the kernel's own where that is permitted."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.probing import probe_of, tools
from watchtower.model import TroubleReason
from watchtower.sources.probe.prober import Prober

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchtower.sources.probe.result import Result

ROOT = Path(__file__).parents[5]


class Echo:
    """Answers echo requests that come as datagrams of UDP; the bytes are those of ICMP."""

    def __init__(self, *, strange: bool = False) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._strange = strange
        self.requests: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def dial(self, address: str) -> socket.socket:
        """A socket that reaches this echo instead of the address."""
        assert address == "127.0.0.1"
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.connect(self._socket.getsockname())
        return sock

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            data, peer = self._socket.recvfrom(65_536)
            if not data:
                return
            self.requests.append(data)
            answer = b"\x00" + data[1:]
            strangers = [b"\x00", b"\x03" + data[1:], answer[:-1] + b"?"] if self._strange else []
            for datagram in (*strangers, answer):
                self._socket.sendto(datagram, peer)


@pytest.fixture
def echo() -> Iterator[Echo]:
    running = Echo(strange=True)
    yield running
    running.close()


async def pinged(echo: Echo, **icmp: object) -> Result:
    probe = probe_of(icmp={"host": "127.0.0.1", **icmp})
    return await Prober(tools(ping=echo.dial)).probe(probe)


async def test_a_host_that_answers_is_up_and_other_peoples_answers_do_not_count(echo: Echo) -> None:
    result = await pinged(echo)

    assert (result.success, result.reason, result.address) == (True, "answered", "127.0.0.1")
    assert list(result.phases) == ["resolve", "setup", "rtt"]
    assert result.duration is not None


async def test_requests_have_the_size_that_was_asked_for_and_never_the_same_payload(echo: Echo) -> None:
    for _ in range(2):
        await pinged(echo, size=100)

    first, second = echo.requests
    assert {len(first), len(second)} == {108}
    assert first[0] == 8
    assert first[8:] != second[8:]


def refuses(_: str) -> socket.socket:
    raise PermissionError


async def test_a_machine_that_forbids_pings_says_what_it_lacks_and_blames_nobody() -> None:
    result = await Prober(tools(ping=refuses)).probe(probe_of(icmp={"host": "127.0.0.1"}))

    assert (result.success, result.trouble) == (None, TroubleReason.FORBIDDEN)
    assert "net.ipv4.ping_group_range" in result.reason


async def test_a_host_that_does_not_answer_is_down() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))

        def dial(_: str) -> socket.socket:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.setblocking(False)
            sock.connect(silent.getsockname())
            return sock

        probe = probe_of(icmp={"host": "127.0.0.1"}, timeout="300ms")
        result = await Prober(tools(ping=dial)).probe(probe)

    assert (result.success, result.reason) == (False, "timed out after 300ms in phase rtt")
    assert result.evidence == ("phase reached: rtt", "address: 127.0.0.1")


def test_the_kernel_itself_is_pinged_where_it_permits_it() -> None:
    """In a network namespace of its own, where the group may be chosen."""
    ping = textwrap.dedent("""
        import asyncio
        from tests.support.probing import probe_of, tools
        from tests.support.sites import Names
        from watchtower.sources.probe.prober import Prober
        names = Names(six_example="::1", four_example="127.0.0.1")
        for host in ("four.example", "six.example"):
            result = asyncio.run(Prober(tools(names=names)).probe(probe_of(icmp={"host": host})))
            print(result.success, result.reason, result.address)
    """)
    script = f"ip link set lo up && echo 0 0 > /proc/sys/net/ipv4/ping_group_range && exec {sys.executable} -"
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("no unshare or ip here")
    ran = subprocess.run(
        ["unshare", "-rn", "sh", "-c", script], input=ping, capture_output=True, text=True, cwd=ROOT, check=False
    )
    if ran.returncode:
        pytest.skip(f"no network namespace here: {ran.stderr[-200:]}")
    assert ran.stdout.splitlines() == ["True answered 127.0.0.1", "True answered ::1"]
