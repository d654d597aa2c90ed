"""A negotiation in processes of its own: what comes out, and that nothing is left of them."""

import asyncio
import json
import os
import signal
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import pytest
import yaml

from bargaining.agreement import Agreement, NoDeal
from bargaining.errors import (
    InvalidInputError,
    InvalidModelError,
    LimitReachedError,
    ModelUnavailableError,
    SandboxError,
)
from bargaining.mandate import Limits
from delegates.brief import Brief
from delegates.budget import Budget
from delegates.models.spec import parse
from delegates.prompt import PromptPack
from delegates.scenario import load, shipped
from evals.residue import scan_process
from evals.server import FaultyServer, stall
from graphs.state import Progress
from sandbox import host
from sandbox.box import Box, Released
from sandbox.briefing import OwnBriefs
from sandbox.isolation import ladder
from sandbox.isolation.interface import Child, Isolation, Level, Room
from sandbox.seating import Seat
from sandbox.supervisor import WalledBox

TRUCK = load("used-truck")
PACK = PromptPack.load("default")
FACTS = host.gather()
LEVELS = ladder.available(FACTS)
TERMS = {"price": 11000, "handover": "in two weeks", "warranty_months": 6}
OFFER = {"move": "offer", "terms": TERMS, "message": ""}
CANARY = "canary-5518-heron"


class Watched:
    """Walls that remember whom they were built around."""

    def __init__(self, level: Level) -> None:
        self._walls: Isolation = ladder.build(level, FACTS)
        self.level: Level = level
        self.children: dict[str, Child] = {}

    def spawn(self, module: str, arguments: Sequence[str], fds: Sequence[int], room: Room) -> Child:
        self.children[module] = self._walls.spawn(module, arguments, fds, room)
        return self.children[module]

    @property
    def all_gone(self) -> bool:
        return bool(self.children) and not any(child.alive for child in self.children.values())


def closed(pid: int) -> bool:
    """Its calls are filtered, and none of its pages is joined to a huge one."""
    status = Path(f"/proc/{pid}/status").read_text()
    return "Seccomp:\t2\n" in status and "THP_enabled:\t1\n" not in status


def script(folder: Path, name: str, *replies: object) -> str:
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"cycle": True, "replies": list(replies)}))
    return f"scripted/{path}"


def seats(seller: str, buyer: str, *, advised: bool = True) -> dict[str, Seat]:
    return {"seller": Seat(parse(seller), PACK, advised), "buyer": Seat(parse(buyer), PACK, advised)}


def run(
    seated: Mapping[str, Seat],
    walls: Watched,
    budget: Budget | None = None,
    briefs: Mapping[str, Brief] = TRUCK.briefs,
    seen: list[Progress] | None = None,
) -> Released:
    box = WalledBox(seated, budget or Budget(), walls, environment={})
    return asyncio.run(box.run(TRUCK.agenda, OwnBriefs(briefs), (seen if seen is not None else []).append))


@pytest.fixture(params=LEVELS)
def walls(request: pytest.FixtureRequest) -> Watched:
    return Watched(request.param)


def test_tactics_agree_on_the_same_behind_walls(walls: Watched) -> None:
    seated = seats("tactic/steady", "tactic/steady")
    seen: list[Progress] = []
    released = run(seated, walls, seen=seen)
    plain = asyncio.run(Box(seated, Budget()).run(TRUCK.agenda, TRUCK.briefs))
    assert (released.agreement, released.ending) == (plain.agreement, plain.ending)
    assert released.counters == plain.counters
    assert seen[0].turn == 0  # more of them only as often as somebody could read it
    assert [progress.turn for progress in seen] == sorted({progress.turn for progress in seen})
    assert released.isolation == walls.level
    assert walls.all_gone
    assert walls.children.keys() == {"sandbox.inside", "sandbox.gate"}


def test_models_are_asked_through_the_broker(walls: Watched, tmp_path: Path) -> None:
    budget = Budget()
    seller = script(tmp_path, "seller", OFFER)
    buyer = script(tmp_path, "buyer", {"move": "accept", "message": ""})
    released = run(seats(seller, buyer, advised=False), walls, budget)
    assert isinstance(released.result, Agreement), released.error
    assert released.result.terms == TERMS
    assert budget.spent.calls == 2
    assert budget.spent.tokens > 0
    assert walls.all_gone
    if walls.level == "bwrap":
        assert {check.name: check.result for check in released.checks} == {
            **{f"wiped {name}": "ok" for name in ("box", "broker", "gate")},
            **dict.fromkeys(("processes gone", "no core dump", "no swap", "tracing off", "no files"), "ok"),
        }
    said = json.loads(released.statement)["predicate"]
    assert said["isolation"] == walls.level
    assert len(said["purge"]["checks"]) == len(released.checks) == 8


def test_a_server_of_the_users_choice_is_reached(walls: Watched) -> None:
    with FaultyServer(json.dumps(OFFER)) as server:
        released = run(seats(f"openai/m@{server.base_url}", "tactic/steady"), walls)
    assert server.received
    assert isinstance(released.result, Agreement), released.error


