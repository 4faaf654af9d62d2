from __future__ import annotations

import re
from pathlib import Path

import pytest

from watchtower.config import Config, Loaded, load
from watchtower.errors import ConfigError, Unreadable
from watchtower.faults import Severity
from watchtower.notifiers.pagerduty_config import PagerDutyConfig
from watchtower.notifiers.sns import SnsConfig

BAD = Path(__file__).parents[2] / "data" / "bad_config"
WARNED = BAD.with_name("warned_config")
SNS = '{type: sns, topic_arn: "arn:aws:sns:eu-west-1:111122223333:ops"}'
WHOLE = f"""\
environment: production
store: sqlite:///state/w.db
listen: "[::1]:0"
rules: [rules/, more.yaml]
aws:
  accounts:
  - {{name: prod, regions: [eu-west-1, us-east-1]}}
  endpoint_url: null
  publication_delay: 0s
  label_tags: [cost-center]
channels:
  oncall: {{type: pagerduty, routing_key: {{file: key.txt}}, api_url: http://127.0.0.1:1}}
  ops: {SNS}
routes:
- {{match: ['priority=~"P1|P2"'], channels: [oncall, ops], continue: true}}
- {{name: rest, channels: [ops], group_wait: 30s}}
"""
RULES = """\
rules:
- alert: A
  cloudwatch: {namespace: AWS/EC2, metric: CPUUtilization, statistic: Average}
  when: {P3: "> 80"}
  summary: "{{ labels.cost_center }}"
"""


def write(directory: Path, name: str, text: str) -> Path:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def whole(directory: Path, text: str = WHOLE, rules: str = RULES) -> Path:
    write(directory, "rules/a.yaml", rules)
    write(directory, "more.yaml", rules.replace("alert: ", "alert: More"))
    write(directory, "key.txt", "0" * 32 + "\n")
    return write(directory, "watchtower.yaml", text)


def outcome(path: Path, mounts: str = "") -> Loaded | list[str]:
    try:
        return load(path, mounts=mounts)
    except ConfigError as error:
        prefix, home = f"{path}:", f"{path.parent}/"
        return [str(fault).removeprefix(prefix).replace(home, "") for fault in error.faults]


def warnings(path: Path) -> list[str]:
    return [str(warning).replace(f"{path.parent}/", "") for warning in load(path, mounts="").warnings]


