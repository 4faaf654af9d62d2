"""Targets that somebody else keeps a list of: what a rule writes where a list could stand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from watchtower.inventory.patterns import Pattern, ValuePattern
from watchtower.yamlfile import Whole, did_you_mean, told_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from pydantic_core import InitErrorDetails

FROM = ("route53", "cloudfront", "alb")
#: Keys by the places that they are for.
_ONLY: Mapping[str, tuple[str, ...]] = {
    "zones": ("route53",),
    "tags": ("cloudfront", "alb"),
    "scheme": ("alb",),
    "labels": ("http_sd",),
}
#: Labels that say where a target stands on its list.
_SAYS: Mapping[str, frozenset[str]] = {
    "route53": frozenset({"zone"}),
    "cloudfront": frozenset({"distribution"}),
    "alb": frozenset({"load_balancer"}),
}


def _source(name: object) -> object:
    if name not in FROM:
        raise ValueError(f"{name!r} is no source of targets: {', '.join(FROM)}{did_you_mean(str(name), FROM)}")
    return name


def _web(url: str) -> str:
    if not url.startswith(("http://", "https://")) or len(url.split("/", 3)[2]) == 0:
        raise ValueError(f"{url!r} is not a web address")
    return url


class Where(Whole):
    """One of ``from``, ``file`` and ``http_sd``, and what narrows it; ``file`` is an absolute path."""

    from_: Annotated[Literal["route53", "cloudfront", "alb"] | None, Field(alias="from")] = None
    file: str | None = None
    http_sd: Annotated[str, AfterValidator(_web)] | None = None
    names: Pattern | None = None
    zones: Pattern = ValuePattern(("*",))
    tags: dict[str, Pattern] = Field(default_factory=dict)
    scheme: Literal["internet-facing", "internal"] = "internet-facing"
    labels: tuple[str, ...] = ()

    @field_validator("from_", mode="before")
    @classmethod
    def _known(cls, value: object) -> object:
        return _source(value)

    @field_validator("file")
    @classmethod
    def _beside(cls, path: str, info: ValidationInfo) -> str:
        context: Any = info.context
        base = context.get("base_dir") if isinstance(context, dict) else None
        return str((Path(base or ".") / path).absolute())

    def faults(self, unread: Collection[str]) -> Iterator[InitErrorDetails]:
        """What the keys ask of each other."""
        given = self._places
        if len(given) != 1 and not {"from", "file", "http_sd"} & set(unread):
            yield told_at((), "targets is a list, or one of {file: PATH}, {from: SOURCE}, {http_sd: URL}")
        if len(given) != 1:
            return
        for key, kinds in _ONLY.items():
            if key in self.model_fields_set and self.kind not in kinds:
                yield told_at((key,), f"`{key}` is for {' and '.join(kinds)}")

    @property
    def _places(self) -> list[str]:
        named = {self.from_: self.from_, "file": self.file, "http_sd": self.http_sd}
        return [kind for kind, value in named.items() if kind and value]

    @property
    def kind(self) -> str:
        """What keeps the list: one of FROM, ``file`` or ``http_sd``."""
        return self._places[0]

    @property
    def place(self) -> str:
        """The path or the URL; empty for AWS."""
        return self.file or self.http_sd or ""

    @property
    def aws(self) -> bool:
        """Whether accounts are asked."""
        return self.from_ is not None

    @property
    def context(self) -> frozenset[str]:
        """The labels that its targets can carry, besides configured tags."""
        return _SAYS.get(self.kind, frozenset()) | frozenset(self.labels)
