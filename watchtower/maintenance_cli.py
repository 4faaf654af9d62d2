"""``watchtower maintenance start | list | end``: silences that say that a target's time is planned."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from watchtower import client
from watchtower.commands import silences
from watchtower.errors import Unreachable
from watchtower.terminal import (
    DaemonUrl,
    Format,
    OutputFormat,
    example,
    fail,
    print_data,
    print_json,
    print_table,
    user_name,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine

_START = 'watchtower maintenance start shop.example.com --for 2h --comment "new certificates"'

app = typer.Typer(
    help="Say that a target is worked on: it pages nobody, its recovery is still told, and no downtime is counted.",
    epilog=example(_START),
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command(epilog=example(_START))
def start(
    target: Annotated[str, typer.Argument(help="The label `target` of its alerts.", metavar="TARGET")],
    lasts: Annotated[str, typer.Option("--for", help="How long, such as 30m, 2h or 1d.", metavar="DURATION")],
    comment: Annotated[str, typer.Option(help="Why; everybody who asks is shown it.", metavar="TEXT")] = "maintenance",
    author: Annotated[str, typer.Option(help="Who works; by default you.", metavar="NAME")] = "",
    url: DaemonUrl = client.DEFAULT_URL,
    output: OutputFormat = Format.text,
) -> None:
    """Begin the maintenance of a target now, and print its id."""
    try:
        body = silences.maintenance_body(target, lasts=lasts, comment=comment, author=author or user_name())
    except ValueError as error:
        fail(str(error), code=2)
    answer = _asked(client.post(url, "/api/v2/silences", body))
    print_data(answer, [answer["silenceID"]], output)


@app.command("list", epilog=example("watchtower maintenance list"))
def list_maintenance(url: DaemonUrl = client.DEFAULT_URL, output: OutputFormat = Format.text) -> None:
    """Print what is being maintained."""
    found = _going_on(url)
    if output is Format.json:
        print_json(found)
    else:
        print_table(("id", "state", "starts", "ends", "matchers", "by", "comment"), silences.silence_rows(found))


@app.command(epilog=example("watchtower maintenance end shop.example.com"))
def end(
    target: Annotated[str, typer.Argument(help="The target, or the id that start printed.", metavar="TARGET")],
    url: DaemonUrl = client.DEFAULT_URL,
    output: OutputFormat = Format.text,
) -> None:
    """End the maintenance of a target now; what is still down and was never told is told at once."""
    meant = [one["id"] for one in _going_on(url) if one["id"] == target or silences.maintains(one, target)]
    if not meant:
        fail(f"no maintenance of {target} is going on", code=1)
    for found in meant:
        _asked(client.ask("DELETE", url, f"/api/v2/silence/{quote(found, safe='')}"))
    print_data({"silenceIDs": meant, "state": "expired"}, [f"{target}: maintenance ended"], output)


def _going_on(url: str) -> list[dict[str, Any]]:
    found = silences.shown_silences(_asked(client.ask("GET", url, "/api/v2/silences")), expired=False)
    return [one for one in found if one.get("maintenance")]


def _asked(question: Coroutine[Any, Any, Any]) -> Any:
    try:
        return asyncio.run(question)
    except Unreachable as error:
        fail(str(error), code=1)
