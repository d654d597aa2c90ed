"""What docs/threat-model.md names is there, its figures are right, and two of its residual risks are what it says.

A residual risk that is gone fails here too: then the document has to change.
"""

import ast
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer

from app.cli import app
from bargaining.leakage import export_bits
from delegates.scenario import load
from evals.residue import scan_process
from sandbox import host
from sandbox.fact import Known
from sandbox.isolation import ladder
from sandbox.policy import Policy
from tests.app.command import CANARY, COMMAND, OFFER, ROOT, SCENARIO, write_script
from tests.sandbox.isolation.test_attacks import EXPECTED

DOCUMENT = ROOT / "docs" / "threat-model.md"
TEXT = DOCUMENT.read_text()
MISSING = "## Not there yet"
_SPAN = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"[\w./-]+/[\w.-]*|[\w-]+\.(?:md|py|svg|yaml)")


def spans(text: str) -> list[str]:
    """What stands between backticks, without the picture in letters."""
    return _SPAN.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def promised() -> list[str]:
    """What the document says is missing: in the first column of that table."""
    section = TEXT.split(MISSING)[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| ")]
    return [span for row in rows for span in spans(row)]


ABSENT = promised()
PRESENT = sorted(set(spans(TEXT)) - set(ABSENT))
TESTS = [span for span in PRESENT if "::" in span]
PATHS = [span for span in PRESENT if "::" not in span and _PATH.fullmatch(span) and not span.endswith("/")]
COMMANDS = [span for span in PRESENT if span.startswith("negbox ")]


@cache
def functions_of(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def problem(command: str) -> str:
    """What is wrong with a command as the document writes it. Empty: nothing."""
    found = typer.main.get_command(app)
    for word in shlex.split(command)[1:]:
        if word.startswith("-"):
            if not any(word in option.opts for option in found.params):
                return f"there is no option {word}"
        else:
            # not by its class: typer may bring a click of its own
            commands = getattr(found, "commands", None)
            if commands is not None:
                if word not in commands:
                    return f"there is no command {word}"
                found = commands[word]
    return ""


@pytest.mark.parametrize("name", TESTS)
def test_a_test_that_is_named_is_there(name: str) -> None:
    path, _, function = name.partition("::")
    assert function in functions_of(path)


@pytest.mark.parametrize("name", PATHS)
def test_a_file_that_is_named_is_there(name: str) -> None:
    written_by_a_run = {"agreement.json", "statement.json"}
    assert name in written_by_a_run or (ROOT / name).exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_is_named_is_there(command: str) -> None:
    assert problem(command) == ""


@pytest.mark.parametrize("name", ABSENT)
def test_what_is_said_to_be_missing_is(name: str) -> None:
    """Otherwise the document says too little: move it from 'Not there yet' to where it belongs."""
    if name.startswith("negbox "):
        assert problem(name) != ""
    else:
        assert not (ROOT / name).exists()


def test_the_instrument_tells_what_is_there_from_what_is_not() -> None:
    assert len(TESTS) > 30
    assert len(PATHS) > 10
    assert len(COMMANDS) > 3
    assert ABSENT
    assert problem("negbox run --isolation") == ""
    assert problem("negbox run --no-such-option") == "there is no option --no-such-option"
    assert problem("negbox claim deny") == "there is no command deny"
    assert "test_nothing_at_all" not in functions_of("tests/test_docs.py")


def test_every_picture_is_there() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", TEXT)
    assert pictures
    assert all((DOCUMENT.parent / picture).is_file() for picture in pictures)


def test_the_bits_of_the_scenarios_are_right() -> None:
    rows = re.findall(r"^\| ([a-z-]+) \| (\d+) \| (\d+\.\d\d) \|$", TEXT, flags=re.MULTILINE)
    assert len(rows) == 5
    for name, outcomes, bits in rows:
        agenda = load(name).agenda
        assert (outcomes, bits) == (str(agenda.space.size), f"{export_bits(agenda):.2f}")


def test_the_attacks_are_as_many_as_it_says() -> None:
    (count,) = re.findall(r"(\d+) attacks", TEXT)
    assert int(count) == len(EXPECTED.keys() - {"work", "abort"})  # these two are no attacks


def test_the_readme_shows_the_default_policy(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```yaml\n(isolation: .*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    (tmp_path / "policy.yaml").write_text(shown)
    assert Policy.load(tmp_path / "policy.yaml") == Policy()


def test_it_can_be_read_in_one_sitting() -> None:
    assert len(TEXT.splitlines()) <= 200


@pytest.fixture
def running(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """`negbox run` in a box, in its first turn, standing still."""
    if ladder.available(host.gather())[0] == "none":
        pytest.skip("this machine has neither namespaces nor Landlock")
    scenario = tmp_path / "boat.yaml"
    scenario.write_text(SCENARIO)
    slow = write_script(tmp_path / "slow.json", [OFFER], cycle=True)
    with subprocess.Popen(
        [*COMMAND, "run", str(scenario), "--model", slow, "--no-advisor"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert "turn 1" in process.stderr.readline()
        process.send_signal(signal.SIGSTOP)
        try:
            yield process
        finally:
            process.kill()  # the others end with it


def test_the_starter_holds_no_brief(running: "subprocess.Popen[str]") -> None:
    assert scan_process(running.pid, CANARY).clean is True


_OWNER = """
import json, os, subprocess, sys
bubblewrap, other = sys.argv[1:]
hold = (
    "import ctypes; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\\n"  # PR_SET_DUMPABLE, off
    "kept = b'%d-heron' % 7731; print(id(kept), flush=True); input()"
)
told, telling = os.pipe()
wall = [bubblewrap, "--info-fd", str(telling), "--unshare-user", "--unshare-pid", "--as-pid-1", "--cap-drop", "ALL",
        "--die-with-parent", "--ro-bind", "/", "/", "--"]
with subprocess.Popen([*wall, sys.executable, "-I", "-S", "-c", hold], stdin=-1, stdout=-1, pass_fds=[telling]) as box:
    os.close(telling)
    address = box.stdout.readline().decode().strip()
    pid = str(json.loads(os.read(told, 4096))["child-pid"])
    # not a child of whoever started the box but a stranger beside it, who is told where to look
    print(subprocess.run([sys.executable, "-I", "-S", "-c", other, pid, address], stdout=-1).stdout.decode())
    box.kill()
"""
_STRANGER = """
import ctypes, sys
class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
pid, address = map(int, sys.argv[1:])
seen = ctypes.create_string_buffer(64)
here, there = Vector(ctypes.addressof(seen), 64), Vector(address, 64)
ctypes.CDLL(None).process_vm_readv(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
print(b"7731-heron" in seen.raw)
"""


def test_a_process_of_the_same_user_reads_a_bubblewrap_box() -> None:
    """Although the box is not dumpable: who owns its user namespace has all rights in it."""
    facts = host.gather()
    wall = facts.bubblewrap.value if isinstance(facts.bubblewrap, Known) else None
    if "bwrap" not in ladder.available(facts) or wall is None:
        pytest.skip("this machine builds no bubblewrap box")
    other = 65534 if os.geteuid() == 0 else None  # root may read everything in any case
    python = "/usr/bin/python3" if other else sys.executable
    if not os.access(python, os.X_OK):
        pytest.skip("no interpreter that another user may run")
    found = subprocess.run(
        [python, "-I", "-S", "-c", _OWNER, str(wall.path), _STRANGER],
        user=other,
        group=other,
        extra_groups=[] if other else None,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if "ermission denied" in found.stderr:
        pytest.skip("another user may not run this bubblewrap")
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() == "True"
