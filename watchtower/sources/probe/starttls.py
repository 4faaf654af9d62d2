"""What is said in the clear before TLS begins: SMTP (RFC 3207), IMAP and POP3 (RFC 2595), PostgreSQL."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from watchtower.sources.probe.result import Down

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from watchtower.sources.probe.wire import Wire

Protocol = Literal["smtp", "imap", "pop3", "postgres"]

#: Bytes that a peer may say before it is ready.
_MAX_TALK = 16_384
#: https://www.postgresql.org/docs/current/protocol-message-formats.html (SSLRequest)
_SSL_REQUEST = (8).to_bytes(4, "big") + (80_877_103).to_bytes(4, "big")


class _Talk:
    """Lines over a wire."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._pending = b""
        self._heard = 0

    async def line(self) -> str:
        while b"\n" not in self._pending:
            data = await self._wire.receive()
            self._heard += len(data)
            if not data or self._heard > _MAX_TALK:
                raise Down("closed the connection before TLS began" if not data else "talks on and on before TLS")
            self._pending += data
        line, _, self._pending = self._pending.partition(b"\n")
        return line.decode("latin-1").strip()

    async def reply(self, good: Callable[[str], bool], more: Callable[[str], bool] = lambda _: False) -> list[str]:
        """The lines of an answer up to its last; raises Down when it is not the good one."""
        lines = [await self.line()]
        while more(lines[-1]):
            lines.append(await self.line())
        if not good(lines[-1]):
            raise Down(f"will not begin TLS: {lines[-1]}")
        return lines

    async def say(self, text: str) -> None:
        await self._wire.send(f"{text}\r\n".encode())


async def _smtp(wire: Wire) -> None:
    talk = _Talk(wire)
    goes_on = _continued
    await talk.reply(lambda line: line.startswith("220"), goes_on)
    await talk.say("EHLO watchtower.invalid")
    offered = await talk.reply(lambda line: line.startswith("250"), goes_on)
    if not any(line[4:].strip().upper() == "STARTTLS" for line in offered):
        raise Down("does not offer STARTTLS")
    await talk.say("STARTTLS")
    await talk.reply(lambda line: line.startswith("220"), goes_on)


def _continued(line: str) -> bool:
    return line[3:4] == "-"


async def _imap(wire: Wire) -> None:
    talk = _Talk(wire)
    await talk.reply(lambda line: line.startswith("* OK"))
    await talk.say("a1 STARTTLS")
    await talk.reply(lambda line: line.startswith("a1 OK"), lambda line: line.startswith("* "))


async def _pop3(wire: Wire) -> None:
    talk = _Talk(wire)
    await talk.reply(lambda line: line.startswith("+OK"))
    await talk.say("STLS")
    await talk.reply(lambda line: line.startswith("+OK"))


async def _postgres(wire: Wire) -> None:
    await wire.send(_SSL_REQUEST)
    answer = await wire.receive()
    if answer != b"S":
        raise Down("closed the connection before TLS began" if not answer else "does not offer TLS")


PREFACES: Mapping[str, Callable[[Wire], Awaitable[None]]] = MappingProxyType(
    {"smtp": _smtp, "imap": _imap, "pop3": _pop3, "postgres": _postgres}
)
