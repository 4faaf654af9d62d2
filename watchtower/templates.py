"""Templates: Jinja2 in a sandbox, compiled once, bounded in time and output.

A template sees ``labels``, ``value``, ``reason``, ``priority``, ``state``, ``annotations`` and ``target``,
nothing else: what AWS or a probed page sent reaches it only as text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jinja2 import StrictUndefined, TemplateSyntaxError, meta, nodes
from jinja2 import Template as Compiled
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic_core import CoreSchema, core_schema

from watchtower.durations import format_duration
from watchtower.errors import TemplateError
from watchtower.yamlfile import did_you_mean

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

#: Characters one template may produce; a page's title and summary are far below.
MAX_OUTPUT = 4096
#: Rounds that all loops of a template make together, and how deep loops may stand in each other: the daemon renders
#: in its own thread, and everything waits meanwhile.
MAX_ROUNDS, MAX_DEPTH = 1000, 2
#: Characters, or items, that any text or list on the way may have, and digits that a number is rounded to.
MAX_LENGTH, MAX_DIGITS = 65536, 15
#: The names a template may use.
NAMES = ("labels", "value", "reason", "priority", "state", "annotations", "target")

_FILTERS = {
    "abs", "capitalize", "count", "d", "default", "filesizeformat", "first", "float", "int", "items",
    "join", "last", "length", "list", "lower", "max", "min", "reject", "rejectattr", "replace",
    "reverse", "round", "select", "selectattr", "sort", "string", "title", "trim", "truncate", "unique",
    "upper",
}  # fmt: skip
_TESTS = {
    "defined", "undefined", "none", "number", "string", "eq", "ne", "lt", "le", "gt", "ge", "in",
    "equalto", "==", "!=", "<", "<=", ">", ">=",
}  # fmt: skip
_METHODS = {
    "get", "items", "keys", "values", "split", "rsplit", "partition", "rpartition", "strip", "lstrip",
    "rstrip", "upper", "lower", "title", "replace", "startswith", "endswith", "removeprefix",
    "removesuffix",
}  # fmt: skip
_FORBIDDEN = (
    nodes.Macro, nodes.CallBlock, nodes.FilterBlock, nodes.Block, nodes.Extends, nodes.Include, nodes.Import,
    nodes.FromImport, nodes.ImportedName, nodes.EnvironmentAttribute, nodes.AssignBlock,
)  # fmt: skip


#: Rounds left to the template that is being rendered.
_rounds: ContextVar[int] = ContextVar("rounds", default=MAX_ROUNDS)


def _counted(items: Iterable[Any]) -> Iterator[Any]:
    """What a loop walks through, until the template has made too many rounds."""
    for item in items:
        _rounds.set(_rounds.get() - 1)
        if _rounds.get() < 0:
            raise TemplateError(f"the loops of a template made more than {MAX_ROUNDS} rounds")
        yield item


def _fits(length: int) -> None:
    """Raise before a text is made that nobody could send: chains of them grow by powers."""
    if length > MAX_LENGTH:
        raise TemplateError(f"a template made a text or list of more than {MAX_LENGTH} characters or items")


def _together(parts: Iterable[Any]) -> str:
    texts = [str(part) for part in parts]
    _fits(sum(map(len, texts)))
    return "".join(texts)


def _joined(items: Iterable[Any], between: str = "", attribute: str | None = None) -> str:
    texts = [str(item if attribute is None else item[attribute]) for item in items]
    _fits(sum(map(len, texts)) + len(str(between)) * len(texts))
    return str(between).join(texts)


def _replaced(text: Any, old: str, new: str, count: int | None = None) -> str:
    whole = str(text)
    _fits(len(whole) + whole.count(old) * len(new))
    return whole.replace(old, new, -1 if count is None else count)


#: Under these names, which no template can write, loops and ``~`` are bounded.
_COUNTED, _TOGETHER = "(counted)", "(together)"


class _Sandbox(ImmutableSandboxedEnvironment):
    """No globals, few filters; labels win over methods of the mapping that holds them."""

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
        self.globals.clear()
        filters: dict[str, Callable[..., Any]] = {name: self.filters[name] for name in _FILTERS}
        bounded: dict[str, Callable[..., Any]] = {"join": _joined, "replace": _replaced, "round": self._round}
        self._round_any = filters["round"]
        self.filters = {**filters, **bounded, "duration": format_duration, _COUNTED: _counted, _TOGETHER: _together}
        self.tests = {name: self.tests[name] for name in _TESTS}

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic on numbers only: text times a million is memory, not a message."""
        if operator == "+" and isinstance(left, Sized) and isinstance(right, Sized):
            _fits(len(left) + len(right))
            return super().call_binop(context, operator, left, right)
        if not isinstance(left, int | float) or not isinstance(right, int | float):
            raise TemplateError(f"`{operator}` needs numbers on both sides")
        if operator == "**":
            return float(left) ** float(right)
        return super().call_binop(context, operator, left, right)

    def call(self, context: Any, called: Any, *args: Any, **more: Any) -> Any:
        """Call a method; ``replace`` within bounds."""
        text = getattr(called, "__self__", None)
        if isinstance(text, str) and getattr(called, "__name__", "") == "replace":
            return _replaced(text, *args, **more)
        return super().call(context, called, *args, **more)

    def _round(self, value: Any, precision: int = 0, method: Any = "common") -> Any:
        """As Jinja's; a million digits would be a number of a million digits."""
        if abs(precision) > MAX_DIGITS:
            raise TemplateError(f"round takes at most {MAX_DIGITS} digits")
        return self._round_any(value, precision, method)


