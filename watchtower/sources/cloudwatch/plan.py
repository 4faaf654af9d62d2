"""Asks cut into work units: one per account, region, period, publication delay and step of the window."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from watchtower.aws.config import AwsConfig, publication_delay
from watchtower.model import stable_hash
from watchtower.sources.base import Ask, Place, Unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watchtower.sources.base import Query

NAME = "cloudwatch"


def plan_units(asks: Sequence[Ask], places: Sequence[Place], config: AwsConfig, name: str = NAME) -> list[Unit]:
    """The work units of all asks; every place that an ask allows polls it. ``name`` is the source's.

    A window that slides needs nothing else of CloudWatch: datapoints of a period are aligned to the StartTime of the
    request, so a window that is moved by a minute gives datapoints moved by a minute
    (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html).
    """
    wishes: dict[tuple[str, str, int, int, int], list[Ask]] = defaultdict(list)
    for place in places:
        for ask in asks:
            if _allows(ask, place):
                wishes[place.account, place.region, ask.period, _delay(ask, config), ask.every].append(ask)
    return [_unit(name, *key, asks) for key, asks in sorted(wishes.items())]


def ask_hash(ask: Ask) -> str:
    """What an ask asks, in sixteen digits; the same after a restart, another after an edit."""
    query: Query = ask.query
    return stable_hash(ask.rule, query.model_dump_json(), str(ask.period), str(ask.slots))


def _allows(ask: Ask, place: Place) -> bool:
    return (not ask.accounts or place.account in ask.accounts) and (not ask.regions or place.region in ask.regions)


def _delay(ask: Ask, config: AwsConfig) -> int:
    namespaces: tuple[str, ...] = ask.query.namespaces
    return max((publication_delay(config, namespace, ask.period) for namespace in namespaces), default=0)


def _unit(source: str, account: str, region: str, period: int, delay: int, every: int, asks: Iterable[Ask]) -> Unit:
    ordered = tuple(sorted(asks, key=lambda ask: ask.rule))
    return Unit(
        id=f"{source}/{account}/{region}/{period}/{delay}" + (f"/every-{every}" if every != period else ""),
        source=source,
        account=account,
        region=region,
        period=period,
        offset=0,
        delay=delay,
        asks=ordered,
        fingerprint=stable_hash(*(ask_hash(ask) for ask in ordered)),
        step=every if every != period else 0,
    )
