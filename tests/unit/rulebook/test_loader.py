from __future__ import annotations

import re
import time
from pathlib import Path
from textwrap import dedent

import pytest

from watchtower.model import Priority
from watchtower.rulebook.loader import RuleLoad, load_rules
from watchtower.rulebook.rule import Farewell, Flapping, Missing, Rule, Vanished
from watchtower.templates import Template

BAD = Path(__file__).parents[2] / "data" / "bad_rules"
DESIGN = """\
group: rds
labels: {service: database}
rules:
- alert: RdsCpuHigh
  cloudwatch:
    namespace: AWS/RDS
    metric: CPUUtilization
    statistic: Average
    period: 15m
    dimensions: {DBInstanceIdentifier: "*"}
    tags: {env: production}
  when: {P3: "> 80", P2: {when: "> 95", datapoints: 1 of 3, labels: {hot: "yes"}}}
  datapoints: 2 of 2
  missing: notBreaching
  recover: {when: "< 75", datapoints: 4 of 4}
  labels: {tenant: "{{ labels.DBInstanceIdentifier }}"}
  annotations: {note: "{{ labels.tenant }}"}
  summary: "{{ labels.DBInstanceIdentifier }}: CPU at {{ value | round(1) }} %"
  runbook: https://runbooks.example.com/rds-cpu
  accounts: [prod]
  regions: [eu-west-1]
- alert: SiteDown
  probe:
    http: {url: "https://{{ target }}/", expect: {status: 200-299}}
    targets: [www.example.com, {target: shop.example.com, labels: {tenant: shop}}]
    interval: 30s
  when: {P1: down}
  enabled: false
  notify: false
  summary: "{{ labels.target }} of {{ labels.tenant }} is down: {{ reason }}"
"""


def write(directory: Path, name: str, text: str) -> Path:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def told(path: Path, load: RuleLoad) -> list[str]:
    return [str(fault).removeprefix(f"{path}:").replace(f"{path.parent}/", "") for fault in load.faults]


def simple(name: str, more: str = "") -> str:
    query = "{namespace: AWS/EC2, metric: CPUUtilization, statistic: Average}"
    return f'- alert: {name}\n  cloudwatch: {query}\n  when: {{P3: "> 80"}}\n{more}'


