"""What may stand after the ``?`` of a store's URL; anything else would be found out only when connecting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.errors import StoreError
from watchtower.faults import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy.engine import URL

#: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-SSLMODE
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_SESSIONS = ("any", "primary", "standby", "read-write", "read-only", "prefer-standby")

#: The arguments of asyncpg.connect() that have a meaning as text and for this store, and the values each takes (none:
#: any). https://magicstack.github.io/asyncpg/current/api/index.html#connection
_POSTGRES: Mapping[str, tuple[str, ...]] = {
    "sslmode": _SSL_MODES,
    "ssl": _SSL_MODES,
    "statement_cache_size": ("0",),
    "target_session_attrs": _SESSIONS,
    "host": (),
    "port": (),
    "passfile": (),
}

_LAST_PORT = 65_535


def check_parameters(url: URL) -> None:
    """Raise StoreError, with everything that is wrong, for parameters that the store does not know."""
    if url.drivername == "sqlite":
        wrong = ["a SQLite store's URL takes no parameters: " + ", ".join(url.query)] if url.query else []
    else:
        wrong = [message for name in url.query for message in _wrong(name, url.normalized_query[name])]
    if wrong:
        raise StoreError("; ".join(wrong))


def _wrong(name: str, values: Sequence[str]) -> Iterator[str]:
    if name not in _POSTGRES:
        hint = did_you_mean(name, _POSTGRES)
        yield f"a PostgreSQL store's URL knows no parameter `{name}`{hint}; known are {', '.join(_POSTGRES)}"
        return
    known = _POSTGRES[name]
    for value in values:
        if known and value not in known:
            yield f"`{name}` must be {_one_of(known)}, not `{value}`{did_you_mean(value, known)}"
        if name == "port" and not (value.isascii() and value.isdecimal() and 0 < int(value) <= _LAST_PORT):
            yield f"`port` must be a number from 1 to {_LAST_PORT}, not `{value}`"


def _one_of(known: tuple[str, ...]) -> str:
    return known[0] if len(known) == 1 else f"one of {', '.join(known)}"
