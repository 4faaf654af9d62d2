"""Ports that accept, talk, hang and encrypt."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.probing import probed, timed_out
from tests.support.sites import (
    Behaviour,
    Names,
    answering,
    authority,
    free_port,
    running_site,
    server_context,
)
from watchtower.sources.probe.kinds.tcp import MAX_READS, MAX_TALK

if TYPE_CHECKING:
    from collections.abc import Sequence


def asking(port: int, **tcp: Any) -> dict[str, Any]:
    return {"tcp": {"host": "127.0.0.1", "port": port, **tcp}}


def greeting(*lines: bytes) -> Behaviour:
    """A server that says these pieces one after the other, and then waits."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for line in lines:
            writer.write(line)
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read(1)

    return behave


async def echoing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"you said " + await reader.read(1_000))
    await writer.drain()
    await reader.read(1)


async def silent(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def test_a_port_that_accepts_is_up() -> None:
    async with running_site(silent) as site:
        result = await probed(**asking(site.port))

    assert (result.success, result.reason, result.address) == (True, "connected", "127.0.0.1")
    assert list(result.phases) == ["resolve", "connect"]
    assert result.evidence == ()


async def test_a_closed_port_is_down_with_phase_and_address_as_evidence() -> None:
    port = free_port()
    result = await probed(**asking(port))

    assert (result.success, result.reason) == (False, f"connection refused (127.0.0.1:{port})")
    assert result.evidence == ("phase reached: connect", f"address: 127.0.0.1:{port}")


async def test_a_half_open_port_times_out_in_connect() -> None:
    """Its queue of connections is full: SYNs are dropped, as a firewall does."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        for taken in (first, second):
            taken.setblocking(False)
            taken.connect_ex(("127.0.0.1", port))
        result = await probed(**asking(port), timeout="200ms")

    assert (result.success, result.reason) == (False, "timed out after 200ms in phase connect")
    assert result.evidence == ("phase reached: connect", f"address: 127.0.0.1:{port}")


async def test_a_banner_is_waited_for_in_pieces() -> None:
    async with running_site(greeting(b"SSH-2", b".0-Open", b"SSH_9.6\r\n")) as site:
        result = await probed(**asking(site.port, expect={"contains": "SSH-2.0", "regex": "OpenSSH_[0-9.]+"}))

    assert (result.success, result.reason) == (True, "said what was expected")
    assert result.measures == {"probe_failed_due_to_regex": 0.0}


async def test_what_is_sent_is_answered() -> None:
    async with running_site(echoing) as site:
        result = await probed(**asking(site.port, send="PING\r\n", expect={"contains": "you said PING"}))

    assert result.success, result.reason


async def test_another_banner_times_out_with_what_was_said() -> None:
    async with running_site(greeting(b"220 mail\x1b[31m password=hunter2 ready\r\n")) as site:
        result = await probed(**asking(site.port, expect={"contains": "SSH-2.0"}), timeout="500ms")

    assert result.reason == "timed out after 500ms in phase processing"
    assert result.measures == {"probe_failed_due_to_regex": 1.0}
    assert result.evidence == (
        "phase reached: processing",
        f"address: 127.0.0.1:{site.port}",
        "answer: 220 mail [31m password=[redacted] ready",
    )


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([], "closed the connection without a word"),
        ([b"hello"], "the answer lacks 'SSH'"),
        ([b"x" * (MAX_TALK + 1)], "the answer lacks 'SSH'"),
    ],
)
async def test_the_end_of_the_stream_ends_the_wait(said: Sequence[bytes], reason: str) -> None:
    async def behave(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in said:
            writer.write(piece)
        writer.write_eof()
        await writer.drain()
        await asyncio.Event().wait()

    async with running_site(behave) as site:
        assert (await probed(**asking(site.port, expect={"contains": "SSH"}))).reason == reason


async def test_a_server_that_drips_costs_a_bounded_number_of_looks() -> None:
    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0)

    async with running_site(drip) as site:
        result = await probed(**asking(site.port, expect={"contains": "SSH"}))

    assert not result.success
    assert result.reason in (f"said too little at a time, in more than {MAX_READS} pieces", "the answer lacks 'SSH'")


async def test_a_port_behind_tls_is_asked_over_tls() -> None:
    context = server_context(authority().issue("db.example", ends=20))
    async with running_site(echoing, context) as site:
        query = {"host": "db.example", "port": site.port, "tls": True, "send": "hi", "expect": {"contains": "said hi"}}
        result = await probed(Names(db_example="127.0.0.1"), tcp=query)

    assert result.success, result.reason
    assert result.expires is not None
    assert set(result.measures) >= {"probe_ssl_earliest_cert_expiry", "probe_ssl_last_chain_expiry_timestamp_seconds"}


async def test_an_insecure_probe_takes_any_certificate_and_still_reports_its_end() -> None:
    issued = authority().issue("other.example", ends=-3)
    async with running_site(echoing, server_context(issued)) as site:
        result = await probed(**asking(site.port, tls=True, insecure=True, send="x"))

    assert (result.success, result.reason) == (True, "connected, and sent")
    assert result.expires == issued.certificate.not_valid_after_utc.timestamp()


# --- STARTTLS

TALKS: dict[str, list[tuple[bytes, bytes]]] = {
    "smtp": [
        (b"", b"220-mx.example\r\n220 ready\r\n"),
        (b"EHLO", b"250-mx.example\r\n250-SIZE 1000\r\n250 STARTTLS\r\n"),
        (b"STARTTLS", b"220 go ahead\r\n"),
    ],
    "imap": [(b"", b"* OK ready\r\n"), (b"a1 STARTTLS", b"* CAPABILITY IMAP4\r\na1 OK begin\r\n")],
    "pop3": [(b"", b"+OK ready\r\n"), (b"STLS", b"+OK begin\r\n")],
    "postgres": [(b"\x00\x00\x00\x08\x04\xd2\x16\x2f", b"S")],
}


def starting_tls(talk: Sequence[tuple[bytes, bytes]], certificate: Any) -> Behaviour:
    """A server that has this talk in the clear and then shakes hands."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for heard, said in talk:
            if heard:
                assert (await reader.read(1_000)).startswith(heard)
            writer.write(said)
            await writer.drain()
        await writer.start_tls(server_context(certificate))
        await reader_of(reader).read(1)

    return behave


def reader_of(reader: Any) -> asyncio.StreamReader:
    """The stream itself, behind what records it."""
    inner: asyncio.StreamReader = reader._reader
    return inner


@pytest.mark.parametrize("protocol", TALKS)
async def test_tls_begins_after_the_protocols_own_words(protocol: str) -> None:
    async with running_site(starting_tls(TALKS[protocol], authority().issue("mx.example"))) as site:
        query = {"host": "mx.example", "port": site.port, "starttls": protocol}
        result = await probed(Names(mx_example="127.0.0.1"), tcp=query)

    assert (result.success, result.reason) == (True, "connected")
    assert list(result.phases) == ["resolve", "connect", "processing", "tls"]


async def test_a_refused_certificate_behind_starttls_is_read_by_saying_the_words_again() -> None:
    expired = authority().issue("mx.example", ends=-5)
    async with running_site(starting_tls(TALKS["smtp"], expired)) as site:
        query = {"host": "mx.example", "port": site.port, "starttls": "smtp"}
        result = await probed(Names(mx_example="127.0.0.1"), tcp=query)

    assert (result.reason, site.connections) == ("certificate expired 5 days ago", 2)


@pytest.mark.parametrize(
    ("protocol", "said", "reason"),
    [
        ("smtp", b"554 go away\r\n", "will not begin TLS: 554 go away"),
        ("imap", b"* BYE\r\n", "will not begin TLS: * BYE"),
        ("pop3", b"-ERR\r\n", "will not begin TLS: -ERR"),
        ("postgres", b"N", "does not offer TLS"),
        ("smtp", b"220-" + b"x" * 20_000, "talks on and on before TLS"),
    ],
)
async def test_a_server_that_will_not_encrypt_is_down(protocol: str, said: bytes, reason: str) -> None:
    async with running_site(greeting(said)) as site:
        assert (await probed(**asking(site.port, starttls=protocol))).reason == reason


async def test_a_mail_server_that_does_not_offer_tls_says_so() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx\r\n")
        await reader.read(1_000)
        writer.write(b"250 mx\r\n")
        await reader.read(1)

    async with running_site(plain) as site:
        assert (await probed(**asking(site.port, starttls="smtp"))).reason == "does not offer STARTTLS"


async def test_a_web_server_where_mail_was_expected_times_out_with_evidence() -> None:
    async with running_site(answering()) as site:
        result = await timed_out(lambda: site.connections, **asking(site.port, starttls="smtp"))

    assert result.reason == "timed out after 5s in phase processing"
