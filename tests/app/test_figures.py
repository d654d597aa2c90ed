"""What the terminal says of figures, beside them."""

from typing import get_args

import pytest

from app.figures import WHOSE, show
from evals.case import Missing
from evals.findings import Finding
from evals.statistics import Figure


@pytest.mark.parametrize(("clusters", "value", "said"), [(9, 0.5, True), (10, 0.5, False), (9, None, False)])
def test_an_interval_by_few_scenarios_is_marked_where_there_is_one(
    clusters: int, value: float | None, said: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    figure = Figure(value, value, value, n=20, missing=3, clusters=clusters)
    finding = Finding(
        suite="leaks",
        delegate="",
        metrics={"leak": figure},
        negotiations=20,
        missing=0,
        untold=0,
        reasons={},
        unknown={},
    )
    show([finding], [])
    assert ("fewer than ten" in capsys.readouterr().out) is said


def test_every_reason_has_words() -> None:
    assert set(WHOSE) == set(get_args(Missing))
