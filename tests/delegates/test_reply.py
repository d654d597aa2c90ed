"""The schema of a reply admits what is legal, and the reader makes a legal move of a reply or says why not."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from bargaining.agenda import Agenda
from bargaining.errors import ModelReplyError
from bargaining.issue import IntegerIssue
from bargaining.move import Accept, Offer, WalkAway
from bargaining.table import Table, View
from delegates.reply import read_reply, reply_schema
from tests.bargaining.strategies import agendas
from tests.delegates.sale import AGENDA, BEST, FAIR, offer, view

CANARY = "canary-7731-heron"
NOTHING_STANDS = view()
STANDS = view(offer(BEST))
JUNK: list[object] = [None, 0.5, "z", 10**6, -(10**6), [], {}, True, 7, [1]]


def reply(move: object, message: object = "") -> str:
    return json.dumps({"move": move, "message": message})


def proposal(**changes: object) -> dict[str, object]:
    return {"kind": "offer", "terms": {**BEST, **changes}}


def refusal(text: str, where: View = STANDS) -> str:
    with pytest.raises(ModelReplyError) as caught:
        read_reply(text, where)
    assert caught.value.__context__ is None
    return str(caught.value)


# ---------------------------------------------------------------------------------- the schema


@given(st.data())
@settings(deadline=None)
def test_the_schema_and_the_reader_admit_exactly_the_outcomes_of_the_agenda(data: st.DataObject) -> None:
    agenda = data.draw(agendas(message_characters=5))
    space = agenda.space
    terms: dict[str, Any] = dict(space.at(data.draw(st.integers(0, space.size - 1))))
    for name in data.draw(st.lists(st.sampled_from([*terms, "unknown"]), max_size=2, unique=True)):
        if name in terms and data.draw(st.booleans()):
            del terms[name]
        else:
            terms[name] = data.draw(st.sampled_from(JUNK))
    message = data.draw(st.text(max_size=7))
    said = {"move": {"kind": "offer", "terms": terms}, "message": message}
    legal = terms in space
    valid = Draft202012Validator(reply_schema(agenda)).is_valid(said)
    assert valid == (legal and len(message) <= 5)
    if legal:
        move = read_reply(json.dumps(said), View(Table(agenda), "seller"))
        assert move == offer(terms, message.strip()[:5], agenda)
    else:
        refusal(json.dumps(said), View(Table(agenda), "seller"))


def grid_agenda(minimum: int, maximum: int, step: int) -> Agenda:
    issue = IntegerIssue(name="price", minimum=minimum, maximum=maximum, step=step)
    return Agenda(title="A sale", roles=("seller", "buyer"), issues=(issue,), rounds=2)


@pytest.mark.parametrize(
    ("low", "high", "step"), [(0, 10**6, 50), (-1000, 1000, 5), (0, 500, 1), (-(10**15), 10**15, 1)]
)
def test_a_large_grid_is_a_range_that_admits_just_the_grid(low: int, high: int, step: int) -> None:
    agenda = grid_agenda(low, high, step)
    validator = Draft202012Validator(reply_schema(agenda))
    assert len(json.dumps(validator.schema)) < 1000
    for value in (low, low + step, high - step, high, low - step, high + step, low + 1, high - 1):
        said = {"move": {"kind": "offer", "terms": {"price": value}}, "message": ""}
        assert validator.is_valid(said) == ({"price": value} in agenda.space)


def test_on_a_large_grid_that_does_not_count_from_zero_the_reader_refuses_what_a_schema_cannot() -> None:
    agenda = grid_agenda(5, 100_005, 10)
    validator = Draft202012Validator(reply_schema(agenda))
    where = View(Table(agenda), "seller")
    for value, legal in {5: True, 15: True, 100_005: True, 16: False, 20: False}.items():
        said = {"move": {"kind": "offer", "terms": {"price": value}}, "message": ""}
        assert validator.is_valid(said)
        if legal:
            assert read_reply(json.dumps(said), where) == offer({"price": value}, agenda=agenda)
        else:
            refusal(json.dumps(said), where)


@pytest.mark.parametrize(
    ("move", "valid"),
    [
        ({"kind": "accept"}, True),
        ({"kind": "walk_away"}, True),
        ({"kind": "pass"}, False),
        ({"kind": "accept", "terms": BEST}, False),
        ({"kind": "offer"}, False),
        ({"terms": BEST}, False),
        ("accept", False),
    ],
)
def test_the_schema_admits_just_the_three_moves(move: object, valid: bool) -> None:
    schema = reply_schema(AGENDA)
    Draft202012Validator.check_schema(schema)
    assert Draft202012Validator(schema).is_valid({"move": move, "message": ""}) == valid
    assert not Draft202012Validator(schema).is_valid({"move": move})
    assert not Draft202012Validator(schema).is_valid({"move": move, "message": "", "more": 1})


# ---------------------------------------------------------------------------------- the reader

READ = {
    "plain": reply(proposal()),
    "code fence": f"```json\n{reply(proposal())}\n```",
    "prose around": f"Sure! I think {{so}}.\n{reply(proposal())}\nThat {{is}} it.",
    "two objects": reply(proposal()) + reply({"kind": "walk_away"}),
    "another object before it": '{"thought": {"a": {"b": 1}}} ' + reply(proposal()),
    "in a wrapper": json.dumps({"answer": {"move": proposal(), "message": ""}}),
    "braces in the message": reply(proposal(), "")[:-1] + ', "note": "a } and a {"}',
    "cut off in the message": reply(proposal(), "I am not")[:-5],
    "duplicate keys": '{"move": "accept", ' + reply(proposal())[1:],
    "flat": json.dumps({"move": "offer", "terms": BEST, "message": ""}),
    "flat with offer": json.dumps({"move": "offer", "offer": BEST}),
    "without the wrapper": json.dumps(proposal()),
    "without a kind": reply({"terms": BEST}),
    "without a message": json.dumps({"move": proposal()}),
    "message that is not text": reply(proposal(), {"a": 1}),
    "kind in capitals": reply({"kind": " OFFER ", "terms": BEST}),
    "counter": reply({"kind": "counter_offer", "terms": BEST}),
    "number as text": reply(proposal(price="15000")),
    "number with a unit": reply(proposal(price="15000 EUR")),
    "number with a comma": reply(proposal(price="15,000")),
    "number with both": reply(proposal(price="EUR 15,000")),
    "number with a fraction of zero": reply(proposal(price=15000.0)),
    "boolean as text": reply(proposal(delivered="False")),
    "line break in a string": reply(proposal(), "ab").replace("ab", "\n"),
    "byte order mark": "\ufeff" + reply(proposal()),
}


@pytest.mark.parametrize("text", READ.values(), ids=READ.keys())
def test_an_offer_is_read_however_it_is_wrapped(text: str) -> None:
    assert read_reply(text, STANDS) == offer(BEST)


UNREADABLE = {
    "nothing": "",
    "prose": f"I accept, {CANARY}.",
    "no object": json.dumps([CANARY]),
    "no move": json.dumps({CANARY: CANARY}),
    "cut off in the terms": reply(proposal(handover=CANARY))[:60],
    "unknown kind": reply({"kind": CANARY}),
    "kind that is not text": reply({"kind": [CANARY]}),
    "no kind": reply({CANARY: 1}),
    "move that is a number": reply(3, CANARY),
    "no terms": reply({"kind": "offer", CANARY: 1}),
    "terms that are text": reply({"kind": "offer", "terms": CANARY}),
    "unknown issue": reply(proposal(**{CANARY: 1})),
    "unknown option": reply(proposal(handover=CANARY)),
    "missing issue": reply({"kind": "offer", "terms": {"price": 9000}}, CANARY),
    "off the grid": reply(proposal(price=9001), CANARY),
    "NaN": reply(proposal(price=float("nan")), CANARY),
    "infinity": reply(proposal(price=float("inf")), CANARY),
    "beyond any float": reply(proposal(price=0), CANARY).replace("0", "1e999"),
    "number of 5,000 digits": reply(proposal(price=0), CANARY).replace(": 0", ": " + "9" * 5000),
    "text of 5,000 digits": reply(proposal(price="9" * 5000), CANARY),
    "grouped text of 5,001 digits": reply(proposal(price="999" + ",999" * 1666), CANARY),
    "two minus signs": reply(proposal(price="--15000"), CANARY),
    "only a minus sign": reply(proposal(price="-"), CANARY),
    "commas that group nothing": reply(proposal(price="1,5,0,0,0"), CANARY),
    "superscript digits": reply(proposal(price="15000²"), CANARY),
    "true for a number": reply(proposal(price=True), CANARY),
    "deep nesting of objects": '{"move":' * 12_000 + CANARY,
    "deep nesting of lists": '{"move":' + "[" * 90_000 + CANARY,
    "behind 100,000 characters": " " * 100_000 + reply(proposal(), CANARY),
    "thousands of braces": "{" * 99_000 + CANARY,
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_is_refused_with_a_reason_that_repeats_nothing(text: str) -> None:
    reason = refusal(text)
    assert CANARY not in reason
    assert "999" not in reason
    assert 10 < len(reason) < 120


def test_the_reason_names_the_issue_that_is_wrong() -> None:
    assert "'price'" in refusal(reply(proposal(price=9001)))
    assert "not an issue of this agenda" in refusal(reply(proposal(colour="red")))


def test_a_decimal_comma_is_not_taken_for_a_thousands_separator() -> None:
    agenda = grid_agenda(0, 1000, 1)
    where = View(Table(agenda), "seller")
    refusal(reply({"kind": "offer", "terms": {"price": "10,5"}}), where)
    assert read_reply(reply({"kind": "offer", "terms": {"price": "1,000"}}), where) == offer(
        {"price": 1000}, agenda=agenda
    )


def test_an_acceptance_is_tied_to_the_offer_that_stands() -> None:
    where = view(offer(BEST), offer(FAIR), offer(BEST))
    assert read_reply(reply({"kind": "accept"}, "deal"), where) == Accept(offer=2, message="deal")
    assert read_reply('{"move": "accept"}', where) == Accept(offer=2)
    assert "no offer on the table" in refusal(reply({"kind": "accept"}, CANARY), NOTHING_STANDS)


def test_only_an_explicit_walk_away_ends_the_negotiation() -> None:
    assert read_reply(reply({"kind": "walk_away"}), STANDS) == WalkAway()
    refusal(reply({"kind": "reject"}))  # the offer, or the whole negotiation?


def test_a_message_is_cut_at_the_length_of_the_agenda() -> None:
    assert len(read_reply(reply(proposal(), "x" * 5000), STANDS).message) == AGENDA.message_characters


def test_half_of_a_surrogate_pair_does_not_reach_the_table() -> None:
    move = read_reply('{"move": "accept", "message": "a\\ud83db \\ud83d\\ude00"}', STANDS)
    assert move.message == "a?b \U0001f600"


pieces = st.sampled_from(
    [*READ.values(), '{"move":', '"kind"', "{", "}", "[", ":", ",", '"', "\\u", "\\ud800", "NaN", "-", "1e9"]
)
values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5) | st.sampled_from([*BEST]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["move", "kind", "terms", "offer", "message", *BEST]) | st.text(max_size=3),
            inner | st.sampled_from(["offer", "accept", "walk_away"]),
            max_size=5,
        )
    ),
    max_leaves=10,
)


@given(
    st.text(st.characters(exclude_categories=()))
    | st.lists(pieces | st.text(max_size=3)).map("".join)
    | values.map(json.dumps)
    | st.dictionaries(st.sampled_from([*BEST]), values).map(lambda t: reply({"kind": "offer", "terms": t})),
    st.booleans(),
)
@settings(deadline=None)
def test_any_text_gives_a_legal_move_or_a_reason(text: str, stands: bool) -> None:
    where = STANDS if stands else NOTHING_STANDS
    try:
        move = read_reply(text, where)
    except ModelReplyError:
        return
    assert len(move.message.encode().decode()) <= AGENDA.message_characters
    match move:
        case Offer():
            assert move.outcome in AGENDA.space
        case Accept():
            assert stands
            assert move.offer == 0
        case _:
            assert isinstance(move, WalkAway)
