"""Two protocols on one scenario: the table counts what happened."""

from delegates.scenario import load
from evals.protocols import MEDIATORS, Ground, offers, table, texts


def test_both_protocols_are_measured_on_the_same_scale() -> None:
    ground = Ground.of("persona", load("persona"))
    rows = [offers(ground, "boulware"), *(texts(ground, mediator, 60, 3) for mediator in MEDIATORS)]
    assert [row.runs for row in rows] == [1, 3, 3]
    for row in rows:
        assert 0 <= row.interval[0] <= row.agreed / row.runs <= row.interval[1] <= 1
        assert row.capture is None or 0 <= row.capture <= 1
        assert 0 < row.rounds <= row.limit
    assert rows[1].agreed == 3
    lines = list(table(rows))
    assert len(lines) == 4
    assert all(line.startswith("persona") for line in lines[1:])


def test_without_an_agreement_there_is_nothing_to_average() -> None:
    ground = Ground.of("job-offer", load("job-offer"))
    row = texts(ground, "climbing", 1, 1)
    assert row.agreed == 0
    assert (row.capture, row.distance, row.frontier) == (None, None, None)
    assert " - " in list(table([row]))[1]
