"""What a rule writes under ``probe:``: one kind of probe, and how often, how long and at whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from watchtower.durations import format_duration
from watchtower.schema import Duration
from watchtower.sources.base import Query
from watchtower.sources.probe.kinds.base import Kind
from watchtower.sources.probe.kinds.dns import Dns
from watchtower.sources.probe.kinds.http.query import Http
from watchtower.sources.probe.kinds.icmp import Icmp
from watchtower.sources.probe.kinds.table import KINDS
from watchtower.sources.probe.kinds.tcp import Tcp
from watchtower.sources.probe.kinds.tls import Tls
from watchtower.sources.probe.result import Family
from watchtower.sources.probe.targets import Target, Targets, lines
from watchtower.sources.probe.where import Where
from watchtower.yamlfile import told, told_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from pydantic_core import InitErrorDetails


class ProbeQuery(Query):
    """A probe of one or many targets."""

    source: ClassVar[str] = "probe"

    http: Http | None = None
    tcp: Tcp | None = None
    tls: Tls | None = None
    dns: Dns | None = None
    icmp: Icmp | None = None
    targets: Targets = ()
    interval: Duration = 60.0
    timeout: Duration = 5.0
    family: Literal["ipv4", "ipv6", "both"] | None = None
    value: Literal["success", "duration", "certificate_days", "content"] = "success"

    @field_validator("targets")
    @classmethod
    def _probeable(cls, targets: tuple[Target, ...] | Where, info: ValidationInfo) -> tuple[Target, ...] | Where:
        kind = next((info.data[name] for name in KINDS if info.data.get(name) is not None), None)
        listed, at_line = _listed_now(targets)
        faults = [*_twice(listed), *(_unaskable(kind, listed) if isinstance(kind, Kind) else ())]
        if isinstance(targets, Where):
            faults = [_in_file(fault, targets.place, at_line) for fault in faults]
        if isinstance(targets, Where) and not faults and isinstance(kind, Kind) and not kind.by_target:
            faults = [told_at((), _same(kind))]
        if faults:
            raise told(faults)
        return targets

    @field_validator("interval")
    @classmethod
    def _whole_seconds(cls, interval: float) -> float:
        if interval < 1 or interval != int(interval):
            raise ValueError(f"interval is whole seconds, at least 1s, not {interval:g}s")
        return interval

    @field_validator("timeout")
    @classmethod
    def _some_time(cls, timeout: float) -> float:
        if timeout <= 0:
            raise ValueError("timeout must be longer than nothing")
        return timeout

    def faults(self, unread: Collection[str]) -> Iterator[InitErrorDetails]:
        """What the keys of a probe ask of each other."""
        if self.timeout >= self.interval and not {"timeout", "interval"} & set(unread):
            place = "timeout" if "timeout" in self.model_fields_set else "interval"
            times = f"timeout ({format_duration(self.timeout)}), interval ({format_duration(self.interval)})"
            yield told_at((place,), f"a probe must end before the next begins: shorten the timeout; {times}")
        kinds = self._kinds
        if len(kinds) == 1:
            yield from self._unfit(kinds[0], unread)
        for kind in kinds[1:]:
            yield told_at((kind.kind,), f"a probe asks one thing: {kinds[0].kind} stands here already")
        if not kinds and not set(KINDS) & set(unread):
            yield told_at((), "a probe says what it asks: http: {url: ...}, or tcp, tls, dns, icmp")

    def _unfit(self, kind: Kind, unread: Collection[str]) -> Iterator[InitErrorDetails]:
        if not self.targets and "targets" not in unread:
            yield from _alone(kind)
        if reason := kind.missing(self.value):
            yield told_at(("value",), reason)

    @property
    def _kinds(self) -> list[Kind]:
        return [kind for name in KINDS if (kind := getattr(self, name)) is not None]

    @property
    def period(self) -> int:
        """Seconds between two probes: the length of this rule's datapoints."""
        return int(self.interval)

    @property
    def asked(self) -> Kind:
        """What is asked; a query that passed its checks asks one thing."""
        if not self._kinds:
            raise ValueError("a probe without a kind")
        return self._kinds[0]

    @property
    def where(self) -> Where | None:
        """Where the targets are found, when they are not listed."""
        return self.targets if isinstance(self.targets, Where) else None

    @property
    def all_targets(self) -> tuple[Target, ...]:
        """The targets that are listed; without any, what is asked is the one target."""
        if isinstance(self.targets, Where):
            return ()
        return self.targets or (Target(target=self.asked.alone),)

    @property
    def target_labels(self) -> frozenset[str]:
        """The labels that targets can bring, besides configured tags."""
        if isinstance(self.targets, Where):
            return self.targets.context
        return frozenset(name for target in self.targets for name in target.labels)

    @property
    def families(self) -> tuple[Family | None, ...]:
        """The families that are probed, each by itself; None: whichever address there is."""
        if self.family is None:
            return (None,)
        return tuple(Family) if self.family == "both" else (Family(self.family),)

    @property
    def identities(self) -> tuple[Mapping[str, str], ...]:
        """What tells the series of one target from those of another kind or family."""
        kind = {"kind": self.asked.kind}
        return tuple({**kind, "family": str(one)} if self.family == "both" else kind for one in self.families)


def _listed_now(targets: tuple[Target, ...] | Where) -> tuple[tuple[Target, ...], tuple[int, ...]]:
    """What can be checked before anything is asked: a list, and a file as it is now with the numbers of its lines."""
    if not isinstance(targets, Where):
        return targets, ()
    found = lines(targets) if targets.kind == "file" else ()
    return tuple(target for _, target in found), tuple(number for number, _ in found)


def _in_file(fault: InitErrorDetails, path: str, at_line: Sequence[int]) -> InitErrorDetails:
    """A fault of a target where it is written, which is in a file of its own."""
    row = next((place for place in fault.get("loc", ()) if isinstance(place, int)), None)
    if row is None or not isinstance(fault["type"], PydanticCustomError):
        return fault
    return told_at((), f"{path}:{at_line[row]}: {fault['type'].message()}")


def _same(kind: Kind) -> str:
    return f"every target would be asked the same {kind.templates[0]}; put {{{{ target }}}} into it"


def _twice(targets: Sequence[Target]) -> Iterator[InitErrorDetails]:
    seen: set[str] = set()
    for row, target in enumerate(targets):
        if target.target in seen:
            yield told_at((row,), f"the target {target.target!r} is named twice")
        seen.add(target.target)


def _unaskable(kind: Kind, targets: Sequence[Target]) -> Iterator[InitErrorDetails]:
    if len(targets) > 1 and not kind.by_target:
        yield told_at((), _same(kind))
    for row, target in enumerate(targets):
        for place, words in kind.faults_of(target):
            yield told_at((row, *place), words)


def _alone(kind: Kind) -> Iterator[InitErrorDetails]:
    """What a kind without targets lacks."""
    if key := kind.by_target:
        place = (kind.kind, key) if key in kind.model_fields_set else (kind.kind,)
        yield told_at(place, f"{key} names {{{{ target }}}}, but there are no targets")
        return
    for _, words in kind.faults_of(Target(target=kind.alone)):
        yield told_at((kind.kind,), words)
