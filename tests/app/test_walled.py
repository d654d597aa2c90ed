"""`negbox run` as it is by default: in a box."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from sandbox import host
from sandbox.isolation import ladder
from tests.app.command import CANARY, CANARY_NUMBER, COMMAND, ROOT, Terminal, write_script

BEST = ladder.available(host.gather())[0]
STRONGEST = ("--isolation", "strongest")
OFFER = {"move": "offer", "terms": {"price": 8000, "colour": "red", "oars": True}, "message": ""}

needs_walls = pytest.mark.skipif(BEST == "none", reason="this machine has neither namespaces nor Landlock")


@needs_walls
def test_a_run_is_boxed_and_says_so(negbox: Terminal, boat: Path, tmp_path: Path) -> None:
    seller = write_script(tmp_path / "seller.json", [OFFER], cycle=True)
    buyer = write_script(tmp_path / "buyer.json", [{"move": "accept", "message": ""}], cycle=True)
    out = tmp_path / "out"
    ended = negbox(
        "run", boat, "--model", f"seller={seller}", "--model", f"buyer={buyer}", "--no-advisor",
        "--out", out, *STRONGEST, "--json",
    )  # fmt: skip
    assert ended.code == 0, ended.shown
    said = json.loads(ended.out)
    assert said["isolation"] == BEST
    assert {check["name"] for check in said["purge"]} >= {"wiped box", "wiped broker", "wiped gate"}
    assert json.loads((out / "agreement.json").read_bytes())["terms"] == OFFER["terms"]
    everything = ended.shown + "".join(path.read_text() for path in out.iterdir())
    assert CANARY not in everything
    assert CANARY_NUMBER not in everything


@needs_walls
def test_the_panel_names_the_walls(negbox: Terminal) -> None:
    ended = negbox("run", "used-truck", "--model", "tactic/steady", *STRONGEST)
    assert ended.code == 0, ended.shown
    assert BEST in ended.out.split("isolation")[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--isolation", "docker"], "strongest, bwrap, landlock, none"),
        (["--isolation", "strongest", "--keep-offers", "--out", "x"], "--isolation none"),
    ],
)
def test_what_a_box_cannot_do_is_said(
    negbox: Terminal, arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = negbox("run", "persona", "--model", "tactic/steady", *arguments)
    assert ended.code == 2
    assert said in " ".join(ended.err.split())
    assert list(tmp_path.iterdir()) == []


@needs_walls
@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL]
)
def test_an_end_from_outside_leaves_no_process(boat: Path, tmp_path: Path, number: signal.Signals) -> None:
    slow = write_script(tmp_path / "slow.json", [OFFER], cycle=True)
    process = subprocess.Popen(
        [*COMMAND, "run", str(boat), "--model", slow, "--no-advisor", *STRONGEST],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert "turn 1" in process.stderr.readline()
    children = descendants(process.pid)
    assert children
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode in ({-number} if number == signal.SIGKILL else {130, 0})
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() and not is_zombie(pid) for pid in children):
        assert time.monotonic() < deadline


def descendants(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *descendants(child)]
    return found


def is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