@pytest.mark.parametrize("path", sorted(BAD.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_mistake_is_told_at_its_place(path: Path) -> None:
    """Each file says in its first lines what is to be said about it."""
    expected = re.findall(r"^# expect: (.*)$", path.read_text(), re.MULTILINE)
    assert expected
    assert outcome(path) == expected


@pytest.mark.parametrize("path", sorted(WARNED.glob("*.yaml")), ids=lambda path: path.stem)
def test_everything_questionable_is_told_at_its_place(path: Path) -> None:
    """Each file says in its first lines what is to be said about it; nothing that keeps it from running."""
    expected = re.findall(r"^# expect: (.*)$", path.read_text(), re.MULTILINE)
    assert [warning.removeprefix(f"{path.name}:") for warning in warnings(path)] == expected


def test_a_whole_configuration_is_resolved(tmp_path: Path) -> None:
    loaded = load(whole(tmp_path), mounts="")
    config = loaded.config
    assert (config.environment, config.listen) == ("production", "[::1]:0")
    assert config.store == f"sqlite:///{tmp_path}/state/w.db"
    assert config.store_path == tmp_path / "state" / "w.db"
    assert [(account.name, account.regions) for account in config.aws.accounts] == [
        ("prod", ("eu-west-1", "us-east-1"))
    ]
    assert config.aws.publication_delay == 0
    oncall, ops = config.channels["oncall"], config.channels["ops"]
    assert isinstance(oncall, PagerDutyConfig)
    assert isinstance(ops, SnsConfig)
    assert oncall.routing_key.reveal() == "0" * 32
    assert (config.routes[0].continue_, config.routes[1].group_wait) == (True, 30.0)
    assert sorted(rule.name for rule in loaded.rules) == ["A", "MoreA"]
    assert loaded.warnings == ()


def test_what_the_file_does_not_say_has_the_defaults_of_the_design(tmp_path: Path) -> None:
    path = whole(
        tmp_path,
        f"rules: [rules/]\naws: {{accounts: [{{name: a, regions: [eu-west-1]}}], label_tags: [cost-center]}}\n"
        f"channels: {{ops: {SNS}}}\nroutes:\n- channels: [ops]\n",
    )
    config = load(path, mounts="").config
    assert config.store == "sqlite:////var/lib/watchtower/watchtower.db"
    assert config.listen == "127.0.0.1:9464"
    assert config.routes[0].group_by == ("alert", "account", "region")
    assert (config.routes[0].group_wait, config.routes[0].group_interval) == (0.0, 60.0)


def test_a_store_on_postgresql_is_taken_as_it_stands_and_its_password_is_not_shown(tmp_path: Path) -> None:
    url = "postgresql://watchtower:hunter2@db.example.com/watchtower"
    config = load(whole(tmp_path, WHOLE.replace("sqlite:///state/w.db", url)), mounts="").config
    assert config.store == url
    assert config.store_path is None
    assert "hunter2" not in repr(config)


def test_an_absolute_store_stays_where_it_is(tmp_path: Path) -> None:
    text = WHOLE.replace("sqlite:///state/w.db", "sqlite:////srv/w.db")
    assert load(whole(tmp_path, text), mounts="").config.store == "sqlite:////srv/w.db"


def test_a_sqlite_store_on_a_network_filesystem_is_refused(tmp_path: Path) -> None:
    mounts = f"none / ext4 rw 0 0\nfiler:/export {tmp_path} nfs4 rw 0 0\n"
    assert outcome(whole(tmp_path), mounts) == [
        (
            "2:8: state/w.db is on a network filesystem (nfs4), where SQLite's locks do not hold; "
            "use a local disk or PostgreSQL"
        )
    ]


def test_a_configuration_that_cannot_be_opened_is_told_apart_from_a_faulty_one(tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        load(tmp_path / "absent.yaml")


def test_faults_of_configuration_and_rules_come_together_and_sorted(tmp_path: Path) -> None:
    text = WHOLE.replace("[ops], group", "[opps], group").replace('"[::1]:0"', "nowhere")
    path = whole(tmp_path, text, RULES.replace("> 80", "80 >"))
    found = outcome(path)
    assert isinstance(found, list)
    assert [fault.split(": ")[0] for fault in found] == ["more.yaml:4:14", "rules/a.yaml:4:14", "3:9", "16:27"]


def test_a_faulty_route_does_not_hide_an_unknown_channel_of_another(tmp_path: Path) -> None:
    text = WHOLE.replace("continue: true", "continu: true").replace("[ops], group", "[opps], group")
    found = outcome(whole(tmp_path, text))
    assert isinstance(found, list)
    assert [fault.split(": ")[0] for fault in found] == ["15:59", "16:27"]


def test_an_urgent_rule_without_recover_is_a_warning(tmp_path: Path) -> None:
    path = whole(tmp_path, rules=RULES.replace("P3", "P2"))
    assert warnings(path) == [
        "more.yaml:2:3: warning: a P2 rule without `recover` may page again and again when its value hovers",
        "rules/a.yaml:2:3: warning: a P2 rule without `recover` may page again and again when its value hovers",
    ]
    assert load(path, mounts="").warnings[0].severity is Severity.WARNING


def test_a_disabled_urgent_rule_without_recover_is_none(tmp_path: Path) -> None:
    assert warnings(whole(tmp_path, rules=RULES.replace("P3", "P2") + "  enabled: false\n")) == []


def test_routes_that_wake_nobody_or_by_one_channel_only_are_warnings_when_p1_can_take_them(
    tmp_path: Path,
) -> None:
    rules = RULES.replace("P3", "P1") + "  recover: {}\n"
    assert warnings(whole(tmp_path, rules=rules)) == [
        (
            "watchtower.yaml:15:44: warning: P1 alerts on the route `route-1` reach a single waking channel: "
            "when `oncall` fails, nobody wakes up"
        ),
        "watchtower.yaml:16:26: warning: P1 alerts on the route `rest` reach no channel that wakes anybody",
    ]


def test_a_route_that_no_p1_alert_can_take_needs_no_waking_channel(tmp_path: Path) -> None:
    text = WHOLE.replace(", continue: true", "").replace("channels: [oncall, ops]", "channels: [oncall, lead]")
    text = text.replace("  ops:", "  lead: {type: pagerduty, routing_key: {file: lead.txt}}\n  ops:", 1)
    write(tmp_path, "lead.txt", "1" * 32 + "\n")
    assert warnings(whole(tmp_path, text, RULES.replace("P3", "P1") + "  recover: {}\n")) == []


def test_an_escalation_to_another_channel_with_the_same_key_is_a_warning(tmp_path: Path) -> None:
    text = WHOLE.replace("channels: [oncall, ops]", "channels: [oncall, ops], escalate: {after: 5m, channels: [lead]}")
    text = text.replace("  ops:", "  lead: {type: pagerduty, routing_key: {file: key.txt}}\n  ops:", 1)
    text = text.replace("routing_key: {file: key.txt}, api_url: http://127.0.0.1:1}", "routing_key: {file: key.txt}}")
    assert warnings(whole(tmp_path, text)) == [
        "watchtower.yaml:16:92: warning: the channel `lead` leads to the same place as `oncall`, which is told already"
    ]


def test_an_escalation_that_wakes_somebody_else_counts_as_a_waking_channel(tmp_path: Path) -> None:
    text = WHOLE.replace("channels: [oncall, ops]", "channels: [oncall, ops], escalate: {after: 5m, channels: [lead]}")
    text = text.replace("  ops:", "  lead: {type: pagerduty, routing_key: {file: other.txt}}\n  ops:", 1)
    write(tmp_path, "other.txt", "1" * 32)
    path = whole(tmp_path, text.replace(", continue: true", ""), RULES.replace("P3", "P1") + "  recover: {}\n")
    assert warnings(path) == []


def test_a_configuration_without_aws_may_probe(tmp_path: Path) -> None:
    rules = 'rules:\n- alert: A\n  probe: {http: {url: "https://example.com/"}}\n  when: {P3: down}\n'
    text = re.sub(r"aws:\n(  .*\n)+", "", WHOLE)
    assert "aws:\n" not in text
    loaded = load(whole(tmp_path, text, rules), mounts="")
    assert loaded.config.aws.accounts == ()
    assert len(loaded.rules) == 2


def test_the_model_knows_every_section_of_the_design() -> None:
    assert set(Config.model_fields) == {
        "environment", "store", "listen", "rules", "aws", "channels", "routes",
        "fallback", "inhibit", "mute", "heartbeat",
        "series_limit",  # ours: whoever is told of the limit must be able to raise it
        "scrape_series_limit",  # ours: so must whoever misses series in a scrape
        "probes",  # ours: canaries differ by network
    }  # fmt: skip


# --- what keeps alerts quiet -----------------------------------------------------------------------------

QUIET = """\
inhibit:
- {source: ['alert="A"'], target: ['alert="MoreA"'], equal: [account, cost_center, InstanceId]}
mute:
- {name: backups, match: ['alert="A"'], weekly: "Sun 02:00-04:00", timezone: Europe/Madrid}
"""


def quietly(tmp_path: Path, quiet: str, routes: str = WHOLE, rules: str = RULES) -> list[str]:
    rules = rules.replace("statistic: Average}", 'statistic: Average, dimensions: {InstanceId: "*"}}')
    found = outcome(whole(tmp_path, routes + quiet, rules))
    return [
        str(each).rpartition("watchtower.yaml:")[2] for each in (found.warnings if isinstance(found, Loaded) else found)
    ]


def test_inhibition_and_mute_windows_that_can_work_are_taken(tmp_path: Path) -> None:
    assert quietly(tmp_path, QUIET) == []


def test_a_mute_window_of_every_alert_is_worth_a_warning(tmp_path: Path) -> None:
    text = "mute:\n- {name: all, weekly: Sun}\n- {name: each, match: ['team=~\".*\"'], weekly: Sun}\n"
    assert quietly(tmp_path, text) == [
        "18:3: warning: the mute window `all` holds back every alert",
        "19:3: warning: the mute window `each` holds back every alert",
    ]


def test_what_matches_no_alert_is_worth_a_warning(tmp_path: Path) -> None:
    quiet = QUIET.replace("target: ['alert=\"MoreA\"']", "target: ['alert=\"Mora\"']").replace(
        "match: ['alert=\"A\"']", "match: [team=x]"
    )
    assert quietly(tmp_path, quiet) == [
        "18:27: warning: no alert of these rules matches this target: nothing is ever held back",
        "20:19: warning: no alert of these rules matches the mute window `backups`",
    ]


def test_own_alerts_may_inhibit(tmp_path: Path) -> None:
    text = "inhibit:\n- {source: ['alert=\"WatchtowerSourceFailing\"'], target: ['alert=\"A\"'], equal: [account]}\n"
    assert quietly(tmp_path, text) == []


def test_a_mute_window_without_end_is_worth_a_warning(tmp_path: Path) -> None:
    text = QUIET.replace("Sun 02:00-04:00", "Mon-Fri, Sat-Sun")
    assert quietly(tmp_path, text) == ["20:3: warning: the mute window `backups` never ends"]


def test_a_mute_window_of_the_past_is_worth_a_warning(tmp_path: Path) -> None:
    dates = "from: 2026-01-01T22:00:00Z, to: 2026-01-02T02:00:00"
    text = QUIET.replace('weekly: "Sun 02:00-04:00"', dates)
    assert quietly(tmp_path, text) == [
        "20:69: warning: the mute window `backups` is over since 2026-01-02T01:00:00Z",
    ]


def test_a_mute_window_that_is_still_to_come_is_taken(tmp_path: Path) -> None:
    dates = "from: 2026-01-01T22:00:00Z, to: 2199-01-02T02:00:00"
    assert quietly(tmp_path, QUIET.replace('weekly: "Sun 02:00-04:00"', dates)) == []


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ("composite: ALARM(A) OR NOT ALARM(A)", "it is always true: whatever the rules it names say"),
        ("composite: TRUE", "it is always true: whatever the rules it names say"),
        ("composite: FALSE", "it is never true"),
        (
            "composite: NOT ALARM(A)\n  by: [account]",
            "it is true where all alerts are OK too, but with `by` nothing is known of such groups",
        ),
    ],
)
def test_a_composite_that_decides_little_is_worth_a_warning(tmp_path: Path, more: str, what: str) -> None:
    composite = f"- alert: Composite\n  {more}\n  when: {{P3: ALARM}}\n"
    path = whole(tmp_path)
    write(tmp_path, "more.yaml", f"rules:\n{composite}")
    assert warnings(path) == [f"more.yaml:3:14: warning: {what}"]


def test_hours_of_a_route_that_may_carry_urgent_alerts_are_worth_a_warning(tmp_path: Path) -> None:
    hours = WHOLE.replace("group_wait: 30s", "during: {weekly: Mon}")
    assert quietly(tmp_path, "", hours) == []
    urgent = RULES.replace('P3: "> 80"', 'P2: "> 80"').replace("  summary", '  recover: {when: "< 70"}\n  summary')
    assert quietly(tmp_path, "", hours, urgent) == [
        "16:33: warning: outside of its hours the route `rest` holds back P2 alerts such as A too"
    ]


def test_nothing_is_said_of_what_faulty_rules_might_carry(tmp_path: Path) -> None:
    quiet = QUIET.replace("cost_center", "nowhere")
    assert quietly(tmp_path, quiet, rules=RULES.replace("> 80", "80 >"))[:1] != []
    assert not any("nowhere" in each for each in quietly(tmp_path, quiet, rules=RULES.replace("> 80", "80 >")))


@pytest.mark.parametrize(
    "match",
    [
        ['environment="production"', 'priority=~"P1|P2"'],  # only one of the own alerts may be that urgent
        ['alert=~"Watchtower.*"'],
        ['cost_center="x"'],  # nobody knows yet what the tag says
        ['alert=~"A|B"', 'priority!="P1"'],
    ],
)
def test_a_route_that_some_alert_may_take_is_no_reason_for_a_warning(tmp_path: Path, match: list[str]) -> None:
    text = WHOLE.replace("routes:\n", f"routes:\n- {{name: more, match: {match}, channels: [ops]}}\n")
    assert warnings(whole(tmp_path, text)) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("alert=~'.*', continue: true", "alert=A"),
        ('priority=~"P3|P4"', 'priority=~"P4|P5"'),
        ("alert=~'A.*'", "alert=~'A|B'"),
        ("cost_center=~'.+'", "alert=A"),
    ],
)
def test_a_route_that_only_loses_some_alerts_to_an_earlier_one_is_reached(
    tmp_path: Path, first: str, second: str
) -> None:
    matcher, _, more = first.partition(", ")
    routes = (
        f"- {{name: first, channels: [ops], match: [{quoted(matcher)}]{', ' if more else ''}{more}}}\n"
        f"- {{name: second, channels: [ops], match: [{quoted(second)}]}}\n"
    )
    assert warnings(whole(tmp_path, WHOLE.replace("routes:\n", "routes:\n" + routes))) == []


