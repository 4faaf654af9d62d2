"""`watchtower log-filters`: what to create, quoted so that it can be pasted."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from typing import TYPE_CHECKING

import orjson
import pytest
from typer.testing import CliRunner

from watchtower.cli import app
from watchtower.commands.log_filters import hcl

if TYPE_CHECKING:
    from pathlib import Path

IDIOM = '[(w1="*CRITICAL*") && (w1!="*it\'s ${HOME}*")]'
RULES = {
    "rules": [
        {"alert": "Pms", "logs": {"log_group": ["/ecs/*/pms", "/old"], "pattern": IDIOM}, "when": {"P3": "> 0"}},
        {"alert": "App", "logs": {"log_group": "/app", "pattern": '-"a b"'}, "when": {"P3": "> 0"}},
        {"alert": "Named", "logs": {"log_group": "/app", "filter": "errors"}, "when": {"P3": "> 0"}},
    ]
}
CONFIG = {
    "rules": ["rules.json.yaml"],
    "aws": {"accounts": [{"name": "main", "regions": ["eu-west-1"]}]},
    "channels": {"audit": {"type": "sns", "topic_arn": "arn:aws:sns:eu-west-1:111122223333:alerts"}},
    "routes": [{"channels": ["audit"]}],
}
#: An `aws` that lists three log groups, and prints what else it is called with.
AWS = """#!/bin/sh
case "$2" in
describe-log-groups) printf '/ecs/a/pms\\t/ecs/a/shop\\t/old\\n' ;;
*) for word in "$@"; do printf '%s\\n' "$word"; done ;;
esac
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "rules.json.yaml").write_bytes(orjson.dumps(RULES))
    (tmp_path / "watchtower.yaml").write_bytes(orjson.dumps(CONFIG))
    (tmp_path / "aws").write_text(AWS)
    (tmp_path / "aws").chmod(0o755)
    return str(tmp_path / "watchtower.yaml")


@pytest.fixture
def scattered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Three places of three accounts, one of them in a role, and rules whose names look alike to Terraform."""
    monkeypatch.setenv("EXTERNAL_ID", "s3cr3t-id")
    role = "arn:aws:iam::222233334444:role/watchtower"
    accounts = [
        {"name": "main", "regions": ["eu-west-1", "us-east-1"]},
        {"name": "shop.eu", "regions": ["eu-west-1"], "role_arn": role, "external_id": {"env": "EXTERNAL_ID"}},
        {"name": "shop-eu", "regions": ["eu-west-1"]},
    ]
    query = {"log_group": "/app/*", "pattern": "ERROR"}
    rules = [{"alert": name, "logs": query, "when": {"P3": "> 0"}} for name in ("Web_a", "Web-a")]
    (tmp_path / "rules.json.yaml").write_bytes(orjson.dumps({"rules": rules}))
    (tmp_path / "watchtower.yaml").write_bytes(orjson.dumps(CONFIG | {"aws": {"accounts": accounts}}))
    return str(tmp_path / "watchtower.yaml")


def test_each_terraform_resource_says_through_which_account_and_region_it_is_made(scattered: str) -> None:
    text = printed(scattered, "--only", "terraform")
    aliases = re.findall(r'^provider "aws" \{\n  alias  = "(\w+)"\n  region = "([^"]+)"', text, re.MULTILINE)
    assert aliases == [
        ("main_eu_west_1", "eu-west-1"),
        ("main_us_east_1", "us-east-1"),
        ("shop_eu_eu_west_1", "eu-west-1"),
        ("shop_eu_eu_west_1_2", "eu-west-1"),
    ]
    blocks = re.findall(r'^(?:resource|data) "\w+" "(\w+)" \{\n  provider += aws\.(\w+)\n', text, re.MULTILINE)
    assert len(blocks) == text.count("\nresource ") + text.count("\ndata ") == 16
    assert {used for _, used in blocks} == {alias for alias, _ in aliases}


def test_no_two_terraform_resources_have_the_same_name(scattered: str) -> None:
    names = re.findall(r'^resource "\w+" "([^"]+)"', printed(scattered, "--only", "terraform"), re.MULTILINE)
    assert len(names) == len(set(names)) == 8


def test_the_provider_of_another_account_assumes_its_role_and_no_external_id_is_printed(scattered: str) -> None:
    text = printed(scattered, "--only", "terraform")
    assert text.count("assume_role {") == 1
    assert 'role_arn = "arn:aws:iam::222233334444:role/watchtower"' in text
    assert "s3cr3t-id" not in text
    assert "# external_id = as in the configuration" in text


def test_the_commands_for_an_account_behind_a_role_use_the_profile_of_its_name(scattered: str) -> None:
    text = printed(scattered, "--only", "cli")
    commands = re.findall(r"^ *aws logs .*$", text, re.MULTILINE)
    assert len(commands) == 16
    assert all(" --region " in one for one in commands)
    assert {one.partition("--profile ")[2].split()[0] for one in commands if "--profile" in one} == {"shop.eu"}
    assert sum("--profile" in one for one in commands) == 4
    assert "# --profile shop.eu: " in text


def printed(config: str, *words: str) -> str:
    result = CliRunner().invoke(app, ["log-filters", "--config", config, *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_printed_commands_create_each_filter_with_its_very_pattern(config: str, tmp_path: Path) -> None:
    script = printed(config, "--only", "cli")

    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    ran = subprocess.run(["sh"], input=script, text=True, capture_output=True, check=True, env=environment)

    words = ran.stdout.splitlines()
    groups = [words[at + 1] for at, word in enumerate(words) if word == "--log-group-name"]
    # Each beginning of a glob lists for itself; the second listing of the same group changes nothing.
    assert set(groups) == {"/app", "/ecs/a/pms", "/old"}
    assert {word for word in words if word.startswith("--filter-pattern=")} == {
        f"--filter-pattern={IDIOM}",
        '--filter-pattern=-"a b"',
    }
    metrics = {word.split(",")[0] for word in words if word.startswith("metricName=")}
    assert metrics == {"metricName=App/app", "metricName=Pms/ecs/a/pms", "metricName=Pms/old"}
    assert "polls the filter called errors" in script


def test_terraform_is_printed_too_and_reads_no_template_in_a_pattern(config: str) -> None:
    text = printed(config)
    assert text.count('resource "aws_cloudwatch_log_metric_filter"') == 2
    assert text.count("aws logs put-metric-filter") == 3
    assert hcl('a "b" \\ ${x} %{y}') == '"a \\"b\\" \\\\ $${x} %%{y}"'
    assert f"pattern        = {hcl(IDIOM)}" in text


def test_as_data_each_filter_is_one_object(config: str) -> None:
    found = {one["rule"]: one for one in orjson.loads(printed(config, "--format", "json"))}
    assert (found["Pms"]["pattern"], found["Named"]["pattern"], found["Named"]["cli"]) == (IDIOM, None, None)
    assert shlex.split(found["App"]["cli"].replace("\\\n", " "))[:3] == ["aws", "logs", "put-metric-filter"]
