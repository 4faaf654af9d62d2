"""The messages in docs/messages are those that are sent, and Slack takes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from slack_sdk.models.blocks import Block

from tests.support.messages import FOLDER, messages, written
from watchtower.demo.slack_rules import MAX_MESSAGE, message_length, message_problems

MADE = messages()


def test_every_kind_of_message_has_its_file() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(MADE)


@pytest.mark.parametrize("name", MADE)
def test_the_file_is_the_message(name: str) -> None:
    """Otherwise: python -m tests.support.messages, and look at what changed."""
    assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == written(MADE[name])


@pytest.mark.parametrize("name", MADE)
def test_slack_takes_the_file_as_it_stands(name: str) -> None:
    message: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert message_problems(message) == []
    assert message_length(message) <= MAX_MESSAGE
    for block in Block.parse_all(message["blocks"]):
        block.validate_json()


CALLING = {"trigger-p1", "raise-in-the-thread", "fallback", "webhook"}


@pytest.mark.parametrize("name", MADE)
def test_only_the_first_word_of_a_p1_calls_somebody(name: str) -> None:
    called = "<!subteam^S012AB3CD>" in str(MADE[name]) or "<!here>" in str(MADE[name])
    assert called is (name in CALLING)