_SANDBOX = _Sandbox()


@dataclass(frozen=True, slots=True)
class Template:
    """A text with ``{{ … }}`` in it, checked and compiled; equal to any template of the same text.

    Raises ValueError with a readable sentence when the text is no template that could ever be rendered.
    """

    text: str
    _compiled: Compiled | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_compiled", _compile(self.text))

    @property
    def fixed(self) -> bool:
        """It gives its own text, whatever the alert."""
        return self._compiled is None

    def render(self, **context: Any) -> str:
        """The text filled in.

        Raises TemplateError when a name is absent, a value does not fit, or the text grew too long.
        """
        if self._compiled is None:
            return self.text
        _rounds.set(MAX_ROUNDS)
        try:
            return _bounded(self._compiled.generate(context))
        except TemplateError:
            raise
        except Exception as error:  # noqa: BLE001 - a template is data: whatever it does must not stop the tick
            raise TemplateError(f"{self.text!r} cannot be rendered: {error}") from None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _read,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda template: template.text),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string"}


def _bounded(pieces: Iterable[str]) -> str:
    kept, length = [], 0
    for piece in pieces:
        kept.append(piece)
        length += len(piece)
        if length > MAX_OUTPUT:
            raise TemplateError(f"a template gave more than {MAX_OUTPUT} characters")
    return "".join(kept)


def _read(value: object) -> Template:
    if isinstance(value, Template):
        return value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError('this must be text; put a template in quotes: "{{ … }}"')  # noqa: TRY004 - pydantic's way
    return Template(str(value))


@lru_cache(maxsize=4096)
def _compile(text: str) -> Compiled | None:
    if not _marked(text):
        return None
    try:
        tree = _SANDBOX.parse(text)
        if problems := list(dict.fromkeys(_problems(tree))):
            raise ValueError(f"bad template: {'; '.join(problems)}")
        return _SANDBOX.from_string(_with_bounds(tree))
    except TemplateSyntaxError as error:
        raise ValueError(f"bad template: {_lowered(error.message or 'it cannot be parsed')}") from None


