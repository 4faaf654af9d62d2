"""Names that somebody else keeps a list of: DNS zones, distributions, load balancers, a file, a service discovery.

Each list is read again now and then; one that fails, or that suddenly halves, is not believed, and the old one stays.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import structlog

from watchtower.errors import SourceError
from watchtower.inventory.hosts import Site, cloudfront, load_balancers, route53
from watchtower.inventory.paced import PacedCalls
from watchtower.inventory.patterns import ValuePattern
from watchtower.inventory.steady import Known, Steady
from watchtower.model import EMPTY, Labels, TroubleReason
from watchtower.redaction import mistake, redact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchtower.aws.clients import AwsClients
    from watchtower.clock import Clock

log = structlog.get_logger("watchtower.inventory")

#: Seconds between two looks at a file.
FILE_INTERVAL = 10.0
#: Seconds, besides one interval, for which a list must have lost its half before that is believed: until after somebody
#: was told of it, which takes a source that fails for five minutes.
DOUBTED_FOR = 360.0
#: Bytes of a file or of an answer, and targets of one list.
MOST_BYTES, MOST_SITES = 4 * 1024 * 1024, 10_000
#: Real seconds that a service discovery may take.
_PATIENCE = 10.0


ANY = ValuePattern(("*",))


@dataclass(frozen=True, slots=True)
class SiteKey:
    """One list: ``kind`` says where; ``place`` is a path or a URL, ``account`` and ``region`` those of AWS.

    ``zones`` narrows DNS to some zones before their records are asked for.
    """

    kind: str
    place: str = ""
    account: str = ""
    region: str = ""
    zones: ValuePattern = ANY


class SiteInventory:
    """Every list is read once per ``interval`` seconds (a file: 10), however many rules ask."""

    def __init__(self, clients: AwsClients, clock: Clock, interval: float) -> None:
        self._calls = PacedCalls(clients, clock)
        self._http: aiohttp.ClientSession | None = None
        self._lists: Steady[SiteKey, Site] = Steady(self._list, clock, interval, settle=interval + DOUBTED_FOR)
        self._files: Steady[SiteKey, Site] = Steady(self._list, clock, FILE_INTERVAL, settle=interval + DOUBTED_FOR)

    async def sites(self, key: SiteKey) -> Known[Site]:
        """What is known of a list; never raises."""
        return await (self._files if key.kind == "file" else self._lists).get(key)

    async def close(self) -> None:
        """Close the connection to service discoveries."""
        if self._http is not None:
            await self._http.close()

    async def _list(self, key: SiteKey) -> frozenset[Site]:
        try:
            found = await self._read(key)
        except SourceError:
            raise
        except Exception as error:
            # Unexpected, it would be asked again at every poll; as a list that failed, it is asked again later.
            log.exception("targets.list_failed", kind=key.kind, account=key.account, region=key.region)
            raise SourceError(TroubleReason.INTERNAL, mistake(error)) from None
        if len(found) > MOST_SITES:
            raise SourceError(TroubleReason.INVALID, f"{len(found)} targets, more than {MOST_SITES}")
        return found

    async def _read(self, key: SiteKey) -> frozenset[Site]:
        if key.kind == "file":
            return frozenset(Site(line) for _, line in await asyncio.to_thread(read_lines, Path(key.place)))
        if key.kind == "http_sd":
            return discovered(await self._get(key.place))
        if key.kind == "route53":
            return await route53(self._calls, key.account, key.region, key.zones)
        lister = cloudfront if key.kind == "cloudfront" else load_balancers
        return await lister(self._calls, key.account, key.region)

    async def _get(self, url: str) -> bytes:
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_PATIENCE))
        try:
            async with self._http.get(url, headers={"Accept": "application/json"}) as response:
                if response.status != 200:
                    raise _failed(url, f"it answered {response.status}")
                body = await response.content.read(MOST_BYTES + 1)
                while not response.content.at_eof() and len(body) <= MOST_BYTES:
                    body += await response.content.read(MOST_BYTES + 1)
        except (TimeoutError, aiohttp.ClientError, ValueError) as error:
            raise _failed(url, str(error) or type(error).__name__) from None
        if len(body) > MOST_BYTES:
            raise _failed(url, f"its answer is larger than {MOST_BYTES} bytes")
        return body


def read_lines(path: Path) -> list[tuple[int, str]]:
    """The targets of a file, one in a line, with the numbers of the lines; raises SourceError with what to change."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        text = raw.decode()
    except OSError as error:
        raise SourceError(TroubleReason.INVALID, f"the target file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SourceError(TroubleReason.INVALID, f"the target file {path} is not UTF-8 text") from None
    if len(raw) > MOST_BYTES:
        raise SourceError(TroubleReason.INVALID, f"the target file {path} is larger than {MOST_BYTES} bytes")
    lines = enumerate(text.splitlines(), start=1)
    targets = [(number, target) for number, line in lines if (target := line.split("#", 1)[0].strip())]
    if not targets:
        raise SourceError(TroubleReason.INVALID, f"the target file {path} names no target")
    return targets


def discovered(body: bytes) -> frozenset[Site]:
    """The targets of a service discovery, each with the labels of its group.

    https://prometheus.io/docs/prometheus/latest/http_sd/
    """
    try:
        return frozenset(_groups(orjson.loads(body)))
    except (ValueError, TypeError, KeyError, AttributeError):
        form = 'a JSON list of {"targets": [...], "labels": {...}}'
        raise SourceError(TroubleReason.INVALID, f"the service discovery did not answer {form}") from None


def _groups(groups: Any) -> Iterator[Site]:
    if not isinstance(groups, list):
        raise TypeError
    for group in groups:
        labels = Labels({str(name): str(value) for name, value in (group.get("labels") or {}).items()})
        for target in group["targets"]:
            if not isinstance(target, str) or not target:
                raise TypeError
            yield Site(target, EMPTY, labels)


def _failed(url: str, why: str) -> SourceError:
    return SourceError(TroubleReason.INTERNAL, redact(f"the service discovery {url} failed: {why}"))
