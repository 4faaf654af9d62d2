"""The commands of design section 7. Exit codes: 0 fine, 1 what the table there says, 2 misuse or unreadable files.

Each command imports what it needs when it runs: `silence` and `send-test` answer at once, and only the daemon and the
commands that read rules pay for their libraries.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import uvloop

from watchtower import __version__, client, silence_cli
from watchtower.errors import ConfigError, ListenError, StoreError, StoreTooNew, Unreadable
from watchtower.terminal import (
    DaemonUrl,
    Format,
    LogTool,
    OutputFormat,
    SchemaKind,
    asked,
    example,
    fail,
    leave_pipe,
    print_data,
    print_json,
    print_line,
    print_table,
    user_name,
)

if TYPE_CHECKING:
    from watchtower.config import Config, Loaded

app = typer.Typer(
    name="watchtower",
    help="Watches an AWS estate, decides, and pages the right person once, with the evidence.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(silence_cli.app, name="silence")
app.add_typer(silence_cli.maintenance, name="maintenance")


ConfigPath = Annotated[Path, typer.Option("--config", help="The configuration file.", metavar="FILE")]


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Watches an AWS estate, decides, and pages the right person once, with the evidence."""
    if version:
        sys.stdout.write(f"watchtower {__version__}\n")
        raise typer.Exit


@app.command(epilog=example("watchtower run --config watchtower.yaml"))
def run(config: ConfigPath) -> None:
    """Run the daemon; SIGTERM drains and stops within 10 s, SIGHUP reloads."""
    from watchtower.logs import configure_logs
    from watchtower.service import Service, run_until_signalled

    loaded = _load(config)
    configure_logs()
    try:
        uvloop.run(run_until_signalled(Service(config, loaded)))
    except (ListenError, StoreTooNew) as error:
        fail(str(error), code=1)


@app.command(epilog=example("watchtower demo --once"))
def demo(
    once: Annotated[bool, typer.Option("--once", help="End with the scenario.")] = False,
    speed: Annotated[float, typer.Option(help="Virtual seconds in one real second.", min=1, max=240)] = 30,
    listen: Annotated[str, typer.Option(help="Where to serve /metrics.")] = "127.0.0.1:9464",
    rules: Annotated[Path | None, typer.Option(help="Rules instead of the demo's.", metavar="DIR")] = None,
) -> None:
    """Run the daemon on a simulated estate, no account needed."""
    from watchtower.demo.run import run_demo

    try:
        kept = uvloop.run(run_demo(once=once, speed=speed, listen=listen, rules=rules))
    except (ConfigError, ListenError) as error:
        fail(str(error), code=1)
    raise typer.Exit(0 if kept else 1)


@app.command(epilog=example("watchtower check --config watchtower.yaml"))
def check(config: ConfigPath, output: OutputFormat = Format.text) -> None:
    """Print all faults and warnings, sorted, and each rule's worst-case time to page."""
    from watchtower.commands import check as said
    from watchtower.config import load

    try:
        loaded = load(config)
    except Unreadable as error:
        fail(str(error), code=2)
    except ConfigError as error:
        print_data(said.fault_rows(error.faults), said.fault_lines(error.faults), output)
        raise typer.Exit(1) from None
    print_data(said.check_report(loaded), said.check_lines(loaded), output)


@app.command("test", epilog=example("watchtower test rules/tests/*.yaml --junit report.xml"))
def rule_tests(
    files: Annotated[list[Path], typer.Argument(help="Rule test files.", metavar="FILE...")],
    output: OutputFormat = Format.text,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit's XML too.", metavar="FILE")] = None,
) -> None:
    """Run rule tests on a virtual clock: states, and with a configuration who is told."""
    from watchtower.commands.rule_tests import run_rule_tests
    from watchtower.ruletest import report_data, report_lines

    try:
        reports = run_rule_tests(files, junit)
    except Unreadable as error:
        fail(str(error), code=2)
    except OSError as error:
        fail(f"{junit} cannot be written: {error.strerror}", code=2)
    print_data(report_data(reports), report_lines(reports), output)
    raise typer.Exit(0 if all(report.passed for report in reports) else 1)


@app.command(epilog=example("watchtower schema --of rules > rules.schema.json"))
def schema(
    of: Annotated[SchemaKind, typer.Option(help="Of which files; any: one schema for all.")] = SchemaKind.any,
) -> None:
    """Print the JSON Schema of rules, configuration and rule tests, for editors."""
    from watchtower.schemas import json_schema

    print_json(json_schema(of))


