"""Makes the Grafana dashboards beside this file: ``.venv/bin/python -m dashboards.build``.

Whoever changes a dashboard changes ``estate.py``, ``service.py`` or ``itself.py`` and runs this. A test compares what
is made with what is there, and each metric that is asked for with those that are exported.
"""

from __future__ import annotations

import json
from pathlib import Path

from dashboards.estate import BALANCE, ESTATE, IMAGES
from dashboards.grafana import Dashboard, classic
from dashboards.itself import ITSELF
from dashboards.service import OVERVIEW, SITES

HERE = Path(__file__).parent
ALL = (OVERVIEW, ESTATE, SITES, BALANCE, IMAGES, ITSELF)


def file_of(dashboard: Dashboard) -> Path:
    """Where a dashboard's JSON stands."""
    return HERE / f"{dashboard.uid.removeprefix('watchtower-')}.json"


def text_of(dashboard: Dashboard) -> str:
    """A dashboard as its file holds it."""
    return json.dumps(classic(dashboard), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for one in ALL:
        file_of(one).write_text(text_of(one), encoding="utf-8")
