"""Labels: what series and alerts are told apart and chosen by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence


class Labels(Mapping[str, str]):
    """An immutable, hashable set of labels, kept in the order of their names."""

    __slots__ = ("pairs",)

    #: Names and values in the order of the names: as good a key as the labels, and hashed faster.
    pairs: tuple[tuple[str, str], ...]

    def __init__(self, labels: Mapping[str, str] | Sequence[tuple[str, str]] = ()) -> None:
        # Asking an abstract class costs more than all the rest, and lists of pairs are what comes most.
        pairs = labels if isinstance(labels, list) or not isinstance(labels, Mapping) else labels.items()
        # Pairs stay the objects they are: an account and a region are shared by ten thousand series.
        self.pairs = tuple(sorted({pair[0]: pair for pair in pairs}.values()))

    def __getitem__(self, name: str) -> str:
        for key, value in self.pairs:
            if key == name:
                return value
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    def __hash__(self) -> int:
        return hash(self.pairs)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Labels):
            return self.pairs == other.pairs
        return NotImplemented

    def __repr__(self) -> str:
        return f"Labels({self})"

    def __str__(self) -> str:
        return "{" + ", ".join(f'{key}="{_escaped(value)}"' for key, value in self.pairs) + "}"

    def merged(self, *others: Mapping[str, str]) -> Labels:
        """These labels with the others laid over them, later ones winning."""
        pairs = list(self.pairs)
        for other in others:
            pairs.extend(other.pairs if isinstance(other, Labels) else other.items())
        return Labels(pairs)

    def only(self, names: Sequence[str]) -> Labels:
        """The named labels; one that is absent is left out."""
        return Labels([pair for pair in self.pairs if pair[0] in names])


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


EMPTY = Labels()


def stable_hash(*parts: str) -> str:
    """Sixteen hex digits that are the same in every process and release."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]
