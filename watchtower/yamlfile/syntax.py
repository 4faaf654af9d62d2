"""What the YAML parser complains about, said so that the author of the file knows what to change."""

from __future__ import annotations

import re

from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from watchtower.faults import Fault

_QUOTE_CONDITION = 'a condition must stand in quotes, like "> 80": a bare `>` means something else in YAML'

#: (pattern in the parser's problem, what we say); the first that matches wins, ``\1`` is its group.
_SENTENCES = (
    (
        r"mapping values are not allowed",
        "a `:` where no key can be: check the indentation, or put the text in quotes",
    ),
    (r"cannot start any token", "a value cannot begin with {char}: put it in quotes"),
    (r"expected a comment or a line break", _QUOTE_CONDITION),
    (r"expected chomping or indentation", _QUOTE_CONDITION),
    (r"expected <block end>", "bad indentation: this does not line up with what stands above it"),
    (r"could not find expected ':'", "bad indentation, or a key without `:` on the line above"),
    (r"got '?<stream end>", "a bracket opened at line {line} is never closed"),
    (r"expected ',' or", "a `,` or a closing bracket is missing in what opened at line {line}"),
    (r"unexpected end of stream", "a quote opened at line {line} is never closed"),
    (
        r"unknown escape character",
        "a backslash in double quotes starts an escape: double it, or use single quotes",
    ),
    (r"found another document", "a second document (`---`) is not allowed in one file"),
    (r"undefined alias '([^']*)'", "the alias `*{1}` has no anchor `&{1}` above it"),
    (r"duplicate anchor", "an anchor of this name exists already"),
)


def syntax_faults(error: YAMLError, text: str, file: str) -> list[Fault]:
    """The faults behind a parser's error; tabs in the indentation are told on every line that has one."""
    if isinstance(error, ReaderError):
        return [_bad_character(error, text, file)]
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return [Fault(file, 1, 1, "this is not YAML")]
    line, column = error.problem_mark.line, error.problem_mark.column
    tabs = _tabs(text, file)
    if tabs and any(fault.line == line + 1 for fault in tabs):
        return tabs
    return [Fault(file, line + 1, column + 1, _sentence(error, text))]


def _tabs(text: str, file: str) -> list[Fault]:
    faults = []
    for number, line in enumerate(text.splitlines(), 1):
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" in indent and line.strip():
            faults.append(Fault(file, number, indent.index("\t") + 1, "a tab in the indentation: YAML wants spaces"))
    return faults


def _sentence(error: MarkedYAMLError, text: str) -> str:
    problem = str(error.problem or "")
    character = _character(error, text)
    if character == "`>`":
        return _QUOTE_CONDITION
    for pattern, sentence in _SENTENCES:
        found = re.search(pattern, problem)
        if found:
            opened = error.context_mark.line + 1 if error.context_mark else error.problem_mark.line + 1
            return sentence.format("", *found.groups(), char=character, line=opened)
    return f"this is not YAML: {problem}"


def _character(error: MarkedYAMLError, text: str) -> str:
    lines = text.splitlines()
    line, column = error.problem_mark.line, error.problem_mark.column
    if "cannot start any token" not in str(error.problem) or line >= len(lines) or column >= len(lines[line]):
        return ""
    character = lines[line][column]
    return "a tab" if character == "\t" else f"`{character}`"


def _bad_character(error: ReaderError, text: str, file: str) -> Fault:
    before = text[: error.position]
    column = error.position - (before.rfind("\n") + 1) + 1
    return Fault(
        file,
        before.count("\n") + 1,
        column,
        f"the character U+{ord(text[error.position]):04X} is not allowed",
    )