@app.command(epilog=example("watchtower once --config watchtower.yaml"))
def once(config: ConfigPath, output: OutputFormat = Format.text) -> None:
    """Evaluate every rule once and print a table; nothing is sent."""
    from watchtower.commands.once import evaluate, once_report, once_rows
    from watchtower.logs import configure_logs

    loaded = _load(config)
    configure_logs(sys.stderr)
    found = uvloop.run(evaluate(loaded))
    if output is Format.json:
        print_json(once_report(found))
    else:
        print_table(("rule", "state", "labels", "priority", "value", "reason"), once_rows(found))
        for trouble in found.troubles:
            place = " ".join(part for part in (trouble.source, trouble.account, trouble.region) if part)
            sys.stderr.write(f"poll failed: {place}: {trouble.reason}: {trouble.detail}\n")
    raise typer.Exit(1 if found.troubles else 0)


@app.command(epilog=example("""watchtower why 'RdsCpuHigh{DBInstanceIdentifier="db-1"}' --config watchtower.yaml"""))
def why(
    alert: Annotated[
        str,
        typer.Argument(help="""A rule's name, with labels to narrow it: Name{label="x"}; or an incident's id."""),
    ],
    config: ConfigPath,
    output: OutputFormat = Format.text,
) -> None:
    """Explain from the store why somebody was told, or was not: evaluations, decisions, deliveries."""
    from watchtower.commands import why as said

    settings = _load_for_reading(config)
    try:
        found = asyncio.run(said.explain(settings.store, alert))
    except ValueError as error:
        fail(str(error), code=2)
    except StoreError as error:
        fail(str(error), code=1)
    if not found:
        fail(said.nothing_known(settings, alert), code=1)
    report = [said.explanation_report(one, alert) for one in found]
    print_data(report, said.explanation_lines(found, alert), output)


@app.command(
    "match-log",
    epilog=example("""watchtower match-log '[w1="*CRITICAL*"]' app.log"""),
    context_settings={"ignore_unknown_options": True},  # `-ERROR` is a pattern
)
def match_log(
    pattern: Annotated[str, typer.Argument(help="A CloudWatch filter pattern.")],
    file: Annotated[Path | None, typer.Argument(help="Log lines; - or nothing: standard input.")] = None,
    output: OutputFormat = Format.text,
) -> None:
    """Print the lines that a CloudWatch filter pattern matches; no account needed."""
    from watchtower.commands import match_log as said
    from watchtower.logpattern import PatternError, compile_pattern

    try:
        compiled = compile_pattern(pattern)
        matches = 0
        for number, line in said.matching(compiled, file):
            matches += 1
            print_line(said.as_data(compiled, number, line) if output is Format.json else line)
    except PatternError as error:
        fail(f"the pattern is not valid: {error}\n  {pattern}\n  {' ' * (error.column - 1)}^", code=2)
    except BrokenPipeError:
        leave_pipe()  # `| head` has read enough
    except OSError as error:
        fail(f"{file or 'standard input'} cannot be read: {error.strerror}", code=2)
    raise typer.Exit(0 if matches else 1)


@app.command(epilog=example("watchtower ack 1f0c9d52 --by ana"))
def ack(
    incident: Annotated[str, typer.Argument(help="Its id, or at least the first 8 characters.", metavar="INCIDENT")],
    by: Annotated[str, typer.Option(help="Who has it in hand; by default you.", metavar="NAME")] = "",
    comment: Annotated[str, typer.Option(help="What the others should know.", metavar="TEXT")] = "",
    lasts: Annotated[
        str, typer.Option("--for", help="How long, such as 2h; by default what its route says.", metavar="DURATION")
    ] = "",
    url: DaemonUrl = client.DEFAULT_URL,
    output: OutputFormat = Format.text,
) -> None:
    """Say that somebody has an incident in hand: nobody else is called, and the other channels are told."""
    from urllib.parse import quote

    body = {"by": by or user_name(), "comment": comment, "via": "cli", "for": lasts}
    found = asked(client.post(url, f"/api/v1/incidents/{quote(incident, safe='')}/acknowledge", body))
    held = found["acknowledged"]
    until = f" until {held['until']}" if held["until"] else ""
    print_data(found, [f"{found['id']} acknowledged by {held['by']}{until}"], output)


@app.command(epilog=example("watchtower accept www.example.com"))
def accept(
    target: Annotated[str, typer.Argument(help="As the label `target` of its alert says.", metavar="TARGET")],
    url: DaemonUrl = client.DEFAULT_URL,
    output: OutputFormat = Format.text,
) -> None:
    """Say that a page has changed and that this is right: what the next probe sees is the accepted content."""
    from urllib.parse import quote

    answer = asked(client.post(url, f"/api/v1/probes/{quote(target, safe='')}/accept"))
    print_data(answer, [f"{answer['target']}: {answer['detail']}"], output)


