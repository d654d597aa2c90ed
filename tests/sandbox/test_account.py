"""What a supervisor takes from a box: turns and counts that can be, and nothing else."""

import asyncio
import socket
from fractions import Fraction
from typing import Any

import pytest
from pydantic import BaseModel

from bargaining.agreement import Agreement, NoDeal
from bargaining.errors import SandboxError
from delegates.budget import Budget
from delegates.models.interface import Usage
from delegates.scenario import load
from graphs.routing import REFUSALS
from graphs.state import Progress
from sandbox import frame, job
from sandbox.account import Account

AGENDA = load("used-truck").agenda
NOTHING = job.Spending(usd=Fraction(0))


def turn(number: int, round_: int = 1, spent: job.Spending = NOTHING) -> job.Turn:
    return job.Turn(turn=number, round=round_, role=number % 2, spent=spent)


def ended(**said: Any) -> job.Ended:
    return job.Ended(**{"ending": "agreed", "fault": None, "counters": {}, "spent": NOTHING, **said})


def listen(*said: BaseModel, budget: Budget | None = None) -> tuple[Account, list[Progress]]:
    seen: list[Progress] = []
    account = Account(budget or Budget(), AGENDA, seen.append)

    async def run() -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            for one in said:
                frame.send(theirs.fileno(), one.model_dump_json().encode())
            theirs.close()
            await account.listen(ours)

    asyncio.run(run())
    return account, seen


def test_a_turn_comes_again_after_its_move_was_refused() -> None:
    _, seen = listen(turn(0), turn(0), turn(0), turn(1), turn(1), turn(2, 2), ended())
    assert [progress.turn for progress in seen] == [0, 0, 0, 1, 1, 2]


@pytest.mark.parametrize(
    "said",
    [
        [turn(3), turn(2)],
        [turn(2 * AGENDA.rounds)],
        [turn(0, 0)],
        [turn(0, AGENDA.rounds + 1)],
        [turn(0)] * (2 * AGENDA.rounds * REFUSALS + 1),
        [turn(0, spent=job.Spending(usd=Fraction(-1)))],
        [turn(0, spent=job.Spending(usd=Fraction(10**9)))],
        [turn(0, spent=job.Spending(calls=2)), turn(1, spent=job.Spending(calls=1))],
        [turn(0, spent=job.Spending(input_tokens=2)), ended()],
        [job.Ready(key="{}")],
        [],
    ],
    ids=["back", "too far", "round 0", "round too far", "flood", "gains", "riches", "fewer calls", "fewer tokens",
         "ready again", "silence"],
)  # fmt: skip
def test_what_cannot_be_is_refused(said: list[BaseModel]) -> None:
    with pytest.raises(SandboxError, match="protocol"):
        listen(*said, *([ended()] if said else []))


def test_what_a_run_spends_is_added_to_what_was_spent_before() -> None:
    budget = Budget()
    budget.add(Usage(5, 0, 5), Fraction(1))
    spent = job.Spending(calls=2, input_tokens=30, output_tokens=3, usd=Fraction(2))
    listen(turn(0), ended(spent=spent), budget=budget)
    assert (budget.spent.calls, budget.spent.tokens, budget.spent.usd) == (3, 43, Fraction(3))


def test_counters_of_strangers_are_not_taken() -> None:
    account, _ = listen(ended(counters={"seller": {"turns": 2, "canary": 7}, "canary": {"turns": 1}}))
    assert account.counters.keys() == {"seller"}
    assert account.counters["seller"].turns == 2


@pytest.mark.parametrize(
    ("said", "result", "fits"),
    [
        ({"ending": "agreed"}, Agreement(terms={}), True),
        ({"ending": "rounds over"}, NoDeal(), True),
        ({"ending": "agreed"}, NoDeal(), False),
        ({"ending": "rounds over"}, Agreement(terms={}), False),
        ({"ending": None, "fault": "LimitReachedError"}, NoDeal(), True),
        ({"ending": "agreed", "fault": "LimitReachedError"}, Agreement(terms={}), False),
        ({"ending": "agreed"}, None, False),
        ({"ending": None, "fault": "UnforeseenError"}, None, True),
    ],
)
def test_a_contradiction_is_noticed(
    said: dict[str, Any], result: Agreement | NoDeal | None, fits: bool
) -> None:
    account, _ = listen(ended(**said))
    assert (account.contradiction(result) is None) == fits
