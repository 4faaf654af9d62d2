"""Everything outside the daemon in one run: its vendors with their books, and the files it reads."""

from __future__ import annotations

import os
import re
import signal
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from tests.support.crash_matrix.deaths import OUTSIDE, Phase
from tests.support.crash_matrix.scripts import Kind, Script
from tests.support.sns_endpoint import TOPIC, SnsEndpoint
from watchtower.demo import faults
from watchtower.demo.loopback import LoopbackVendor, Reply
from watchtower.demo.pagerduty import DEMO_KEY, PagerDutyServer
from watchtower.demo.slack import DEMO_TOKEN, SlackServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from aiohttp import web

    from tests.support.crash_matrix.clock import SharedClock
    from tests.support.crash_matrix.deaths import Death

OTHER_KEY = "watchtower0other0routing0key0000"
ENV = {
    "PD_KEY": DEMO_KEY,
    "OTHER_PD_KEY": OTHER_KEY,
    "SLACK_TOKEN": DEMO_TOKEN,
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
}
#: Clock seconds between two looks at a site, and of everything that follows a page. A look takes no longer than its
#: interval, and a busy machine must not take it for a site that is down.
INTERVAL = "20s"
ESCALATES_AFTER = "5s"
HELD_FOR = "60s"
#: Clock seconds by which a slow answer is late: less than a request may take.
SLOW = 6.0


@dataclass
class Eye:
    """Sees each request of one vendor and strikes the process that makes it; shared by the vendors of a run."""

    phase: Phase = Phase.BEGIN
    pid: int = 0
    death: Death | None = None
    left: int = 0
    struck: bool = False

    def watch(self, pid: int, death: Death | None) -> None:
        """From now on this process is the one that may be struck."""
        self.pid, self.struck = pid, False
        self.death = death if death is not None and death.step in OUTSIDE else None
        self.left = death.nth if death is not None else 0

    def meets(self, step: str, channel: str) -> bool:
        """Whether the process was struck at this step."""
        death = self.death
        if death is None or (death.step, death.phase, death.channel) != (step, self.phase, channel):
            return False
        self.left -= 1
        if self.left != 0:
            return False
        self.death, self.struck = None, True
        os.kill(self.pid, signal.SIGSTOP if death.pause else signal.SIGKILL)
        return True


class _Seen(LoopbackVendor):
    """A vendor whose requests an eye sees; reading ones are no deliveries."""

    eye: Eye
    channel: str
    note: Callable[[str], None]

    def strikes(self, step: str, request: web.Request) -> bool:
        """Whether this request is struck."""
        struck = "conversations." not in request.path and self.eye.meets(step, self.channel)
        if struck:
            self.note(f"{self.channel}: struck when {step}")
        return struck

    def _answered(self, request: web.Request, body: bytes, reply: Reply, acted: bool | None = None) -> web.Response:
        """Into the timeline, as short as it can be understood."""
        done = ", acted on" if acted else ""
        self.note(f"{self.channel}: {request.path} {_short(self.read(request, body))}: {reply.outcome}{done}")
        return super()._answered(request, body, reply, acted)


def _short(payload: Any) -> str:
    """What a request is about: its kind, its key or delivery, the site that it names."""
    if not isinstance(payload, dict):
        return ""
    said = orjson.dumps(payload).decode()
    sites = sorted(set(re.findall(r"r\d+-site\d+", said)))
    key = payload.get("dedup_key") or payload.get("ts") or payload.get("thread_ts") or ""
    ids = re.findall(r'"delivery_id":"([^"]+)"', said)
    return " ".join(str(one) for one in (payload.get("event_action", ""), key, *ids[:1], *sites[:3]) if one)


_UNREAD = Reply(503, "", "lost")


class SeenPagerDuty(_Seen, PagerDutyServer):
    """PagerDuty, seen."""

    def act(self, request: web.Request, body: bytes) -> Reply:
        """Take one event."""
        if self.strikes("arrived", request):
            return _UNREAD
        reply = super().act(request, body)
        self.strikes("accepted", request)
        return reply


class SeenSlack(_Seen, SlackServer):
    """Slack, seen; ``posted`` are the delivery ids of messages in the order in which they were posted."""

    posted: list[str]

    def act(self, request: web.Request, body: bytes) -> Reply:
        """Answer a method."""
        if self.strikes("arrived", request):
            return _UNREAD
        reply = super().act(request, body)
        if reply.accepted and request.path.endswith("chat.postMessage"):
            metadata = self.read(request, body).get("metadata") or {}
            self.posted.append(metadata.get("event_payload", {}).get("delivery_id", ""))
        self.strikes("accepted", request)
        return reply


class SeenSns(_Seen, SnsEndpoint):
    """SNS, seen."""

    def act(self, request: web.Request, body: bytes) -> Reply:
        """Take one publish."""
        if self.strikes("arrived", request):
            return _UNREAD
        reply = super().act(request, body)
        self.strikes("accepted", request)
        return reply


