"""``watchtower silence add | list | expire``: clients of the running daemon's ``/api/v2``."""

from __future__ import annotations

import asyncio
from datetime import datetime
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

_ADD = """watchtower silence add 'alert="RdsCpuHigh"' 'DBInstanceIdentifier=~"db-.*"' --for 2h --comment "resizing\""""

app = typer.Typer(
    help="Hold back the pages of some alerts for a while; resolves of what was paged are always sent.",
    epilog=example(_ADD),
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command(epilog=example(_ADD))
def add(
    matchers: Annotated[
        list[str],
        typer.Argument(
            help="""Which alerts, by their labels: name="value", !=, =~ or !~; all must hold.""", metavar="MATCHER..."
        ),
    ],
    lasts: Annotated[str, typer.Option("--for", help="How long, such as 30m, 2h or 1d.", metavar="DURATION")],
    comment: Annotated[str, typer.Option(help="Why; everybody who asks is shown it.", metavar="TEXT")],
    author: Annotated[str, typer.Option(help="Who asks for it; by default you.", metavar="NAME")] = "",
    start: Annotated[str, typer.Option(help="When it begins (RFC 3339); by default now.", metavar="TIME")] = "",
    expire_on_resolve: Annotated[
        bool, typer.Option("--expire-on-resolve", help="End it with the last alert that it held back.")
    ] = False,
    url: DaemonUrl = client.DEFAULT_URL,
    output: OutputFormat = Format.text,
) -> None:
    """Add a silence and print its id."""
    try:
        body = silences.silence_body(
            matchers,
            lasts=lasts,
            comment=comment,
            author=author or user_name(),
            start=_moment(start) if start else None,
            expire_on_resolve=expire_on_resolve,
        )
    except ValueError as error:
        fail(str(error), code=2)
    answer = _asked(client.post(url, "/api/v2/silences", body))
    print_data(answer, [answer["silenceID"]], output)


@app.command("list", epilog=example("watchtower silence list --format json"))
def list_silences(
    expired: Annotated[bool, typer.Option("--expired", help="Also those that ended within five days.")] = False,
    url: DaemonUrl = client.DEFAULT_URL,
    output: OutputFormat = Format.text,
) -> None:
    """Print the silences that hold, and those to come."""
    found = silences.shown_silences(_asked(client.ask("GET", url, "/api/v2/silences")), expired=expired)
    if output is Format.json:
        print_json(found)
    else:
        print_table(("id", "state", "starts", "ends", "matchers", "by", "comment"), silences.silence_rows(found))


@app.command(epilog=example("watchtower silence expire 5c2f9d0e-6f3b-4c55-9d3f-0f7d1c2b9a11"))
def expire(
    silence_id: Annotated[str, typer.Argument(help="As add and list print it.", metavar="ID")],
    url: DaemonUrl = client.DEFAULT_URL,
    output: OutputFormat = Format.text,
) -> None:
    """End a silence now; alerts that still fire are told at once."""
    _asked(client.ask("DELETE", url, f"/api/v2/silence/{quote(silence_id, safe='')}"))
    print_data({"silenceID": silence_id, "state": "expired"}, [f"{silence_id} expired"], output)


def _asked(question: Coroutine[Any, Any, Any]) -> Any:
    try:
        return asyncio.run(question)
    except Unreachable as error:
        fail(str(error), code=1)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"--start {text!r} is not a time with its zone; write it like 2026-12-01T22:00:00Z")
    return moment
