"""What a fresh HTTPS probe costs, beside Debian's prometheus-blackbox-exporter at the same rate, at the same time.

    python bench/probes.py [--targets 1000,10000] [--interval 60] [--seconds 90] [--without-blackbox]

Every target is a URL of its own at one HTTPS server on loopback (TLS 1.3, P-256, a chain of two), which runs in a
process of its own and counts for nobody. Each probe is a connection and a handshake of its own, verified.

Ours: the probe source with its units, memory and samples, polled on uvloop at each unit's own offset, as the daemon
does; without the store. blackbox_exporter: asked for each target once in each interval, evenly spread, over connections
that stay. Both run at once, so that what else the machine does disturbs both; what counts is the CPU time of each
process, without what it took before the first probe. ``late`` are the seconds after its time at which a probe began.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import http.client
import ipaddress
import json
import os
import resource
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from watchtower.clock import SystemClock
from watchtower.model import Priority
from watchtower.sources.base import Ask, Poll
from watchtower.sources.probe.query import ProbeQuery
from watchtower.sources.probe.source import ProbeSource
from watchtower.sources.probe.tls import TlsPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchtower.model import PollResult
    from watchtower.sources.base import Unit

BODY = b"<html><title>Welcome</title><body>" + b"x" * 2_000 + b"</body></html>"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(BODY)
BLACKBOX = """
modules:
  https:
    prober: http
    timeout: 10s
    http: {{preferred_ip_protocol: ip4, valid_status_codes: [200], tls_config: {{ca_file: {authority}}}}}
"""


@dataclass(frozen=True)
class Result:
    """One side's run; CPU in milliseconds a probe, memory in bytes at the peak, lateness in seconds."""

    targets: int
    probes: int
    failed: int
    cpu_ms: float
    memory: int
    late: tuple[float, ...] = ()
    missed: int = 0


# -- the server --------------------------------------------------------------------------------------------------------


def certificates(folder: Path) -> None:
    """An authority and a server's certificate for 127.0.0.1, as files."""
    now = datetime.datetime.now(datetime.UTC)
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def made(name: str, public: ec.EllipticCurvePublicKey, *extensions: x509.ExtensionType) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench authority")])
        builder = x509.CertificateBuilder(issuer, subject, public, x509.random_serial_number())
        builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=90))
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(authority_key, hashes.SHA256())

    key_of_authority = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    signed_by = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_of_authority)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    authority = made("bench authority", authority_key.public_key(), x509.BasicConstraints(True, None), key_of_authority)
    own = made("127.0.0.1", key.public_key(), names, signed_by)
    pem = serialization.Encoding.PEM
    (folder / "authority.pem").write_bytes(authority.public_bytes(pem))
    (folder / "chain.pem").write_bytes(own.public_bytes(pem) + authority.public_bytes(pem))
    plain = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))


class Site(asyncio.Protocol):
    """Answers whatever is asked, and closes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, _: bytes) -> None:
        self._transport.write(ANSWER + BODY)
        self._transport.close()


async def serve(folder: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    server = await asyncio.get_running_loop().create_server(Site, "127.0.0.1", 0, ssl=context, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def another(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """This file in a process of its own."""
    command = [sys.executable, __file__, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


# -- ours --------------------------------------------------------------------------------------------------------------


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def units(source: ProbeSource, port: int, targets: int, interval: int) -> list[Unit]:
    query = ProbeQuery.model_validate(
        {
            "http": {"url": "{{ target }}", "expect": {"status": "200-299"}},
            "targets": [f"https://127.0.0.1:{port}/{number}" for number in range(targets)],
            "interval": f"{interval}s",
            "timeout": "10s",
        }
    )
    ask = Ask(rule="SiteDown", query=query, period=interval, slots=3, accounts=(), regions=(), priority=Priority.P1)
    return source.plan([ask], ())


async def polled(source: ProbeSource, unit: Unit, began: float, seconds: float) -> list[PollResult]:
    """One unit's polls at its own offset, each with the memory that the last one left."""
    clock, found, memory = SystemClock(), [], None
    tick = unit.offset
    while tick < seconds:
        await asyncio.sleep(began + tick - time.monotonic())
        late = time.monotonic() - began - tick
        result = await source.poll(Poll(unit, 1_767_571_200 + tick, memory, clock.now()))
        found.append((late, result))
        memory = result.memory
        tick += unit.period
    return found


async def ours(folder: Path, port: int, targets: int, interval: int, seconds: float) -> Result:
    policy = TlsPolicy.of(lambda: ssl.create_default_context(cafile=folder / "authority.pem"))
    source = ProbeSource(SystemClock(), tls=policy)
    planned = units(source, port, targets, interval)
    before, began = cpu(), time.monotonic()
    runs = await asyncio.gather(*(polled(source, unit, began, seconds) for unit in planned))
    used = cpu() - before
    await source.close()
    found = [one for run in runs for one in run]
    points = [sample.value for _, result in found for sample in result.samples if sample.name == "probe_success"]
    late = sorted(started + lag for started, result in found for lag in result.lags)
    marks = tuple(late[min(len(late) - 1, int(share * len(late)))] for share in (0.5, 0.95, 0.99, 1.0))
    missed = sum(result.missed for _, result in found)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Result(targets, len(points), points.count(0.0), used / len(points) * 1e3, memory, marks, missed)


