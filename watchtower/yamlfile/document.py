"""A YAML file as plain data, with the line and column of every key and value.

The file is composed into ruamel's node graph, not loaded: nodes keep both places of a duplicate key, so that
all duplicates of a file are told at once, and composing costs two thirds of a round-trip load.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from watchtower.errors import ConfigError, Unreadable
from watchtower.faults import Fault
from watchtower.yamlfile.syntax import syntax_faults

if TYPE_CHECKING:
    from pathlib import Path

#: A path into a document: ``("rules", 0, "when")``.
Location = tuple[str | int, ...]

_YAML = "tag:yaml.org,2002:"
#: Timestamps stay text, so that a label such as ``2026-01-05`` is what its author wrote.
_TEXT_TAGS = {_YAML + "str", _YAML + "timestamp"}
_SCALAR_TAGS = {_YAML + name for name in ("null", "bool", "int", "float")}
_PLAIN_TAGS = _TEXT_TAGS | _SCALAR_TAGS | {_YAML + name for name in ("map", "seq", "merge")}


@dataclass(frozen=True, slots=True)
class Document:
    """A file's content as dicts, lists and scalars; keys are always text.

    ``faults`` are mistakes that still leave data to check (duplicate keys: the first one counts; unknown
    tags): whoever loads a document reports them together with its own.
    """

    path: Path
    data: dict[str, Any]
    faults: tuple[Fault, ...]
    _root: MappingNode = field(repr=False, compare=False)

    def position(self, loc: Location, *, key: bool = False, offset: int = 0) -> tuple[int, int]:
        """Line and column, from 1, of the value at ``loc``, or of its key (also when the value is empty).

        Steps that the file does not have are skipped: the nearest ancestor answers. ``offset`` characters into a text
        are counted where it stands in one line as it was read; elsewhere its beginning answers.
        """
        found: Node = self._root
        place = _mark(found)
        for step in loc:
            pair = _child(found, step)
            if pair is not None:
                found = pair[1]
                place = _mark(pair[0] if pair[0] is not None and (key or _empty(found)) else found)
        return (place[0], place[1] + _indent(found, offset)) if offset and not key else place

    def holds(self, loc: Location) -> bool:
        """Whether the file has something at exactly this path."""
        found: Node = self._root
        for step in loc:
            pair = _child(found, step)
            if pair is None:
                return False
            found = pair[1]
        return True

    def get(self, loc: Location) -> Any:
        """The data at exactly this path, None when there is none."""
        found: Any = self.data
        for step in loc:
            inside = isinstance(found, dict) and step in found
            inside = inside or (isinstance(found, list) and isinstance(step, int) and step < len(found))
            if not inside:
                return None
            found = found[step]
        return found

    def part(self, loc: Location) -> Document | None:
        """The mapping at exactly this path as a document of its own, its places those of the file; None if none is."""
        found: Node = self._root
        for step in loc:
            pair = _child(found, step)
            if pair is None:
                return None
            found = pair[1]
        data = self.get(loc)
        return Document(self.path, data, (), found) if isinstance(found, MappingNode) and data is not None else None

    def fault(self, loc: Location, message: str, *, key: bool = False, offset: int = 0) -> Fault:
        """A fault at the place of ``loc``, ``offset`` characters into its text."""
        return Fault(str(self.path), *self.position(loc, key=key, offset=offset), message)


def load_yaml(path: Path) -> Document:
    """Read a YAML file whose root is a mapping.

    Raises Unreadable when the file cannot be opened, ConfigError when nothing further in it could be checked.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Unreadable([Fault(str(path), 1, 1, f"cannot be read: {error.strerror}")]) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError([_undecodable(path, raw, error.start)]) from None
    return parse_yaml(text, path)


def parse_yaml(text: str, path: Path) -> Document:
    """The document in ``text``; ``path`` is only for its faults. Raises ConfigError."""
    try:
        return _read(YAML(typ="safe", pure=True).compose(text), text, path)
    except YAMLError as error:
        raise ConfigError(syntax_faults(error, text, str(path))) from None
    except RecursionError:
        raise ConfigError([Fault(str(path), 1, 1, "is nested too deeply to be read")]) from None