@pytest.mark.parametrize("path", sorted(BAD.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_mistake_is_told_at_its_place(path: Path) -> None:
    """Each file says in its first lines what is to be said about it."""
    expected = re.findall(r"^# expect: (.*)$", path.read_text(), re.MULTILINE)
    load = load_rules([path])
    assert expected
    assert told(path, load) == expected
    assert load.rules == ()


def test_a_file_with_five_mistakes_gives_five_faults() -> None:
    assert len(load_rules([BAD / "five_mistakes.yaml"]).faults) == 5


def test_a_rule_of_the_design_becomes_a_value(tmp_path: Path) -> None:
    load = load_rules([write(tmp_path, "rds.yaml", DESIGN)])
    assert load.faults == ()
    rule = load.rules[0]
    assert (rule.name, rule.group, rule.source, rule.period) == ("RdsCpuHigh", "rds", "cloudwatch", 900)
    urgent, lesser = rule.levels
    assert (urgent.priority, urgent.condition.text, urgent.needed, urgent.of) == (Priority.P2, "> 95", 1, 3)
    assert (lesser.priority, lesser.condition.text, lesser.needed, lesser.of) == (Priority.P3, "> 80", 2, 2)
    assert urgent.labels == {"hot": Template("yes")}
    assert rule.missing is Missing.NOT_BREACHING
    assert rule.recover is not None
    assert rule.recover.condition is not None
    assert (rule.recover.condition.text, rule.recover.needed, rule.recover.of) == ("< 75", 4, 4)
    assert rule.slots == 6  # the longest N is the recovery's, and two to spare
    assert rule.labels == {
        "service": Template("database"),
        "tenant": Template("{{ labels.DBInstanceIdentifier }}"),
    }
    assert rule.runbook == Template("https://runbooks.example.com/rds-cpu")
    assert (rule.accounts, rule.regions) == (("prod",), ("eu-west-1",))
    assert (rule.file, rule.line) == (str(tmp_path / "rds.yaml"), 4)


def test_a_probe_rule_takes_its_interval_as_period(tmp_path: Path) -> None:
    rule = load_rules([write(tmp_path, "rds.yaml", DESIGN)]).rules[1]
    assert (rule.source, rule.period, rule.slots) == ("probe", 30, 3)
    assert (rule.enabled, rule.notify, rule.recover) == (False, False, None)


def test_what_a_rule_does_not_say_has_the_defaults_of_the_design(tmp_path: Path) -> None:
    [rule] = load_rules([write(tmp_path, "web.yaml", "rules:\n" + simple("A"))]).rules
    assert (rule.group, rule.period, rule.missing, rule.slots) == ("web", 60, Missing.MISSING, 3)
    assert [(level.needed, level.of) for level in rule.levels] == [(1, 1)]
    assert (rule.enabled, rule.notify, rule.accounts, rule.summary) == (True, True, (), None)


def test_the_evaluation_range_is_how_many_datapoints_are_looked_at(tmp_path: Path) -> None:
    text = "rules:\n" + simple("A", "  datapoints: 2 of 5\n  evaluation_range: 5\n")
    assert load_rules([write(tmp_path, "a.yaml", text)]).rules[0].slots == 5


def test_a_longer_breach_may_be_more_urgent_at_the_same_threshold(tmp_path: Path) -> None:
    text = dedent("""\
        rules:
        - alert: A
          cloudwatch: {namespace: AWS/EC2, metric: CPUUtilization, statistic: Average}
          when: {P2: {when: "> 80", datapoints: 10 of 10}, P3: "> 80"}
    """)
    assert load_rules([write(tmp_path, "a.yaml", text)]).faults == ()


def test_explicit_defaults_of_later_keys_are_no_fault(tmp_path: Path) -> None:
    text = "rules:\n" + simple("A", "  window: grid\n  vanished: {do: hold}\n")
    assert load_rules([write(tmp_path, "a.yaml", text)]).faults == ()


def test_labels_of_tags_are_known_when_the_configuration_takes_them(tmp_path: Path) -> None:
    text = "rules:\n" + simple("A", '  summary: "{{ labels.team }} {{ labels.account_id }}"\n')
    path = write(tmp_path, "a.yaml", text)
    assert load_rules([path], label_tags=["team"]).faults == ()
    assert len(load_rules([path]).faults) == 1


def test_directories_give_their_files_sorted_at_any_depth_and_each_once(tmp_path: Path) -> None:
    write(tmp_path, "b.yml", "rules:\n" + simple("B"))
    write(tmp_path, "a/z.yaml", "rules:\n" + simple("Z"))
    write(tmp_path, "notes.txt", "no rules")
    hidden = write(tmp_path, "..2026_01_05/c.yaml", "rules:\n" + simple("C"))
    (tmp_path / "c.yaml").symlink_to(hidden)
    load = load_rules([tmp_path, tmp_path / "b.yml"])
    assert load.faults == ()
    assert [rule.name for rule in load.rules] == ["Z", "B", "C"]


def test_rule_tests_that_lie_beside_the_rules_are_no_rules(tmp_path: Path) -> None:
    (tmp_path / "rds.yaml").write_text(DESIGN)
    (tmp_path / "rds_test.yaml").write_text("rules: [rds.yaml]\ntests:\n- name: quiet\n")
    found = load_rules([tmp_path])
    assert found.faults == ()
    assert len(found.rules) == 2


def test_an_alert_name_is_unique_over_all_files_and_both_places_are_named(tmp_path: Path) -> None:
    first = write(tmp_path, "a.yaml", "rules:\n" + simple("Same"))
    second = write(tmp_path, "b.yaml", "rules:\n" + simple("Other") + simple("Same"))
    faults = load_rules([tmp_path]).faults
    assert [str(fault) for fault in faults] == [f"{second}:5:10: the alert `Same` exists already at {first}:2:10"]


def test_a_file_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "rules:\n" + simple("A", "  datapoints: 3 of 2\n"))
    broken = write(tmp_path, "b.yaml", "rules: [\n")
    absent = tmp_path / "c.yaml"
    load = load_rules([tmp_path, absent])
    assert [(Path(fault.file).name, fault.line) for fault in load.faults] == [
        ("a.yaml", 5),
        ("b.yaml", 2),
        ("c.yaml", 1),
    ]
    assert str(broken) in str(load.faults[1])


def test_a_faulty_key_does_not_hide_what_is_wrong_with_the_others(tmp_path: Path) -> None:
    text = dedent("""\
        rules:
        - alert: A
          cloudwatch: {namespace: AWS/EC2, metric: CPUUtilization, statistic: Average}
          when: {P2: "> 80", P3: "> 95", P4: "soon"}
          recover: {when: "> 99"}
          sumary: x
          labels: {bad-name: x, tenant: "{{ oops }}"}
          summary: "{{ labels.tenant }}"
    """)
    path = write(tmp_path, "a.yaml", text)
    assert [fault.split(": ")[0] for fault in told(path, load_rules([path]))] == [
        "4:14", "4:38", "5:19", "6:3", "7:12", "7:33",
    ]  # fmt: skip


def test_two_hundred_rules_are_read_in_less_than_two_seconds(tmp_path: Path) -> None:
    body = DESIGN.split("rules:\n", 1)[1]
    rules = "".join(body.replace("alert: ", f"alert: N{number}") for number in range(100))
    path = write(tmp_path, "many.yaml", "rules:\n" + rules)
    began = time.process_time()
    load = load_rules([path])
    assert len(load.rules) == 200
    assert time.process_time() - began < 2


def rule_of(tmp_path: Path, more: str) -> Rule:
    load = load_rules([write(tmp_path, "a.yaml", "rules:\n" + simple("A", more))])
    assert load.faults == ()
    return load.rules[0]


def test_what_happens_over_time_has_the_defaults_of_the_design(tmp_path: Path) -> None:
    rule = rule_of(tmp_path, "")
    assert (rule.step, rule.every, rule.max_page_age, rule.expect_series) == (0, 60, 1800, None)
    assert (rule.vanished, rule.flapping, rule.overrides) == (Vanished(2, Farewell.HOLD), Flapping(30, 20), ())


@pytest.mark.parametrize(
    ("period", "datapoints", "step"),
    [
        pytest.param("5m", "1 of 1", 60, id="every minute"),
        pytest.param("1m", "1 of 1", 60, id="a minute is the grid already"),
        pytest.param("30s", "1 of 1", 10, id="every ten seconds below a minute"),
        pytest.param("5s", "1 of 1", 5, id="never more rarely than the grid"),
        pytest.param("1h", "24 of 24", 60, id="a day is not more than a day"),
        pytest.param("1h", "25 of 25", 3600, id="hourly beyond a day"),
        pytest.param("1d", "2 of 2", 3600, id="hourly for days"),
    ],
)
def test_a_sliding_window_moves_as_often_as_cloudwatch_moves_it(
    tmp_path: Path, period: str, datapoints: str, step: int
) -> None:
    text = f"""\
        rules:
        - alert: A
          cloudwatch: {{namespace: AWS/EC2, metric: CPUUtilization, statistic: Average, period: {period}}}
          when: {{P3: "> 80"}}
          datapoints: {datapoints}
          window: sliding
    """
    [rule] = load_rules([write(tmp_path, "a.yaml", dedent(text))]).rules
    assert (rule.step, rule.every) == (step, step)


def test_a_page_may_be_three_periods_old_where_they_are_long(tmp_path: Path) -> None:
    text = "rules:\n" + simple("A").replace("Average}", "Average, period: 1h}")
    assert load_rules([write(tmp_path, "a.yaml", text)]).rules[0].max_page_age == 3 * 3600
    assert rule_of(tmp_path, "  max_page_age: 5m\n").max_page_age == 300


def test_an_override_keeps_what_it_does_not_name(tmp_path: Path) -> None:
    more = dedent("""\
        when: {P2: "> 95", P3: {when: "> 80", datapoints: 2 of 3}}
        datapoints: 5 of 5
        overrides:
        - {match: ['region="r"'], when: {P3: "> 90"}}
        - {match: ['team=~"a|b"', 'env="test"'], datapoints: 9 of 10}
        labels: {team: a, env: test}
    """).replace("\n", "\n  ")
    text = "rules:\n" + simple("A").replace('when: {P3: "> 80"}\n', more)
    load = load_rules([write(tmp_path, "a.yaml", text)])
    assert load.faults == ()
    [rule] = load.rules
    told = [
        [(str(level.priority), level.condition.text, level.needed, level.of) for level in override.levels]
        for override in rule.overrides
    ]
    assert told == [
        [("P2", "> 95", 5, 5), ("P3", "> 90", 5, 5)],
        [("P2", "> 95", 9, 10), ("P3", "> 80", 2, 3)],
    ]
    assert [str(matcher) for matcher in rule.overrides[1].matchers] == ['team=~"a|b"', 'env="test"']
    assert rule.slots == 12


@pytest.mark.parametrize("written", ["off", '"off"', "false"])
def test_flapping_can_be_switched_off(tmp_path: Path, written: str) -> None:
    assert rule_of(tmp_path, f"  flapping: {written}\n").flapping is None
    assert rule_of(tmp_path, "  flapping: {high: 20, low: 5}\n").flapping == Flapping(20, 5)


def test_vanished_and_expected_series_reach_the_rule(tmp_path: Path) -> None:
    rule = rule_of(tmp_path, "  vanished: {after: 3, do: fire}\n  expect_series: 2\n")
    assert (rule.vanished, rule.expect_series) == (Vanished(3, Farewell.FIRE), 2)


def test_labels_of_an_override_are_checked_like_those_of_the_rule(tmp_path: Path) -> None:
    level = """{when: "> 90", labels: {priority: x, t: "{{ labels.no }}"}}"""
    override = f"""  overrides: [{{match: ['region="b"'], when: {{P3: {level}}}}}]\n"""
    faults = load_rules([write(tmp_path, "a.yaml", "rules:\n" + simple("A", override))]).faults
    assert [fault.message for fault in faults] == [
        "the label `priority` is set by Watchtower itself; choose another name",
        "no alert of A can carry the label `no`",
    ]
