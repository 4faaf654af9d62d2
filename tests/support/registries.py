"""A place with registries and an Inspector, polled as one daemon would."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.support.clock import ManualClock
from tests.support.place import World, open_world
from tests.support.simulated_aws import ACCOUNT, REGION, estate
from watchtower.demo.images import Flaw, PushedImage, Registry, Repository

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

QUARTER = 900.0
WEB, JOBS = Repository("akai/web"), Repository("akai/jobs")


class Hurried(ManualClock):
    """A clock on which waiting takes no time, so that being slow costs a test nothing."""

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)


def flaws(severity: str, count: int, **more: Any) -> tuple[Flaw, ...]:
    return tuple(Flaw(f"CVE-2026-{severity}-{number}", severity, **more) for number in range(count))


#: What a scan on push found once, and nobody heard of.
BAD = (*flaws("CRITICAL", 3), *flaws("HIGH", 16), *flaws("MEDIUM", 13), *flaws("LOW", 4))


@asynccontextmanager
async def world(monkeypatch: pytest.MonkeyPatch, registry: Registry) -> AsyncIterator[World]:
    """The source ``ecr``, unless a test names another."""
    clock = Hurried()
    clock.advance(QUARTER)
    there = replace(estate(), registries={(ACCOUNT, REGION): registry})
    async with open_world(monkeypatch, there, clock, kind="ecr") as opened:
        yield opened


def pushed(repository: str = "akai/web", *tags: str, **more: Any) -> PushedImage:
    return PushedImage(repository, tags or ("1.0",), **more)


def registry(*images: PushedImage, **more: Any) -> Registry:
    return Registry(**{"repositories": (WEB,), "images": images, **more})