def _read(root: Node | None, text: str, path: Path) -> Document:
    if root is None:
        raise ConfigError([Fault(str(path), 1, 1, "the file is empty")])
    if not isinstance(root, MappingNode):
        message = "the file must be a mapping: `key: value` lines at its top"
        raise ConfigError([Fault(str(path), *_mark(root), message)])
    reader = _Reader(str(path), text)
    data = reader.read(root)
    if not isinstance(data, dict):
        raise ConfigError(reader.faults)
    return Document(path, data, tuple(reader.faults), root)


def _undecodable(path: Path, raw: bytes, at: int) -> Fault:
    before = raw[:at]
    column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
    return Fault(str(path), before.count(b"\n") + 1, column, f"byte 0x{raw[at]:02x} is not UTF-8 text")


def _empty(node: Node) -> bool:
    """A key without a value: ruamel marks it where the next token stands, which is of no use."""
    return isinstance(node, ScalarNode) and not node.value and node.style is None


def _indent(node: Node, offset: int) -> int:
    """Columns between the beginning of a text and what stands ``offset`` characters into it; 0 where nobody can say."""
    if not isinstance(node, ScalarNode) or node.start_mark.line != node.end_mark.line:
        return 0
    quote = 0 if node.style is None else 1
    unchanged = node.end_mark.column - node.start_mark.column == len(node.value) + 2 * quote
    return offset + quote if unchanged else 0


def _mark(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _child(node: Node, step: str | int) -> tuple[Node | None, Node] | None:
    """The key node (None in a sequence) and the value node one step further."""
    if isinstance(node, SequenceNode):
        inside = isinstance(step, int) and 0 <= step < len(node.value)
        return (None, node.value[step]) if inside else None
    if isinstance(node, MappingNode):
        return next((pair for pair in _pairs(node) if pair[0].value == str(step)), None)
    return None


def _pairs(node: MappingNode) -> list[tuple[Node, Node]]:
    """The pairs of a mapping with merges (``<<``) laid behind its own."""
    own = [pair for pair in node.value if pair[0].tag != _YAML + "merge"]
    for key, value in node.value:
        if key.tag == _YAML + "merge":
            for merged in value.value if isinstance(value, SequenceNode) else [value]:
                if isinstance(merged, MappingNode) and merged is not node:
                    own.extend(_pairs(merged))
    return own


class _Reader:
    """Turns nodes into plain data and collects what is wrong with them."""

    def __init__(self, file: str, text: str) -> None:
        self.faults: list[Fault] = []
        self._file = file
        self._text = text
        self._scalars = SafeConstructor(loader=YAML(typ="safe", pure=True))
        self._open: set[int] = set()
        self._known: dict[int, Any] = {}

    def read(self, node: Node) -> Any:
        """The data of a node; an alias gives the very same data as its anchor."""
        if id(node) in self._open:
            self._fault(node, "an anchor may not contain itself")
            return None
        if id(node) not in self._known:
            self._open.add(id(node))
            self._known[id(node)] = self._fresh(node)
            self._open.discard(id(node))
        return self._known[id(node)]

    def _fresh(self, node: Node) -> Any:
        if str(node.tag) not in _PLAIN_TAGS:
            self._fault(node, f"the tag `{node.tag}` has no meaning here; remove it")
        if isinstance(node, MappingNode):
            return self._mapping(node)
        if isinstance(node, SequenceNode):
            return [self.read(item) for item in node.value]
        return self._scalar(node)

    def _mapping(self, node: MappingNode) -> Any:
        self._tell_duplicates(node)
        data: dict[str, Any] = {}
        for key, value in _pairs(node):
            if not isinstance(key, ScalarNode):
                self._fault(key, 'a key must be text; put a template in quotes: "{{ … }}"')
                return self._text[node.start_mark.index : node.end_mark.index]
            if key.value not in data:
                data[key.value] = self.read(value)
        return data

    def _tell_duplicates(self, node: MappingNode) -> None:
        first: dict[str, Node] = {}
        for key, _ in node.value:
            if isinstance(key, ScalarNode) and first.setdefault(key.value, key) is not key:
                line, column = _mark(first[key.value])
                self._fault(key, f"`{key.value}` is given twice; it stands already at line {line}, column {column}")

    def _scalar(self, node: Node) -> Any:
        if str(node.tag) not in _SCALAR_TAGS:
            return node.value
        try:
            return self._scalars.construct_object(node)
        except (YAMLError, ValueError):
            self._fault(node, f"`{node.value}` cannot be read as {str(node.tag).removeprefix(_YAML)}")
            return None

    def _fault(self, node: Node, message: str) -> None:
        self.faults.append(Fault(self._file, *_mark(node), message))
