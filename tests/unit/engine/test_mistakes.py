"""A mistake of ours in one tick is a poll that failed: counted, told with its reason, and tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client import generate_latest

from tests.support.clock import START, ManualClock
from tests.support.make import claimed, rule, unit
from watchtower.clock import epoch
from watchtower.engine import judging
from watchtower.engine import tick as ticking
from watchtower.engine.archive import Archive
from watchtower.engine.plan import Plan
from watchtower.engine.settings import EngineSettings
from watchtower.engine.tick import Ticker
from watchtower.evaluation.judge import judge
from watchtower.live import Live
from watchtower.model import Answer, Labels, Observation, PollResult, Priority, TroubleReason

if TYPE_CHECKING:
    import pytest

    from watchtower.sources.base import Ask, Poll, Unit
    from watchtower.store.values import TickCommit

TICK = int(epoch(START)) - 120
HIGH = Observation(Labels({"InstanceId": "i-1"}), ((TICK - 60, 99.0),))


class Source:
    """Answers both rules, unless it fails."""

    name = "cloudwatch"

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def owns(self, unit: Unit, rule: str, identity: Labels) -> bool:
        return True

    async def poll(self, poll: Poll) -> PollResult:
        if self.error is not None:
            raise self.error
        return PollResult(tuple(Answer(one.rule, (HIGH,)) for one in poll.unit.asks), b"seen")


class Store:
    """Knows nothing yet."""

    async def alert_states(self, *_: object, **__: object) -> list[Any]:
        return []

    async def silences(self) -> list[Any]:
        return []


class Writer:
    """Keeps what was committed."""

    def __init__(self) -> None:
        self.commits: list[TickCommit] = []

    async def commit(self, commit: TickCommit) -> bool:
        self.commits.append(commit)
        return True


def asks() -> tuple[Ask, ...]:
    [one] = unit().asks
    return (one, type(one)("DiskFull", None, 60, 3, Priority.P1))


async def ticked(source: Source) -> tuple[TickCommit, str]:
    rules = {name: rule(name, Priority.P1) for name in ("CpuHigh", "DiskFull")}
    sources: Any = {"cloudwatch": source}
    mine, live, writer = unit(asks=asks()), Live(ManualClock()), Writer()
    plan = Plan(rules, {mine.id: mine}, sources)
    store: Any = Store()
    keeps: Any = writer
    archive = Archive(lambda: plan, live.metrics)
    ticker = Ticker(store, keeps, live, ManualClock(), EngineSettings(), "test", archive)
    await ticker.run(plan, mine, claimed())
    [commit] = writer.commits
    return commit, generate_latest(live.metrics.registry).decode()


async def test_a_source_that_raises_what_nobody_expects_is_a_poll_that_failed() -> None:
    commit, metrics = await ticked(Source(KeyError("Aliases")))

    assert commit.failure == "a mistake of Watchtower's, KeyError: 'Aliases' (internal)"
    assert (commit.failures, commit.silent, commit.blinded) == (1, True, ("CpuHigh", "DiskFull"))
    assert commit.reasons == (TroubleReason.INTERNAL,)
    assert (commit.memory, commit.last_tick) == (None, None)
    assert (
        'watchtower_poll_failures_total{account="prod",reason="internal",region="eu-west-1",source="cloudwatch"} 1.0'
    ) in metrics


async def test_a_mistake_in_judging_one_rule_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(asked: Any, *rest: Any, **more: Any) -> Any:
        if asked.name == "DiskFull":
            raise ZeroDivisionError("division by zero")
        return judge(asked, *rest, **more)

    monkeypatch.setattr(judging, "judge", fails)

    commit, _ = await ticked(Source())

    assert {change.key.rule for change in commit.transitions} == {"CpuHigh"}
    assert commit.failure == "DiskFull: a mistake of Watchtower's, ZeroDivisionError: division by zero (internal)"
    assert (commit.blinded, commit.silent) == (("DiskFull",), False)
    assert commit.memory == b"seen"


async def test_a_mistake_in_what_is_drawn_costs_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> Any:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(ticking, "with_graphs", fails)

    commit, _ = await ticked(Source())

    assert {change.key.rule for change in commit.transitions} == {"CpuHigh", "DiskFull"}
    assert "ZeroDivisionError" in commit.failure


async def test_what_a_mistake_says_is_short_and_holds_no_secret() -> None:
    commit, _ = await ticked(Source(ValueError("https://me:hunter2secret@x.example " + "x" * 5000)))

    assert "hunter2secret" not in commit.failure
    assert len(commit.failure) < 300
