from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from bargaining.number import Exact, exact


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (3, Fraction(3)),
        (0.3, Fraction(3, 10)),
        ("1/3", Fraction(1, 3)),
        (" 0.05 ", Fraction(1, 20)),
        ("1e3", 1000),
    ],
)
def test_a_number_is_read_as_it_is_written(given_: object, expected: Fraction) -> None:
    assert exact(given_) == expected


def test_the_float_trap_is_closed() -> None:
    assert 0.2 - 0.05 > 0.15
    assert not exact(0.2) - exact(0.05) > exact(0.15)


@pytest.mark.parametrize(
    "bad",
    [
        True,
        None,
        [],
        "",
        "SECRET",
        "nan",
        "inf",
        "-inf",
        "1/0",
        "1e9999999",
        "9" * 41,
        float("nan"),
        float("inf"),
        1j,
    ],
)
def test_what_is_not_a_finite_number_is_refused_without_repeating_it(bad: object) -> None:
    with pytest.raises(ValueError, match="expected a number") as caught:
        exact(bad)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__context__ is None


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12))
def test_every_decimal_survives(number: object) -> None:
    assert exact(str(number)) == Fraction(str(number))


def test_a_field_reads_and_writes_exactly() -> None:
    class Holder(BaseModel):
        number: Exact

    held = Holder.model_validate({"number": "1/3"})
    assert Holder.model_validate_json(held.model_dump_json()) == held