def test_a_model_that_cannot_be_used_ends_in_no_deal_and_everything_is_wiped(walls: Watched) -> None:
    released = run(seats("openai/m@http://127.0.0.1:9/v1", "tactic/steady"), walls)
    assert released.result == NoDeal()
    assert isinstance(released.error, ModelUnavailableError)
    assert "nothing answers at 127.0.0.1:9" in str(released.error)
    assert walls.all_gone
    assert {check.result for check in released.checks if check.name.startswith("wiped")} == {"ok"}


def test_what_is_wrong_with_a_seat_is_said_before_anything_is_started(walls: Watched) -> None:
    with pytest.raises(InvalidModelError, match="OPENAI_API_KEY"):
        run(seats("openai/gpt-6-luna", "tactic/steady"), walls)
    plain = {**TRUCK.briefs, "buyer": Brief.from_yaml("{narrative: I buy., mandate: {}}")}
    with pytest.raises(InvalidInputError, match="preferences"):
        run(seats("tactic/steady", "tactic/steady"), walls, briefs=plain)
    assert walls.children == {}


@pytest.mark.parametrize("module", ["sandbox.inside", "sandbox.gate", "sandbox.broker"])
def test_whatever_dies_the_result_is_a_no_deal_or_an_error_and_nothing_is_left(
    module: str, tmp_path: Path
) -> None:
    walls = Watched(LEVELS[0])
    seller = script(tmp_path, "seller", OFFER)

    def kill(_: Progress) -> None:
        os.kill(walls.children[module].pid, signal.SIGKILL)

    async def go() -> Released:
        box = WalledBox(seats(seller, "tactic/steady"), Budget(), walls, environment={})
        return await box.run(TRUCK.agenda, OwnBriefs(TRUCK.briefs), kill)

    with pytest.raises(SandboxError, match="purge"):  # who died on its own was not wiped
        asyncio.run(go())
    assert walls.all_gone


def test_an_interrupted_run_is_wiped_and_is_no_deal(walls: Watched) -> None:
    """The canary is in the box until then, and the processes are gone at the end."""
    found: list[bool | None] = []
    told = {**yaml.safe_load(TRUCK.briefs["seller"].to_yaml()), "narrative": f"Mind the {CANARY}."}
    briefs = {**TRUCK.briefs, "seller": Brief.from_yaml(yaml.safe_dump(told))}

    async def go(server: FaultyServer) -> Released:
        box = WalledBox(
            seats(f"openai/m@{server.base_url}", "tactic/steady"), Budget(), walls, environment={}
        )
        running = asyncio.ensure_future(box.run(TRUCK.agenda, OwnBriefs(briefs), lambda _: turn.set()))
        await turn.wait()
        if walls.level != "none":
            assert [closed(child.pid) for child in walls.children.values()] == [True, True, True]
        if os.geteuid() == 0:
            found.append(scan_process(walls.children["sandbox.inside"].pid, CANARY).clean)
        running.cancel()
        return await running

    turn = asyncio.Event()
    with FaultyServer(json.dumps(OFFER)) as server:
        released = asyncio.run(go(server))
    assert released.result == NoDeal()
    assert isinstance(released.error, asyncio.CancelledError)
    assert found in ([], [False])
    assert walls.all_gone
    assert {check.result for check in released.checks if check.name.startswith("wiped")} == {"ok"}


@pytest.mark.parametrize("name", shipped())
def test_no_shipped_scenario_needs_what_a_closed_box_cannot_load(name: str, tmp_path: Path) -> None:
    """A model that talks, with an advisor, against one: whatever is loaded late is missed here."""
    scenario = load(name)
    space = scenario.agenda.space
    replies: list[object] = ["no JSON"]
    for index in (0, space.size // 2, space.size - 1):
        terms = dict(space.at(index))
        replies.append({"move": "offer", "terms": terms, "message": f"What about {terms}, or zwölftausend?"})
    model = script(tmp_path, "talker", *replies)
    seated = {role: Seat(parse(model), PACK) for role in scenario.agenda.roles}
    box = WalledBox(seated, Budget(), Watched(LEVELS[0]), environment={})
    released = asyncio.run(box.run(scenario.agenda, OwnBriefs(scenario.briefs)))
    assert released.error is None
    assert released.ending is not None


def test_time_and_money_run_out_as_they_do_without_walls(walls: Watched) -> None:
    with FaultyServer(faults=lambda _: stall(60)) as server:
        released = run(
            seats(f"openai/m@{server.base_url}", "tactic/steady"), walls, Budget(Limits(seconds=2))
        )
    assert isinstance(released.error, LimitReachedError)
    with FaultyServer(json.dumps(OFFER)) as server, pytest.raises(InvalidModelError, match="price"):
        run(seats(f"openai/m@{server.base_url}", "tactic/steady"), walls, Budget(Limits(usd=Fraction(1))))
