from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bargaining import grid
from bargaining.agenda import Agenda
from bargaining.errors import InvalidInputError
from bargaining.mandate import Allowed, BoundMandate, Denied, Limits, Mandate
from bargaining.outcome import Outcome
from bargaining.utility import Preferences, UtilityFunction
from tests.bargaining.strategies import agendas, conditions, holds, preferences
from tests.bargaining.test_utility import GOOD, TRUCK


def bound(*written: dict[str, Any], reservation: object = None, agenda: Agenda = TRUCK) -> BoundMandate:
    mandate = Mandate.model_validate({"conditions": written, "reservation_value": reservation})
    utility = UtilityFunction(Preferences.model_validate(GOOD), TRUCK) if reservation is not None else None
    return BoundMandate(mandate, agenda, utility)


def terms(price: int = 9500, warranty: str = "none", *, delivered: bool = False) -> Outcome:
    return Outcome({"price": price, "warranty": warranty, "delivered": delivered})


def reason(mandate: BoundMandate, outcome: Outcome) -> str:
    verdict = mandate.allows(outcome)
    assert isinstance(verdict, Denied)
    return verdict.reason


def test_without_conditions_every_outcome_is_allowed_and_nothing_else() -> None:
    assert all(bound().allows(outcome) == Allowed() for outcome in TRUCK.space)
    for foreign in (
        {"price": 9500},
        {**terms(), "price": True},
        {**terms(), "price": 9501},
        {**terms(), "x": 1},
    ):
        assert isinstance(bound().allows(Outcome(foreign)), Denied)


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ({"at_least": {"price": 9600}}, "price must be at least 9600"),
        ({"at_most": {"price": 9400}}, "price must be at most 9400"),
        ({"is": {"warranty": "3 months"}}, "warranty must be 3 months"),
        ({"is": {"delivered": True}}, "delivered must be true"),
        ({"one_of": {"price": [8000, 15000]}}, "price must be one of: 8000, 15000"),
        ({"at_least": {"price": 9500}, }, None),
        ({"at_most": {"price": 9500}}, None),
        ({"not": {"is": {"warranty": "none"}}}, "not (warranty must be none)"),
        ({"is": {"warranty": "3 months", "delivered": True}}, "warranty must be 3 months; delivered must be true"),
        (
            {"any": [{"is": {"delivered": True}}, {"at_least": {"price": 12000}}]},
            "delivered must be true or price must be at least 12000",
        ),
    ],
)  # fmt: skip
def test_a_denial_tells_its_owner_what_would_be_allowed(condition: dict[str, Any], said: str | None) -> None:
    if said is None:
        assert bound(condition).allows(terms()) == Allowed()
    else:
        assert reason(bound(condition), terms()) == said


def test_a_denial_does_not_show_its_reason_in_a_representation() -> None:
    verdict = bound({"at_least": {"price": 9600}}).allows(terms())
    assert "9600" not in repr(verdict)
    assert "9600" not in repr(bound({"at_least": {"price": 9600}}).mandate)


def test_the_reservation_value_is_met_exactly() -> None:
    # 9500 without warranty, not delivered: 150/7 + 25
    worth = Fraction(150, 7) + 25
    assert bound(reservation=worth).allows(terms()) == Allowed()
    denied = reason(bound(reservation=worth + Fraction(1, 10**12)), terms())
    assert denied == "it is worth less than the reservation value"


def test_the_reservation_value_is_compared_before_any_discount() -> None:
    assert bound(reservation=140).allows(terms(15000, "3 months")) == Allowed()


@given(st.data())
@settings(deadline=None)
def test_conditions_mean_what_they_say(data: st.DataObject) -> None:
    agenda = data.draw(agendas())
    written = data.draw(st.lists(conditions(agenda), max_size=3))
    expected = [all(holds(c, outcome) for c in written) for outcome in agenda.space]
    mandate = Mandate.model_validate({"conditions": written})
    if not any(expected):
        with pytest.raises(InvalidInputError, match="no outcome"):
            BoundMandate(mandate, agenda, None)
        return
    checked = BoundMandate(mandate, agenda, None)
    assert [isinstance(checked.allows(outcome), Allowed) for outcome in agenda.space] == expected
    assert [checked.holds(agenda.space.digits(i)) for i in range(agenda.space.size)] == expected
    assert [bool(bit) for bit in checked.mask(grid.full(agenda.space.lengths))] == expected
    assert checked.best is not None
    assert checked.allows(checked.best) == Allowed()


@given(st.data())
@settings(deadline=None)
def test_de_morgan(data: st.DataObject) -> None:
    agenda = data.draw(agendas())
    parts = data.draw(st.lists(conditions(agenda), min_size=1, max_size=3))
    for one, other in (("all", "any"), ("any", "all")):
        left = {"not": {one: parts}}
        right = {other: [{"not": part} for part in parts]}
        answers = []
        for condition in (left, right):
            mandate = Mandate.model_validate({"conditions": [condition]})
            try:
                answers.append(BoundMandate(mandate, agenda, None).mask(grid.full(agenda.space.lengths)))
            except InvalidInputError:
                answers.append(b"")
        assert answers[0] == answers[1]


