"""What was said in negotiations of made-up briefs, kept in files, where the user asked for that by name.

Covered: nothing is kept otherwise. A file for each negotiation, called by the digest of its case's key.
Not covered: prompts and replies; only what stood on the table.
"""

import json
from pathlib import Path

from bargaining.table import Table
from evals.case import Case
from evals.suite import Keeper, Moves
from sandbox.export import digest

FOLDER = "transcripts"


def keeper(folder: Path) -> Keeper:
    """Keeps what stood on tables below a folder of results."""
    home = folder / FOLDER

    def keep(case: Case, moves: Moves) -> None:
        home.mkdir(exist_ok=True)
        text = json.dumps({"case": case.model_dump(), "moves": moves}, indent=1, ensure_ascii=False)
        (home / name(case)).write_text(text + "\n", "utf-8")

    return keep


def moves_of(table: Table) -> Moves:
    """What stands on a table."""
    return [
        {"round": entry.number // 2 + 1, "role": entry.role, **entry.move.model_dump(mode="json")}
        for entry in table.entries
    ]


def name(case: Case) -> str:
    """The file of a case."""
    return f"{digest(case.key.encode()).removeprefix('sha256:')[:32]}.json"
