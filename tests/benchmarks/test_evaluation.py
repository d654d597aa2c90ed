"""The benchmark of evaluations, a very small one. Nothing here judges a time."""

import json
import urllib.request
from pathlib import Path

import pytest

from benchmarks.evaluation import __main__ as bench
from benchmarks.evaluation import sweep
from benchmarks.evaluation.measure import Job
from benchmarks.orchestration.bench import started_server
from benchmarks.orchestration.job import MOVES


def test_ours_asks_as_often_as_a_negotiation_has_moves(tmp_path: Path) -> None:
    done: list[int] = []
    with started_server(tmp_path) as port:
        sweep.run(Job(f"http://127.0.0.1:{port}/ours/0/0/v1", 3, 2, False, str(tmp_path), done.append))

        with urllib.request.urlopen(f"http://127.0.0.1:{port}/counters/ours", timeout=30) as answer:
            assert json.load(answer)["requests"] == 3 * MOVES
    assert done == [1, 2, 3]
    assert not list(tmp_path.glob("tmp*"))


def test_the_table_has_ours_to_each_other_round_by_round() -> None:
    def took(*seconds: float) -> list[dict[str, float]]:
        return [
            {"cpu_seconds": s, "whole_cpu_seconds": s + 1, "negotiations": 10, "memory_peak_kb": 2048}
            for s in seconds
        ]

    other = bench.WAYS[1].title
    _, _, ours, theirs = bench.table({bench.OURS.title: took(1, 2, 3), other: took(4, 4, 4)}).splitlines()
    assert "| 1.00 (1.00 to 1.00) |" in ours
    assert "| 400.0 (400.0 to 400.0) | 40.00 | 0.50 (0.25 to 0.75) | 500.0 (500.0 to 500.0) | 2 |" in theirs


@pytest.mark.parametrize(("each", "said"), [(0, "0 bytes"), (2, "2048 bytes")])
def test_growth_is_that_of_the_second_half(each: int, said: str) -> None:
    first = {str(count): 90_000 for count in range(100, 500, 100)}
    late = {str(count): 100_000 + each * count for count in range(500, 1001, 100)}
    text = bench.growth(first | late)
    assert text.endswith(f"in the second half {said} more for each")
    assert text.startswith("87.9 after 100")