@dataclass
class World:
    """One run's vendors and files."""

    script: Script
    folder: Path
    pagerduty: SeenPagerDuty
    slack: SeenSlack
    hook: SeenSlack
    sns: SeenSns
    eye: Eye
    ports: tuple[int, int]
    store: str
    site: str
    clock: SharedClock
    began: float = 0.0
    timeline: list[str] = field(default_factory=list)

    def note(self, what: str) -> None:
        """Keep it for the report of a run that broke a promise."""
        self.timeline.append(f"{self.clock.monotonic() - self.began:8.1f}  {what}")

    def vendor(self, channel: str) -> LoopbackVendor:
        """Who stands behind a channel."""
        vendors: dict[str, LoopbackVendor] = {
            "oncall": self.pagerduty,
            "ops": self.slack,
            "hook": self.hook,
            "audit": self.sns,
        }
        return vendors[channel]

    def enter(self, phase: Phase) -> None:
        """From now on everything belongs to this phase; the vendor misbehaves in the one that its cell names."""
        self.eye.phase = phase
        self.note(f"phase {phase}")
        cell = self.script.cell
        if self.script.withheld:
            self.slack.withheld = True
        if self.script.kind is Kind.FALLBACK and phase is Phase.BEGIN:
            self.pagerduty.faults.always(faults.refused("invalid key"))
        if cell.phase is phase:
            fault = fault_of(cell.fault, cell.channel)
            if fault is not None:
                self.vendor(cell.channel).faults.next(fault, self.script.times)

    def config(self, worker: int) -> Path:
        """The configuration of a worker: they differ by where they listen."""
        return self.folder / f"watchtower-{worker}.yaml"

    def url(self, worker: int) -> str:
        """Where a worker listens."""
        return f"http://127.0.0.1:{self.ports[worker]}"

    def write(self) -> None:
        """Write the files; JSON is YAML."""
        for worker, port in enumerate(self.ports):
            config = {**self._config(), "listen": f"127.0.0.1:{port}"}
            self.config(worker).write_bytes(orjson.dumps(config))
        rules = {"group": "sites", "rules": [self._rule()]}
        (self.folder / "rules.yaml").write_bytes(orjson.dumps(rules))

    def _config(self) -> dict[str, Any]:
        slack = {"type": "slack", "token": {"env": "SLACK_TOKEN"}, "api_url": self.slack.url}
        pager = {"type": "pagerduty", "api_url": self.pagerduty.url}
        channels = {
            "oncall": {**pager, "routing_key": {"env": "PD_KEY"}},
            "lead": {**pager, "routing_key": {"env": "OTHER_PD_KEY"}},
            "ops": {**slack, "channel": "#ops"},
            "own": {**slack, "channel": "#own"},
            "hook": {"type": "slack", "webhook_url": {"env": "HOOK"}},
            "audit": {"type": "sns", "topic_arn": TOPIC, "api_url": self.sns.origin},
        }
        own = {"name": "own", "match": ['alert=~"Watchtower.*"'], "channels": ["own"]}
        config = {
            "environment": "test",
            "store": self.store,
            "rules": ["rules.yaml"],
            "channels": channels,
            "routes": [own, self._route()],
        }
        if self.script.kind is Kind.FALLBACK:
            config["fallback"] = {"oncall": "ops"}
        return config

    def _route(self) -> dict[str, Any]:
        kind = self.script.kind
        route: dict[str, Any] = {"name": "sites", "group_by": ["alert", "target"]}
        route["channels"] = ["oncall", "ops", "hook", "audit"]
        if kind is Kind.DIGEST:
            route["channels"].remove("oncall")
        if kind is Kind.FALLBACK:
            route["channels"].remove("ops")
        if kind is Kind.ESCALATION:
            route["escalate"] = {"after": ESCALATES_AFTER, "channels": ["lead"]}
        if kind is Kind.ROUNDS:
            route["acknowledge_for"] = HELD_FOR
        return route

    def _rule(self) -> dict[str, Any]:
        when: dict[str, Any] = {"P1": "down"}
        if self.script.kind is Kind.DIGEST:
            when = {"P2": "down"}
        if self.script.kind is Kind.RISE:
            when = {"P2": "down", "P1": {"when": "down", "datapoints": "2 of 2"}}
        http = {"url": self.site + "{{ target }}", "expect": {"status": 200}}
        return {
            "alert": "SiteDown",
            "probe": {
                "http": http,
                "targets": list(self.script.targets),
                "interval": INTERVAL,
                "timeout": "19s",
            },
            "when": when,
            "recover": {"datapoints": "1 of 1"},
            "summary": "{{ labels.target }} is down",
        }


def fault_of(name: str, channel: str) -> faults.Fault | None:
    """A fault by its name in the matrix; it strikes what changes something, not the questions about it."""
    posts = {"ops": "chat.postMessage"}.get(channel, "") if name.endswith("withheld") else ""
    acted = "-acted" in name
    made = {
        "hang": faults.hang(acted=acted, operation=posts),
        "reset": faults.reset(acted=acted, operation=posts),
        "503": faults.server_error(acted=acted, operation=posts),
        "429": faults.throttled(3),
        "slow": faults.slow(SLOW),
        "error": faults.refused("internal_error", acted=acted),
    }
    return made.get(name.partition("+")[0].removesuffix("-acted"))


@asynccontextmanager
async def open_world(
    script: Script, folder: Path, clock: SharedClock, *, ports: tuple[int, int], store: str, site: str
) -> AsyncIterator[World]:
    """The vendors of a run, listening."""
    eye = Eye()
    async with (
        SeenPagerDuty(clock, (DEMO_KEY, OTHER_KEY)) as pagerduty,
        SeenSlack(clock, ("ops", "own")) as slack,
        SeenSlack(clock) as hook,
        SeenSns(clock) as sns,
    ):
        seen: list[_Seen] = [pagerduty, slack, hook, sns]
        for channel, vendor in zip(("oncall", "ops", "hook", "audit"), seen, strict=True):
            vendor.eye, vendor.channel = eye, channel
        slack.posted, hook.posted = [], []
        world = World(script, folder, pagerduty, slack, hook, sns, eye, ports, store, site, clock)
        for one in seen:
            one.note = world.note
        world.began = clock.monotonic()
        world.write()
        yield world
