"""``watchtower silence add | list | expire`` and ``watchtower maintenance start | list | end``.

Both are clients of the running daemon's ``/api/v2``: maintenance is a silence that says that a target's time is
planned.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

import typer

from watchtower import client
from watchtower.commands import silences
from watchtower.terminal import (
    DaemonUrl,
    Format,
    OutputFormat,
    asked,
    example,
    fail,
    print_data,
    print_json,
    print_table,
    user_name,
)

_ADD = """watchtower silence add 'alert="RdsCpuHigh"' 'DBInstanceIdentifier=~"db-.*"' --for 2h --comment "resizing\""""
_START = 'watchtower maintenance start shop.example.com --for 2h --comment "new certificates"'

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
    _post(url, body, output)


@app.command("list", epilog=example("watchtower silence list --format json"))
def list_silences(
    expired: Annotated[bool, typer.Option("--expired", help="Also those that ended within five days.")] = False,
    url: DaemonUrl = client.DEFAULT_URL,
    output: OutputFormat = Format.text,
) -> None:
    """Print the silences that hold, and those to come."""
    _print(_listed(url, expired=expired), output)


@app.command(epilog=example("watchtower silence expire 5c2f9d0e-6f3b-4c55-9d3f-0f7d1c2b9a11"))
def expire(
    silence_id: Annotated[str, typer.Argument(help="As add and list print it.", metavar="ID")],
    url: DaemonUrl = client.DEFAULT_URL,
    output: OutputFormat = Format.text,
) -> None:
    """End a silence now; alerts that still fire are told at once."""
    _end(url, silence_id)
    print_data({"silenceID": silence_id, "state": "expired"}, [f"{silence_id} expired"], output)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"--start {text!r} is not a time with its zone; write it like 2026-12-01T22:00:00Z")
    return moment


# -- maintenance -------------------------------------------------------------------------------------------------------


maintenance = typer.Typer(
    help="Say that a target is worked on: it pages nobody, its recovery is still told, and no downtime is counted.",
    epilog=example(_START),
    no_args_is_help=True,
    rich_markup_mode=None,
)


@maintenance.command(epilog=example(_START))
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
    _post(url, body, output)


@maintenance.command("list", epilog=example("watchtower maintenance list"))
def list_maintenance(url: DaemonUrl = client.DEFAULT_URL, output: OutputFormat = Format.text) -> None:
    """Print what is being maintained."""
    _print(_going_on(url), output)


@maintenance.command(epilog=example("watchtower maintenance end shop.example.com"))
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
        _end(url, found)
    print_data({"silenceIDs": meant, "state": "expired"}, [f"{target}: maintenance ended"], output)


def _going_on(url: str) -> list[dict[str, Any]]:
    return [one for one in _listed(url, expired=False) if one.get("maintenance")]


# -- both --------------------------------------------------------------------------------------------------------------


def _post(url: str, body: dict[str, Any], output: Format) -> None:
    answer = asked(client.post(url, "/api/v2/silences", body))
    print_data(answer, [answer["silenceID"]], output)


def _end(url: str, silence_id: str) -> None:
    asked(client.ask("DELETE", url, f"/api/v2/silence/{quote(silence_id, safe='')}"))


def _listed(url: str, *, expired: bool) -> list[dict[str, Any]]:
    return silences.shown_silences(asked(client.ask("GET", url, "/api/v2/silences")), expired=expired)


def _print(found: list[dict[str, Any]], output: Format) -> None:
    if output is Format.json:
        print_json(found)
    else:
        print_table(("id", "state", "starts", "ends", "matchers", "by", "comment"), silences.silence_rows(found))
