"""The estate's registries: images that are pushed and scanned, what is wrong with them, and what runs.

All times are seconds after the estate's start; negative ones are of before.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LONG_AGO = -30 * 86_400.0


@dataclass(frozen=True, slots=True)
class Flaw:
    """One vulnerability of whatever has it, from ``since`` until it is fixed at ``until``.

    ``moves`` are (moment, severity): from then on it is thought to be that severe.
    """

    id: str
    severity: str = "CRITICAL"
    package: str = "openssl"
    version: str = "3.0.1"
    fixed: str = "3.0.2"
    score: float = 9.8
    exploit: bool = False
    suppressed: bool = False
    since: float = LONG_AGO
    until: float = inf
    moves: tuple[tuple[float, str], ...] = ()

    def severity_at(self, since: float) -> str:
        """How severe it is thought to be at a moment."""
        past = [severity for at, severity in self.moves if at <= since]
        return past[-1] if past else self.severity


@dataclass(frozen=True, slots=True)
class PushedImage:
    """An image that was pushed at ``at``, and is deleted at ``until``.

    ``scans`` are (seconds after the push, status), the first at 0; ``parts`` are the architectures of an index, each
    an image that is listed without tags. ``kind`` is the media type of what it is where that is no image.
    """

    repository: str
    tags: tuple[str, ...] = ()
    at: float = LONG_AGO
    until: float = inf
    flaws: tuple[Flaw, ...] = ()
    scans: tuple[tuple[float, str], ...] = ((0.0, "COMPLETE"),)
    description: str = ""
    parts: tuple[PushedImage, ...] = ()
    kind: str = ""

    @property
    def digest(self) -> str:
        """A digest that follows from what the image is."""
        parts = (self.repository, *self.tags, str(self.at), *(part.digest for part in self.parts))
        return f"sha256:{hashlib.sha256('/'.join(parts).encode()).hexdigest()}"

    def there(self, since: float) -> bool:
        """Whether it exists at a moment."""
        return self.at <= since < self.until

    def status(self, since: float) -> str:
        """What its scan says; empty when none was made."""
        past = [status for after, status in self.scans if self.at + after <= since]
        return past[-1] if past else ""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository, from ``since`` until it is deleted."""

    name: str
    since: float = LONG_AGO
    until: float = inf


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a service (or of nobody) that runs an image from ``since`` until it stops.

    ``registry`` is the account that the image is pulled from, where that is not its own.
    """

    image: PushedImage
    service: str = "web"
    cluster: str = "main"
    since: float = LONG_AGO
    until: float = inf
    registry: str = ""


@dataclass(frozen=True, slots=True)
class Scanned:
    """An instance or a function that Inspector looks at; ``reason`` is why it does not, where it does not.

    An instance may be of a ``group``, and made of an ``image`` at the moment ``launched``.
    """

    type: str
    id: str
    flaws: tuple[Flaw, ...] = ()
    reason: str = ""
    scan: str = "PACKAGE"
    group: str = ""
    image: str = ""
    launched: float = LONG_AGO

    @property
    def tags(self) -> dict[str, str]:
        """The tags of an instance."""
        return {"aws:autoscaling:groupName": self.group} if self.group else {}


@dataclass(frozen=True, slots=True)
class Registry:
    """The images of one account and region; ``enhanced``: Inspector scans them, and not ECR itself."""

    repositories: tuple[Repository, ...] = ()
    images: tuple[PushedImage, ...] = ()
    tasks: tuple[Task, ...] = ()
    scanned: tuple[Scanned, ...] = ()
    enhanced: bool = False
    clusters: tuple[str, ...] = field(default=("main",))

    def pushed(self, images: Iterable[PushedImage]) -> Registry:
        """The same registry, to which images of its repositories are pushed too."""
        mine = {one.name for one in self.repositories}
        return replace(self, images=(*self.images, *(one for one in images if one.repository in mine)))

    def there(self, since: float) -> list[PushedImage]:
        """Every image, those that an index lists among them."""
        known = {one.name for one in self.repositories if one.since <= since < one.until}
        images = [one for one in self.images if one.repository in known and one.there(since)]
        return [each for one in images for each in (*one.parts, one)]

    def tags(self, image: PushedImage, since: float) -> Sequence[str]:
        """The tags of an image: each belongs to whoever was pushed with it last."""
        later = [one for one in self.there(since) if one.at > image.at and one.repository == image.repository]
        return [tag for tag in image.tags if not any(tag in one.tags for one in later)]

    def running(self, since: float) -> list[Task]:
        """The tasks that run at a moment."""
        return [one for one in self.tasks if one.since <= since < one.until]
