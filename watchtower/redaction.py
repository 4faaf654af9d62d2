"""Secrets that slip into texts (log lines, error bodies, evidence) are hidden before anybody reads them.

Every pattern runs on RE2, in time linear in the text, and the text is bounded, because what is redacted comes
from outside. A word too many is hidden rather than a secret too few.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import re2

if TYPE_CHECKING:
    from collections.abc import Mapping

    from structlog.typing import EventDict, WrappedLogger

#: What stands in the place of a secret.
HIDDEN = "[redacted]"
#: Characters of a text that are looked at; the rest is cut off, never passed on unseen.
MAX_LENGTH = 65_536
#: Characters that are told of an error that nobody expected.
_OF_MISTAKE = 200
_CUT = " …[cut]"
#: how deep the processor follows lists and mappings of an event; deeper values are hidden
_MAX_DEPTH = 6

_NAMES_OF_SECRETS = (
    r"pass(?:word|wd|phrase|code)|pwd|secret|secretstring|token|api[_-]?key|access[_-]?key|private[_-]?key"
    r"|(?:routing|integration|service|account|signing|encryption)[_-]?key|credentials?|signature"
)
_QUOTED = r'"(?:[^"\\]|\\.)*"?|\'(?:[^\'\\]|\\.|\'\')*\'?|\\"[^"\\]*(?:\\")?'
_BARE = r"[<({]*[^\s\"'\\&,;<>(){}\[\]]+"
#: What may go on with a bare value; what goes on with a name and = or : is the next value's.
_MORE = r"[&,;<>(){}\[\]]+[^\s\"'\\&,;<>(){}\[\]=:]+[=:]?"
_AUTHORIZATION = r"(?:proxy-)?authorization(?:\\?[\"'])?\s*[:=]\s*(?:\\?[\"'])?"
_KEY_BLOCK = "PRIVATE KEY(?: BLOCK)?-----"
_SEPARATOR = r"(?:\\?[\"'])?\s*(?:=>|:|=)\s*"
#: values that say that there is no secret
_EMPTY = {'""', "''", "null", "none", "true", "false", "nil", "undefined"}

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


def _pattern(text: str) -> Any:
    return re2.compile(text, _OPTIONS)


#: One look decides whether a text can hold anything: most cannot, and cost nothing more.
_SUSPICIOUS = _pattern(
    r"(?i)pass|pwd|secret|token|key|credential|signature|auth|cookie|bearer|basic|akia|asia|abia|acca|xox|xapp"
    r"|hooks\.slack|eyj|gh[pousr]_|github_pat|glpat|sk[_-]|rk_|aiza|://|sig=|@[\w.-]+[:(]"
)

#: What is replaced as a whole, or after the first group, which is kept.
_PATTERNS = tuple(
    _pattern(text)
    for text in (
        rf"(?s)()-----BEGIN [A-Z0-9 ]*{_KEY_BLOCK}.*?(?:-----END [A-Z0-9 ]*{_KEY_BLOCK}|\z)",
        rf"(?i)\b({_AUTHORIZATION}(?:AWS4-HMAC-SHA256|Digest)\s+)[^\r\n\"'\\]+",
        rf"(?i)\b({_AUTHORIZATION}(?:[a-z][a-z0-9_-]*[ \t]+)?)[^\s\"'\\,;]+",
        r"(?i)\b((?:set-)?cookie(?:\\?[\"'])?\s*[:=]\s*)[^\r\n\"'\\]+",
        r"()\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b(?:[\s:,;/]{1,3}[A-Za-z0-9/+]{40}\b)?",
        r"()\b(?:xox[a-z](?:\.xox[a-z])?|xapp)-[A-Za-z0-9-]{8,}",
        r"(?i)(https?://hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/)[^\s\"'<>]+",
        r"()\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)*",
        r"()\b(?:gh[pousr]_|github_pat_|glpat-|[sr]k_(?:live|test)_|AIza)[A-Za-z0-9_-]{16,}",
        r"()\bsk-(?:[A-Za-z_-]*[0-9][A-Za-z0-9_-]{8,}|[A-Za-z0-9_-]{32,})",
        rf"(?i)(--?[a-z0-9_-]*(?:{_NAMES_OF_SECRETS})[ \t]+)(?:{_QUOTED}|[^\s\"'-]\S*)",
    )
)

#: What stands before the @ of a URL.
_URL_PATTERNS = tuple(
    _pattern(text)
    for text in (
        r"(?i)\b([a-z][a-z0-9+.-]*://[^\s/:@\"'?#]*:)[^\s/\"'?#]+@",
        r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/:@\"'?#]{16,}@",
    )
)
_SCHEMED = _pattern(r"(?i)\b((?:bearer|basic)\s+)([A-Za-z0-9\-._~+/]{8,}=*)")
#: The same without a scheme: a port, or the way Go writes addresses, tells it from ``mailto:``.
_USERINFO = _pattern(r"(?i)([\w.+-]+:)[^\s/\"'<>]+@([\w.-]+:\d{2,5}\b|(?:tcp|unix)\()")
_HEADS = "|".join(
    (
        rf"(?i:[\w.-]*(?:{_NAMES_OF_SECRETS})[_-]?\d*{_SEPARATOR})",
        rf"(?i:\b(?:[\w.-]*[_.-])?pass[_-]?\d*{_SEPARATOR})",
        rf"\b[\w.-]*[a-z0-9]Pass{_SEPARATOR}",
        r"(?i:\b(?:[\w.-]*[_.-])?sig=)",
        r"\b(?:[A-Z0-9]+_)*(?:PASSWORD|PASSWD|PASS|SECRET|TOKEN|API_?KEY|ACCESS_KEY)(?:_[A-Z0-9]+)*=",
    )
)
#: A name with its value, behind what parts it from the value before; or what may go on with a value.
_NAMED = _pattern(rf"([&,;<>(){{}}\[\]]*(?:{_HEADS}))({_QUOTED}|{_BARE})|{_MORE}")
_SECRET_KEY = _pattern(rf"(?i).*(?:{_NAMES_OF_SECRETS}|authorization|cookie)[_-]?\d*|(?:.*[_.-])?pass")


def redact(text: str) -> str:
    """The text with whatever looks like a secret replaced by ``[redacted]``, cut at MAX_LENGTH characters."""
    bounded = text if len(text) <= MAX_LENGTH else _cut(text)
    if _SUSPICIOUS.search(bounded) is None and "-----BEGIN" not in bounded:
        return bounded
    for pattern in _PATTERNS:
        bounded = pattern.sub(rf"\1{HIDDEN}", bounded)
    for pattern in _URL_PATTERNS:
        bounded = pattern.sub(rf"\1{HIDDEN}@", bounded)
    bounded = _SCHEMED.sub(_hide_credential, bounded)
    bounded = _USERINFO.sub(rf"\1{HIDDEN}@\2", bounded)
    return str(_NAMED.sub(_Hiding(), bounded))


def mistake(error: Exception) -> str:
    """What is told of an error that nobody expected: its kind and the beginning of its text."""
    said = redact(str(error)).split("\n", 1)[0]
    return f"a mistake of Watchtower's, {type(error).__name__}: {said[:_OF_MISTAKE]}".removesuffix(": ")


def redact_event(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """A structlog processor: redacts every text of an event, hides every text under a secret's name."""
    return {key: _redacted(key, value, 0) for key, value in event_dict.items()}


