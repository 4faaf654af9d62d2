"""How fast a batch of series is judged, and how fast Debian's Prometheus evaluates the like alert.

    python bench/evaluation.py [--series 10000,100000,1000000] [--without-prometheus]

Ours: ``judge()`` over a rule `> 80` for 2 of 2 datapoints, from the second tick on, while 1 % of the series
change in every tick (half of them begin to fire, half end); the answer, with four datapoints a series, is built outside
of the measured time. Prometheus: ``min_over_time(x[two scrapes]) > 80`` over as many series with the same labels, of
which as many fire, and none change; its own ``prometheus_rule_group_last_duration_seconds`` is what counts.

Each size runs in a process of its own. Of several evaluations the fastest counts, on both sides: what else the machine
does only adds to it. Memory is the growth of the resident set, by series: ours with the answer that is judged.
"""

from __future__ import annotations

import argparse
import gc
import http.server
import json
import multiprocessing
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from watchtower.clock import from_epoch
from watchtower.evaluation.judge import judge
from watchtower.model import Answer, Labels, Observation, Priority, State
from watchtower.rulebook.conditions import Condition
from watchtower.rulebook.rule import Flapping, Level, Missing, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchtower.model import AlertKey, AlertState

START = 1_767_571_200
MINUTE = 60
TICKS = 5
#: So few series are judged in more ticks: what else the machine does weighs more on milliseconds.
FEW = 100_000
#: One series in so many begins to fire in each tick, and as many end: together 1 % change.
SHARE = 200


@dataclass(frozen=True)
class Result:
    """Seconds of one evaluation, and resident bytes: of everything, and of what the evaluation added."""

    series: int
    seconds: float
    bytes_all: float
    bytes_added: float


# -- ours ------------------------------------------------------------------------------------------------------------

RULE = Rule(
    name="CpuHigh",
    group="bench",
    source="cloudwatch",
    query=None,
    period=MINUTE,
    levels=(Level(Priority.P3, Condition.parse("> 80"), 2, 2, {}),),
    missing=Missing.MISSING,
    recover=None,
    slots=4,
    labels={},
    annotations={},
    summary=None,
    runbook=None,
    accounts=(),
    regions=(),
    enabled=True,
    notify=True,
    file="rules.yaml",
    line=1,
    flapping=Flapping(),
    max_page_age=1800,
)


def instance(number: int) -> str:
    return f"i-{number:017x}"


def answer(identities: list[Labels], tick: int, turn: int) -> Answer:
    """What a poll brings: four datapoints a series; in each turn other series are hot."""
    observations = []
    slots = [tick - MINUTE * back for back in (4, 3, 2, 1)]
    for number, identity in enumerate(identities):
        now = 90.0 + number % 5 if number % SHARE == turn else 50.0 + number % 7
        values = (50.0, 51.0 + number % 3, now, now + 0.5)
        observations.append(Observation(identity, tuple(zip(slots, values, strict=True))))
    return Answer(RULE.name, tuple(observations))


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure_ours(series: int) -> Result:
    judged(SHARE)  # what a process needs before its first series is no series' share
    gc.collect()
    empty = resident()
    seconds, most, added = judged(series)
    return Result(series, seconds, (most - empty) / series, added / series)


def judged(series: int) -> tuple[float, int, int]:
    """Judge so many series in several ticks: the seconds of the fastest, the peak in bytes, and what judging added.

    Few series are judged more often for the sake of the seconds; memory is that of as many ticks as of many series,
    because what changed once is remembered.
    """
    place = (("account", "prod"), ("region", "eu-west-1"))
    identities = [Labels([*place, ("InstanceId", instance(number))]) for number in range(series)]
    states: dict[AlertKey, AlertState] = {}
    took = []
    filled, most, added = 0, 0, 0
    for turn in range(TICKS if series > FEW else 5 * TICKS):
        tick = START + turn * MINUTE
        polled = answer(identities, tick, turn)
        gc.collect()
        filled = max(filled, resident())
        began = time.perf_counter()
        outcome = judge(RULE, polled, states, tick=tick, period=MINUTE, now=from_epoch(tick), environment="bench")
        took.append(time.perf_counter() - began)
        if turn < TICKS:
            most = peak()
            added = max(added, most - filled)
        for state in outcome.states:
            states[state.key] = state
        del polled
        assert len(outcome.transitions) == (series // SHARE) * (1 if turn == 0 else 2)
        assert sum(state.state is State.ALARM for state in outcome.states) == series // SHARE
    return min(took[1:]), most, added


def in_a_process(series: int) -> Result:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure_ours, (series,))


# -- Prometheus ------------------------------------------------------------------------------------------------------


