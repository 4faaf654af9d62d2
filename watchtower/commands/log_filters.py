"""What ``watchtower log-filters`` prints: the metric filters that the rules poll, for the AWS CLI and for Terraform.

Each log group's filter feeds a metric of its own, named after rule and group: two that shared one would add up.
"""

from __future__ import annotations

import itertools
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from watchtower.inventory.log_filters import literal_prefix
from watchtower.sources.logs.query import LogsQuery
from watchtower.terminal import LogTool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from watchtower.aws.config import AccountConfig
    from watchtower.config import Loaded
    from watchtower.inventory.patterns import ValuePattern
    from watchtower.rulebook.rule import Rule

NAMESPACE = "Watchtower/Logs"
#: Characters of a metric's name
#: (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_MetricTransformation.html).
MAX_METRIC = 255


@dataclass(frozen=True, slots=True)
class Spot:
    """An account and region, and what Terraform calls the provider for it."""

    account: AccountConfig
    region: str
    alias: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters of one rule in one account and region."""

    rule: Rule
    place: Spot
    slug: str

    @property
    def account(self) -> str:
        """The account's name."""
        return self.place.account.name

    @property
    def region(self) -> str:
        """The region's name."""
        return self.place.region

    @property
    def groups(self) -> ValuePattern:
        """Which log groups need the filter."""
        query: LogsQuery = self.rule.query
        return query.groups

    @property
    def pattern(self) -> str | None:
        """The pattern; None where the rule only names a filter, whose pattern it does not know."""
        query: LogsQuery = self.rule.query
        return query.pattern

    def metric(self, group: str) -> str:
        """The metric that a log group's filter feeds."""
        return f"{self.rule.name}{group}"[:MAX_METRIC]

    @property
    def heading(self) -> str:
        """What is printed below it."""
        where = f"{self.rule.file}:{self.rule.line}"
        return f"# {self.rule.name} ({where}): {self.groups} in account {self.account}, {self.region}"


def wanted_filters(loaded: Loaded) -> list[Wanted]:
    """Every filter that an enabled rule polls, in order of rules and places."""
    places = [(account, region) for account in loaded.config.aws.accounts for region in account.regions]
    aliases = _unique(_slug(account.name, region) for account, region in places)
    spots = [Spot(account, region, alias) for (account, region), alias in zip(places, aliases, strict=True)]
    found = [
        (rule, spot)
        for rule in sorted(loaded.rules, key=lambda rule: rule.name)
        if isinstance(rule.query, LogsQuery) and rule.enabled
        for spot in spots
        if not rule.accounts or spot.account.name in rule.accounts
        if not rule.regions or spot.region in rule.regions
    ]
    slugs = _unique(_slug(rule.name, spot.alias) for rule, spot in found)
    return [Wanted(rule, spot, slug) for (rule, spot), slug in zip(found, slugs, strict=True)]


def _slug(*words: str) -> str:
    """A name that Terraform takes: no sign but the underscore, no digit at the beginning."""
    name = re.sub(r"\W+", "_", "_".join(words)).lower()
    return f"_{name}" if name[:1].isdigit() else name


def _unique(names: Iterable[str]) -> list[str]:
    """The names in their order; one that stands before gets a number."""
    given: dict[str, None] = {}
    for name in names:
        numbered = (f"{name}_{number}" for number in itertools.count(2))
        given[name if name not in given else next(one for one in numbered if one not in given)] = None
    return list(given)


def filter_lines(loaded: Loaded, only: LogTool | None) -> Iterator[str]:
    """The commands and the Terraform resources as text that can be pasted."""
    found = wanted_filters(loaded)
    if not found:
        yield "# no rule polls a log metric filter"
    known = [one for one in found if one.pattern is not None]
    for tool, preface, written in ((LogTool.cli, profiles, cli), (LogTool.terraform, providers, terraform)):
        yield from preface(known) if only in (None, tool) else ()
        for one in found if only in (None, tool) else ():
            yield one.heading
            if one.pattern is None:
                yield f"# polls the filter called {one.rule.query.filter}; the rule does not know its pattern"
            else:
                yield written(one, one.pattern)
            yield ""


def filter_data(loaded: Loaded) -> list[dict[str, Any]]:
    """The same as data."""
    return [
        {
            "rule": one.rule.name,
            "account": one.account,
            "region": one.region,
            "log_groups": list(one.groups.like),
            "except": list(one.groups.unlike),
            "filter_name": one.rule.query.filter or one.rule.name,
            "pattern": one.pattern,
            "metric_namespace": NAMESPACE,
            "metric_name": one.metric(one.groups.exact or "<log group>"),
            "cli": cli(one, one.pattern) if one.pattern is not None else None,
            "terraform_provider": provider(one.place) if one.pattern is not None else None,
            "terraform": terraform(one, one.pattern) if one.pattern is not None else None,
        }
        for one in wanted_filters(loaded)
    ]


# -- AWS CLI -----------------------------------------------------------------------------------------------------------


def profiles(found: Sequence[Wanted]) -> Iterator[str]:
    """Which profiles the commands below ask for: one for each account that is reached through a role."""
    roles = {one.account: one.place.account.role_arn for one in found if one.place.account.role_arn}
    for account, role in roles.items():
        yield f"# --profile {account}: a profile of that name in ~/.aws/config, for the account of {role}, with a role"
        yield "# that may logs:PutMetricFilter (Watchtower's own only reads)"
    if roles:
        yield ""


def _aws(one: Wanted, operation: str) -> str:
    profile = f" --profile {one.account}" if one.place.account.role_arn else ""
    return f"aws logs {operation} --region {one.region}{profile}"