def _with_bounds(tree: nodes.Template) -> nodes.Template:
    """The same, with every loop counted and every text that ``~`` makes bounded."""
    for loop in tree.find_all(nodes.For):
        loop.iter = _filtered(loop.iter, _COUNTED)
    for parent in (tree, *tree.find_all(nodes.Node)):
        for name, value in list(parent.iter_fields()):
            if isinstance(value, nodes.Concat):
                setattr(parent, name, _concat(value))
            elif isinstance(value, list):
                setattr(parent, name, [_concat(one) if isinstance(one, nodes.Concat) else one for one in value])
    tree.set_environment(_SANDBOX)
    return tree


def _concat(node: nodes.Concat) -> nodes.Expr:
    return _filtered(nodes.List(node.nodes, lineno=node.lineno), _TOGETHER)


def _filtered(node: nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def label_names(text: str) -> frozenset[str]:
    """The labels a template cannot do without: used as ``labels.x`` or ``labels['x']``.

    Those of a bad template too, as long as it can be parsed.
    """
    try:
        return frozenset(_label_names(_SANDBOX.parse(text))) if _marked(text) else frozenset()
    except TemplateSyntaxError:
        return frozenset()


def used_names(text: str) -> frozenset[str]:
    """The names of :data:`NAMES` that a template uses; none of one that cannot be parsed."""
    try:
        return frozenset(_undeclared(_SANDBOX.parse(text))) if _marked(text) else frozenset()
    except TemplateSyntaxError:
        return frozenset()


def _marked(text: str) -> bool:
    return any(mark in text for mark in ("{{", "{%", "{#"))


def _lowered(message: str) -> str:
    return (message[:1].lower() + message[1:]).rstrip(".")


def _problems(tree: nodes.Template) -> Iterator[str]:
    for forbidden in tree.find_all(_FORBIDDEN):
        yield f"{type(forbidden).__name__.lower()} is not allowed"
    for kind, known in ((nodes.Filter, _SANDBOX.filters), (nodes.Test, _SANDBOX.tests)):
        for used in tree.find_all(kind):
            if used.name not in known:
                yield f"there is no {kind.__name__.lower()} named `{used.name}`"
    if any(_depth(loop) > MAX_DEPTH for loop in tree.find_all(nodes.For)):
        yield f"loops may stand in each other {MAX_DEPTH} deep"
    unknown = [name for name in sorted(_undeclared(tree)) if name not in NAMES]
    for name in unknown:
        yield f"`{name}` is not known here{did_you_mean(name, NAMES)}; known are {', '.join(NAMES)}"
    if any(_uncallable(call, unknown) for call in tree.find_all(nodes.Call)):
        yield f"only these can be called: {', '.join(sorted(_METHODS))}"


def _depth(loop: nodes.For) -> int:
    """How many loops stand in each other here, this one counted."""
    return 1 + max((_depth(inner) for inner in loop.find_all(nodes.For)), default=0)


def _undeclared(tree: nodes.Template) -> set[str]:
    try:
        return meta.find_undeclared_variables(tree)
    except TemplateSyntaxError:  # a filter or test that does not exist is told already
        found = list(tree.find_all(nodes.Name))
        return {name.name for name in found if name.ctx == "load"} - {name.name for name in found if name.ctx != "load"}


def _uncallable(call: nodes.Call, unknown: list[str]) -> bool:
    """A name that nobody knows is told as such."""
    if isinstance(call.node, nodes.Name) and call.node.name in unknown:
        return False
    return not isinstance(call.node, nodes.Getattr) or call.node.attr not in _METHODS


def _label_names(tree: nodes.Template) -> Iterator[str]:
    called = {id(call.node) for call in tree.find_all(nodes.Call)}
    for used in tree.find_all(nodes.Getattr):
        if _is_labels(used.node) and id(used) not in called:
            yield used.attr
    for item in tree.find_all(nodes.Getitem):
        if _is_labels(item.node) and isinstance(item.arg, nodes.Const):
            yield str(item.arg.value)


def _is_labels(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == "labels"
