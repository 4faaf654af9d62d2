"""A connection asks nobody but the target, and is closed whatever ends the wait for it."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, NoReturn

import pytest

from tests.support.sites import answering, free_port, running_site
from watchtower.sources.probe import wire

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[socket.socket]]:
    """The sockets that were made, the newest last."""
    kept: list[socket.socket] = []

    class Kept(socket.socket):
        def __init__(self, *arguments: int) -> None:
            super().__init__(*arguments)
            kept.append(self)

    monkeypatch.setattr("socket.socket", Kept)
    yield kept
    for sock in kept:
        sock.close()


async def test_an_address_is_connected_to_without_a_lookup_that_others_may_hold_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def held_up(*_: object, **__: object) -> NoReturn:
        raise AssertionError("the loop was asked, which looks up what it connects to on a thread of its own")

    async with running_site(answering()) as site:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "getaddrinfo", held_up)
        monkeypatch.setattr(loop, "sock_connect", held_up)
        connected = await wire.connect("127.0.0.1", site.port)

        await connected.send(b"GET / HTTP/1.1\r\n\r\n")
        answer = await connected.receive()
        connected.close()

    assert answer.startswith(b"HTTP/1.1 200")


async def test_a_refused_connection_is_an_error_and_leaves_no_socket(made: list[socket.socket]) -> None:
    with pytest.raises(ConnectionRefusedError):
        await wire.connect("127.0.0.1", free_port())

    assert made[-1].fileno() == -1


async def test_who_gives_up_while_it_connects_leaves_neither_a_socket_nor_a_wait_for_it(
    made: list[socket.socket],
) -> None:
    """The queue of connections is full: SYNs are dropped, as a firewall does."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for taken in (first, second):
            taken.setblocking(False)
            taken.connect_ex(full.getsockname())
        connecting = asyncio.create_task(wire.connect(*full.getsockname()))
        await asyncio.sleep(0)
        number = made[-1].fileno()
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting

    assert number != -1
    assert made[-1].fileno() == -1
    assert not asyncio.get_running_loop().remove_writer(number)