class Exposition(http.server.BaseHTTPRequestHandler):
    """Serves one text that was made before."""

    text = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(self.text)))
        self.end_headers()
        self.wfile.write(self.text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def exposition(series: int) -> bytes:
    lines = ["# TYPE x gauge\n"]
    for number in range(series):
        value = 90 if number % SHARE == 0 else 50
        lines.append(f'x{{account="prod",region="eu-west-1",InstanceId="{instance(number)}"}} {value}\n')
    return "".join(lines).encode()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def configuration(folder: Path, target: int, interval: int) -> None:
    (folder / "rules.yml").write_text(
        json.dumps(
            {
                "groups": [
                    {
                        "name": "bench",
                        "interval": f"{interval}s",
                        "rules": [{"alert": "CpuHigh", "expr": f"min_over_time(x[{2 * interval + 1}s]) > 80"}],
                    }
                ]
            }
        )
    )
    (folder / "prometheus.yml").write_text(
        json.dumps(
            {
                "global": {"scrape_interval": f"{interval}s", "scrape_timeout": f"{interval}s"},
                "rule_files": ["rules.yml"],
                "scrape_configs": [{"job_name": "x", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}],
            }
        )
    )


@contextmanager
def prometheus(folder: Path) -> Iterator[str]:
    port = free_port()
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    with subprocess.Popen(command) as process:
        try:
            yield f"http://127.0.0.1:{port}/metrics"
        finally:
            process.send_signal(signal.SIGTERM)


def scraped(url: str) -> dict[str, float]:
    """Own metrics of Prometheus, without their labels; nothing while it starts."""
    try:
        with urllib.request.urlopen(url, timeout=30) as reply:
            text = reply.read().decode()
    except OSError:
        return {}
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return {line.partition("{")[0].partition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def measure_prometheus(series: int) -> Result | None:
    """The fastest of several evaluations over a full window; None when it does not get there in time."""
    interval = 5 if series < 50_000 else 15 if series < 500_000 else 40
    Exposition.text = exposition(series)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Exposition)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        configuration(folder, server.server_address[1], interval)
        with prometheus(folder) as url:
            result = watch(url, series, interval)
    server.shutdown()
    return result


def watch(url: str, series: int, interval: int) -> Result | None:
    empty, durations, last = 0.0, [], 0.0
    enough = TICKS if series > FEW else 3 * TICKS
    for _ in range(interval * (enough + 3)):
        time.sleep(1)
        seen = scraped(url)
        empty = empty or seen.get("process_resident_memory_bytes", 0.0)
        at = seen.get("prometheus_rule_group_last_evaluation_timestamp_seconds", 0.0)
        if at <= last or seen.get("prometheus_tsdb_head_series", 0) < series:
            continue
        last = at
        durations.append(seen["prometheus_rule_group_last_duration_seconds"])
        if len(durations) == enough:
            memory = (seen["process_resident_memory_bytes"] - empty) / series
            return Result(series, min(durations[1:]), memory, memory)
    return None


# -- both ------------------------------------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", default="10000,100000,1000000")
    parser.add_argument("--without-prometheus", action="store_true")
    parser.add_argument("--json", action="store_true", help="one line of JSON beside the table")
    options = parser.parse_args()
    sizes = [int(each) for each in options.series.split(",")]
    peer = shutil.which("prometheus") and not options.without_prometheus
    if not peer:
        print("prometheus is not installed (Debian: apt-get install prometheus), or was not asked for")
    ours = [in_a_process(size) for size in sizes]
    theirs = [measure_prometheus(size) if peer else None for size in sizes]
    table(ours, theirs)
    if options.json:
        found = {"watchtower": list(map(asdict, ours)), "prometheus": [one and asdict(one) for one in theirs]}
        print(json.dumps(found))
    return 0


def table(ours: list[Result], theirs: list[Result | None]) -> None:
    print(
        f"{'series':>9} {'judge':>9} {'series/s':>11} {'B/series':>9} {'B added':>8} {'growth':>7}"
        f" {'Prometheus':>11} {'B/series':>9} {'time':>6} {'memory':>7}"
    )
    for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        before = ours[number - 1] if number else None
        growth = f"{one.seconds / before.seconds / (one.series / before.series):.2f}" if before else ""
        line = f"{one.series:>9} {one.seconds:>7.3f} s {one.series / one.seconds:>11,.0f}"
        line += f" {one.bytes_all:>9.0f} {one.bytes_added:>8.0f} {growth:>7}"
        if other:
            line += f" {other.seconds:>9.3f} s {other.bytes_all:>9.0f}"
            line += f" {one.seconds / other.seconds:>6.2f} {one.bytes_all / other.bytes_all:>7.2f}"
        print(line)
    print("growth: time by series against the size before, 1 is linear; time, memory: ours by Prometheus's")


if __name__ == "__main__":
    sys.exit(main())
