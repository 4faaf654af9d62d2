"""What Slack refuses in a message, one sentence per mistake, including what its SDK's models let through.

Block limits: https://docs.slack.dev/reference/block-kit/blocks. Lengths are counted in UTF-16 units, the strictest
way. The cap on a whole message is not documented: 11,341 characters were refused
(https://github.com/slackapi/bolt-js/issues/2867), so more than 9,000 are refused here.
"""

from __future__ import annotations

import re
from typing import Any

MAX_BLOCKS = 50
MAX_MESSAGE = 9_000
MAX_TEXT = 40_000

_HEADER = 150
_SECTION = 3000
_FIELDS = 10
_FIELD = 2000
_ELEMENTS = {"context": 10, "actions": 25}
_CONTEXT_TEXT = 2000
_BUTTON = {"text": 75, "value": 2000, "url": 3000, "action_id": 255}
_BUTTON_KEYS = {*_BUTTON, "type", "style", "confirm", "accessibility_label"}
_STYLES = {"primary", "danger"}
_TEXT_KEYS = {"mrkdwn": {"verbatim"}, "plain_text": {"emoji"}}
_BLOCK_ID = 255
_EVENT_TYPE = 255
_EMOJI = "\uffff"

_KNOWN = {
    "header": {"text"},
    "section": {"text", "fields", "accessory"},
    "context": {"elements"},
    "actions": {"elements"},
    "divider": set[str](),
}


def message_problems(message: dict[str, Any]) -> list[str]:
    """Everything wrong with a message's text, blocks and metadata."""
    text = message.get("text", "")
    blocks = message.get("blocks", [])
    if not isinstance(text, str) or not isinstance(blocks, list):
        return ["text must be a string and blocks a list"]
    if not text and not blocks:
        return ["no_text"]
    problems = [] if _length(text) <= MAX_TEXT else ["text is too long"]
    if len(blocks) > MAX_BLOCKS:
        problems.append("no more than 50 blocks allowed")
    for place, block in enumerate(blocks):
        problems += [f"{said} [json-pointer:/blocks/{place}]" for said in _block(block)]
    problems += _repeated("block_id", [block.get("block_id") for block in blocks if isinstance(block, dict)])
    problems += _repeated("action_id", list(_found(blocks, "action_id")))
    return problems + _metadata(message.get("metadata"))


def message_length(message: dict[str, Any]) -> int:
    """The characters of all texts of a message together."""
    texts = [message.get("text", ""), *_found(message.get("blocks", []), "text")]
    return sum(_length(text) for text in texts if isinstance(text, str))


def _block(block: Any) -> list[str]:
    if not isinstance(block, dict) or block.get("type") not in _KNOWN:
        return ["unsupported block"]
    kind = block["type"]
    problems = [f"invalid additional property: {key}" for key in block.keys() - _KNOWN[kind] - {"type", "block_id"}]
    if _length(str(block.get("block_id", ""))) > _BLOCK_ID:
        problems.append("block_id is too long")
    if kind == "header":
        return problems + _text(block.get("text"), _HEADER, ("plain_text",))
    if kind == "section":
        return problems + _section(block)
    return problems + (_elements(block) if kind in _ELEMENTS else [])


def _section(block: dict[str, Any]) -> list[str]:
    if "text" not in block and "fields" not in block:
        return ["a section needs text or fields"]
    problems = _text(block["text"], _SECTION) if "text" in block else []
    fields = block.get("fields", [{"type": "mrkdwn", "text": "-"}])
    if not isinstance(fields, list) or not 1 <= len(fields) <= _FIELDS:
        return [*problems, "a section has 1 to 10 fields"]
    return problems + [said for field in fields for said in _text(field, _FIELD)]


def _elements(block: dict[str, Any]) -> list[str]:
    elements = block.get("elements")
    most = _ELEMENTS[block["type"]]
    if not isinstance(elements, list) or not 1 <= len(elements) <= most:
        return [f"{block['type']} has 1 to {most} elements"]
    judge = _button if block["type"] == "actions" else _context_element
    return [said for element in elements for said in judge(element)]


def _context_element(element: Any) -> list[str]:
    return _text(element, _CONTEXT_TEXT)


def _button(element: Any) -> list[str]:
    if not isinstance(element, dict) or element.get("type") != "button":
        return ["unsupported element"]
    problems = _text(element.get("text"), _BUTTON["text"], ("plain_text",))
    problems += [f"invalid additional property: {key}" for key in element.keys() - _BUTTON_KEYS]
    given = {name: element[name] for name in ("value", "url", "action_id") if name in element}
    problems += [f"{name} must be a string" for name, one in given.items() if not isinstance(one, str) or not one]
    problems += [f"{name} is too long" for name, one in given.items() if _length(str(one)) > _BUTTON[name]]
    if "url" in given and not _ADDRESS.fullmatch(str(given["url"])):
        problems.append("url is no web address")
    if element.get("style", "primary") not in _STYLES:
        problems.append("style must be primary or danger")
    return problems


#: Slack refuses blanks and signs that an address cannot hold unescaped.
_ADDRESS = re.compile(r"https?://[^\s<>\"{}|\\^`]+")


def _text(text: Any, limit: int, kinds: tuple[str, ...] = ("mrkdwn", "plain_text")) -> list[str]:
    if not isinstance(text, dict) or text.get("type") not in kinds:
        return [f"a text must be one of {', '.join(kinds)}"]
    written = text.get("text")
    if not isinstance(written, str) or not written:
        return ["must be more than 0 characters"]
    problems = [] if _length(written) <= limit else [f"must be less than {limit + 1} characters"]
    extra = text.keys() - _TEXT_KEYS[text["type"]] - {"type", "text"}
    problems += [f"invalid additional property: {key}" for key in extra]
    if not written.strip():
        problems.append("must not be blank")
    if any(char < " " and char != "\n" for char in written):
        problems.append("control characters")
    return problems


def _metadata(metadata: Any) -> list[str]:
    if metadata is None:
        return []
    right = (
        isinstance(metadata, dict)
        and metadata.keys() == {"event_type", "event_payload"}
        and isinstance(metadata["event_type"], str)
        and 0 < len(metadata["event_type"]) <= _EVENT_TYPE
        and isinstance(metadata["event_payload"], dict)
    )
    return [] if right else ["invalid_metadata_format"]


def _repeated(name: str, values: list[Any]) -> list[str]:
    given = [value for value in values if value is not None]
    return [f"{name} is used twice"] if len(set(given)) < len(given) else []


def _found(value: Any, key: str) -> list[Any]:
    """Every value under ``key``, at any depth."""
    if isinstance(value, list):
        return [found for item in value for found in _found(item, key)]
    if not isinstance(value, dict):
        return []
    here = [value[key]] if isinstance(value.get(key), str) else []
    return here + [found for item in value.values() for found in _found(item, key)]


def _length(text: str) -> int:
    return len(text) + sum(char > _EMOJI for char in text)
