"""The wipe, seen by a second reader: /proc/PID/mem."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from evals.residue import scan_process
from sandbox import memory
from sandbox.memory import wipe
from tests.sandbox.prey import HOLD, Prey, bubblewrap

ROOT = Path(__file__).parents[2]
CANARY = secrets.token_hex(16).encode()
EVERYWHERE = """
import mmap, threading, ctypes
many = [secret + str(i).encode() for i in range(5000)]
text = [secret.decode() + str(i) for i in range(100)]
big = secret * 200000
shared = mmap.mmap(-1, 1 << 20); shared.write(secret * 10)
private = mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS); private.write(secret * 10)
area = ctypes.create_string_buffer(secret)
def wait(): local = ctypes.create_string_buffer(secret); threading.Event().wait()
for _ in range(3): threading.Thread(target=wait, daemon=True).start()
"""


@pytest.mark.parametrize("code", [EVERYWHERE, "kept = secret * 3"])
def test_a_wipe_leaves_nothing_in_a_process_that_cannot_be_dumped(code: str) -> None:
    with Prey(CANARY, code=code) as prey:
        before = scan_process(prey.pid, CANARY)
        assert before.clean is False, "the positive control"
        wiped = wipe(prey.pid)
        assert wiped.complete
        assert wiped.bytes > 2**20
        after = scan_process(prey.pid, CANARY)
        assert after.hits == ()
        assert after.clean is True
        assert prey.alive, "killing is the caller's"


def test_a_thread_per_core_and_more_stand_still() -> None:
    code = (
        "import threading\n"
        "for _ in range(8): threading.Thread(target=lambda: [0 for _ in iter(int, 1)], daemon=True).start()"
    )
    with Prey(CANARY, code=code) as prey:
        assert memory.stop(prey.pid)
        states = {
            (task / "stat").read_text().rpartition(") ")[2][0]
            for task in Path(f"/proc/{prey.pid}/task").iterdir()
        }
        assert states == {"T"}


def test_memory_that_was_set_aside_and_never_used_is_not_filled() -> None:
    code = "import mmap; kept = mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS); kept.write(secret)"
    with Prey(CANARY, code=code) as prey:
        wiped = wipe(prey.pid)
        assert wiped.complete
        assert wiped.bytes < 2**27
        assert scan_process(prey.pid, CANARY).clean


def test_a_process_that_has_ended_was_not_wiped() -> None:
    with Prey(CANARY) as prey:
        prey.kill()
        wiped = wipe(prey.pid)
    assert not wiped.complete
    assert "ended" in wiped.reason


@pytest.mark.parametrize("pid", [0, -1, os.getpid()], ids=["our group", "everybody", "ourselves"])
def test_a_number_that_means_ourselves_or_everybody_stops_nobody(pid: int) -> None:
    assert not wipe(pid).complete


def test_a_zombie_was_not_wiped() -> None:
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    try:
        wiped = wipe(zombie.pid)
    finally:
        zombie.wait()
    assert not wiped.complete
    assert wiped.reason


def test_memory_shared_with_a_file_is_left_and_said_to_be(tmp_path: Path) -> None:
    kept = tmp_path / "shared"
    kept.write_bytes(bytes(4096))
    code = f"import mmap; kept = mmap.mmap(os.open({str(kept)!r}, os.O_RDWR), 4096); kept.write(secret)"
    with Prey(CANARY, code=code) as prey:
        wiped = wipe(prey.pid)
    assert not wiped.complete
    assert "shared with a file" in wiped.reason
    assert CANARY in kept.read_bytes(), "what belongs to a file was not touched"


def test_what_cannot_be_written_is_counted_and_the_rest_is_written(tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    cut.write_bytes(bytes(8 * memory.PAGE))
    code = (
        f"import mmap; fd = os.open({str(cut)!r}, os.O_RDWR)\n"
        "kept = mmap.mmap(fd, 0, flags=mmap.MAP_PRIVATE)\n"
        "kept[:] = secret.ljust(len(kept), b'x')"
    )
    with Prey(CANARY, code=code) as prey:
        os.truncate(cut, 0)  # its private pages are gone: nobody can write there any more
        wiped = wipe(prey.pid)
        assert scan_process(prey.pid, CANARY).hits == ()
    assert wiped.bytes > 2**20


_AS_NOBODY = """
import subprocess, sys
root, bubblewrap, hold = sys.argv[1:]
sys.path.insert(0, root)
from sandbox.memory import wipe
wall = [bubblewrap, "--unshare-user", "--ro-bind", "/", "/", "--die-with-parent", "--"]
for around in (wall, []):
    with subprocess.Popen([*around, sys.executable, "-I", "-S", "-c", hold, ""], stdin=-1, stdout=-1) as prey:
        prey.stdin.write(b"78\\n")
        prey.stdin.flush()
        wiped = wipe(int(prey.stdout.readline() or 0))
        prey.kill()
    print(wiped.complete, wiped.bytes > 0, wiped.reason)
"""


def test_an_ordinary_user_wipes_boxes_and_is_told_that_other_processes_cannot_be() -> None:
    """The box lives in a user namespace that its starter owns; a process of the same user outside one does not."""
    as_root = os.geteuid() == 0
    other = 65534 if as_root else None
    wall = bubblewrap()

    def run(python: str, *arguments: str) -> "subprocess.CompletedProcess[str] | None":
        try:
            return subprocess.run(
                [python, "-B", "-c", *arguments],
                user=other,
                group=other,
                extra_groups=[] if as_root else None,
                cwd="/",
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
        except OSError:
            return None

    can = f"import sys; open({str(ROOT / 'sandbox/memory.py')!r}); sys.exit(sys.version_info < (3, 11))"
    pythons = [
        python
        for python in (sys.executable, "/usr/bin/python3")
        if (r := run(python, can)) and not r.returncode
    ]
    if not pythons:
        pytest.skip("no interpreter of 3.11 or later that another user may run on this folder")
    found = run(pythons[0], _AS_NOBODY, str(ROOT), wall, HOLD)
    assert found is not None
    if "ermission denied" in found.stderr and not found.stdout:
        pytest.skip("another user may not run this bubblewrap")
    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines() == ["True True ", "False False not allowed: Permission denied"]
