"""A file with both briefs, read by a sealer: what it says of the file, and how it ends."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import yaml

from bargaining.errors import InvalidInputError, PurgeError, SandboxError
from delegates.budget import Budget
from delegates.scenario import load, shipped
from sandbox import scenario_file
from sandbox.isolation.interface import Child, Room
from sandbox.job import Job, Place
from sandbox.seal import BoxKey, SealedBrief, new_run_id
from sandbox.supervisor import WalledBox
from tests.app.command import CANARY, CANARY_NUMBER, SCENARIO
from tests.sandbox.test_supervisor import FACTS, LEVELS, Watched, seats

pytestmark = pytest.mark.skipif(
    LEVELS[0] == "none", reason="this machine has neither namespaces nor Landlock"
)
MODULE = "sandbox.sealer"
WHOLE = yaml.safe_load(SCENARIO)
BAD = {
    "not YAML": f"agenda: [{CANARY}",
    "bytes": f"\0\x1b {CANARY}",
    "unknown field": SCENARIO + f"{CANARY}: 1\n",
    "unfit": SCENARIO.replace("at_most: {price", f"at_most: {{{CANARY}"),
    "many": SCENARIO.replace("weight", CANARY),
}


@pytest.fixture
def walls() -> Watched:
    return Watched(LEVELS[0])


@pytest.fixture
def boat(tmp_path: Path) -> Path:
    file = tmp_path / "boat.yaml"
    file.write_text(SCENARIO)
    return file


def job(file: Path, *models: str) -> Job:
    agenda = load(file).agenda
    places = {role: Place.of(seat, agenda.protocol) for role, seat in seats(*models).items()}
    return Job(run=new_run_id(), agenda=agenda, places=places, models=())


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_cannot_be_used_is_described_as_it_is_without_walls(
    tmp_path: Path, walls: Watched, name: str
) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(BAD[name])
    with pytest.raises(InvalidInputError) as plain:
        load(file)
    with pytest.raises(InvalidInputError) as found, scenario_file.opened(walls, file, FACTS):
        pass
    assert str(found.value) == str(plain.value)
    assert CANARY not in str(found.value)
    assert CANARY_NUMBER not in str(found.value)
    assert walls.all_gone


@pytest.mark.parametrize("kind", ["missing", "a folder"])
def test_a_file_that_cannot_be_opened_starts_nobody(tmp_path: Path, walls: Watched, kind: str) -> None:
    file = tmp_path / "missing.yaml" if kind == "missing" else tmp_path
    with pytest.raises(InvalidInputError, match=file.name), scenario_file.opened(walls, file, FACTS):
        pass
    assert walls.children == {}


@pytest.mark.parametrize("name", shipped()[:2])
def test_a_shipped_scenario_is_found_by_its_name(walls: Watched, name: str) -> None:
    with scenario_file.opened(walls, name, FACTS) as file:
        assert file.outline.agenda == load(name).agenda
    assert walls.all_gone


def test_a_pipe_is_a_file_too(walls: Watched) -> None:
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as stream:
            stream.write(SCENARIO.encode())

    thread = threading.Thread(target=write)
    thread.start()
    try:
        with scenario_file.opened(walls, f"/dev/fd/{reading}", FACTS) as file:
            assert file.outline.agenda.roles == ("seller", "buyer")
    finally:
        os.close(reading)
        thread.join()


def test_the_sealed_briefs_open_with_the_key_of_the_box_only(walls: Watched, boat: Path) -> None:
    work, key = job(boat, "scripted/a", "scripted/b"), BoxKey.generate()
    with scenario_file.opened(walls, boat, FACTS) as file:
        file.check(work)
        sealed = asyncio.run(file.seal(work, key.public))
        assert walls.children[MODULE].alive
    assert walls.all_gone
    for role, content in zip(("seller", "buyer"), sealed, strict=True):
        assert CANARY.encode() not in content
        opened = key.open(SealedBrief.from_bytes(content), work.run, role)
        assert yaml.safe_load(opened)["narrative"] == WHOLE["briefs"][role]["narrative"]


def test_what_does_not_fit_a_seat_is_said_by_the_sealer(walls: Watched, boat: Path) -> None:
    with (
        scenario_file.opened(walls, boat, FACTS) as file,
        pytest.raises(InvalidInputError, match="preferences") as found,
    ):
        file.check(job(boat, "scripted/a", "tactic/steady"))
    assert CANARY not in str(found.value)
    assert walls.all_gone


def leave(*_: object) -> None:
    raise RuntimeError


def fail_to_seal(file: scenario_file.ScenarioFile, work: Job) -> None:
    asyncio.run(file.seal(work, BoxKey.generate().public))
    raise RuntimeError


@pytest.mark.parametrize("exit_", [leave, fail_to_seal])
def test_the_sealer_is_wiped_and_ended_on_every_way_out(
    walls: Watched, boat: Path, exit_: Callable[[scenario_file.ScenarioFile, Job], None]
) -> None:
    with pytest.raises(RuntimeError), scenario_file.opened(walls, boat, FACTS) as file:
        exit_(file, job(boat, "scripted/a", "scripted/b"))
    assert walls.all_gone


def kill(walls: Watched) -> None:
    os.kill(walls.children[MODULE].pid, signal.SIGKILL)


def test_a_sealer_that_is_killed_is_an_error_and_never_a_hang(walls: Watched, boat: Path) -> None:
    """It had read both briefs, and nobody wiped it: that is said too."""
    work = job(boat, "scripted/a", "scripted/b")

    def go() -> None:
        with scenario_file.opened(walls, boat, FACTS) as file:
            kill(walls)
            with pytest.raises(SandboxError, match="ended too early"):
                file.check(work)

    with pytest.raises(PurgeError, match="wiped sealer"):
        go()
    assert walls.all_gone


def test_a_sealer_that_is_killed_before_it_seals_is_an_error_and_never_a_hang(
    walls: Watched, boat: Path
) -> None:
    work = job(boat, "scripted/a", "scripted/b")

    def go() -> None:
        with scenario_file.opened(walls, boat, FACTS) as file:
            kill(walls)
            asyncio.run(file.seal(work, BoxKey.generate().public))

    with pytest.raises(SandboxError):
        go()
    assert walls.all_gone


def test_a_sealer_that_is_killed_before_it_has_read_is_an_error(boat: Path) -> None:
    class Killed(Watched):
        def spawn(self, module: str, arguments: Sequence[str], fds: Sequence[int], room: Room) -> Child:
            child = super().spawn(module, arguments, fds, room)
            kill(self)
            return child

    walls = Killed(LEVELS[0])
    with pytest.raises(SandboxError, match="ended too early"), scenario_file.opened(walls, boat, FACTS):
        pass
    assert walls.all_gone


def test_a_sealer_that_dies_during_the_run_is_a_failed_purge(walls: Watched) -> None:
    """It held both briefs, and nobody wiped it: nothing is released."""
    budget, agenda = Budget(), load("used-truck").agenda
    box = WalledBox(seats("tactic/steady", "tactic/steady"), budget, walls, environment={})
    with (
        scenario_file.opened(walls, "used-truck", FACTS) as file,
        pytest.raises(PurgeError, match="wiped sealer"),
    ):
        asyncio.run(box.run(agenda, file, lambda _: kill(walls)))
    assert walls.all_gone


def test_a_run_of_a_file_wipes_the_sealer_with_the_rest(walls: Watched) -> None:
    box = WalledBox(seats("tactic/steady", "tactic/steady"), Budget(), walls, environment={})
    with scenario_file.opened(walls, "used-truck", FACTS) as file:
        released = asyncio.run(box.run(file.outline.agenda, file))
        assert walls.all_gone
    assert {check.name: check.result for check in released.checks}["wiped sealer"] == "ok"
    assert released.error is None