# -- blackbox_exporter -------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def used_by(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_of(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def ask(listening: int, port: int, targets: int, rate: float, until: float, tally: list[bool]) -> None:
    """One connection's share of the questions, one after the other on its own grid."""
    connection = http.client.HTTPConnection("127.0.0.1", listening)
    began, number = time.monotonic(), 0
    while (due := began + number / rate) < until:
        time.sleep(max(0.0, due - time.monotonic()))
        connection.request("GET", f"/probe?module=https&target=https://127.0.0.1:{port}/{number % targets}")
        tally.append(b"\nprobe_success 1" in connection.getresponse().read())
        number += 1
    connection.close()


def theirs(folder: Path, port: int, targets: int, interval: int, seconds: float) -> Result:
    listening = free_port()
    (folder / "blackbox.yml").write_text(BLACKBOX.format(authority=folder / "authority.pem"))
    command = ["prometheus-blackbox-exporter", f"--config.file={folder / 'blackbox.yml'}", "--log.level=error"]
    with subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{listening}"]) as process:
        try:
            wait_for(listening)
            ask(listening, port, 1, 10, time.monotonic() + 0.5, [])
            return driven(process.pid, listening, port, targets, interval, seconds)
        finally:
            process.terminate()


def wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("blackbox_exporter does not answer")


def driven(pid: int, listening: int, port: int, targets: int, interval: int, seconds: float) -> Result:
    hands = max(2, targets // 1_000)
    before, until, tally = used_by(pid), time.monotonic() + seconds, list[bool]()
    rest = (listening, port, targets // hands, targets / interval / hands, until, tally)
    threads = [threading.Thread(target=ask, args=rest) for _ in range(hands)]
    for thread in threads:
        time.sleep(interval / targets)
        thread.start()
    for thread in threads:
        thread.join()
    spent = used_by(pid) - before
    return Result(targets, len(tally), tally.count(False), spent / len(tally) * 1e3, peak_of(pid))


# -- both --------------------------------------------------------------------------------------------------------------


def measured(folder: Path, port: int, targets: int, options: argparse.Namespace) -> list[Result]:
    shared = (str(folder), str(port), str(targets), str(options.interval), str(options.seconds))
    sides = ["ours"] if options.without_blackbox else ["ours", "theirs"]
    if "theirs" not in sides or shutil.which("prometheus-blackbox-exporter") is None:
        sides = ["ours"]
        print("prometheus-blackbox-exporter is not installed, or was not asked for")
    found = []
    with another("--side", "ours", *shared) as one:
        if len(sides) == 1:
            found.append(Result(**json.loads(one.communicate()[0])))
        else:
            with another("--side", "theirs", *shared) as other:
                found += [Result(**json.loads(each.communicate()[0])) for each in (one, other)]
    return found


def table(rows: list[list[Result]]) -> None:
    heads = ("targets", "probes", "failed", "CPU ms", "memory", "late p50", "p99", "most", "missed", "theirs", "ratio")
    print("".join(f"{head:>10}" for head in heads))
    for mine, *other in rows:
        line = f"{mine.targets:>10}{mine.probes:>10}{mine.failed:>10}{mine.cpu_ms:>10.3f}{mine.memory / 1e6:>7.0f} MB"
        line += "".join(f"{mine.late[number]:>8.3f} s" for number in (0, 2, 3)) + f"{mine.missed:>10}"
        for each in other:
            line += f"{each.cpu_ms:>10.3f}{mine.cpu_ms / each.cpu_ms:>10.2f}"
            line += f"  ({each.probes} probes, {each.failed} failed, {each.memory / 1e6:.0f} MB)"
        print(line)
    print("CPU by probe; late: seconds after its time at which a probe began; ratio: our CPU by blackbox_exporter's")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--targets", default="1000,10000")
    parser.add_argument("--interval", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=90.0)
    parser.add_argument("--without-blackbox", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        certificates(folder)
        with another("--serve", name) as server:
            port = int(server.stdout.readline())
            table([measured(folder, port, int(targets), options) for targets in options.targets.split(",")])
    return 0


def side(which: str, folder: str, port: str, targets: str, interval: str, seconds: str) -> int:
    """One side in its own process; a line of JSON."""
    numbers = (int(port), int(targets), int(interval), float(seconds))
    found = uvloop.run(ours(Path(folder), *numbers)) if which == "ours" else theirs(Path(folder), *numbers)
    print(json.dumps(asdict(found)))
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        uvloop.run(serve(Path(sys.argv[2])))
    sys.exit(side(*sys.argv[2:]) if sys.argv[1:2] == ["--side"] else main())
