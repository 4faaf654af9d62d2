"""What every kind of probe is: a model of what a rule writes, which makes the job of one target."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

import orjson

from watchtower.schema import Model
from watchtower.sources.probe.endpoints import render, templated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchtower.sources.probe.attempt import Attempt
    from watchtower.sources.probe.targets import Target

#: What any probe can tell.
COMMON_VALUES = frozenset({"success", "duration"})


class Job(Protocol):
    """What is done for one target; frozen, and safe to run any number of times."""

    @property
    def shown(self) -> str:
        """What is asked, for people: a URL, or host and port."""
        ...

    async def run(self, attempt: Attempt) -> str:
        """Do it and say in words what was seen; raises Down, Unknown and OSError."""
        ...


class Kind(Model):
    """What a rule writes under the name of a kind; ``{{ target }}`` may stand in its ``templates``."""

    kind: ClassVar[str]
    #: keys that may name the target
    templates: ClassVar[tuple[str, ...]] = ("host",)
    #: what `value` may be
    values: ClassVar[frozenset[str]] = COMMON_VALUES

    def job(self, target: Target) -> Job:
        """The job of one target; raises ValueError with what to change."""
        raise NotImplementedError

    def faults_of(self, target: Target) -> Iterator[tuple[tuple[str, ...], str]]:
        """Why a target cannot be asked, each with the place inside the target."""
        if target.expect is not None:
            yield ("expect",), f"a target's own expect is for http; {self.kind} has one for all"
        try:
            self.job(target)
        except ValueError as error:
            yield (), str(error)

    def missing(self, value: str) -> str:
        """Why this probe never gives the value; empty when it does."""
        return "" if value in self.values else f"{value} is not for {self.kind} probes"

    @property
    def by_target(self) -> str:
        """The key that differs by target; empty when every target would be asked the same."""
        return next((key for key in self.templates if templated(str(getattr(self, key) or ""))), "")

    @property
    def alone(self) -> str:
        """The one target's name where a rule names none."""
        return str(getattr(self, self.templates[0]))

    def rendered(self, key: str, target: Target) -> str:
        """A key's text for this target."""
        return render(str(getattr(self, key)), target.target)

    def definition(self, target: Target) -> str:
        """Everything that makes two probes of one target differ."""
        keys = self.model_dump(mode="json", exclude={*self.templates, "expect"})
        texts = {key: self.rendered(key, target) for key in self.templates if getattr(self, key) is not None}
        expect = target.expect or getattr(self, "expect", None)
        asked = None if expect is None else expect.model_dump(mode="json")
        return orjson.dumps([keys, texts, asked], option=orjson.OPT_SORT_KEYS).decode()
