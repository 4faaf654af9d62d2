"""What the commands share: how they print, how they fail, and the options that several have."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from watchtower.errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Sequence


class Format(StrEnum):
    """How a command prints data."""

    text = "text"
    json = "json"


class SchemaKind(StrEnum):
    """The files that people write; ``any`` is one schema for all of them."""

    any = "any"
    rules = "rules"
    config = "config"
    tests = "tests"


class LogTool(StrEnum):
    """For what metric filters are printed."""

    cli = "cli"
    terraform = "terraform"


OutputFormat = Annotated[Format, typer.Option("--format", help="How to print.")]
DaemonUrl = Annotated[
    str, typer.Option("--url", envvar="WATCHTOWER_URL", help="Where the daemon listens.", metavar="URL")
]

#: Characters of a line when nobody looks: a row stays on one line, for grep.
_PIPED_WIDTH = 10_000


def example(text: str) -> str:
    """The last line of a command's help."""
    return f"Example: {text}"


def user_name() -> str:
    """Who runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return f"uid {os.getuid()}"


def fail(message: str, *, code: int) -> NoReturn:
    """Say what went wrong on standard error and exit."""
    sys.stderr.write(f"{message}\n")
    raise typer.Exit(code)


def asked(question: Coroutine[Any, Any, Any]) -> Any:
    """What the daemon answers; without one, or when it refuses, the command ends with what it said."""
    try:
        return asyncio.run(question)
    except Unreachable as error:
        fail(str(error), code=1)


def print_data(data: object, lines: Iterable[str], output: Format) -> None:
    """Print the data as JSON, or the lines."""
    if output is Format.json:
        print_json(data)
        return
    for line in lines:
        sys.stdout.write(f"{line}\n")


def print_json(data: object) -> None:
    """Print data as JSON."""
    sys.stdout.write(orjson.dumps(data, option=orjson.OPT_INDENT_2, default=str).decode() + "\n")


def print_line(line: object) -> None:
    """Print a line as it is, or data as one line of JSON: for output that may be long and is read as it comes."""
    text = line if isinstance(line, str) else orjson.dumps(line).decode()
    sys.stdout.write(f"{text}\n")


def leave_pipe() -> None:
    """Nobody reads standard output any more: what is still written to it goes nowhere, so that ending is no error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows in columns; a row stays on one line unless somebody looks."""
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")  # a label that is cut off could not be copied
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH).print(table)
