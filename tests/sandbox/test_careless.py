"""A box that leaks by mistake: walls, gate and supervisor stop it; without walls, each leak is found.

Covered: outputs, exceptions, representations, files and their names, tracing, packets, environment and arguments of
others, the record, and what is said to the supervisor.
Not covered: the memory of the supervisor, which reads up to 4 KiB of what a box says before it refuses that; here it
holds the briefs in any case. A box that leaks on purpose: see `tests/sandbox/isolation`.
"""

import asyncio
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from bargaining.agreement import Agreement, NoDeal
from bargaining.errors import PurgeError, SandboxError, UnforeseenError
from delegates.brief import Brief
from delegates.budget import Budget
from delegates.models.spec import parse
from delegates.prompt import PromptPack
from delegates.scenario import load
from evals.aftermath import family
from evals.residue import scan_files, scan_process
from evals.scan import Search
from sandbox import host
from sandbox.box import Released
from sandbox.briefing import OwnBriefs
from sandbox.isolation import ladder
from sandbox.isolation.interface import Child, Level, Room
from sandbox.seating import Seat
from sandbox.supervisor import WalledBox
from tests.sandbox.careless import ALL, SPOKEN
from tests.sandbox.leak import LEAKS

ROOT = Path(__file__).parents[2]
FACTS = host.gather()
LEVELS = [level for level in ladder.available(FACTS) if level != "none"]
TRUCK = load("used-truck")
CANARY = secrets.token_hex(16)
FOUND_IN = {
    **dict.fromkeys(("print_line", "log_line", "representation", "exception"), "outputs"),
    **dict.fromkeys(("temporary_file", "file_name", "checkpoint"), "files"),
    **dict.fromkeys(("trace", "name_lookup"), "network"),
    **dict.fromkeys(("environment", "arguments"), "processes"),
}
needs_walls = pytest.mark.skipif(not LEVELS, reason="this machine has neither namespaces nor Landlock")


