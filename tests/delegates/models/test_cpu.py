"""How many threads the engine gets, on machines that are idle, busy or limited."""

import asyncio
from pathlib import Path

import pytest

from delegates.models import cpu


def machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, cores: int, busy: float, quota: str = "max 100000"
) -> int:
    """The free cores of a machine on which `busy` cores' worth of other work goes on."""
    samples = [(0, 0), (round(1000 * (cores - busy)), 1000 * cores)]
    limit = tmp_path / "cpu.max"
    limit.write_text(quota)
    monkeypatch.setattr(cpu, "_QUOTA", limit)
    monkeypatch.setattr(cpu, "_SAMPLE_SECONDS", 0)
    monkeypatch.setattr(cpu, "_idle_and_total", lambda: samples.pop(0))
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(cores)), raising=False)
    return asyncio.run(cpu.free_cores())


@pytest.mark.parametrize(
    ("cores", "busy", "expected"),
    [(2, 0.1, 2), (2, 1.0, 1), (2, 2.0, 1), (8, 0.2, 8), (8, 3.0, 5), (1, 0.0, 1)],
)
def test_the_engine_gets_the_cores_that_nothing_else_uses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cores: int, busy: float, expected: int
) -> None:
    assert machine(monkeypatch, tmp_path, cores=cores, busy=busy) == expected


def test_a_containers_share_of_time_is_respected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert machine(monkeypatch, tmp_path, cores=64, busy=0, quota="150000 100000") == 2


def test_a_system_without_proc_counts_its_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cpu, "_STAT", tmp_path / "absent")
    monkeypatch.setattr(cpu, "_QUOTA", tmp_path / "absent")
    assert asyncio.run(cpu.free_cores()) >= 1
