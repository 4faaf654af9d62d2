"""Rules for every test: nothing may be left running."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest_asyncio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest_asyncio.fixture(autouse=True)
async def no_task_outlives_its_test() -> AsyncIterator[None]:
    """A leaked task is a failure, not a curiosity."""
    before = asyncio.all_tasks()
    yield
    await asyncio.sleep(0)
    running = asyncio.all_tasks() - before - {asyncio.current_task()}
    leaked = [task for task in running if not task.done()]
    assert not leaked, f"tasks left running: {leaked}"
