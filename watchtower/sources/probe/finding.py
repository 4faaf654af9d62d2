"""Which targets a rule has right now, where it does not list them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import ValidationError

from watchtower.inventory.sites import SiteKey
from watchtower.model import Trouble, TroubleReason
from watchtower.redaction import redact
from watchtower.sources.probe.targets import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from watchtower.aws.config import AwsConfig
    from watchtower.inventory.hosts import Site
    from watchtower.inventory.patterns import ValuePattern
    from watchtower.inventory.sites import SiteInventory
    from watchtower.inventory.steady import Known
    from watchtower.sources.base import Ask
    from watchtower.sources.probe.where import Where

#: Characters of a name, and of what is wrong with it, that are told.
_TOLD = 80


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a rule's targets, by name; ``complete`` false: some list could never be read.

    ``troubles`` say which lists failed or are not believed. ``settled`` false: some list is known too short a time to
    notice that it lost half of what an earlier process knew. ``odd`` says of what cannot be asked why not.
    """

    targets: Mapping[str, Target] = field(default_factory=dict)
    complete: bool = True
    troubles: tuple[Trouble, ...] = ()
    settled: bool = True
    odd: Mapping[str, str] = field(default_factory=dict)


class Finder:
    """Reads the lists of every account that a rule asks, and keeps what its kind of probe can ask."""

    def __init__(self, inventory: SiteInventory, config: AwsConfig) -> None:
        self._inventory = inventory
        self._config = config

    async def close(self) -> None:
        """Close what the lists are read over."""
        await self._inventory.close()

    async def find(self, ask: Ask, mine: Callable[[str], bool] = lambda _: True) -> Found:
        """The targets of a rule that follows a list, those that are ``mine``: each unit looks at its own share only."""
        where: Where = ask.query.where
        lists = [(key, await self._inventory.sites(key)) for key in self._keys(ask, where)]
        sites = sorted(
            (site for _, known in lists for site in known.items or ()),
            key=lambda site: (site.name, *site.labels.items(), *site.tags.items()),
        )
        targets: dict[str, Target] = {}
        odd: dict[str, str] = {}
        for site in sites:
            name = site.name.encode(errors="replace").decode()
            if name in targets or not mine(name) or not _wanted(site, where):
                continue
            target, why = asked_of(ask, site.name, self._labels(site, where))
            if target is None:
                odd[name] = why
            else:
                targets[site.name] = target
        troubles = tuple(_trouble(key, known) for key, known in lists if not known.fresh)
        complete = all(known.items is not None for _, known in lists)
        return Found(targets, complete, troubles, all(known.settled for _, known in lists), odd)

    def _keys(self, ask: Ask, where: Where) -> Iterator[SiteKey]:
        if not where.aws:
            yield SiteKey(where.kind, where.place)
            return
        for account in self._config.accounts:
            if ask.accounts and account.name not in ask.accounts:
                continue
            regions = [one for one in account.regions if not ask.regions or one in ask.regions]
            for region in regions if where.kind == "alb" else account.regions[:1]:
                yield SiteKey(where.kind, account=account.name, region=region, zones=where.zones)

    def _labels(self, site: Site, where: Where) -> dict[str, str]:
        said = {name: value for name, value in site.labels.items() if name in where.context}
        wanted: Sequence[str] = self._config.label_tags if where.aws else where.labels
        return {**{name: site.tags[name] for name in wanted if name in site.tags}, **said}


def asked_of(ask: Ask, name: str, labels: Mapping[str, str]) -> tuple[Target | None, str]:
    """The target of this name when the rule's kind of probe can ask it; else why not, for people.

    Whoever keeps a list may write anything: one entry must not cost the others their probes.
    """
    try:
        target = Target(target=name, labels=labels)
        name.encode()
        why = next((words for _, words in ask.query.asked.faults_of(target)), "")
    except ValidationError as error:
        return None, _short("; ".join(one["msg"] for one in error.errors(include_input=False, include_url=False)))
    except Exception as error:  # noqa: BLE001 - what the checks do not understand is odd as well
        return None, _short(repr(error))
    return (None, _short(why)) if why else (target, "")


def left_out(rule: str, odd: Mapping[str, str]) -> tuple[Trouble, ...]:
    """What is said of entries that cannot be asked; one trouble, however many there are."""
    if not odd:
        return ()
    name, why = min(odd.items())
    others = f", and {len(odd) - 1} more" if len(odd) > 1 else ""
    detail = f"targets of {rule}: {_short(name)!r} is left out: {why}{others}"
    return (Trouble("probe", "", "", TroubleReason.INVALID, detail),)


def _short(text: str) -> str:
    shown = redact(text)
    return shown if len(shown) <= _TOLD else f"{shown[:_TOLD]}…"


def _wanted(site: Site, where: Where) -> bool:
    if where.names is not None and not where.names.matches(site.name):
        return False
    if where.kind == "alb" and site.labels["scheme"] != where.scheme:
        return False
    return all(_tagged(site.tags.get(name), pattern) for name, pattern in where.tags.items())


def _tagged(value: str | None, pattern: ValuePattern) -> bool:
    return value is not None and pattern.matches(value)


def _trouble(key: SiteKey, known: Known[Site]) -> Trouble:
    return Trouble("probe", key.account, key.region, known.reason, f"targets from {key.kind}: {known.detail}")
