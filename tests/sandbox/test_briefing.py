"""Where sealed briefs come from: what is checked of those that are delivered, and what a statement says of them."""

import asyncio

import pytest

from bargaining.errors import InvalidInputError, SealError
from delegates.brief import Brief
from delegates.scenario import load
from sandbox.briefing import DeliveredBriefs, OwnBriefs
from sandbox.job import Job, Place
from sandbox.seal import BoxKey, SealedBrief, new_run_id, seal
from tests.sandbox.test_supervisor import seats

TRUCK = load("used-truck")
KEY = BoxKey.generate()
JOB = Job(
    run=new_run_id(),
    agenda=TRUCK.agenda,
    places={r: Place.of(s, "alternating_offers") for r, s in seats("tactic/steady", "tactic/steady").items()},
)


def sealed(role: str, *, run: str = JOB.run, key: BoxKey = KEY) -> SealedBrief:
    return seal(TRUCK.briefs["seller"].to_yaml().encode(), key.public, run_id=run, role=role)


def test_delivered_briefs_come_in_the_order_of_the_roles_and_as_they_were() -> None:
    seller, buyer = sealed("seller"), sealed("buyer")
    briefing = DeliveredBriefs([buyer, seller])
    briefing.check(JOB)
    assert asyncio.run(briefing.seal(JOB, KEY.public)) == [seller.to_bytes(), buyer.to_bytes()]
    assert briefing.children == {}
    assert briefing.not_covered == ()


@pytest.mark.parametrize(
    ("briefs", "said"),
    [
        ((), "one sealed brief"),
        ((sealed("seller"),), "one sealed brief"),
        ((sealed("seller"), sealed("seller")), "one sealed brief"),
        ((sealed("seller"), sealed("buyer"), sealed("buyer")), "one sealed brief"),
        ((sealed("seller"), sealed("cook")), "one sealed brief"),
        ((sealed("seller"), sealed("buyer", run=new_run_id())), "another run"),
    ],
)
def test_delivered_briefs_are_one_of_each_role_for_this_run(
    briefs: tuple[SealedBrief, ...], said: str
) -> None:
    with pytest.raises(SealError, match=said):
        DeliveredBriefs(briefs).check(JOB)


def test_another_kind_of_key_is_refused_before_anything_is_handed_out() -> None:
    other = BoxKey.generate("X25519")
    if other.public.kem == KEY.public.kem:
        pytest.skip("this machine's library has one kind of key only")
    briefing = DeliveredBriefs([sealed("seller", key=other), sealed("buyer")])
    with pytest.raises(SealError, match="another kind of key"):
        asyncio.run(briefing.seal(JOB, KEY.public))


def test_own_briefs_are_sealed_here_and_the_statement_has_to_say_so() -> None:
    briefing = OwnBriefs(TRUCK.briefs)
    briefing.check(JOB)
    for role, content in zip(TRUCK.agenda.roles, asyncio.run(briefing.seal(JOB, KEY.public)), strict=True):
        opened = KEY.open(SealedBrief.from_bytes(content), JOB.run, role)
        assert Brief.from_yaml(opened.decode()) == TRUCK.briefs[role]
    assert "held both briefs" in " ".join(briefing.not_covered)


def test_own_briefs_that_do_not_fit_their_seat_are_refused() -> None:
    plain = {**TRUCK.briefs, "buyer": Brief.from_yaml("{narrative: I buy., mandate: {}}")}
    with pytest.raises(InvalidInputError, match="preferences"):
        OwnBriefs(plain).check(JOB)
