"""Rules for every test: nothing may be left running; and how the suite stays cheap."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest_asyncio
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest

# Where this is forbidden, each of the hundred processes of a run would compile everything that it imports again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# ``--hypothesis-profile=long`` looks for what the few examples of every run do not find.
settings.register_profile("quick", max_examples=40, deadline=None)
settings.register_profile("long", max_examples=1000, deadline=None)
settings.load_profile("quick")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with long tests start first, or the run ends with one worker that still waits for them.

    Workers take whole files (``--dist loadfile``), so a fixture of a file is made once.
    """
    seconds: Counter[Path] = Counter()
    for item in items:
        long = item.get_closest_marker("long")
        seconds[item.path] += 0 if long is None else int(long.args[0])
    items.sort(key=lambda item: -seconds[item.path])


@pytest_asyncio.fixture(autouse=True)
async def no_task_outlives_its_test() -> AsyncIterator[None]:
    """A leaked task is a failure, not a curiosity."""
    before = asyncio.all_tasks()
    yield
    await asyncio.sleep(0)
    running = asyncio.all_tasks() - before - {asyncio.current_task()}
    leaked = [task for task in running if not task.done()]
    assert not leaked, f"tasks left running: {leaked}"