@app.command("log-filters", epilog=example("watchtower log-filters --config watchtower.yaml --only terraform"))
def log_filters(
    config: ConfigPath,
    only: Annotated[LogTool | None, typer.Option(help="One of the two.")] = None,
    output: OutputFormat = Format.text,
) -> None:
    """Print the metric filters that the rules under `logs:` need, for the AWS CLI and for Terraform."""
    from watchtower.commands import log_filters as said

    loaded = _load(config)
    print_data(said.filter_data(loaded), said.filter_lines(loaded, only), output)


@app.command(epilog=example("watchtower cost --config watchtower.yaml --live"))
def cost(
    config: ConfigPath,
    live: Annotated[bool, typer.Option("--live", help="Ask AWS once and count; that costs one poll.")] = False,
    series: Annotated[int, typer.Option(help="Series a glob is taken for without --live.", min=0)] = 10,
    output: OutputFormat = Format.text,
) -> None:
    """Print what CloudWatch charges for the rules' metrics in a month of thirty days."""
    from watchtower.commands import cost as said
    from watchtower.logs import configure_logs

    loaded = _load(config)
    if not live:
        costs = said.assumed(loaded, series)
        print_data(said.cost_report(costs), said.cost_lines(costs, loaded), output)
        return
    configure_logs(sys.stderr)
    found = uvloop.run(said.count(loaded))
    costs = said.live(loaded, found)
    print_data(said.cost_report(costs, found.troubles), said.cost_lines(costs, loaded), output)
    for trouble in found.troubles:
        sys.stderr.write(f"not counted: {trouble.source} {trouble.account} {trouble.region}: {trouble.detail}\n")
    raise typer.Exit(1 if found.troubles else 0)


@app.command("iam-policy", epilog=example("watchtower iam-policy --config watchtower.yaml > policy.json"))
def iam_policy(
    config: ConfigPath,
    account: Annotated[
        str, typer.Option(help="Only of whoever reads this account; by default of all together.", metavar="NAME")
    ] = "",
) -> None:
    """Print the least IAM policy that the rules, event queues and SNS channels need."""
    from watchtower.commands.iam_policy import policy

    loaded = _load(config)
    names = [one.name for one in loaded.config.aws.accounts]
    if account and account not in names:
        fail(f"there is no account {account}; there is {', '.join(names) or 'none'}", code=2)
    print_json(policy(loaded, account or None))


@app.command("send-test", epilog=example("watchtower send-test oncall"))
def send_test(
    channel: Annotated[str, typer.Argument(help="A channel of the configuration.")],
    url: DaemonUrl = client.DEFAULT_URL,
    output: OutputFormat = Format.text,
) -> None:
    """Ask the running daemon to send a labelled test through one channel."""
    answer = asked(client.post(url, f"/api/v1/channels/{channel}/test"))
    print_data(answer, [f"{channel}: {answer.get('detail', 'accepted')}"], output)


@app.command(epilog=example("watchtower forget oncall"))
def forget(
    channel: Annotated[str, typer.Argument(help="As status names it.", metavar="CHANNEL")],
    by: Annotated[str, typer.Option(help="Who says so; by default you.", metavar="NAME")] = "",
    url: DaemonUrl = client.DEFAULT_URL,
    output: OutputFormat = Format.text,
) -> None:
    """Write off what a channel owes where no channel leads any more; what still looks open there is closed by hand."""
    from urllib.parse import quote

    body = {"by": by or user_name()}
    told = asked(client.post(url, f"/api/v1/channels/{quote(channel, safe='')}/forget", body))
    owed = "1 resolve" if told["resolves"] == 1 else f"{told['resolves']} resolves"
    print_data(told, [f"{channel}: {owed} written off"], output)


@app.command(epilog=example("watchtower status --format json"))
def status(url: DaemonUrl = client.DEFAULT_URL, output: OutputFormat = Format.text) -> None:
    """Print how the running daemon fares: its channels, what is open, owed and given up."""
    from watchtower.commands import status as said

    told = asked(client.ask("GET", url, said.PATH))
    print_data(told, said.status_lines(told), output)


def main() -> None:
    """The installed command."""
    app()


def _load(path: Path) -> Loaded:
    from watchtower.config import load

    try:
        return load(path)
    except Unreadable as error:
        fail(str(error), code=2)
    except ConfigError as error:
        fail(str(error), code=1)


def _load_for_reading(path: Path) -> Config:
    from watchtower.config import load_for_reading

    try:
        return load_for_reading(path)
    except Unreadable as error:
        fail(str(error), code=2)
    except ConfigError as error:
        fail(str(error), code=1)
