"""Names of polled values on the scrape endpoint, as dashboards for CloudWatch exporters know them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from watchtower.model import Labels

if TYPE_CHECKING:
    from collections.abc import Mapping

_BOUNDARY = re.compile(r"([a-z0-9])([A-Z])")


#: The name under which values that rules compute are scraped (design section 8).
RULE_VALUE = "watchtower_rule_value"
RULE_HELP = "The newest value of a rule whose query is no plain metric."


def rule_labels(rule: str, identity: Mapping[str, str]) -> Labels:
    """The labels of a computed value: its rule and its identity, in Prometheus' own style of names."""
    return Labels({**{_snake(name): value for name, value in identity.items()}, "alert": rule})


@lru_cache(maxsize=4096)
def metric_name(namespace: str, metric: str, statistic: str) -> str:
    """``aws_<namespace>_<metric>_<statistic>`` (design section 8).

    1. The namespace in lower case; ``aws`` is put before it unless it starts so.
    2. In the metric and the statistic a ``_`` goes before a capital that follows a small letter or digit.
    3. Whatever a Prometheus name cannot hold becomes ``_``, a percent sign ``_percent``.
    4. Words of the namespace that the metric's name repeats at its start are left out.
    """
    space = _plain(namespace.lower()).removeprefix("_")
    rest = _snake(metric)
    for word in space.split("_"):
        rest = rest.removeprefix(word)
    prefix = "" if space.startswith("aws") else "aws_"
    return f"{prefix}{space}_{rest.removeprefix('_')}_{_snake(statistic)}"


@lru_cache(maxsize=4096)
def label_name(prefix: str, name: str) -> str:
    """``dimension_<Name>`` or ``tag_<Name>`` in the letters a label may have."""
    return f"{prefix}_{_plain(name)}"


def _snake(text: str) -> str:
    return _plain(_BOUNDARY.sub(r"\1_\2", text)).lower()


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", text.replace("%", "_percent"))
