"""One poll's look at a registry: which images there are, which run, and what their scans say."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from watchtower.errors import SourceError
from watchtower.model import Trouble, TroubleReason
from watchtower.sources.base import Place
from watchtower.sources.ecr.choose import Choice, choose
from watchtower.sources.ecr.scans import Outcome, Scan, read_scan

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from watchtower.inventory.images import Image, ImageInventory, Running
    from watchtower.inventory.paced import PacedCalls
    from watchtower.inventory.steady import Known
    from watchtower.sources.base import Ask, Poll

    Number = Callable[[], Awaitable[str]]

NAME = "ecr"

#: Images that one poll looks at; a tag glob that means more is a mistake, and each costs a call.
MOST_IMAGES = 1000


@dataclass(frozen=True, slots=True)
class Look:
    """``choices`` by rule; ``scans`` by image; ``unseen`` are repositories whose images could not be listed, and why.

    ``blind``: what runs is not known, and why; ``number`` is the account's, where a rule asked what runs. ``deleted``
    are repositories that AWS says do not exist, though they were listed.
    """

    poll: Poll
    repositories: Known[str]
    choices: Mapping[str, Sequence[Choice]]
    scans: Mapping[Image, tuple[Scan, ...]]
    unseen: Mapping[str, SourceError]
    blind: SourceError | None
    deleted: frozenset[str] = frozenset()
    crowded: int = 0
    number: str = ""
    troubles: tuple[Trouble, ...] = field(default=())

    def complete(self, ask: Ask) -> bool:
        """Whether all series of a rule were seen."""
        query = ask.query
        hidden = any(query.repositories.matches(name) for name in self.unseen)
        return self.repositories.fresh and not hidden and not (query.images == "in_use" and self.blind)


async def look(inventory: ImageInventory, calls: PacedCalls, poll: Poll, number: Number) -> Look:
    """Ask ECR, and ECS where a rule wants to know what runs; raises SourceError when nothing was ever listed.

    ``number`` tells the account's: what runs may be of another account's registry, under the same name.
    """
    place, asks = Place(poll.unit.account, poll.unit.region), poll.unit.asks
    repositories = await inventory.repositories(place.account, place.region, poll.told_at)
    if repositories.items is None:
        raise SourceError(repositories.reason, repositories.detail)
    meant = [name for name in sorted(repositories.items) if any(a.query.repositories.matches(name) for a in asks)]
    listed = await asyncio.gather(*(_images(inventory, place, name) for name in meant))
    there = {name: found for name, found in zip(meant, listed, strict=True) if isinstance(found, list)}
    unseen = {name: found for name, found in zip(meant, listed, strict=True) if isinstance(found, SourceError)}
    runs = await _running(inventory, place, asks, number)
    choices = {ask.rule: choose(ask.query, there, runs.images) for ask in asks}
    wanted = sorted({image for group in choices.values() for one in group for image in one.images}, key=_newest_first)
    severities = frozenset(name for ask in asks for name in ask.query.severity if ask.query.value == "findings")
    kept = wanted[:MOST_IMAGES]
    digests = frozenset(image.digest for images in there.values() for image in images)
    found = await asyncio.gather(*(_scans(inventory, calls, place, image, (severities, digests)) for image in kept))
    scans = dict(zip(kept, found, strict=True))
    deleted = frozenset(meant) - set(there) - set(unseen)
    crowded = len(wanted) - len(kept)
    taken = Look(poll, repositories, choices, scans, unseen, runs.error, deleted, crowded, runs.number)
    return replace(taken, troubles=tuple(dict.fromkeys(_troubles(taken))))


def _newest_first(image: Image) -> tuple[int, str, str]:
    return -image.pushed, image.repository, image.digest


async def _images(inventory: ImageInventory, place: Place, name: str) -> list[Image] | SourceError | None:
    """The images, or why they are not known; None for a repository that was deleted since it was listed."""
    try:
        return await inventory.images(place.account, place.region, name)
    except SourceError as error:
        return None if "RepositoryNotFoundException" in error.detail else error


@dataclass(frozen=True, slots=True)
class _Runs:
    images: frozenset[Running] = frozenset()
    number: str = ""
    error: SourceError | None = None


async def _running(inventory: ImageInventory, place: Place, asks: Iterable[Ask], number: Number) -> _Runs:
    if not any(ask.query.images == "in_use" for ask in asks):
        return _Runs()
    own = ""
    try:
        own = await number()
        return _Runs(await inventory.running(place.account, place.region, own), own)
    except SourceError as error:
        return _Runs(number=own, error=error)


async def _scans(
    inventory: ImageInventory,
    calls: PacedCalls,
    place: Place,
    image: Image,
    known: tuple[frozenset[str], frozenset[str]],
) -> tuple[Scan, ...]:
    """The scan of an image; of one for several architectures those of its parts that are there.

    ``known`` are the severities that are asked for, and the digests of all images there are.
    """
    severities, digests = known
    if not image.index:
        return (await read_scan(calls, place, image, severities),)
    try:
        listed = await inventory.parts(place.account, place.region, image)
    except SourceError as error:
        return (Scan(image, Outcome.UNSEEN, error.detail, error=error),)
    parts = [part for part in listed if part.digest in digests]
    if not parts:
        return (Scan(image, Outcome.UNSCANNED, "it lists no image that is there"),)
    return tuple(await asyncio.gather(*(read_scan(calls, place, part, severities) for part in parts)))


def _troubles(taken: Look) -> Iterable[Trouble]:
    """What could not be asked, each cause once; an image deleted in between is no trouble."""
    failed = [*taken.unseen.values(), *([taken.blind] if taken.blind else [])]
    if not taken.repositories.fresh:
        failed.append(SourceError(taken.repositories.reason, taken.repositories.detail))
    for scans in taken.scans.values():
        failed += [scan.error for scan in scans if scan.error is not None]
        doubts = [f"{scan.image.name}: {why}" for scan in scans for why in scan.doubts.values()]
        failed += [SourceError(TroubleReason.PARTIAL, words) for words in doubts]
    if taken.crowded:
        words = f"{taken.crowded} images are more than the {MOST_IMAGES} that one poll looks at; narrow the rules"
        failed.append(SourceError(TroubleReason.INVALID, words))
    unit = taken.poll.unit
    for error in failed:
        yield Trouble(NAME, unit.account, unit.region, TroubleReason(error.reason), error.detail)
