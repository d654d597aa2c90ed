"""A record can say a result, and nothing else."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining.agenda import Agenda
from bargaining.agreement import Agreement, NoDeal
from bargaining.errors import ExportError, InvalidOutcomeError
from delegates.scenario import load, shipped
from sandbox import record
from sandbox.export import release
from sandbox.gate import admit
from tests.bargaining.strategies import agendas

AGENDA = load("used-truck").agenda
SIZE = AGENDA.space.size


@given(agendas(), st.data())
def test_every_result_is_read_as_it_was_written(agenda: Agenda, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, agenda.space.size - 1))
    for result in (Agreement(terms=dict(agenda.space.at(index))), NoDeal()):
        written = record.write(result, agenda)
        assert record.read(written, agenda) == result
        assert len(written) == record.width(agenda) <= record.LARGEST_BYTES


@given(st.binary(max_size=12))
def test_whatever_is_read_is_a_result_or_refused(said: bytes) -> None:
    with suppress(ExportError):
        assert record.write(record.read(said, AGENDA), AGENDA) == said


@pytest.mark.parametrize(
    "said",
    [b"", b"7", str(SIZE + 1).encode(), b"-" + b"1" * (record.width(AGENDA) - 1), b" 12", "٣".encode() * 4]
    + [str(SIZE).encode() + extra for extra in (b"\n", b" ", b"\0", b"0")],
)
def test_almost_a_record_is_none(said: bytes) -> None:
    with pytest.raises(ExportError):
        record.read(said, AGENDA)


def test_terms_off_the_agenda_cannot_be_written() -> None:
    with pytest.raises(InvalidOutcomeError):
        record.write(Agreement(terms={"price": 1}), AGENDA)


@pytest.mark.parametrize("name", shipped())
def test_the_gate_admits_what_would_be_released(name: str) -> None:
    agenda = load(name).agenda
    for result in (NoDeal(), Agreement(terms=dict(agenda.space.at(agenda.space.size // 3)))):
        assert admit(agenda, record.write(result, agenda)) == release(result, agenda)
