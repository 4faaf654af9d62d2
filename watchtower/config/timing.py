"""How long it may take from a breach to a page, before any vendor is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.aws.config import publication_delay
from watchtower.config.reach import known_labels, may_match, possible_routes
from watchtower.incidents.inhibition import compile_inhibitions
from watchtower.incidents.routing import compile_routes
from watchtower.sources.announced.query import ResourceQuery
from watchtower.sources.balance.query import BalanceQuery
from watchtower.sources.cloudwatch.query import CloudWatchQuery
from watchtower.sources.composite import CompositeQuery
from watchtower.sources.heartbeat.query import HeartbeatQuery
from watchtower.sources.logs.query import LogsQuery
from watchtower.sources.probe.query import ProbeQuery
from watchtower.sources.rds.query import RdsBalanceQuery, RdsTopologyQuery

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from watchtower.config.model import Config
    from watchtower.rulebook.rule import Level, Rule


def worst_case_seconds(rule: Rule, config: Config, rules: Iterable[Rule] = ()) -> float:
    """Seconds from the breach to the page of the rule's most urgent priority, at worst.

    CloudWatch and what is computed of its metrics: N periods and one evaluation more, because a breach begins anywhere
    between two; then the publication delay. Topology: the interval of discovery in its place.
    Resources: their grace.
    Heartbeats: from the time at which the ping was expected, the grace and a look for each datapoint.
    Probes: the interval for each probe that must fail, and the timeout of the last. P1 and P2 skip ``group_wait``;
    for the others the longest of the routes that could take the alert counts. A target of inhibition waits for its
    sources, however urgent it is.
    Overrides: the slowest counts, of the rule's most urgent level and of each override's.
    Composites: as long as the slowest of the ``rules`` that they name may need for its ALARM, and the suppressor's
    wait; how long a suppressor is in ALARM nobody knows.
    """
    named = {each.name: each for each in rules}
    urgent = (rule.levels[0], *(override.levels[0] for override in rule.overrides))
    return max(_to_level(rule, level, config, named) for level in urgent)


def _to_level(rule: Rule, level: Level, config: Config, rules: Mapping[str, Rule]) -> float:
    if isinstance(rule.query, CompositeQuery):
        to_alarm = _to_truth(rule.query, config, rules)
    else:
        to_alarm = _to_alarm(rule, level, config)
    return to_alarm + max(_to_page(rule, level, config), _to_inhibitor(rule, level, config))


def _to_truth(query: CompositeQuery, config: Config, rules: Mapping[str, Rule]) -> float:
    named = [rules[name] for name in query.operands if name in rules]
    slowest = max((_to_any_level(rule, config, rules) for rule in named), default=0.0)
    return slowest + (query.suppressor.wait if query.suppressor else 0.0)


def _to_any_level(rule: Rule, config: Config, rules: Mapping[str, Rule]) -> float:
    if isinstance(rule.query, CompositeQuery):
        # What holds its page back does not hold back its state.
        return _to_truth(rule.query.model_copy(update={"suppressor": None}), config, rules)
    levels = (*rule.levels, *(level for override in rule.overrides for level in override.levels))
    return max(_to_alarm(rule, level, config) for level in levels)


def _to_alarm(rule: Rule, level: Level, config: Config) -> float:
    if isinstance(rule.query, ProbeQuery):
        return rule.period * level.needed + rule.query.timeout
    if isinstance(rule.query, HeartbeatQuery):
        return rule.period * level.needed + rule.query.grace
    delay = 0
    if isinstance(rule.query, RdsTopologyQuery):
        delay = round(config.aws.discovery_interval)
    elif isinstance(rule.query, CloudWatchQuery | BalanceQuery | LogsQuery | RdsBalanceQuery):
        delay = max(publication_delay(config.aws, name, rule.period) for name in rule.query.namespaces)
    elif isinstance(rule.query, ResourceQuery):
        delays = [publication_delay(config.aws, name, rule.period) for name in rule.query.namespaces]
        delay = round(rule.query.patience) + max(delays, default=0)
    return float(rule.period * level.of + rule.every + delay)


def _to_page(rule: Rule, level: Level, config: Config) -> float:
    if level.priority.urgent:
        return 0.0
    labels = known_labels(rule, level.priority, config)
    routes = possible_routes(compile_routes(config.routes), labels)
    return max((route.group_wait for route in routes), default=0.0)


def _to_inhibitor(rule: Rule, level: Level, config: Config) -> float:
    labels = known_labels(rule, level.priority, config)
    inhibitions = compile_inhibitions(config.inhibit)
    return max((each.wait for each in inhibitions if may_match(each.target, labels) is not False), default=0.0)
