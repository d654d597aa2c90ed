"""One boxed run in this process, which tells how it ended and what its purge says, and then waits to be looked at.

    python -m evals.walled bwrap|landlock|careless SCENARIO SELLER_SPEC BUYER_SPEC

Covered: a line on standard input cancels the run; once it is over, a line of JSON on standard output tells names of
ours and results of checks; the next line, or the end, of standard input ends the process. The scenario is read by a
sealer: nothing of it should ever be in this process. Whoever loses its parent becomes a child of this one.
Not covered: judging any of it; see `evals.leftover`.
"""

import asyncio
import json
import sys
from collections.abc import Mapping

from bargaining.agreement import Agreement
from bargaining.errors import ModelError, NegboxError
from delegates.budget import Budget
from delegates.models.spec import parse
from delegates.prompt import PromptPack
from evals.aftermath import family
from evals.careless import CarelessWalls
from sandbox import host, scenario_file
from sandbox.box import Released
from sandbox.host import Facts
from sandbox.isolation import ladder
from sandbox.isolation.interface import Isolation
from sandbox.seating import Seat
from sandbox.supervisor import WalledBox

CARELESS = "careless"


def main() -> None:
    """Run, tell, wait."""
    kind, file, *specs = sys.argv[1:]
    with family.adopting():
        sys.stdout.write(json.dumps(asyncio.run(_told(kind, file, specs))) + "\n")
        sys.stdout.flush()
        sys.stdin.readline()


async def _told(kind: str, file: str, specs: list[str]) -> Mapping[str, object]:
    facts = host.gather()
    try:
        walls: Isolation = CarelessWalls() if kind == CARELESS else _built(kind, facts)
        with scenario_file.opened(walls, file, facts) as source:
            pack = PromptPack.load("default")
            agenda = source.outline.agenda
            seats = {
                role: Seat(parse(spec), pack, advised=False)
                for role, spec in zip(agenda.roles, specs, strict=True)
            }
            box = WalledBox(seats, Budget(), walls, environment={})
            running = asyncio.ensure_future(box.run(agenda, source))
            asyncio.get_running_loop().add_reader(sys.stdin.fileno(), _cancel, running)
            try:
                released = await running
            finally:
                asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
    except NegboxError as error:
        return {"ended": type(error).__name__, "checks": {}}
    return {"ended": _ended(released), "checks": {check.name: check.result for check in released.checks}}


def _cancel(running: "asyncio.Future[Released]") -> None:
    sys.stdin.readline()
    running.cancel()


def _built(level: str, facts: Facts) -> Isolation:
    return ladder.build("bwrap" if level == "bwrap" else "landlock", facts)


def _ended(released: Released) -> str:
    match released.error:
        case None:
            return "agreement" if isinstance(released.result, Agreement) else "no deal"
        case asyncio.CancelledError():
            return "cancelled"
        case ModelError():
            return "model error"
        case error:
            return type(error).__name__


if __name__ == "__main__":
    main()
