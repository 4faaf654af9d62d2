"""A Dockerfile as its instructions, stage by stage."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, its lines joined: ``name`` in capitals, ``text`` is the rest."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Stage:
    """What one FROM begins."""

    base: str
    instructions: tuple[Instruction, ...]

    def texts(self, name: str) -> list[str]:
        """What follows each instruction of this name, in order."""
        return [instruction.text for instruction in self.instructions if instruction.name == name]


def read(path: Path) -> list[Instruction]:
    """Every instruction of the file, comments left out."""
    kept = [line for line in path.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    lines = re.sub(r"\\\n\s*", "", "\n".join(kept)).splitlines()
    pairs = [line.split(maxsplit=1) for line in lines]
    return [Instruction(name.upper(), text) for name, text in pairs]


def stages(path: Path) -> list[Stage]:
    """The file's stages; what stands before the first FROM belongs to none."""
    found: list[Stage] = []
    for instruction in read(path):
        if instruction.name == "FROM":
            found.append(Stage(instruction.text, ()))
        elif found:
            found[-1] = Stage(found[-1].base, (*found[-1].instructions, instruction))
    return found