@given(st.data())
@settings(deadline=None)
def test_a_contradiction_with_the_reservation_value_is_found_exactly(data: st.DataObject) -> None:
    agenda = data.draw(agendas())
    utility = UtilityFunction(data.draw(preferences(agenda)), agenda)
    written = data.draw(st.lists(conditions(agenda), max_size=2))
    reservation = data.draw(st.fractions(-20, 200, max_denominator=4))
    worth = [utility.value(o) for o in agenda.space if all(holds(c, o) for c in written)]
    mandate = Mandate.model_validate({"conditions": written, "reservation_value": reservation})
    if max(worth, default=reservation - 1) < reservation:
        with pytest.raises(InvalidInputError, match="no outcome"):
            BoundMandate(mandate, agenda, utility)
    else:
        best = BoundMandate(mandate, agenda, utility).best
        assert best is not None
        assert utility.value(best) == max(worth)


def huge() -> Agenda:
    grids = [{"kind": "integer", "name": f"n{i}", "minimum": 0, "maximum": 10**15} for i in range(9)]
    return Agenda.model_validate({"title": "t", "roles": ["a", "b"], "rounds": 1, "issues": grids})


def test_a_contradiction_in_a_huge_space_is_found() -> None:
    with pytest.raises(InvalidInputError, match="no outcome"):
        bound(
            {"at_least": {"n3": 11}},
            {"any": [{"at_most": {"n3": 10}}, {"at_least": {"n3": 10**15 + 1}}]},
            agenda=huge(),
        )
    assert bound({"at_least": {"n3": 11}}, {"at_most": {"n3": 11}}, agenda=huge()).best is not None


def test_a_mandate_that_cuts_a_huge_space_too_finely_is_not_judged() -> None:
    written = [{"not": {"one_of": {f"n{i}": [10, 20, 30]}}} for i in range(9)]
    assert bound(*written, agenda=huge()).best is None


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ({"at_least": {"SECRET": 1}}, "not on the agenda"),
        ({"not": {"any": [{"is": {"SECRET": 1}}]}}, "not on the agenda"),
        ({"at_least": {"warranty": 1}}, "'warranty' has no order"),
        ({"at_most": {"delivered": 1}}, "'delivered' has no order"),
        ({"is": {"price": 9550}}, "issue 'price' cannot take"),
        ({"one_of": {"warranty": ["none", "SECRET"]}}, "issue 'warranty' cannot take"),
        ({"is": {"delivered": 1}}, "issue 'delivered' cannot take"),
        ({"at_least": {"price": 15001}}, "no outcome"),
        ({"at_most": {"price": 7999}}, "no outcome"),
        ({"all": [{"at_least": {"price": 9600}}, {"at_most": {"price": 9500}}]}, "no outcome"),
        ({"all": [{"at_least": {"price": 9510}}, {"at_most": {"price": 9590}}]}, "no outcome"),
    ],
)
def test_a_mandate_that_does_not_fit_is_refused_without_repeating_it(
    condition: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInputError, match=said) as caught:
        bound(condition)
    assert not any(secret in str(caught.value) for secret in ("SECRET", "9550", "95", "15001", "7999"))


def test_a_reservation_value_needs_preferences() -> None:
    with pytest.raises(InvalidInputError, match="add preferences"):
        BoundMandate(Mandate.model_validate({"reservation_value": 1}), TRUCK, None)


def test_a_reservation_value_above_every_outcome_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no outcome"):
        bound(reservation="140.1")


@pytest.mark.parametrize(
    "bad",
    [
        {"conditions": [{}]},
        {"conditions": [{"SECRET": 1}]},
        {"conditions": [{"all": []}]},
        {"conditions": [{"any": []}]},
        {"conditions": [{"one_of": {"SECRET": []}}]},
        {"conditions": [{"at_least": {}}]},
        {"conditions": [{"at_least": {"SECRET": "SECRET"}}]},
        {"conditions": [{"at_least": {"SECRET": 1.5}}]},
        {"conditions": [{"at_least": {"SECRET": True}}]},
        {"conditions": [{"at_least": {"a": 1}, "at_most": {"a": 2}}]},
        {"conditions": [{"is": {"a": 1}, "SECRET": 2}]},
        {"conditions": [{"not": [{"is": {"a": 1}}]}]},
        {"conditions": {"is": {"SECRET": 1}}},
        {"reservation_value": "SECRET"},
        {"reservation_value": float("nan")},
        {"authority": {"accept": "SECRET"}},
        {"limits": {"tokens": 0}},
        {"limits": {"usd": "-0.01"}},
        {"limits": {"seconds": 1.5}},
        {"SECRET": 1},
    ],
)
def test_a_malformed_mandate_is_refused_without_repeating_it(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        Mandate.model_validate(bad)
    assert "SECRET" not in str(caught.value)
    assert "SECRET" not in repr(caught.value.errors())


def test_secret_numbers_are_those_that_the_grid_could_reveal() -> None:
    mandate = bound(
        {"at_least": {"price": 9550}},
        {"any": [{"not": {"at_most": {"price": 8000}}}, {"one_of": {"price": [9600, 9700]}}]},
        {"at_most": {"price": 99999}},
        {"is": {"delivered": True}},
        reservation="40.5",
    )
    numbers = {Fraction(n) for n in (9550, 8000, 9600, 9700)}
    assert mandate.secret_numbers(TRUCK) == {*numbers, Fraction(81, 2)}
    assert mandate.reservation == Fraction(81, 2)


def test_the_owner_can_read_the_conditions_in_words() -> None:
    described = bound({"at_least": {"price": 9500}}, {"any": [{"is": {"warranty": "none"}}]}, reservation=40)
    assert described.describe() == ("price must be at least 9500", "warranty must be none")


def test_limits_are_exact() -> None:
    assert Limits.model_validate({"usd": "0.1"}).usd == Fraction(1, 10)
