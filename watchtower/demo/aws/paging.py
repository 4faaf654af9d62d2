"""Pages and the tokens that lead to them.

A token names pages prepared once, so every page of an answer belongs to the same moment, and it can be used
again: clients retry.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from watchtower.model import stable_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

#: answers whose pages are kept; an older token is as good as a wrong one
_KEPT = 512


@dataclass(frozen=True, slots=True)
class Prepared:
    """The pages of one answer, when they were prepared (epoch seconds) and for which request."""

    pages: Sequence[Any]
    at: float
    request: str


class Pager:
    """Keeps prepared pages and hands them out by token."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Prepared] = OrderedDict()
        self._serials = itertools.count()

    def first(self, prepared: Prepared) -> tuple[Any, str | None]:
        """The first page, and the token of the second if there is one."""
        if len(prepared.pages) <= 1:
            return (prepared.pages[0] if prepared.pages else []), None
        serial = stable_hash(prepared.request, str(next(self._serials)))
        self._kept[serial] = prepared
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return prepared.pages[0], f"{serial}-1"

    def follow(self, token: str, request: str) -> tuple[Any, str | None, float] | None:
        """A later page, the next token and when the pages were prepared.

        None when the token is unknown or belongs to another request.
        """
        serial, _, page = token.partition("-")
        prepared = self._kept.get(serial)
        if prepared is None or prepared.request != request or not page.isdecimal():
            return None
        number = int(page)
        if number >= len(prepared.pages):
            return None
        more = f"{serial}-{number + 1}" if number + 1 < len(prepared.pages) else None
        return prepared.pages[number], more, prepared.at


def fingerprint(account: str, region: str, operation: str, params: dict[str, Any]) -> str:
    """What must stay the same between a request and the ones that follow its token."""
    same = orjson.dumps(params, option=orjson.OPT_SORT_KEYS).decode()
    return stable_hash(account, region, operation, same)


def cut(items: Sequence[Any], size: int, *, empty_first: int = 0) -> list[Sequence[Any]]:
    """Pages of at most ``size`` items, after ``empty_first`` empty ones; always at least one."""
    pages = [items[at : at + size] for at in range(0, len(items), size)]
    return [[] for _ in range(empty_first)] + (pages or [[]])
