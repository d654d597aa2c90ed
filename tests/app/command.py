"""The real command, in this process or in one of its own, and a scenario full of canaries."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from app import exits
from app.cli import app

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-c", "from app.cli import main; main()")
CANARY = "canary_7731_heron"
CANARY_NUMBER = "7731"

SCENARIO = f"""\
agenda:
  title: Sale of a boat
  roles: [seller, buyer]
  rounds: 4
  issues:
    - name: price
      kind: integer
      minimum: 0
      maximum: 10000
      step: 1
    - {{name: colour, kind: categorical, options: [red, blue]}}
    - {{name: oars, kind: boolean}}
briefs:
  seller:
    narrative: I sell my boat. {CANARY}
    facts:
      - text: It floats. {CANARY}
        disclosure: free
      - text: It leaks. {CANARY}
        disclosure: never
        keywords: [{CANARY}]
    preferences:
      issues:
        price: {{weight: 1, points: {{0: 0, 10000: 100}}}}
        colour: {{weight: 0, scores: {{red: 0, blue: 1}}}}
        oars: {{weight: 0, scores: {{true: 0, false: 1}}}}
    mandate:
      conditions:
        - at_least: {{price: {CANARY_NUMBER}}}
      reservation_value: 77.31
    outside_options: [{CANARY}]
  buyer:
    narrative: I want a boat. {CANARY}
    mandate:
      conditions:
        - at_most: {{price: 9000}}
"""
TERMS = {"price": 8000, "colour": "red", "oars": True}
OFFER = {"move": "offer", "terms": TERMS, "message": ""}
ACCEPT = {"move": "accept", "message": ""}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def shown(self) -> str:
        """All that the user saw."""
        return self.out + self.err


def unwalled(arguments: Sequence[str | Path]) -> tuple[str, ...]:
    """More arguments, for a run that does not say where: in this process, since a box takes a second to start."""
    runs = arguments[:1] == ("run",) or arguments[:2] == ("eval", "run")
    said = {"--isolation", "--help"} & set(map(str, arguments))
    return ("--isolation", "none") if runs and not said else ()


class Terminal:
    """Runs the command as a user would, in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str | Path) -> Ended:
        self._monkeypatch.setattr(sys, "argv", ["negbox", *map(str, arguments), *unwalled(arguments)])
        code = exits.guarded(app)
        captured = self._capsys.readouterr()
        return Ended(code, captured.out, captured.err)


def in_process(
    *arguments: str | Path, environment: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Ended:
    """Run the command in a process of its own."""
    found = subprocess.run(
        [*COMMAND, *map(str, arguments), *unwalled(arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        cwd=cwd or ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ended(found.returncode, found.stdout, found.stderr)


def write_script(path: Path, replies: Sequence[object], *, cycle: bool = False) -> str:
    """A script file, as a model spec."""
    import json

    path.write_text(json.dumps({"replies": list(replies), "cycle": cycle}))
    return f"scripted/{path}"
