"""How long a scrape of many series takes, beside the Python client library of Prometheus in the same process.

    python bench/scrape.py [--series 10000,100000]

Ours: ``web.exposition.render`` over samples of CloudWatch's shape (five labels a series, a hundred a work unit), all
of them in place; then the same in gzip, and what one unit's commit costs, which is where the lines are made. Theirs:
``generate_latest`` over gauges with the same labels. Times are CPU seconds, so that what else the machine does hardly
counts; of several turns the fastest, on both sides.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from watchtower.clock import SystemClock
from watchtower.live import Live
from watchtower.model import Labels, Sample
from watchtower.web.exposition import render, squeeze

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = [f"aws_ec2_metric_{number}_average" for number in range(20)]
LABELS = ("account_id", "region", "name", "dimension_InstanceId", "tag_team")
TURNS = 7
#: Series that one work unit polls.
UNIT = 100


def labels_of(number: int) -> dict[str, str]:
    instance = f"i-{number:017x}"
    arn = f"arn:aws:ec2:eu-west-1:111122223333:instance/{instance}"
    return dict(zip(LABELS, ("111122223333", "eu-west-1", arn, instance, "shop"), strict=True))


def unit_of(first: int, at: float) -> list[Sample]:
    return [
        Sample("aws", NAMES[number % len(NAMES)], Labels(labels_of(number)), number + 0.5, at, "CloudWatch AWS/EC2")
        for number in range(first, first + UNIT)
    ]


def ours(series: int) -> tuple[Live, float]:
    """Everything in place, and the CPU seconds that a unit's commit took on average."""
    clock = SystemClock()
    live = Live(clock)
    at = clock.now().timestamp()
    units = {f"unit-{first}": unit_of(first, at) for first in range(0, series, UNIT)}
    began = time.process_time()
    for name, samples in units.items():
        live.samples.put(name, samples, period=60, grace=120)
    return live, (time.process_time() - began) / len(units)


def theirs(series: int) -> CollectorRegistry:
    registry = CollectorRegistry()
    gauges = [Gauge(name, "CloudWatch AWS/EC2", LABELS, registry=registry) for name in NAMES]
    for number in range(series):
        gauges[number % len(NAMES)].labels(**labels_of(number)).set(number + 0.5)
    return registry


def fastest(turn: Callable[[], object], turns: int = TURNS) -> float:
    took = []
    for _ in range(turns):
        began = time.process_time()
        turn()
        took.append(time.process_time() - began)
    return min(took)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", default="10000,100000")
    sizes = [int(each) for each in parser.parse_args().series.split(",")]
    heads = ("text", "scrape", "+ gzip", "of text", "a commit", "client", "ratio")
    print(f"{'series':>8}" + "".join(f"{head:>11}" for head in heads))
    for series in sizes:
        live, commit = ours(series)

        def scrape(live: Live = live) -> bytes:
            return asyncio.run(render(live, None, ("watchtower", "probe", "aws"), openmetrics=False))

        text = scrape()
        assert text.count(b"\naws_") == series
        plain, packed = fastest(scrape), fastest(lambda text=text: squeeze(text), 3)
        share = len(squeeze(text)) / len(text)
        registry = theirs(series)
        client = fastest(lambda registry=registry: generate_latest(registry), 3)
        print(
            f"{series:>8}{len(text) / 1e6:>8.1f} MB{plain * 1e3:>8.1f} ms{(plain + packed) * 1e3:>8.1f} ms"
            f"{share:>11.3f}{commit * 1e3:>8.2f} ms{client * 1e3:>8.0f} ms{plain / client:>11.3f}"
        )
    print("a commit: of one unit with 100 series; ratio: our scrape by the client library's")
    return 0


if __name__ == "__main__":
    sys.exit(main())
