"""The shape of the house is a promise like any other."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import watchtower

ROOT = Path(watchtower.__file__).parent

#: Rooms from top to bottom: a module imports only rooms above its own, or its own room.
ROOMS = [
    [
        "labels",
        "words",
        "batch",
        "graphspec",
        "lookup",
        "model",
        "errors",
        "faults",
        "durations",
        "clock",
        "schema",
        "secrets",
    ],
    ["yamlfile", "redaction"],
    ["matchers", "templates", "logpattern"],
    ["aws"],
    ["inventory"],
    ["sources"],
    ["rulebook"],
    ["evaluation"],
    ["incidents"],
    ["graphs"],
    ["notifiers"],
    ["live"],
    ["store"],
    ["config"],
    ["engine"],
    ["ruletest"],
    ["web"],
    ["composition"],
    ["logs", "service"],
    ["demo"],
    ["client", "commands", "schemas", "terminal"],
    ["silence_cli"],
    ["cli"],
    ["__main__"],
]
LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}
MODULES = sorted(ROOT.rglob("*.py"))

#: ``demo`` holds the demo's composition besides its simulators, so it stands below the service that it runs.
FREE = {"__init__"}


def room_of(module: Path) -> str:
    parts = module.relative_to(ROOT).with_suffix("").parts
    return parts[0]


def imported_rooms(module: Path) -> set[str]:
    rooms: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module] if node.module != "watchtower" else [f"watchtower.{n.name}" for n in node.names]
        elif isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        else:
            continue
        rooms.update(name.split(".")[1] for name in names if name.startswith("watchtower."))
    return rooms - {"__version__"}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_rooms_above_its_own(module: Path) -> None:
    room = room_of(module)
    if room in FREE:
        return
    assert room in LEVEL, f"{room} has no place in the list of rooms"
    below = {other for other in imported_rooms(module) - {room} if LEVEL[other] > LEVEL[room]}
    assert not below, f"{module.relative_to(ROOT)} imports {below}, which stand below {room}"


def test_only_the_store_knows_sql() -> None:
    knowing = {room_of(module) for module in MODULES if _imports(module, "sqlalchemy", "alembic", "aiosqlite")}
    assert knowing == {"store"}


def test_only_the_aws_room_and_the_simulators_know_the_sdk() -> None:
    knowing = {room_of(module) for module in MODULES if _imports(module, "aiobotocore", "botocore")}
    assert knowing <= {"aws", "demo"}


def test_time_is_handed_in() -> None:
    """Whoever reads the machine's clock by himself cannot be tested and cannot be run on the demo's time."""
    readers = {
        str(module.relative_to(ROOT))
        for module in MODULES
        if any(call in module.read_text() for call in ("datetime.now(", "time.time(", "utcnow("))
    }
    assert readers == {"clock.py"}


def functions() -> list[tuple[str, int]]:
    found = []
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                end = node.end_lineno or node.lineno
                body = node.body
                documented = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
                doc = (body[0].end_lineno or 0) - body[0].lineno + 1 if documented else 0
                found.append((f"{module.relative_to(ROOT)}:{node.name}", end - node.lineno + 1 - doc))
    return found


def test_functions_are_small() -> None:
    sizes = sorted(size for _, size in functions())
    assert [name for name, size in functions() if size > 60] == []
    assert sizes[len(sizes) // 2] <= 10
    assert sizes[int(len(sizes) * 0.95)] <= 30


def test_a_file_is_something_a_reader_can_hold() -> None:
    long = {str(m.relative_to(ROOT)): n for m in MODULES if (n := len(m.read_text().splitlines())) > 400}
    assert long == {}


def _imports(module: Path, *packages: str) -> bool:
    for node in ast.walk(ast.parse(module.read_text())):
        names = (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [name.name for name in node.names]
            if isinstance(node, ast.Import)
            else []
        )
        if any(name.split(".")[0] in packages for name in names):
            return True
    return False
