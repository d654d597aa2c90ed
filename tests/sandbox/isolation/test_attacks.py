"""Hostile code inside: what it may still do, with walls alone and after `harden`; and what it can do outside."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from shutil import which

import pytest

from sandbox.fact import Known
from sandbox.host import Facts
from sandbox.isolation.interface import Isolation
from tests.sandbox.isolation import breaking, reaching  # noqa: F401 - they register the attacks
from tests.sandbox.isolation.attack import ATTACKS
from tests.sandbox.isolation.attacking import CONNECTED, ROOT, attack, attack_from_outside


@dataclass(frozen=True)
class Expected:
    outside: str
    """The positive control: "ok", or "tried" where it is another limit of this machine that may refuse it."""
    walls: str
    """In bubblewrap, not hardened. "open" is left to `harden`; "tried" as above."""
    closed: str
    """Hardened, in any walls."""


BLOCKED = Expected("ok", "blocked", "blocked")
LEFT_TO_HARDEN = Expected("ok", "open", "blocked")
# read_proc, execute, write_*: nothing of the host is there; dns: no resolver and no network
EXPECTED = {
    "tcp": BLOCKED,
    "tcp_elsewhere": BLOCKED,
    "udp": LEFT_TO_HARDEN,  # the socket can be made, and leads nowhere
    "dns": BLOCKED,
    "netlink": LEFT_TO_HARDEN,  # that of its own network namespace
    "vsock": Expected("tried", "tried", "blocked"),
    "abstract_socket": BLOCKED,
    "path_socket": BLOCKED,
    "datagram_from_a_pair": BLOCKED,
    "read_a_file": BLOCKED,
    "read_passwd": BLOCKED,
    "look_at_a_file": BLOCKED,
    "list_home": BLOCKED,
    "read_proc": BLOCKED,
    "write_a_file": BLOCKED,
    "write_tmp": BLOCKED,
    "write_root": Expected("tried", "blocked", "blocked"),
    "write_code": Expected("tried", "blocked", "blocked"),
    "execute": BLOCKED,
    "execute_python": LEFT_TO_HARDEN,
    "fork": LEFT_TO_HARDEN,
    "thread": LEFT_TO_HARDEN,
    "signal_outside": BLOCKED,
    "signal_by_owner": BLOCKED,
    "memory_file": LEFT_TO_HARDEN,
    "executable_memory": LEFT_TO_HARDEN,
    "made_executable": LEFT_TO_HARDEN,
    "new_extension": LEFT_TO_HARDEN,
    "dumpable_again": LEFT_TO_HARDEN,
    "environment": BLOCKED,
    "inherited_file": BLOCKED,
    "ptrace": Expected("ok", "blocked", "killed"),
    "process_vm_readv": Expected("ok", "tried", "killed"),
    "keyctl": Expected("tried", "tried", "killed"),
    "io_uring": Expected("tried", "tried", "killed"),
    "mount": Expected("tried", "blocked", "killed"),
    "unshare": Expected("tried", "blocked", "killed"),
    "bpf": Expected("tried", "blocked", "killed"),
    "userfaultfd": Expected("tried", "tried", "killed"),
    "perf": Expected("tried", "blocked", "killed"),
    "x32": Expected("tried", "tried", "killed"),
    "work": Expected("ok", "open", "ok"),
    "abort": Expected("killed", "killed", "killed"),
}
QUIET = [name for name, expected in EXPECTED.items() if expected.closed != "killed"]
DEADLY = [name for name, expected in EXPECTED.items() if expected.closed == "killed"]


def verdict(result: str) -> str:
    return result if result in {"ok", "killed"} else "blocked"


def fits(result: str, expected: str) -> bool:
    match expected:
        case "tried":
            return verdict(result) in {"ok", "blocked"}
        case "open":
            return verdict(result) == "ok"
        case _:
            return verdict(result) == expected


def test_the_table_has_every_attack() -> None:
    assert EXPECTED.keys() == ATTACKS.keys()


def test_outside_the_attacks_work(targets: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEGBOX_CANARY", "x")
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)
    try:
        found = attack_from_outside(targets, list(EXPECTED))
    finally:
        os.close(reading)
        os.close(writing)
    assert not {name: found[name] for name in EXPECTED if not fits(found[name], EXPECTED[name].outside)}


def test_walls_alone_stop_what_reaches_outside(
    bubblewrap: Isolation, targets: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEGBOX_CANARY", "x")
    found = attack(bubblewrap, targets, "open", list(EXPECTED))
    assert not {name: found[name] for name in EXPECTED if not fits(found[name], EXPECTED[name].walls)}


def test_once_closed_nothing_is_left(walls: Isolation, targets: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEGBOX_CANARY", "x")
    found = attack(walls, targets, "box", QUIET)
    assert not {name: found[name] for name in QUIET if not fits(found[name], EXPECTED[name].closed)}
    dumpable_off, landlock, filtered = found["hardened"].split("-")
    assert dumpable_off == "True"
    assert int(landlock) > 0
    assert filtered == "True"


@pytest.mark.parametrize("name", DEADLY)
def test_what_nobody_needs_ends_the_process(name: str, walls: Isolation, targets: str) -> None:
    assert attack(walls, targets, "box", [name])[name] == "killed"


@pytest.mark.parametrize("name", ["ptrace", "bpf", "io_uring", "mount"])
def test_it_ends_a_broker_too(name: str, walls: Isolation, targets: str) -> None:
    assert attack(walls, targets, "broker", [name], CONNECTED)[name] == "killed"


def looking(walls: Isolation, facts: Facts) -> set[str]:
    """Landlock does not hide that a file is there. The modes of the folders above it may, for a user of its own."""
    return set() if walls.level == "bwrap" or facts.own_users == Known(True) else {"look_at_a_file"}


def test_a_broker_reaches_its_upstream_and_no_other(walls: Isolation, targets: str, facts: Facts) -> None:
    names = [name for name in QUIET if name != "work"]
    found = attack(walls, targets, "broker", [*names, "work"], CONNECTED)
    allowed = {name for name in QUIET if found[name] == "ok"}
    needed = {"tcp", "dns", "thread", "new_extension", "work"}
    # names are asked for by UDP, which Landlock does not know
    residual = {"udp"} | looking(walls, facts)
    assert allowed == needed | residual


def test_an_engine_starts_programs_and_reaches_nothing(walls: Isolation, targets: str, facts: Facts) -> None:
    found = attack(walls, targets, "engine", QUIET)
    allowed = {name for name in QUIET if found[name] == "ok"}
    needed = {"fork", "execute_python", "thread", "new_extension", "work"}
    assert allowed == needed | looking(walls, facts)


def test_root_can_have_an_ordinary_user_build_the_walls(bubblewrap: Isolation, targets: str) -> None:
    if os.getuid():
        pytest.skip("this is an ordinary user: the other tests show it")
    python = which("python3", path="/usr/bin:/usr/local/bin")
    version = "import sys; sys.exit(sys.version_info < (3, 11))"
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    if not python or subprocess.run([python, "-c", version], check=False, **nobody).returncode:  # type: ignore[call-overload]
        pytest.skip("no interpreter from 3.11 on that user nobody may run")
    program = Path(bubblewrap._program)  # type: ignore[attr-defined]
    path = f"{program.parent}:/usr/bin"
    module = "tests.sandbox.isolation.attacking"
    names = ["work", "tcp", "read_passwd"]
    done = subprocess.run(  # type: ignore[call-overload]
        [python, "-s", "-B", "-m", module, targets, *names],
        **nobody,
        cwd=ROOT,
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if any(reason in done.stderr for reason in ("PermissionError", "No module named")):
        pytest.skip(f"user nobody may not read our code: {done.stderr.strip().splitlines()[-1]}")
    assert not done.returncode, done.stderr
    found = json.loads(done.stdout)
    assert found.pop("uid") == "65534"
    assert found.pop("hardened").startswith("True-")
    assert {name: verdict(result) for name, result in found.items()} == {
        **dict.fromkeys(names, "blocked"),
        "work": "ok",
    }
