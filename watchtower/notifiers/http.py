"""One request to one vendor: bounded in time and size, every failure sorted into refused or ambiguous.

A request that never left (no route, no name, no TCP connection) is a refusal that may be repeated. From the
moment a connection stood, silence proves nothing: a timeout, a lost connection and a 5xx are ambiguous.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isnan
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson

from watchtower.durations import format_duration
from watchtower.errors import Ambiguous, Rejected
from watchtower.notifiers.text import cut, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.notifiers.base import Doors
    from watchtower.secrets import Secret

#: Bytes of an answer that are read; a page of Slack's history stays below.
MAX_ANSWER = 4 * 1024 * 1024
#: Seconds: no vendor may hold a page back longer by asking for patience.
MAX_RETRY_AFTER = 3600.0

_DETAIL = 200
_FRESH = {"Connection": "close"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a vendor answered; ``body`` is cut at MAX_ANSWER bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after(self) -> float | None:
        """Seconds the vendor asks us to wait, at most MAX_RETRY_AFTER."""
        return retry_after(self.headers)

    def json(self) -> dict[str, Any] | None:
        """The body as a JSON object; None when it is something else."""
        try:
            value = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None
        return value if isinstance(value, dict) else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The Retry-After header in seconds, at most MAX_RETRY_AFTER; None when absent or unreadable.

    A date is measured against the answer's own Date header, so that our clock and the vendor's may differ.
    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    written = headers.get("Retry-After", "").strip()
    try:
        seconds = float(written)
    except ValueError:
        seconds = _until(written, headers.get("Date", ""))
    return min(max(seconds, 0.0), MAX_RETRY_AFTER) if not isnan(seconds) else None


def _until(then: str, now: str) -> float:
    try:
        wait = _aware(parsedate_to_datetime(then)) - _aware(parsedate_to_datetime(now))
    except ValueError:
        return float("nan")
    return wait.total_seconds()


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Vendor:
    """The way to one vendor: its name for error texts, the secrets these never show, the doors.

    ``patience`` is how many seconds to wait when a 429 names none.
    """

    name: str
    secrets: tuple[Secret, ...]
    doors: Doors
    patience: float

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post once; any answer is returned, a missing one raises Rejected or Ambiguous.

        Always on a fresh connection: on a kept one that the vendor has closed meanwhile, a message that never left
        would count as ambiguous.
        """
        return await self._ask("POST", url, body, headers)

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask once; otherwise like :meth:`post`."""
        return await self._ask("GET", url, None, headers or {})

    async def _ask(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        limit = self.doors.timeout
        timeout = aiohttp.ClientTimeout(total=limit, sock_connect=limit / 2)
        try:
            async with self.doors.http.request(
                method, url, data=body, headers={**headers, **_FRESH}, timeout=timeout, allow_redirects=False
            ) as response:
                return Answer(response.status, response.headers, await _bounded(response))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            raise Rejected(f"{self.name} cannot be reached", permanent=False) from None
        except aiohttp.InvalidURL:
            raise Rejected(f"{self.name}'s address is not a URL", permanent=True) from None
        except TimeoutError:
            raise self.silence() from None
        except (aiohttp.ClientError, OSError) as error:
            raise Ambiguous(f"{self.name}: the connection broke ({type(error).__name__})") from None

    def silence(self) -> Ambiguous:
        """The error for a request that was not answered in time."""
        return Ambiguous(f"{self.name} did not answer within {format_duration(self.doors.timeout)}")

    def check(self, answer: Answer) -> Answer:
        """The answer if its status is 2xx; otherwise raises what the status means."""
        if 200 <= answer.status < 300:
            return answer
        detail = f"{self.name} answered {answer.status}{self._quoted(answer)}"
        if answer.status == 429:
            wait = answer.retry_after
            raise Rejected(detail, permanent=False, retry_after=self.patience if wait is None else wait)
        if answer.status >= 500:
            raise Ambiguous(detail, retry_after=answer.retry_after)
        raise Rejected(detail, permanent=answer.status not in (408, 425))

    def _quoted(self, answer: Answer) -> str:
        said = one_line(answer.body[: 16 * _DETAIL].decode(errors="replace"))
        for secret in self.secrets:
            said = said.replace(secret.reveal(), "***")
        return f": {cut(said, _DETAIL)}" if said else ""


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    chunks = []
    size = 0
    async for chunk in response.content.iter_chunked(65_536):
        chunks.append(chunk[: MAX_ANSWER - size])
        size += len(chunks[-1])
        if size >= MAX_ANSWER:
            break
    return b"".join(chunks)
