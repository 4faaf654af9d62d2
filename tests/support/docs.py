"""The documentation as data: fenced blocks, tables, links and headings of Markdown pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

from watchtower.config import Loaded, load
from watchtower.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
RULES = ROOT / "docs" / "rules.md"
CONFIGURATION = ROOT / "docs" / "configuration.md"
OPERATIONS = ROOT / "docs" / "operations.md"
RULE_TESTS = ROOT / "docs" / "rule-tests.md"
PAGES = (README, *sorted((ROOT / "docs").glob("*.md")))

_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)

#: Secrets whose form is looked at, by how the variable's name ends.
_SECRETS = {
    "_URL": "https://hooks.slack.com/services/T/B/x",
    "_APP_TOKEN": "xapp-0",
    "_CANARY_KEY": "c" * 32,
}
#: What a fragment of configuration is completed with; each key stands where the fragment has none.
REST = {
    "environment": "environment: test\n",
    "store": "store: sqlite:///watchtower.db\n",
    "rules": "rules: [rules/]\n",
    "aws": "aws: {accounts: [{name: prod, regions: [eu-west-1, us-east-1]}], label_tags: [tenant, team, env]}\n",
    "channels": "channels:\n"
    + "".join(
        f"  {name}: {{type: pagerduty, routing_key: {{env: KEY}}}}\n" for name in ("oncall", "lead", "ops", "audit")
    ),
    "routes": "routes: [{channels: [CHANNELS]}]\n",
}
#: Rules for fragments that bring none.
SOUND = "rules:\n- alert: A\n  probe: {http: {url: https://www.example.com/}}\n  when: {P3: down}\n"


@dataclass(frozen=True)
class Block:
    """One fenced block, without the indentation of the list it stands in."""

    page: Path
    line: int
    info: str
    text: str

    @property
    def language(self) -> str:
        return self.info.split(" ")[0]

    @property
    def faulty(self) -> bool:
        """It shows mistakes; the block after it says what is printed."""
        return self.info.split(" ")[1:] == ["faulty"]

    @property
    def keys(self) -> list[str]:
        """The keys at the top of a YAML mapping."""
        return re.findall(r"^(\w+):", self.text, re.MULTILINE)

    @property
    def is_rules(self) -> bool:
        """A rule file, or entries of one."""
        return re.search(r"^ *- alert:", self.text, re.MULTILINE) is not None

    @property
    def is_rule_tests(self) -> bool:
        """A rule test file."""
        return "tests" in self.keys

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Every fenced block of a page."""
    text = page.read_text()
    return [
        Block(page, text[: found.start()].count("\n") + 1, found["info"].strip(), dedent(found["text"]))
        for found in _FENCE.finditer(text)
    ]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page.read_text())


def sections(page: Path) -> dict[str, str]:
    """The prose under each heading, by its text; a section ends at the next heading of any depth."""
    parts = re.split(r"^#+ (.*)$", prose(page), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def code_spans(text: str) -> str:
    """Everything in backticks, one span a line."""
    return "\n".join(re.findall(r"`([^`]+)`", text))


def tables(text: str) -> Iterator[list[list[str]]]:
    """Every table as its rows of cells, the header first."""
    for found in re.finditer(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE):
        rows = [re.split(r"(?<!\\)\|", line.strip().strip("|")) for line in found[0].splitlines()]
        yield [[cell.strip() for cell in row] for number, row in enumerate(rows) if number != 1]


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings make."""
    return {slug(heading) for heading in sections(page)}


def slug(heading: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def whole(block: Block) -> tuple[str, str]:
    """The configuration and the rules that a YAML block stands for, completed where it is a fragment."""
    rules, config = (block.text, "") if block.is_rules else (SOUND, block.text)
    if re.match(r"(#.*\n)*- alert:", rules):
        rules = "rules:\n" + rules
    keys = [] if block.is_rules else block.keys
    names = re.findall(r"^  (\w+):", config, re.MULTILINE) if "channels" in keys else ["oncall", "lead"]
    rest = "".join(text for key, text in REST.items() if key not in keys)
    return config + rest.replace("CHANNELS", ", ".join(names)), rules


def lay_out(block: Block, directory: Path, environment: pytest.MonkeyPatch) -> Path:
    """Write a block's files as a reader would have them, with every secret it names; the configuration's path."""
    config, rules = whole(block)
    for name in re.findall(r"\{env: (\w+)\}", config + rules):
        environment.setenv(name, next((value for end, value in _SECRETS.items() if name.endswith(end)), "0" * 32))
    for name in re.findall(r"\{file: ([^}/][^}]*)\}", config):
        _write(directory / name, "0" * 32)
    _write(directory / "rules" / "sites.txt", "www.example.com\n")
    _write(directory / "rules" / "shop.yaml", rules)
    for pack in re.findall(r"rules/(\w+\.yaml)", config):
        if (ROOT / "rules" / pack).exists():
            _write(directory / "rules" / pack, (ROOT / "rules" / pack).read_text())
    return _write(directory / "watchtower.yaml", config)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def outcome(path: Path) -> Loaded | list[str]:
    """What a reader's `watchtower check` would find: the configuration, or the faults it prints."""
    try:
        return load(path, mounts="")
    except ConfigError as error:
        return [str(fault).replace(f"{path.parent}/", "") for fault in sorted(error.faults)]
