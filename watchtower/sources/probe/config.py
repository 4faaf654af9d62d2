"""What the configuration says of all probes: the canaries that show whether we can see, and the scopes of targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from watchtower.matchers import parse_matchers
from watchtower.schema import Duration, Model
from watchtower.sources.probe.kinds.dns import Dns
from watchtower.sources.probe.kinds.http.query import Http
from watchtower.sources.probe.kinds.icmp import Icmp
from watchtower.sources.probe.kinds.table import KINDS
from watchtower.sources.probe.kinds.tcp import Tcp
from watchtower.sources.probe.kinds.tls import Tls
from watchtower.sources.probe.targets import Target

if TYPE_CHECKING:
    from watchtower.sources.probe.kinds.base import Kind

#: With fewer canaries one that is down would be a majority, or half of one.
LEAST_CANARIES = 3
#: Seconds; a target's alert waits for the canaries, so they are not waited for long.
LONGEST_LOOK = 10.0


class Canary(Model):
    """Something that answers whenever the network does; it is asked one thing, like a target."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    http: Http | None = None
    tcp: Tcp | None = None
    tls: Tls | None = None
    dns: Dns | None = None
    icmp: Icmp | None = None
    timeout: Annotated[Duration, Field(gt=0, le=LONGEST_LOOK)] = 2.0

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if len(self._kinds) != 1:
            raise ValueError(f"a canary asks one thing; give exactly one of {', '.join(KINDS)}")
        if key := self.kind.by_target:
            raise ValueError(f"a canary has no target; write its {key} into {self.kind.kind}")
        for _, fault in self.kind.faults_of(self.target):
            raise ValueError(fault)
        return self

    @property
    def _kinds(self) -> list[Kind]:
        return [kind for name in KINDS if (kind := getattr(self, name)) is not None]

    @property
    def kind(self) -> Kind:
        """What is asked."""
        return self._kinds[0]

    @property
    def target(self) -> Target:
        """Whom; the kind names it by itself."""
        return Target(target=self.kind.alone)


def _several(canaries: tuple[Canary, ...]) -> tuple[Canary, ...]:
    names = [canary.name for canary in canaries]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"the canary {twice!r} is named twice")
    if 0 < len(canaries) < LEAST_CANARIES:
        raise ValueError(
            f"{len(canaries)} of at least {LEAST_CANARIES} canaries: with fewer, one would outvote the rest"
        )
    return canaries


def _matcher(text: str) -> str:
    parse_matchers([text])
    return text


Canaries = Annotated[tuple[Canary, ...], AfterValidator(_several)]


class ScopeConfig(Model):
    """A network path: the targets that are reached by it, and the canaries that show whether it is there."""

    match: Annotated[tuple[Annotated[str, AfterValidator(_matcher)], ...], Field(min_length=1)]
    canaries: Canaries


class ProbesConfig(Model):
    """``canaries`` None: those that are built in; none at all: every failure is taken for the target's."""

    canaries: Canaries | None = None
    scopes: dict[str, ScopeConfig] = Field(default_factory=dict)


def default_canaries(region: str) -> tuple[Canary, ...]:
    """Three paths out of a VPC: its resolver, AWS in its region, and the world by a number that needs no resolver."""
    return (
        Canary(name="resolver", dns=Dns(name="sts.amazonaws.com")),
        Canary(name="aws", tcp=Tcp(host=f"sts.{region}.amazonaws.com", port=443)),
        Canary(name="external", tcp=Tcp(host="1.1.1.1", port=443)),
    )
