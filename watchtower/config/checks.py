"""What no single section can know: faults and warnings of configuration and rules together.

Each check is a pure function of what was read (only the mounts are looked up) and looks at what could be read, so
that one mistake neither hides another nor invents one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.config.escalation import check_escalations
from watchtower.config.fallback import check_fallback
from watchtower.config.heartbeats import check_heartbeats
from watchtower.config.homes import check_homes
from watchtower.config.model import Config
from watchtower.config.mounts import network_filesystem
from watchtower.config.probing import check_probing
from watchtower.config.quiet import check_quiet
from watchtower.config.taken import check_routes
from watchtower.config.templated import check_templated, fitting
from watchtower.config.waking import check_waking
from watchtower.faults import Severity
from watchtower.incidents.templated import is_templated
from watchtower.notifiers.table import NOTIFIERS
from watchtower.rulebook.composite import COMPOSITE, always_true
from watchtower.rulebook.loader import rule_files
from watchtower.sources.probe.query import ProbeQuery
from watchtower.yamlfile import did_you_mean, mistyped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from watchtower.config.reading import Reading
    from watchtower.faults import Fault
    from watchtower.rulebook.draft import Draft


def check(reading: Reading) -> Iterator[Fault]:
    """Every fault and warning that only the whole shows."""
    for one in _CHECKS:
        yield from one(reading)


def _required(reading: Reading) -> Iterator[Fault]:
    given, known = reading.document.data, Config.model_fields
    for key in ("channels", "routes") if reading.tested else ("rules", "channels", "routes"):
        if key not in given and not mistyped(given, known, (key,)):
            yield reading.document.fault((), f"`{key}` is missing")
        elif key in given and given[key] in ([], {}):
            yield reading.document.fault((key,), f"`{key}` is empty")


def _later(reading: Reading) -> Iterator[Fault]:
    config, document = reading.config, reading.document
    if config.aws.monthly_budget_usd is not None:
        yield document.fault(("aws", "monthly_budget_usd"), "`monthly_budget_usd` is not supported yet", key=True)


def _channels(reading: Reading) -> Iterator[Fault]:
    for number, route in reading.written_routes:
        channels = route.get("channels")
        named = channels if isinstance(channels, list) else []
        for place, name in enumerate(named):
            loc = ("routes", number, "channels", place)
            if not isinstance(name, str):
                continue
            if name in named[:place]:
                yield reading.document.fault(loc, f"the channel `{name}` is named twice")
            elif not is_templated(name) and name not in reading.channel_names:
                hint = did_you_mean(name, reading.channel_names)
                yield reading.document.fault(loc, f"there is no channel `{name}`{hint}")


def _reminders(reading: Reading) -> Iterator[Fault]:
    """A route whose channels cannot be reminded; one that could not be read may be."""
    traits = {name: NOTIFIERS[channel.type].traits(name, channel) for name, channel in reading.config.channels.items()}
    for number, route in reading.routes:
        named = [name for one in route.channels for name in fitting(one, reading)]
        if route.repeat is not None and named and not any(name not in traits or traits[name].repeats for name in named):
            message = "`repeat` reminds nobody: it reminds chat, and no channel of this route is one"
            yield _warning(reading.document.fault(("routes", number, "repeat"), message, key=True))


def _route_names(reading: Reading) -> Iterator[Fault]:
    first: dict[object, int] = {}
    for number, route in reading.written_routes:
        name = route.get("name") or f"route-{number + 1}"
        if isinstance(name, str) and first.setdefault(name, number) != number:
            line, column = reading.document.position(("routes", first[name], "name"))
            message = f"the route name `{name}` is used already at line {line}, column {column}"
            yield reading.document.fault(("routes", number, "name"), message)


def _catch_all(reading: Reading) -> Iterator[Fault]:
    given = reading.document.data.get("routes")
    for number, route in reading.written_routes[-1:]:
        if isinstance(given, list) and number == len(given) - 1 and route.get("match"):
            message = "the last route must match all alerts: leave `match` out, or add a route without it"
            yield reading.document.fault(("routes", number, "match"), message, key=True)


def _rule_paths(reading: Reading) -> Iterator[Fault]:
    for number, path in enumerate(reading.config.rules):
        if not path.exists():
            yield reading.document.fault(("rules", number), f"there is no file or directory {path}")
        elif not rule_files([path]):
            yield reading.document.fault(("rules", number), f"the directory {path} holds no *.yaml file")


def _store(reading: Reading) -> Iterator[Fault]:
    path = reading.config.store_path
    kind = network_filesystem(path, reading.mounts) if path else None
    if kind:
        message = f"{path} is on a network filesystem ({kind}), where SQLite's locks do not hold; use a local disk"
        yield reading.document.fault(("store",), f"{message} or PostgreSQL")


def _accounts(reading: Reading) -> Iterator[Fault]:
    needy = [draft for draft in reading.rules.drafts if _asks_aws(draft)]
    given = reading.document.get(("aws", "accounts"))
    if needy and not given and not reading.tested:
        first = needy[0]
        place = f"{first.document.path}:{first.document.position(first.loc)[0]}"
        message = f"rules ask AWS (the first at {place}), but `aws: accounts:` names no account"
        yield reading.document.fault(("aws",), message, key=True)
    places = _places(reading.document.get(("aws", "accounts")))
    if places:
        for draft in reading.rules.drafts:
            yield from _unknown_places(draft, places)


def _asks_aws(draft: Draft) -> bool:
    if isinstance(draft.query, ProbeQuery) and draft.query.where is not None:
        return draft.query.where.aws
    return draft.spec is not None and draft.spec.placed


def _places(written: object) -> dict[str, tuple[str, ...]]:
    """The regions of each account as they are written; empty when a name cannot be read: it may be any."""
    places: dict[str, tuple[str, ...]] = {}
    for account in written if isinstance(written, list) else ():
        if not isinstance(account, dict) or not isinstance(account.get("name"), str):
            return {}
        regions = account.get("regions")
        named = tuple(map(str, regions)) if isinstance(regions, list) else ()
        places[account["name"]] = (*places.get(account["name"], ()), *named)
    return places


def _unknown_places(draft: Draft, accounts: dict[str, tuple[str, ...]]) -> Iterator[Fault]:
    chosen = [name for name in draft.model.accounts if name in accounts] or list(accounts)
    regions = {region for name in chosen for region in accounts[name]}
    everywhere = all(accounts[name] for name in chosen)
    for key, given, known in (
        ("accounts", draft.model.accounts, set(accounts)),
        ("regions", draft.model.regions if everywhere else (), regions),
    ):
        for number, name in enumerate(given):
            if name not in known:
                what = f"there is no {key[:-1]} `{name}` in the configuration"
                yield draft.fault((key, number), f"{what}{did_you_mean(name, known)}")


def _no_recover(reading: Reading) -> Iterator[Fault]:
    for draft in reading.rules.drafts:
        urgent = [level.priority for level in draft.levels if level.priority.urgent]
        if urgent and "recover" not in draft.raw and draft.model.enabled and COMPOSITE not in draft.sources:
            message = f"a {urgent[0]} rule without `recover` may page again and again when its value hovers"
            yield _warning(draft.fault((), message))


def _always(reading: Reading) -> Iterator[Fault]:
    for draft in reading.rules.drafts:
        said = always_true(draft)
        if said is not None:
            yield _warning(draft.fault((COMPOSITE,), said))


def _warning(fault: Fault) -> Fault:
    return replace(fault, severity=Severity.WARNING)


_CHECKS: tuple[Callable[[Reading], Iterator[Fault]], ...] = (
    _required,
    _later,
    _channels,
    _reminders,
    _route_names,
    check_escalations,
    check_templated,
    check_routes,
    _catch_all,
    _rule_paths,
    _store,
    _accounts,
    _no_recover,
    _always,
    check_homes,
    check_waking,
    check_probing,
    check_quiet,
    check_fallback,
    check_heartbeats,
)