def _cut(text: str) -> str:
    """The beginning, without the word at the cut: half a secret no longer looks like one."""
    beginning = text[:MAX_LENGTH]
    whole = beginning.rstrip() if text[MAX_LENGTH].isspace() else beginning.rpartition(" ")[0]
    return whole + _CUT


def _hide_credential(found: Any) -> str:
    """Hide what follows Bearer or Basic, unless it is plainly a word of prose (``basic authentication``)."""
    prefix, token = found.group(1), found.group(2)
    prose = token.isalpha() and len(token) < 20 and (token.islower() or token.istitle())
    return str(found.group(0)) if prose else f"{prefix}{HIDDEN}"


class _Hiding:
    """Hides values in one pass over a text, with all that goes on with them: ``a,b`` is one value, ``a&x=1`` is two."""

    def __init__(self) -> None:
        self._end = -1

    def __call__(self, found: Any) -> str:
        """What stands in the place of a match."""
        name, value = found.group(1), found.group(2)
        if name is None:
            goes_on = found.start() == self._end and found.group(0)[-1] not in "=:"
            self._end = found.end() if goes_on else -1
            return "" if goes_on else str(found.group(0))
        if (
            value.lower() in _EMPTY
            or HIDDEN.startswith(value.strip("\"'\\"))
            or HIDDEN in value
            or _counts(name, value)
        ):
            return str(found.group(0))
        quote = _quote_of(value)
        self._end = -1 if quote else found.end()
        return f"{name}{quote}{HIDDEN}{quote}"


def _counts(name: str, value: str) -> bool:
    """Whether it is how many passed (``pass: 42``)."""
    return value.isdigit() and "=" not in name and name.strip(" :\t\"'\\&,;<>(){}[]").lower() == "pass"


def _quote_of(value: str) -> str:
    if value.startswith('\\"'):
        return '\\"'
    return value[0] if value[0] in "\"'" else ""


def _redacted(key: str, value: object, depth: int) -> object:
    if isinstance(value, str):
        return HIDDEN if value and _SECRET_KEY.fullmatch(key) else redact(value)
    if isinstance(value, dict | list | tuple):
        return HIDDEN if depth >= _MAX_DEPTH else _redacted_inside(key, value, depth + 1)
    return value


def _redacted_inside(key: str, value: Mapping[Any, object] | list[object] | tuple[object, ...], depth: int) -> object:
    if isinstance(value, list | tuple):
        return [_redacted(key, item, depth) for item in value]
    return {name: _redacted(str(name), item, depth) for name, item in value.items()}