def cli(one: Wanted, pattern: str) -> str:
    """Shell that creates the filter: one command, or a loop over the log groups that a glob means."""
    if one.groups.exact is not None:
        return _put(one, pattern, shlex.quote(one.groups.exact), shlex.quote(_transformation(one, one.groups.exact)))
    prefixes = sorted(set(map(literal_prefix, one.groups.like)))
    loops = (_loop(one, pattern, prefix) for prefix in prefixes)
    return "\n".join(loops)


def _loop(one: Wanted, pattern: str, prefix: str) -> str:
    narrowed = f" --log-group-name-prefix {shlex.quote(prefix)}" if prefix else ""
    like = "|".join(map(_shell_glob, one.groups.like))
    unlike = "".join(f"{_shell_glob(glob)}) continue ;; " for glob in one.groups.unlike)
    body = _put(one, pattern, '"$group"', f'"{_transformation(one, "$group")}"').replace("\n", "\n  ")
    return (
        f"{_aws(one, 'describe-log-groups')}{narrowed} \\\n"
        "  --query 'logGroups[].logGroupName' --output text | tr '\\t' '\\n' |\n"
        "while IFS= read -r group; do\n"
        f'  case "$group" in {unlike}{like}) ;; *) continue ;; esac\n'
        f"  {body}\n"
        "done"
    )


def _put(one: Wanted, pattern: str, group: str, transformation: str) -> str:
    return (
        f"{_aws(one, 'put-metric-filter')} --log-group-name {group} \\\n"
        f"  --filter-name {shlex.quote(one.rule.name)} \\\n"
        f"  {shlex.quote(f'--filter-pattern={pattern}')} \\\n"
        f"  --metric-transformations {transformation}"
    )


def _transformation(one: Wanted, group: str) -> str:
    return f"metricName={one.metric(group)},metricNamespace={NAMESPACE},metricValue=1,defaultValue=0"


def _shell_glob(glob: str) -> str:
    """A glob for ``case``: everything but its wildcards in quotes where the shell would read it otherwise."""
    return "".join(part if part in "*?" else shlex.quote(part) for part in re.split(r"([*?])", glob) if part)


# -- Terraform ---------------------------------------------------------------------------------------------------------


def providers(found: Sequence[Wanted]) -> Iterator[str]:
    """The provider of each account and region in which there is something to create."""
    if found:
        yield "# Providers: leave out those that you have under these aliases. A role needs logs:PutMetricFilter,"
        yield "# DeleteMetricFilter, DescribeMetricFilters and DescribeLogGroups; Watchtower's own only reads: name one"
    for place in {one.place.alias: one.place for one in found}.values():
        yield provider(place)
        yield ""


def provider(place: Spot) -> str:
    """The provider through which the resources of one account and region are made."""
    account = place.account
    lines = [f"  alias  = {hcl(place.alias)}", f"  region = {hcl(place.region)}"]
    if account.role_arn:
        external = ["    # external_id = as in the configuration"] if account.external_id else []
        lines += ["", "  assume_role {", f"    role_arn = {hcl(account.role_arn)}", *external, "  }"]
    return "\n".join(['provider "aws" {', *lines, "}"])


def terraform(one: Wanted, pattern: str) -> str:
    """A resource, over all log groups that a glob means."""
    slug = one.slug
    if one.groups.exact is not None:
        return _resource("", hcl(one.groups.exact), hcl(one.metric(one.groups.exact)), one, pattern)
    prefixes = sorted(set(map(literal_prefix, one.groups.like)))
    data = "\n".join(
        f'data "aws_cloudwatch_log_groups" "{slug}_{number}" {{\n'
        f"  provider = aws.{one.place.alias}\n"
        + (f"  log_group_name_prefix = {hcl(prefix)}\n" if prefix else "")
        + "}\n"
        for number, prefix in enumerate(prefixes)
    )
    names = ", ".join(
        f"data.aws_cloudwatch_log_groups.{slug}_{number}.log_group_names" for number in range(len(prefixes))
    )
    condition = f"can(regex({hcl(_regex(one.groups.like))}, name))"
    if one.groups.unlike:
        condition += f" && !can(regex({hcl(_regex(one.groups.unlike))}, name))"
    each = f"  for_each       = toset([for name in concat({names}) : name if {condition}])\n"
    metric = f'"{one.rule.name}${{each.value}}"'
    return data + "\n" + _resource(each, "each.value", metric, one, pattern)


def _resource(each: str, group: str, metric: str, one: Wanted, pattern: str) -> str:
    return (
        f'resource "aws_cloudwatch_log_metric_filter" "{one.slug}" {{\n'
        f"  provider       = aws.{one.place.alias}\n"
        f"{each}"
        f"  name           = {hcl(one.rule.name)}\n"
        f"  log_group_name = {group}\n"
        f"  pattern        = {hcl(pattern)}\n"
        "\n"
        "  metric_transformation {\n"
        f"    name          = {metric}\n"
        f"    namespace     = {hcl(NAMESPACE)}\n"
        '    value         = "1"\n'
        '    default_value = "0"\n'
        "  }\n"
        "}"
    )


def hcl(text: str) -> str:
    """A text as Terraform writes it: quotes and backslashes escaped, no template in it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return '"' + escaped.replace("${", "$${").replace("%{", "%%{") + '"'


def _regex(globs: tuple[str, ...]) -> str:
    parts = ("".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in glob) for glob in globs)
    return f"^({'|'.join(parts)})$"