class Ear:
    """Listens on one port of loopback, by TCP and UDP, and keeps what it hears."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._datagrams.bind(("127.0.0.1", self.port))
        self._datagrams.setblocking(False)
        self._heard = bytearray()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def heard(self) -> bytes:
        with suppress(BlockingIOError):
            self._heard += self._datagrams.recv(65536)
        return bytes(self._heard)

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.close()
        self._datagrams.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                line, _ = self._server.accept()
                with line:
                    line.settimeout(5)
                    said = b""
                    while CANARY.encode() not in said and (more := line.recv(65536)):
                        said += more
                    self._heard += said
                    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


class CarelessWalls:
    """Real walls around a box that leaks."""

    def __init__(self, level: Level, way: str, port: int, folder: Path) -> None:
        self.level: Level = level
        self._walls = ladder.build(level, FACTS)
        self._leaking = (way, str(port), str(folder))
        self.children: list[Child] = []

    def spawn(self, module: str, arguments: Sequence[str], fds: Sequence[int], room: Room) -> Child:
        if module == "sandbox.inside":
            module, arguments = "tests.sandbox.careless", (*self._leaking, *arguments)
        self.children.append(self._walls.spawn(module, arguments, fds, room))
        return self.children[-1]


@pytest.fixture(scope="module")
def ear() -> Iterator[Ear]:
    ear = Ear()
    yield ear
    ear.close()


def look(outputs: bytes, folder: Path, heard: bytes, pids: Sequence[int]) -> set[str]:
    """The instruments that find the canary."""
    found = {name for name, said in (("outputs", outputs), ("network", heard)) if holds(said)}
    if scan_files(CANARY, [folder]).hits:
        found.add("files")
    if any(scan_process(pid, CANARY).hits for pid in pids):
        found.add("processes")
    return found


def holds(said: bytes) -> bool:
    return Search(CANARY).holds(said)


@pytest.mark.parametrize("way", LEAKS)
def test_outside_the_walls_every_leak_is_found(way: str, tmp_path: Path) -> None:
    ear = Ear()
    folder = tmp_path / "folder"
    folder.mkdir()
    with (tmp_path / "out").open("w+b") as out:
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.sandbox.leak", way, str(ear.port), str(folder)],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.PIPE,
            cwd=ROOT,
        )
        with child:
            assert child.stdin is not None
            assert child.stderr is not None
            child.stdin.write(f"{CANARY}\n".encode())
            child.stdin.flush()
            said = b""
            while b"\nleaked\n" not in said and (line := child.stderr.readline()):
                said += line
            assert b"\nleaked\n" in said, said
            out.seek(0)
            found = look(out.read() + said, folder, ear.heard(), family.below(child.pid))
            child.kill()
    ear.close()
    assert found == {FOUND_IN[way]}


@needs_walls
@pytest.mark.parametrize("level", LEVELS)
def test_inside_the_walls_no_leak_gets_anywhere_and_the_negotiation_goes_on(
    level: Level, tmp_path: Path, ear: Ear, capfd: pytest.CaptureFixture[str]
) -> None:
    """All leaks, one after the other: each is refused, or speaks to nobody."""
    before = family.below(os.getpid())
    walls = CarelessWalls(level, ALL, ear.port, tmp_path)
    released = asyncio.run(run(walls))
    assert isinstance(released.result, Agreement), released.error
    assert family.below(os.getpid()) == before
    assert look("".join(capfd.readouterr()).encode(), tmp_path, ear.heard(), ()) == set()
    assert not holds(all_of(released))
    assert not any(child.alive for child in walls.children)


@pytest.fixture(scope="module")
def spoken(ear: Ear, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Released | BaseException]:
    """What came of every box that ends in tears or says too much; all at once, to save time."""
    if not LEVELS:
        pytest.skip("this machine has neither namespaces nor Landlock")
    folder = tmp_path_factory.mktemp("folder")

    async def all_at_once() -> Sequence[Released | BaseException]:
        runs = (run(CarelessWalls(LEVELS[0], way, ear.port, folder)) for way in SPOKEN)
        return await asyncio.gather(*runs, return_exceptions=True)

    return dict(zip(SPOKEN, asyncio.run(all_at_once()), strict=True))


@pytest.mark.parametrize("way", SPOKEN)
def test_nothing_that_a_box_says_by_mistake_is_told_to_anybody(
    way: str, spoken: Mapping[str, Released | BaseException], capfd: pytest.CaptureFixture[str]
) -> None:
    ended = spoken[way]
    assert not holds(all_of(ended))
    assert not holds("".join(capfd.readouterr()).encode())
    if way == "die":  # who ends before the wipe is not wiped, and then nothing is released
        assert isinstance(ended, PurgeError)
        return
    assert isinstance(ended, Released)
    assert ended.result == NoDeal()
    assert isinstance(ended.error, UnforeseenError if way in {"raise", "panic"} else SandboxError)
    assert set(ended.counters) <= {"seller", "buyer"}
    if LEVELS[0] == "bwrap":  # elsewhere an ordinary user cannot wipe
        assert {check.result for check in ended.checks if check.name.startswith("wiped")} == {"ok"}


def all_of(ended: Released | BaseException) -> bytes:
    """Everything that can be read off an end."""
    if isinstance(ended, BaseException):
        return f"{ended!r} {ended.__cause__!r} {ended.__context__!r}".encode()
    said = (ended, ended.result, ended.ending, ended.counters, ended.checks)
    errors = () if ended.error is None else (ended.error, ended.error.__cause__, ended.error.__context__)
    return ended.agreement + ended.statement + repr((*said, *errors)).encode()


async def run(walls: CarelessWalls) -> Released:
    told = {**yaml.safe_load(TRUCK.briefs["seller"].to_yaml()), "narrative": CANARY}
    briefs = {**TRUCK.briefs, "seller": Brief.from_yaml(yaml.safe_dump(told))}
    seat = Seat(parse("tactic/steady"), PromptPack.load("default"))
    box = WalledBox({"seller": seat, "buyer": seat}, Budget(), walls, environment={})
    return await box.run(TRUCK.agenda, OwnBriefs(briefs))
