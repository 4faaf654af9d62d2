"""Secrets as a type: they come from the environment or a file and never print.

A secret in configuration is ``{env: NAME}`` or ``{file: /run/secrets/name}``; a literal is a fault, because a
configuration file ends up in version control. A relative file is looked for beside the file that names it
(``base_dir`` of the validation context). With ``read_secrets: False`` in that context nothing is read: a stand-in
takes its place, so that routes can be tested where nobody has the keys.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_core import CoreSchema, core_schema

from watchtower.faults import did_you_mean

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
    from pydantic.json_schema import JsonSchemaValue

_KINDS = ("env", "file")


class Secret:
    """A value that shows itself only when asked by name."""

    __slots__ = ("_origin", "_stand_in", "_value")

    def __init__(self, value: str, origin: str = "given", *, stand_in: bool = False) -> None:
        self._value = value
        self._origin = origin
        self._stand_in = stand_in

    def reveal(self) -> str:
        """The value itself; call it at the door to the vendor and nowhere else."""
        return self._value

    @property
    def origin(self) -> str:
        """Where it came from, safe to print: ``env PAGERDUTY_ROUTING_KEY``."""
        return self._origin

    @property
    def stand_in(self) -> bool:
        """The value was not read: nothing can be said of its form, and nothing can be reached with it."""
        return self._stand_in

    @property
    def digest(self) -> str:
        """Twelve hex digits that tell two secrets apart without telling either."""
        return hashlib.sha256(b"watchtower\x00" + self._value.encode()).hexdigest()[:12]

    def __repr__(self) -> str:
        return f"<secret from {self._origin}>"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            read_secret, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        properties = {name: {"type": "string"} for name in _KINDS}
        return {
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        }


def read_secret(value: object, info: ValidationInfo) -> Secret:
    """The secret that a value names, for a validator of ours; raises ValueError."""
    context = info.context if isinstance(info.context, Mapping) else {}
    return _read(value, Path(context.get("base_dir", ".")), stand_in=not context.get("read_secrets", True))


def _read(value: object, base: Path, *, stand_in: bool) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in _KINDS:
        unknown = [str(key) for key in value if key not in _KINDS] if isinstance(value, dict) else []
        hint = f"; unknown key `{unknown[0]}`{did_you_mean(unknown[0], _KINDS, cutoff=0.6)}" if unknown else ""
        raise ValueError(f"a secret is written {{env: NAME}} or {{file: PATH}}, never as a literal{hint}")
    [(kind, name)] = value.items()
    if stand_in:
        return Secret(f"not read: {kind} {name}", f"{kind} {name}", stand_in=True)
    return _from_env(str(name)) if kind == "env" else _from_file(base / str(name))


def _from_env(name: str) -> Secret:
    found = os.environ.get(name, "").strip()
    if not found:
        raise ValueError(f"the environment variable {name} is not set")
    return Secret(found, f"env {name}")


def _from_file(path: Path) -> Secret:
    try:
        found = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ValueError(f"the secret file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"the secret file {path} is not UTF-8 text") from None
    if not found:
        raise ValueError(f"the secret file {path} is empty")
    return Secret(found, f"file {path}")