def quoted(matcher: str) -> str:
    return "'" + matcher.replace("'", '"') + "'"


TEMPLATED = """\
- {match: ['environment="production"'], channels: ["team-{{ labels.alert }}", oncall], continue: true}
- {match: ['alert="A"'], group_by: [account], channels: ["on-{{ labels.account }}"], continue: true}
"""


def test_a_name_that_a_template_will_give_and_no_channel_has_is_a_warning(tmp_path: Path) -> None:
    text = WHOLE.replace("  ops: ", f"  team-A: {SNS}\n  ops: ").replace("routes:\n", f"routes:\n{TEMPLATED}")
    instead = "the others of this route would be told, or else the last route's"
    assert warnings(whole(tmp_path, text)) == [
        f"watchtower.yaml:16:52: warning: there is no channel `team-MoreA`, which this gives for MoreA; {instead}",
        f"watchtower.yaml:17:58: warning: no channel has a name like `on-{{{{ labels.account }}}}`; {instead}",
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [("on{{ labels.alert }}", "a single waking channel: when `oncall` fails"), ("off{{ labels.alert }}", "no channel")],
)
def test_whom_a_template_may_mean_may_wake_somebody(name: str, said: str, tmp_path: Path) -> None:
    text = WHOLE.replace("channels: [oncall, ops]", f"channels: ['{name}', ops]")
    rules = RULES.replace("P3", "P1") + "  recover: {}\n"
    [found] = [line for line in warnings(whole(tmp_path, text, rules)) if "P1 alerts on the route `route-1`" in line]
    assert f"reach {said}" in found
